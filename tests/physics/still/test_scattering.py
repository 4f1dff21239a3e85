"""Rings where their spacings put them, and polarisation between its limits."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from argand.physics.still.scattering import (
    ICE_D,
    air,
    bump,
    ice,
    polarisation,
    s_from_two_theta,
    small_angle,
    water,
)


@given(st.floats(0.5, 2.0), st.floats(1.1, 50.0))
def test_s_is_one_over_d_of_braggs_law(wavelength: float, d: float):
    two_theta = 2 * np.arcsin(np.array([wavelength / (2 * d)]))
    assert s_from_two_theta(two_theta, wavelength) == pytest.approx(1 / d)


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
