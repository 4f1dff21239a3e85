"""Centre, tilt and distance from where sharp rings stand, however uneven they are; silence without any."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from argand.physics.still.calibrant import CALIBRANTS
from argand.physics.still.detector import BeamGeometry
from argand.physics.still.lattice_refinement import Prior
from argand.physics.still.panel import Panel
from argand.physics.still.powder import Unevenness, expose_powder
from argand.physics.still.ring import RingFit, fit_rings
from argand.physics.still.ring_position import SECTORS, find_rings
from argand.physics.still.ring_profile import Polar
from argand.physics.still.still import Diffuse, Still, Stop

TRUTH = BeamGeometry((214.6, 203.1), 180.0, 0.9795, (0.7, 0.7), *np.radians([0.7, -0.5]))
START = replace(TRUTH.with_centre((218.1, 199.5)), pitch=0.0, yaw=0.0)
"""Five cells off, and without tilt."""
PRIOR = Prior(8.0, np.radians(2.0))
POWDER = tuple((float(s), 2.5e-3, 400.0) for s in CALIBRANTS["LaB6"].s(0.9))
PLATE = Panel("plate", (416, 416), 0.7)
MODULES = Panel("modules", (416, 416), 0.7, (48, 120), (4, 2))
SAXS = BeamGeometry((201.0, 215.0), 565.0, 1.0332, (0.2, 0.2))
SMOOTH = Unevenness()


def powder_still(**changes: object) -> Still:
    return replace(Still(TRUTH, MODULES, diffuse=Diffuse(air=50, water=30, rings=POWDER)), **changes)


def fit(
    still: Still,
    start: BeamGeometry = START,
    seed: int = 0,
    uneven: Unevenness = SMOOTH,
    powder: str | None = None,
) -> RingFit | None:
    counts, live = expose_powder(still, uneven, np.random.default_rng(seed))
    return fit_rings(counts, live, start, PRIOR, powder=CALIBRANTS[powder] if powder else None)


@cache
def powder_fit(seed: int) -> RingFit | None:
    return fit(powder_still(), seed=seed)


def errors(found: RingFit | None) -> tuple[float, float]:
    """Distance of the centres in cells and largest error of an angle in degrees."""
    assert found is not None
    assert found.doubt == ""
    assert found.tilt_measured
    geometry = found.geometry
    shift = np.hypot(*np.subtract(geometry.beam_centre_px, TRUTH.beam_centre_px))
    return float(shift), float(
        np.degrees(max(abs(geometry.pitch - TRUTH.pitch), abs(geometry.yaw - TRUTH.yaw)))
    )


@pytest.mark.parametrize("seed", range(3))
def test_powder_rings_give_centre_and_tilt(seed: int):
    shift, turn = errors(powder_fit(seed))
    assert shift < 0.05
    assert turn < 0.05


@pytest.mark.parametrize(
    ("uneven", "within"),
    [
        (Unevenness(texture=1.0), 0.1),
        (Unevenness(grains=200, grain_deg=1.0, wander=0.2), 0.3),
        (Unevenness(absorption=2.0), 0.1),
    ],
    ids=["texture", "grains", "absorption"],
)
def test_rings_of_uneven_brightness_give_the_same_centre_and_tilt(uneven: Unevenness, within: float):
    shift, turn = errors(fit(powder_still(), uneven=uneven))
    assert shift < within
    assert turn < within


def test_lopsided_polarised_and_shaded_rings_behind_a_stop_give_the_same_centre():
    stop = Stop(8.0, (2.0, -1.0), arm_angle=0.7, arm_width_mm=8.0)
    still = powder_still(lopsided=(0.08, -0.05), polarisation=0.99, shadow=(1.0, 60.0, 0.5), stop=stop)
    shift, turn = errors(fit(still))
    assert shift < 0.1
    assert turn < 0.1


def test_a_centre_tens_of_cells_from_the_start_is_found_by_symmetry():
    shift, _ = errors(fit(powder_still(), START.with_centre((260.0, 170.0))))
    assert shift < 0.05


def test_a_wrong_distance_does_not_spoil_the_centre():
    shift, turn = errors(fit(powder_still(), replace(START, distance_mm=171.0)))
    assert shift < 0.05
    assert turn < 0.1


def test_errors_are_not_larger_than_their_covariance_says():
    square = []
    for seed in range(3):
        found = powder_fit(seed)
        assert found is not None
        shift = np.subtract(found.geometry.beam_centre_px, TRUTH.beam_centre_px)
        square.append(shift @ shift / np.trace(found.covariance[:2, :2]))
    assert np.mean(square) < 4.0


def test_grains_and_a_strong_background_widen_the_uncertainty():
    def sigma(found: RingFit | None) -> float:
        assert found is not None
        return float(np.sqrt(np.trace(found.covariance[:2, :2])))

    clear = sigma(powder_fit(0))
    assert sigma(fit(powder_still(), uneven=Unevenness(grains=100, wander=0.5))) > 1.5 * clear
    drowned = Diffuse(air=500, water=0, rings=tuple((s, width, 100.0) for s, width, _ in POWDER))
    assert sigma(fit(powder_still(diffuse=drowned))) > 1.2 * clear


@pytest.mark.parametrize("stated", [171.0, 187.0])
def test_a_calibrant_gives_the_distance_whatever_was_stated(stated: float):
    still = powder_still(stop=Stop(25.0))
    found = fit(still, replace(START, distance_mm=stated), powder="LaB6")
    shift, turn = errors(found)
    assert shift < 0.05
    assert turn < 0.05
    assert found is not None
    assert found.distance_sigma_mm is not None
    assert found.distance_mm == pytest.approx(180.0, rel=5e-4)
    assert found.distance_sigma_mm < 0.1


def test_rings_of_another_powder_give_no_distance_but_the_centre():
    found = fit(powder_still(), powder="AgBh")
    shift, _ = errors(found)
    assert shift < 0.05
    assert found is not None
    assert found.distance_mm is None
    assert "fit" in found.mismatch


def saxs_fit(truth: BeamGeometry, uneven: Unevenness) -> RingFit:
    rings = tuple((float(s), 4e-4, 3000.0) for s in CALIBRANTS["AgBh"].s(0.12))
    still = Still(truth, PLATE, diffuse=Diffuse(air=50, water=0, rings=rings))
    still = replace(still, panel=replace(PLATE, pixel_size_mm=0.2))
    found = fit(still, SAXS.with_centre((204.0, 211.0)), uneven=uneven, powder="AgBh")
    assert found is not None
    return found


def test_silver_behenate_at_small_angles_leaves_the_tilt_at_zero():
    found = saxs_fit(SAXS, Unevenness(texture=0.5, absorption=0.5))
    assert not found.tilt_measured
    assert found.geometry.tilt == 0.0
    assert np.hypot(*np.subtract(found.geometry.beam_centre_px, SAXS.beam_centre_px)) < 0.1
    assert found.distance_mm == pytest.approx(565.0, rel=1e-3)


def test_a_tilt_that_is_not_measured_is_within_the_uncertainty_of_the_centre():
    tilted = replace(SAXS, pitch=float(np.radians(1.5)))
    found = saxs_fit(tilted, SMOOTH)
    assert not found.tilt_measured
    apart = np.subtract(found.geometry.beam_centre_px, tilted.beam_centre_px)
    assert np.all(np.abs(apart) < 3.0 * np.sqrt(np.diag(found.covariance)[:2]))


def test_two_powders_about_different_centres_are_no_answer():
    rng = np.random.default_rng(3)
    inner = tuple(ring for ring in POWDER if ring[0] < 0.45)
    outer = tuple(ring for ring in POWDER if ring[0] >= 0.45)
    total, live = np.zeros((416, 416), np.float32), np.zeros((416, 416), np.float32)
    for rings, shift in ((inner, 0.0), (outer, 1.5)):
        geometry = TRUTH.with_centre((TRUTH.beam_centre_px[0] + shift, TRUTH.beam_centre_px[1]))
        still = Still(geometry, PLATE, diffuse=Diffuse(air=20, water=0, rings=rings))
        counts, live = expose_powder(still, SMOOTH, rng)
        total += counts
    found = fit_rings(total, live, replace(START, pitch=0.0), Prior(8.0, np.radians(0.05)))
    assert found is not None
    assert found.doubt


@pytest.mark.parametrize(
    "diffuse",
    [Diffuse(air=200, water=200), Diffuse(air=200, water=0, small_angle=500), Diffuse(air=0.02, water=0.02)],
)
def test_background_without_sharp_rings_gives_no_answer(diffuse: Diffuse):
    found = fit(powder_still(diffuse=diffuse, panel=PLATE))
    assert found is None or found.doubt


def test_a_dark_image_gives_no_answer():
    assert fit_rings(np.zeros((416, 416)), np.ones((416, 416)), START, PRIOR) is None


@pytest.mark.parametrize("side", [8, 20, 40, 64])
def test_an_image_that_is_smaller_than_a_wide_ring_is_read_with_narrow_ones(side: int):
    level = np.full((side, SECTORS), 100.0)
    level[3 * side // 4] += 100.0
    radius = np.broadcast_to((np.arange(side) + 0.5)[:, None], level.shape)
    rings = find_rings(Polar(level, np.ones_like(level), radius))
    assert side < 40 or 3 * side // 4 in [round(place - 0.5) for place, _ in rings]
