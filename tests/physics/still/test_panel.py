"""Sensors against the masks of real files, and binned masks against their own pixels."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from argand.io.image import read_frame
from argand.physics.still.panel import PANELS, Panel, random_panel

REAL = {"pilatus-6m": ("thau_3_2_0001.cbf.bz2", 0.0846), "pilatus-2m": ("l-cyst_04_00001.cbf", 0.0798)}
"""Image of each detector and the measured share of its masked pixels."""


@pytest.mark.parametrize("name", REAL)
def test_gaps_are_those_of_the_real_detector(shared_data: Path, name: str):
    file, masked = REAL[name]
    data = read_frame(shared_data / "geometry" / file).data
    np.testing.assert_array_equal(PANELS[name].live(), data != -1)
    assert 1 - PANELS[name].live().mean() == pytest.approx(masked, abs=2e-4)


@pytest.mark.parametrize("name", PANELS)
def test_modules_tile_the_sensor_without_a_rest(name: str):
    panel = PANELS[name]
    live = panel.live()
    assert live.shape == panel.shape
    assert panel.middle_px == (panel.shape[1] / 2, panel.shape[0] / 2)
    if panel.module is not None:
        for axis in range(2):
            assert (panel.shape[axis] + panel.gap[axis]) % (panel.module[axis] + panel.gap[axis]) == 0
    assert live[-1, -1]


@settings(max_examples=30)
@given(st.integers(0, 2**32 - 1), st.integers(1, 12))
def test_binned_live_fraction_sums_to_the_live_pixels(seed: int, binning: int):
    panel = random_panel(np.random.default_rng(seed)).cropped((301, 407))
    fraction = panel.live_fraction(binning)
    slow, fast = 301 // binning, 407 // binning
    assert fraction.shape == (slow, fast)
    expected = panel.live()[: slow * binning, : fast * binning].sum()
    assert fraction.sum(dtype=float) * binning**2 == pytest.approx(expected, rel=1e-5)
    assert fraction.min() >= 0
    assert fraction.max() <= 1


def test_cropping_keeps_the_first_pixels():
    panel = PANELS["pilatus-6m"]
    np.testing.assert_array_equal(panel.cropped((500, 700)).live(), panel.live()[:500, :700])


def test_sensor_without_modules_is_live_everywhere():
    assert Panel("plain", (5, 6), 0.1).live().all()


def test_random_sensors_differ_and_are_of_a_size_that_is_built():
    rng = np.random.default_rng(0)
    panels = [random_panel(rng) for _ in range(50)]
    assert len({panel.shape for panel in panels}) == 50
    sides_mm = np.array([np.array(panel.shape) * panel.pixel_size_mm for panel in panels])
    assert 90 < sides_mm.min() < sides_mm.max() < 470
    assert {panel.counting for panel in panels} == {True, False}
