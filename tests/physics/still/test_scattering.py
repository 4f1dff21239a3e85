"""Rings where their spacings put them, and polarisation between its limits."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from argand.physics.still.scattering import (
    CALIBRANTS,
    ICE_D,
    air,
    bump,
    calibrant_s,
    ice,
    polarisation,
    s_from_two_theta,
    small_angle,
    water,
)

DIAMOND = (
    np.array([[0, 0, 0], [0, 2, 2], [2, 0, 2], [2, 2, 0], [1, 1, 1], [1, 3, 3], [3, 1, 3], [3, 3, 1]]) / 4
)
ATOMS = {"LaB6": DIAMOND[:1], "CeO2": DIAMOND[:4], "Si": DIAMOND}
"""Where the heavy atoms of the cubic calibrants sit."""
FIRST_D = {
    "LaB6": (4.157, 2.939, 2.400, 2.078, 1.859, 1.697),
    "CeO2": (3.124, 2.706, 1.913, 1.632, 1.562, 1.353),
    "Si": (3.136, 1.920, 1.638, 1.358, 1.246, 1.109),
    "AgBh": (58.38, 29.19, 19.46, 14.595),
}
"""First spacings in Å as tabulated on powder diffraction cards."""


@given(st.floats(0.5, 2.0), st.floats(1.1, 50.0))
def test_s_is_one_over_d_of_braggs_law(wavelength: float, d: float):
    two_theta = 2 * np.arcsin(np.array([wavelength / (2 * d)]))
    assert s_from_two_theta(two_theta, wavelength) == pytest.approx(1 / d)


@pytest.mark.parametrize("name", CALIBRANTS)
def test_first_rings_of_calibrants_are_the_tabulated_ones(name: str):
    expected = np.array(FIRST_D[name])
    np.testing.assert_allclose(1 / calibrant_s(name, 1.5)[: len(expected)], expected, atol=6e-4)


@pytest.mark.parametrize("name", ATOMS)
def test_calibrants_show_the_rings_of_their_structure_factors_and_no_others(name: str):
    hkl = np.stack(np.meshgrid(*[np.arange(12)] * 3), -1).reshape(-1, 3)
    strength = np.abs(np.exp(2j * np.pi * hkl @ ATOMS[name].T).sum(axis=1))
    square = np.unique(np.sum(hkl[strength > 1e-6] ** 2, axis=1))[1:]
    expected = np.sqrt(square) / CALIBRANTS[name][1]
    np.testing.assert_allclose(calibrant_s(name, 1.9), expected[expected < 1.9])


@given(st.sampled_from(list(CALIBRANTS)), st.floats(0.02, 1.8))
def test_a_shorter_list_of_rings_is_the_beginning_of_a_longer_one(name: str, s_max: float):
    rings = calibrant_s(name, s_max)
    longer = calibrant_s(name, 2.0)
    np.testing.assert_array_equal(rings, longer[: len(rings)])
    assert np.all(longer[len(rings) :] >= s_max - 1e-12)


def test_ice_stands_out_at_its_spacings():
    s = np.linspace(0.2, 0.6, 8001)
    level = ice(s, 6e-4)
    peaks = 1 / s[1:-1][(level[1:-1] > level[:-2]) & (level[1:-1] > level[2:])]
    np.testing.assert_allclose(peaks, ICE_D, atol=2e-3)


def test_water_has_its_main_ring_at_the_spacing_asked_for():
    s = np.linspace(0.1, 1.0, 9001)
    for d in (3.15, 3.67):
        assert 1 / s[np.argmax(water(s, d))] == pytest.approx(d, rel=0.01)


def test_profiles_fall_as_their_laws_say():
    radius = 25.0
    s = np.array([0.0, np.sqrt(3) / (2 * np.pi * radius)])
    np.testing.assert_allclose(small_angle(s, radius), [1.0, np.exp(-1.0)])
    np.testing.assert_allclose(air(np.array([0.0, 0.25]), 0.25), [1.0, 0.5])
    np.testing.assert_allclose(bump(np.array([0.3, 0.31]), 0.3, 0.01), [1.0, np.exp(-0.5)])


def test_horizontally_polarised_light_scatters_nothing_along_its_field():
    right = np.full(3, np.pi / 2)
    azimuth = np.array([0.0, np.pi / 2, np.pi])
    np.testing.assert_allclose(polarisation(right, azimuth, 1.0), [0, 1, 0], atol=1e-12)
    np.testing.assert_allclose(polarisation(right, azimuth, -1.0), [1, 0, 1], atol=1e-12)


@given(st.floats(0.0, np.pi / 2), st.floats(0.0, 2 * np.pi))
def test_unpolarised_light_follows_thomson(two_theta: float, azimuth: float):
    factor = polarisation(np.array(two_theta), np.array(azimuth), 0.0)
    assert factor == pytest.approx((1 + np.cos(two_theta) ** 2) / 2)


@given(st.floats(0.0, np.pi / 2), st.floats(-1.0, 1.0))
def test_polarisation_keeps_the_mean_round_a_ring(two_theta: float, fraction: float):
    azimuth = np.arange(360) * np.pi / 180
    factor = polarisation(np.array(two_theta), azimuth, fraction)
    assert factor.mean() == pytest.approx((1 + np.cos(two_theta) ** 2) / 2)
    assert np.all((factor >= -1e-12) & (factor <= 1 + 1e-12))
