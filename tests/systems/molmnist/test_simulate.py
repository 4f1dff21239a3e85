"""Shapes and patterns, and what the detector does to them."""

from dataclasses import replace

import numpy as np
import pytest

from argand.errors import ConfigError
from argand.physics.coherent.projection import Window
from argand.systems.molmnist.benchmark.forward_accuracy import amplitude_r
from argand.systems.molmnist.fibril.fibril import build_fibril
from argand.systems.molmnist.presets import PRESETS
from argand.systems.molmnist.simulate import Imaging, rounded
from argand.systems.molmnist.system import Molmnist

TINY = PRESETS["tiny"]
SMALL = Imaging(Window(64.0, 64))


def one(imaging: Imaging, index: int = 1) -> dict[str, np.ndarray]:
    return replace(TINY, imaging=imaging).simulate(index, 3)


def test_a_shape_holds_all_electrons_of_its_fibril():
    fibril = build_fibril("3x3", 50.0)
    electrons = sum({"H": 1, "C": 6, "O": 8}[element] for element in fibril.elements)
    assert one(SMALL)["shape"].sum() == electrons


def test_the_published_pattern_is_the_transform_of_the_shape():
    sample = one(replace(SMALL, projection="histogram", normalise=False, rotate=False))
    pattern = np.abs(np.fft.fftshift(np.fft.fft2(sample["shape"]))) ** 2
    np.testing.assert_allclose(sample["pattern"], pattern, rtol=2e-4, atol=pattern.max() * 1e-9)
    assert sample["rotation_deg"] == 0


def test_amplitudes_agree_with_a_sum_over_atoms():
    assert amplitude_r("2x2", 0, Window(), length=40.0) < 0.01


def test_a_normalised_pattern_hides_the_number_of_electrons():
    sample = one(SMALL)
    assert sample["pattern"][32, 32] == 0
    assert 0.5 < sample["pattern"].max() < 1.0


def test_photons_are_counted_as_many_as_expected():
    pattern = one(replace(SMALL, photons=1e5))["pattern"]
    assert pattern.sum() == pytest.approx(1e5, rel=0.02)
    np.testing.assert_array_equal(pattern, pattern.round())


def test_beam_stop_blur_and_wavelength_do_what_they_say():
    clear = one(SMALL)["pattern"]
    stopped = one(replace(SMALL, beam_stop=0.5))["pattern"]
    assert not stopped[SMALL.window.q < 0.5].any()
    np.testing.assert_array_equal(stopped[SMALL.window.q >= 0.5], clear[SMALL.window.q >= 0.5])
    blurred = one(replace(SMALL, blur_px=2.0, normalise=False))["pattern"]
    assert blurred.std() < one(replace(SMALL, normalise=False))["pattern"].std()
    bent = replace(SMALL, wavelength=4.0)
    assert not one(bent)["pattern"][SMALL.window.q > 2 * np.pi / 4 * np.sin(np.radians(60))].any()


def test_electrons_and_xrays_see_different_patterns():
    assert not np.allclose(one(SMALL)["pattern"], one(replace(SMALL, radiation="electron"))["pattern"])


def test_rotation_turns_the_shape():
    aligned, turned = one(replace(SMALL, rotate=False)), one(SMALL)
    assert turned["rotation_deg"] > 0
    assert not np.array_equal(aligned["shape"], turned["shape"])


def test_rounding_costs_less_than_a_thousandth():
    values = np.random.default_rng(0).exponential(size=1000).astype(np.float32)
    np.testing.assert_allclose(rounded(values), values, rtol=2e-4)


def test_ten_draws_have_eight_for_training():
    splits = [int(TINY.simulate(2 * number, 0)["split"]) for number in range(10)]
    assert splits == [0] * 8 + [1, 2]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"projection": "histogram", "wavelength": 1.0}, "neither wavelength nor radiation"),
        ({"photons": -1.0}, "above zero"),
        ({"window": Window(200.0, 10)}, "too coarse"),
    ],
)
def test_settings_that_cannot_be_are_refused(settings: dict, message: str):
    with pytest.raises(ConfigError, match=message):
        Imaging(**settings)


def test_an_unknown_fibril_is_refused_at_once():
    with pytest.raises(ConfigError, match="unknown fibril"):
        Molmnist(fibrils=("10x10",))
