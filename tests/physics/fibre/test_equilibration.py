"""A drift is told from the wandering of a correlated series."""

import numpy as np
import pytest

from argand.physics.fibre.equilibration import drift, statistical_inefficiency


def wandering(random: np.random.Generator, count: int, memory: float) -> np.ndarray:
    values = np.zeros(count)
    for i in range(1, count):
        values[i] = memory * values[i - 1] + random.standard_normal()
    return values


def test_white_noise_has_independent_values():
    assert statistical_inefficiency(np.random.default_rng(0).standard_normal(4000)) == pytest.approx(
        1, abs=0.3
    )


def test_the_inefficiency_of_an_autoregression_is_the_known_one():
    values = wandering(np.random.default_rng(1), 60000, 0.9)
    assert statistical_inefficiency(values) == pytest.approx(1.9 / 0.1, rel=0.2)


def test_a_series_that_wanders_about_a_mean_is_mostly_called_stationary():
    found = [drift(wandering(np.random.default_rng(seed), 2000, 0.8)).is_stationary() for seed in range(60)]
    assert np.mean(found) > 0.85


def test_a_series_that_drifts_is_not():
    ramp = np.linspace(0, 20, 2000)
    assert not any(
        drift(ramp + wandering(np.random.default_rng(s), 2000, 0.8)).is_stationary() for s in range(10)
    )


def test_too_few_independent_values_prove_nothing():
    slow = np.cos(np.linspace(0, 2 * np.pi, 100))
    assert not drift(slow).is_stationary()
