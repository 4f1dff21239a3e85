"""Centre and tilt from sharp rings; silence where there are none."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from argand.physics.still.detector import BeamGeometry
from argand.physics.still.lattice_refinement import Prior
from argand.physics.still.panel import Panel
from argand.physics.still.ring import RingFit, fit_rings
from argand.physics.still.scattering import calibrant_s
from argand.physics.still.still import Diffuse, Still, expose

TRUTH = BeamGeometry((214.6, 203.1), 180.0, 0.9795, (0.7, 0.7), *np.radians([0.7, -0.5]))
START = replace(TRUTH.with_centre((218.1, 199.5)), pitch=0.0, yaw=0.0)
"""Five cells off, and without tilt."""
PRIOR = Prior(8.0, np.radians(2.0))
POWDER = tuple((float(s), 2.5e-3, 400.0) for s in calibrant_s("LaB6", 0.9))
PLATE = Panel("plate", (416, 416), 0.7)
MODULES = Panel("modules", (416, 416), 0.7, (48, 120), (4, 2))


def powder_still(**changes: object) -> Still:
    return replace(Still(TRUTH, MODULES, diffuse=Diffuse(air=50, water=30, rings=POWDER)), **changes)


def fit(still: Still, start: BeamGeometry = START, seed: int = 0) -> RingFit | None:
    counts, live, _ = expose(still, np.random.default_rng(seed))
    return fit_rings(counts, live, start, PRIOR)


@cache
def powder_fit(seed: int) -> RingFit | None:
    return fit(powder_still(), seed=seed)


def errors(found: RingFit | None) -> tuple[float, float]:
    """Distance of the centres in cells and largest error of an angle in degrees."""
    assert found is not None
    geometry = found.geometry
    shift = np.hypot(*np.subtract(geometry.beam_centre_px, TRUTH.beam_centre_px))
    return float(shift), float(
        np.degrees(max(abs(geometry.pitch - TRUTH.pitch), abs(geometry.yaw - TRUTH.yaw)))
    )


@pytest.mark.parametrize("seed", range(3))
def test_powder_rings_give_centre_and_tilt(seed: int):
    shift, turn = errors(powder_fit(seed))
    assert shift < 0.1
    assert turn < 0.1


def test_lopsided_polarised_and_shaded_rings_give_the_same_centre():
    still = powder_still(lopsided=(0.08, -0.05), polarisation=0.99, shadow=(1.0, 60.0, 0.5))
    shift, turn = errors(fit(still))
    assert shift < 0.3
    assert turn < 0.3


def test_errors_are_as_large_as_their_covariance_says():
    square = []
    for seed in range(3):
        found = powder_fit(seed)
        assert found is not None
        shift = np.subtract(found.geometry.beam_centre_px, TRUTH.beam_centre_px)
        square.append(shift @ shift / np.trace(found.covariance[:2, :2]))
    assert 0.02 < np.mean(square) < 5.0


def test_rings_on_a_stronger_background_are_fitted_less_surely():
    clear, drowned = powder_fit(0), fit(powder_still(diffuse=Diffuse(air=500, water=0, rings=POWDER)))
    assert clear is not None
    assert drowned is not None
    assert np.trace(clear.covariance[:2, :2]) < np.trace(drowned.covariance[:2, :2])


@pytest.mark.parametrize(
    "diffuse",
    [Diffuse(air=200, water=200), Diffuse(air=200, water=0, small_angle=500), Diffuse(air=0.02, water=0.02)],
)
def test_background_without_sharp_rings_gives_no_answer(diffuse: Diffuse):
    assert fit(powder_still(diffuse=diffuse, panel=PLATE)) is None


def test_a_dark_image_gives_no_answer():
    assert fit_rings(np.zeros((416, 416)), np.ones((416, 416)), START, PRIOR) is None
