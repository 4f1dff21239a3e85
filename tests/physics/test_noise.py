"""Photon statistics and what a detector makes of photons."""

import numpy as np
import pytest

from argand.physics.noise import count_photons
from argand.physics.still.panel import Panel
from argand.physics.still.readout import read_out

COUNTING = Panel("counting", (300, 300), 0.1, saturation=1000.0)
INTEGRATING = Panel("integrating", (300, 300), 0.1, counting=False, saturation=65535.0)


@pytest.mark.parametrize("mean", [0.03, 4.0, 900.0, 5000.0])
def test_counts_have_poissons_mean_and_variance_at_any_level(mean: float):
    counts = count_photons(np.random.default_rng(0), np.full((300, 300), mean))
    assert counts.mean() == pytest.approx(mean, abs=5 * np.sqrt(mean / counts.size))
    assert counts.astype(float).var() == pytest.approx(mean, rel=0.03 + 0.02 / np.sqrt(mean))
    assert np.all(counts == np.rint(counts))


def test_each_pixel_is_drawn_from_its_own_mean():
    expected = np.repeat([[0.0, 2.0, 1500.0]], 20_000, axis=0)
    counts = count_photons(np.random.default_rng(1), expected)
    np.testing.assert_allclose(counts.mean(axis=0), [0.0, 2.0, 1500.0], rtol=0.01)
    assert not counts[:, 0].any()
    assert abs(np.corrcoef(counts[:, 1], counts[:, 2])[0, 1]) < 0.03


def test_counting_detector_keeps_photons_up_to_its_overload():
    photons = np.array([[0.0, 7.0, 999.0, 1000.0, 5000.0]], np.float32)
    counts = read_out(np.random.default_rng(0), photons, COUNTING, 1.0, 3.0, 40.0, 5.0)
    assert counts.tolist() == [[0.0, 7.0, 999.0, 1000.0, 1000.0]]


def test_integrating_detector_adds_gain_noise_and_pedestal():
    rng = np.random.default_rng(2)
    photons = rng.poisson(100.0, (300, 300)).astype(np.float32)
    counts = read_out(rng, photons, INTEGRATING, 0.0, 2.5, 40.0, 3.0)
    assert counts.mean() == pytest.approx(2.5 * 100.0 + 40.0, rel=2e-3)
    # Photon noise times gain squared, read-out noise, and rounding to integers.
    assert counts.astype(float).var() == pytest.approx(2.5**2 * 100.0 + 3.0**2 + 1 / 12, rel=0.03)
    assert np.all(counts == np.rint(counts))


def test_integrating_detector_stays_between_zero_and_overload():
    photons = np.array([[0.0] * 50 + [1e6] * 50], np.float32)
    counts = read_out(np.random.default_rng(3), photons, INTEGRATING, 0.0, 1.0, 0.0, 4.0)
    assert counts.min() == 0.0
    assert np.all(counts[0, 50:] == 65535.0)


def test_point_spread_blurs_by_its_width_and_loses_nothing():
    photons = np.zeros((61, 61), np.float32)
    photons[30, 30] = 60000.0
    counts = read_out(np.random.default_rng(4), photons, INTEGRATING, 2.0, 1.0, 0.0, 0.0)
    assert counts.sum() == pytest.approx(60000.0, rel=0.01)
    distance2 = (np.arange(61) - 30.0) ** 2
    assert (counts.sum(axis=0) * distance2).sum() / counts.sum() == pytest.approx(4.0, rel=0.05)
