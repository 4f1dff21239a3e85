"""Centre and tilt from the lattice of a still's spots, started at the wrong place."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from argand.physics.crystal.cell import Cell, random_rotation
from argand.physics.still.detector import BeamGeometry
from argand.physics.still.lattice import LatticeFit, fit_lattice
from argand.physics.still.lattice_refinement import Prior
from argand.physics.still.panel import Panel
from argand.physics.still.reflection import Spread
from argand.physics.still.spot import find_spots
from argand.physics.still.still import Crystal, Diffuse, Still, bragg_spots, expose

GEOMETRY = BeamGeometry((412.3, 398.7), 200.0, 0.98, (0.344, 0.344), *np.radians([0.5, -0.8]))
START = replace(GEOMETRY.with_centre((415.3, 394.7)), pitch=0.0, yaw=0.0)
"""Five pixels off, and without tilt."""
PRIOR = Prior(8.0, np.radians(2.0))


def still_of_a_crystal(seed: int) -> Still:
    orientation = random_rotation(np.random.default_rng(seed))
    crystal = Crystal(
        Cell(78, 85, 101), orientation, Spread(mosaic=1e-3), scale=2000.0, d_min=2.2, spot_sigma_mm=0.3
    )
    return Still(GEOMETRY, Panel("square", (820, 820), 0.344), 1, crystal, Diffuse(air=20, water=20))


@cache
def fit_of_a_still(seed: int) -> LatticeFit | None:
    """The fit to the spots found on a simulated image."""
    image, live, _ = expose(still_of_a_crystal(seed), np.random.default_rng(seed))
    return fit_lattice(find_spots(image, live > 0.95)[0].px, START, PRIOR)


@pytest.mark.parametrize("seed", range(4))
def test_centre_and_tilt_of_a_simulated_still_are_recovered(seed: int):
    fit = fit_of_a_still(seed)
    assert fit is not None
    shift = np.subtract(fit.geometry.beam_centre_px, GEOMETRY.beam_centre_px)
    assert np.hypot(*shift) < 0.1
    turn = np.degrees([fit.geometry.pitch - GEOMETRY.pitch, fit.geometry.yaw - GEOMETRY.yaw])
    assert np.abs(turn).max() < 0.1
    assert fit.indexed > 0.75 * fit.offered
    assert fit.rms_px < 0.3
    assert fit.margin > 0.0
    assert fit.stretch == pytest.approx(1.0, abs=max(4 * fit.stretch_sigma, 1e-3))


def test_errors_are_as_large_as_their_covariance_says():
    square = []
    for seed in range(4):
        fit = fit_of_a_still(seed)
        assert fit is not None
        found, truth = fit.geometry, GEOMETRY
        error = np.subtract(found.beam_centre_px, truth.beam_centre_px).tolist()
        error = np.array([*error, found.pitch - truth.pitch, found.yaw - truth.yaw])
        square.append(error @ np.linalg.solve(fit.covariance, error) / 4)
    assert 0.05 < np.mean(square) < 3.0


def test_basis_is_that_of_the_crystal():
    fit = fit_of_a_still(0)
    assert fit is not None
    assert np.sort(np.linalg.norm(np.linalg.inv(fit.basis), axis=1)) == pytest.approx([78, 85, 101], rel=3e-3)


def test_exact_spots_give_the_exact_geometry():
    still = still_of_a_crystal(5)
    px, counts, _ = bragg_spots(
        replace(still, crystal=replace(still.crystal, spread=Spread(1e-6, 0, 0, 2e4))),
        np.random.default_rng(0),
    )
    fit = fit_lattice(px[np.argsort(-counts)], START, PRIOR)
    assert fit is not None
    np.testing.assert_allclose(fit.geometry.beam_centre_px, GEOMETRY.beam_centre_px, atol=0.02)
    assert fit.geometry.yaw == pytest.approx(GEOMETRY.yaw, abs=3e-4)


@pytest.mark.parametrize("factor", [0.96, 1.04])
def test_a_wrong_distance_is_found_out(factor: float):
    image, live, _ = expose(still_of_a_crystal(1), np.random.default_rng(1))
    wrong = replace(START, distance_mm=factor * GEOMETRY.distance_mm)
    fit = fit_lattice(find_spots(image, live > 0.95)[0].px, wrong, PRIOR)
    assert fit is not None
    assert fit.stretch * factor == pytest.approx(1.0, abs=0.003)
    assert fit.geometry.distance_mm == wrong.distance_mm
    assert np.hypot(*np.subtract(fit.geometry.beam_centre_px, GEOMETRY.beam_centre_px)) < 0.2


def test_outliers_do_not_move_the_answer():
    image, live, _ = expose(still_of_a_crystal(1), np.random.default_rng(1))
    px = find_spots(image, live > 0.95)[0].px[:300]
    wild = np.random.default_rng(2).uniform(0, 820, (60, 2))
    fit = fit_lattice(np.concatenate([wild, px]), START, PRIOR)
    assert fit is not None
    assert np.hypot(*np.subtract(fit.geometry.beam_centre_px, GEOMETRY.beam_centre_px)) < 0.2


@pytest.mark.parametrize("seed", range(3))
def test_random_points_have_no_lattice(seed: int):
    px = np.random.default_rng(seed).uniform(0, 820, (250, 2))
    assert fit_lattice(px, START, PRIOR) is None


def test_a_dozen_spots_are_the_least_that_is_looked_at():
    px = np.random.default_rng(0).uniform(0, 820, (11, 2))
    assert fit_lattice(px, START, PRIOR) is None
    assert fit_lattice(np.empty((0, 2)), START, PRIOR) is None


def test_a_flat_sphere_leaves_the_distance_where_it_was():
    flat = BeamGeometry((512.0, 512.0), 1590.0, 0.0251, (0.055, 0.055))
    spread = Spread(mosaic=2e-3, divergence=1e-4, bandwidth=1e-6, domain=500.0)
    crystal = Crystal(Cell(38, 79, 79), random_rotation(np.random.default_rng(0)), spread, d_min=1.6)
    still = Still(flat, Panel("four chips", (1024, 1024), 0.055), 1, crystal)
    px, counts, _ = bragg_spots(still, np.random.default_rng(2))
    px = px[np.argsort(-counts)][:200] + np.random.default_rng(3).normal(0, 0.15, (200, 2))
    fit = fit_lattice(px, flat, Prior(3.0, np.radians(2.0)))
    assert fit is not None
    assert fit.stretch == pytest.approx(1.0, abs=0.003)
    assert fit.stretch_sigma == pytest.approx(0.01, rel=0.1)
