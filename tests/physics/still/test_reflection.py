"""Bragg spots: which nodes, where, how wide, how strong, against calculations made differently."""

import gemmi
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from argand.physics.crystal.cell import random_cell, random_rotation
from argand.physics.still.detector import BeamGeometry
from argand.physics.still.reflection import (
    Spread,
    deposit_spots,
    excited_reflections,
    nodes_near_sphere,
    spot_covariance_px,
    wilson_intensities,
)

SEEDS = st.integers(0, 2**32 - 1)
TILTS = [(0.0, 0.0), (3.0, -2.0), (-12.0, 25.0)]
"""Pitch and yaw in degrees."""


def detector(pitch_deg: float = 0.0, yaw_deg: float = 0.0, wavelength: float = 0.98) -> BeamGeometry:
    tilt = np.radians([pitch_deg, yaw_deg])
    return BeamGeometry((1231.4, 1263.7), 250.0, wavelength, (0.172, 0.172), float(tilt[0]), float(tilt[1]))


def excitation(basis: np.ndarray, hkl: np.ndarray, wavelength: float) -> np.ndarray:
    return np.linalg.norm(hkl @ basis.T + [0, 0, 1 / wavelength], axis=1) - 1 / wavelength


@settings(max_examples=40, deadline=None)
@given(SEEDS, st.floats(0.5, 2.0), st.sampled_from([1e-4, 1e-3, 1e-2]))
def test_nodes_near_the_sphere_are_those_of_brute_force(seed: int, wavelength: float, thickness: float):
    rng = np.random.default_rng(seed)
    cell = random_cell(rng, 8, 40)
    basis, d_min = random_rotation(rng) @ cell.reciprocal, 2.0
    limits = [int(length / d_min) + 1 for length in cell.lengths]
    every = np.stack(np.meshgrid(*[np.arange(-n, n + 1) for n in limits], indexing="ij"), -1).reshape(-1, 3)
    length = np.linalg.norm(every @ basis.T, axis=1)
    near = np.abs(excitation(basis, every, wavelength)) <= thickness
    expected = every[near & (length > 0) & (length <= 1 / d_min)]
    found = nodes_near_sphere(basis, wavelength, d_min, thickness)
    assert len(np.unique(found, axis=0)) == len(found)
    assert set(map(tuple, found.tolist())) == set(map(tuple, expected.tolist()))


@pytest.mark.parametrize("tilt", TILTS)
def test_spots_of_a_perfect_crystal_stand_where_laue_and_gemmi_put_them(tilt: tuple[float, float]):
    geometry, orientation = detector(*tilt), random_rotation(np.random.default_rng(3))
    other = gemmi.UnitCell(131.0, 152.0, 187.0, 83.0, 95.0, 101.0)
    basis = orientation @ np.array(other.frac.mat).T
    perfect = Spread(mosaic=1e-9, divergence=1e-9, bandwidth=1e-9, domain=4e4)
    found = excited_reflections(basis, nodes_near_sphere(basis, 0.98, 1.7, 3e-5), 0.98, perfect)
    assert len(found.hkl) > 100
    # Row by row: Laue's equation, then the ray and the plane of the detector as three linear equations.
    pitch, yaw = np.radians(tilt)
    fast = np.array([np.cos(yaw), 0, -np.sin(yaw)])
    slow = np.array([np.sin(pitch) * np.sin(yaw), np.cos(pitch), np.sin(pitch) * np.cos(yaw)])
    expected = []
    for hkl in found.hkl:
        node = other.frac.mat.transpose().multiply(gemmi.Vec3(*hkl.astype(float))).tolist()
        ray = orientation @ node + np.array([0, 0, 1 / 0.98])
        column = np.linalg.solve(np.stack([0.172 * fast, 0.172 * slow, -ray], axis=1), [0, 0, -250.0])
        expected.append([1231.4 + column[0], 1263.7 + column[1]])
    np.testing.assert_allclose(geometry.px_from_direction(found.direction), expected, atol=0.01)


def test_mosaic_blocks_diffract_at_the_bragg_angle_and_the_azimuth_of_their_node():
    rng = np.random.default_rng(4)
    basis = random_rotation(rng) @ random_cell(rng, 40, 60).reciprocal
    spread = Spread(mosaic=1e-3, divergence=0.0, bandwidth=0.0, domain=1e9)
    found = excited_reflections(basis, nodes_near_sphere(basis, 1.0, 2.0, 2e-3), 1.0, spread)
    assert len(found.hkl) > 20
    bragg = 2 * np.arcsin(np.linalg.norm(found.q, axis=1) / 2)
    np.testing.assert_allclose(np.arccos(found.direction[:, 2]), bragg, atol=1e-5)
    azimuth = np.arctan2(found.direction[:, 1], found.direction[:, 0])
    np.testing.assert_allclose(azimuth, np.arctan2(found.q[:, 1], found.q[:, 0]), atol=1e-9)


def test_a_broad_band_diffracts_at_the_wavelength_that_fits_the_node():
    rng = np.random.default_rng(5)
    basis = random_rotation(rng) @ random_cell(rng, 40, 60).reciprocal
    spread = Spread(mosaic=0.0, divergence=0.0, bandwidth=3e-3, domain=1e9)
    found = excited_reflections(basis, nodes_near_sphere(basis, 1.0, 2.0, 2e-3), 1.0, spread)
    assert len(found.hkl) > 10
    fitting = -2 * found.q[:, 2] / np.sum(found.q**2, axis=1)
    assert np.abs(fitting - 1).max() > 2e-3
    np.testing.assert_allclose(found.direction, fitting[:, None] * found.q + [0, 0, 1], atol=5e-5)


def test_recorded_fraction_falls_with_the_distance_from_the_sphere():
    basis = random_rotation(np.random.default_rng(6)) * 0.01
    spread = Spread(mosaic=0.0, divergence=0.0, bandwidth=0.0, domain=400.0)
    found = excited_reflections(basis, nodes_near_sphere(basis, 1.0, 2.5, 5e-3), 1.0, spread)
    distance = excitation(basis, found.hkl, 1.0)
    assert np.abs(distance).max() < 3e-3
    np.testing.assert_allclose(found.recorded, np.exp(-0.5 * (distance / 1e-3) ** 2), rtol=1e-6)


@settings(max_examples=30)
@given(SEEDS, st.floats(-0.4, 0.4), st.floats(-0.4, 0.4))
def test_spot_covariance_is_that_of_finite_differences(seed: int, pitch: float, yaw: float):
    rng = np.random.default_rng(seed)
    geometry = BeamGeometry((500.0, 400.0), 180.0, 1.1, (0.1, 0.15), pitch, yaw)
    direction = np.array([*rng.uniform(-0.4, 0.4, 2), 1.0])
    direction /= np.linalg.norm(direction)
    root = rng.normal(0, 1e-4, (3, 3))
    step = 1e-6 * np.eye(3)
    ray = direction / geometry.wavelength
    jacobian = (geometry.px_from_direction(ray + step) - geometry.px_from_direction(ray - step)).T / 2e-6
    covariance = spot_covariance_px(geometry, direction[None], (root @ root.T)[None])[0]
    np.testing.assert_allclose(covariance, jacobian @ root @ root.T @ jacobian.T, rtol=1e-4, atol=1e-8)


def test_friedel_mates_are_equally_strong_and_others_are_not():
    rng = np.random.default_rng(7)
    hkl = np.unique(rng.integers(-40, 41, (300, 3)), axis=0)
    hkl = hkl[np.any(hkl != 0, axis=1)]
    both = np.concatenate([hkl, -hkl])
    strong = wilson_intensities(rng, both, both * 0.01, 10.0)
    np.testing.assert_array_equal(strong[: len(hkl)], strong[len(hkl) :])
    pairs = {frozenset([tuple(index), tuple(-index)]) for index in hkl}
    assert len(np.unique(strong)) == len(pairs)


def test_intensities_have_wilsons_mean_and_spread():
    rng = np.random.default_rng(8)
    hkl = np.stack(np.meshgrid(np.arange(1, 201), np.arange(200), [1]), -1).reshape(-1, 3)
    q = np.tile([0.2, 0.1, 0.05], (len(hkl), 1))
    strong = wilson_intensities(rng, hkl, q, 30.0)
    assert strong.mean() == pytest.approx(np.exp(-0.5 * 30.0 * 0.0525), rel=0.03)
    # The second moment of acentric intensities is twice the square of the first.
    assert (strong**2).mean() / strong.mean() ** 2 == pytest.approx(2.0, rel=0.05)


@settings(max_examples=50)
@given(SEEDS, st.floats(0.5, 4.0), st.floats(0.5, 4.0), st.floats(-0.5, 0.5))
def test_deposited_spots_keep_their_counts_and_places(seed: int, fast: float, slow: float, tie: float):
    rng = np.random.default_rng(seed)
    place = rng.uniform(30, 34, (1, 2))
    covariance = np.array([[[fast**2, tie * fast * slow], [tie * fast * slow, slow**2]]])
    image = np.zeros((64, 64))
    deposit_spots(image, place, np.array([750.0]), covariance)
    assert image.sum() == pytest.approx(750.0, rel=1e-9)
    rows, cols = np.mgrid[:64, :64] + 0.5
    centroid = np.array([(image * cols).sum(), (image * rows).sum()]) / 750.0
    np.testing.assert_allclose(centroid, place[0], atol=0.03)


def test_deposited_spots_have_the_width_they_were_given():
    image = np.zeros((100, 100))
    deposit_spots(image, np.array([[50.5, 50.5]]), np.array([1.0]), np.array([[[9.0, 3.0], [3.0, 4.0]]]))
    rows, cols = np.mgrid[:100, :100] - 50.0
    moments = [(image * a * b).sum() for a, b in ((cols, cols), (cols, rows), (rows, rows))]
    # A pixel adds the variance of a unit box; the patch ends at about three standard deviations.
    np.testing.assert_allclose(moments, [9.0 + 1 / 12, 3.0, 4.0 + 1 / 12], rtol=0.05)


def test_spots_beyond_the_edge_leave_only_their_near_part():
    image, wide = np.zeros((40, 40)), np.tile(4.0 * np.eye(2), (2, 1, 1))
    deposit_spots(image, np.array([[0.0, 20.0], [-30.0, 20.0]]), np.array([100.0, 1e9]), wide)
    assert image.sum() == pytest.approx(50.0, rel=0.01)
    assert np.all(image >= 0)


def test_a_pixel_adds_a_twelfth_to_the_variance_of_a_spot():
    image = np.zeros((20, 20))
    deposit_spots(image, np.array([[10.5, 8.5]]), np.array([1.0]), np.diag([0.25, 0.5])[None])
    assert image[8, 11] / image[8, 10] == pytest.approx(np.exp(-0.5 / (0.25 + 1 / 12)))
    assert image[9, 10] / image[8, 10] == pytest.approx(np.exp(-0.5 / (0.5 + 1 / 12)))


def test_a_node_is_blurred_across_by_angles_along_by_the_band_and_all_around_by_the_domain():
    spread = Spread(mosaic=3e-3, divergence=4e-3, bandwidth=2e-3, domain=400.0)
    covariance = spread.covariance(np.array([[0.5, 0.0, 0.0]]))[0]
    across, along, domain = (0.5 * 5e-3) ** 2, (0.5 * 2e-3) ** 2, 1e-3**2
    expected = np.diag([along + domain, across + domain, across + domain])
    np.testing.assert_allclose(covariance, expected, rtol=1e-9, atol=1e-15)
