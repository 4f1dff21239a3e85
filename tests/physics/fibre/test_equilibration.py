"""A drift is told from the wandering of a correlated series."""

import numpy as np
import pytest

from argand.errors import InputError
from argand.physics.fibre.equilibration import block_means, blocking, drift, statistical_inefficiency


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


def test_blocks_of_two_give_the_error_of_the_halved_series():
    values = np.random.default_rng(0).standard_normal(64)
    found = blocking(values)
    np.testing.assert_array_equal(found.length, [1, 2, 4, 8, 16])
    halves = values.reshape(-1, 2).mean(1)
    assert found.error[0] == pytest.approx(values.std() / np.sqrt(63))
    assert found.error[1] == pytest.approx(halves.std() / np.sqrt(31))
    assert found.uncertainty[1] == pytest.approx(found.error[1] / np.sqrt(62))


@pytest.mark.parametrize("memory", [0.0, 0.8])
def test_the_error_at_the_plateau_is_that_of_an_autoregressions_mean(memory: float):
    errors = [
        blocking(wandering(np.random.default_rng(seed), 4000, memory)).standard_error for seed in range(20)
    ]
    assert np.mean(errors) == pytest.approx(1 / (1 - memory) / np.sqrt(4000), rel=0.15)


def test_a_mean_that_drifts_has_no_plateau_and_its_error_is_the_largest():
    noise = wandering(np.random.default_rng(0), 1000, 0.8)
    found = blocking(noise + np.linspace(0, 40, 1000))
    assert found.plateau is None
    assert found.standard_error == found.error.max()
    assert blocking(noise).plateau is not None


def test_values_too_many_for_whole_blocks_are_left_out_at_the_beginning():
    values = np.random.default_rng(1).standard_normal(70)
    np.testing.assert_allclose(blocking(values).error, blocking(values[6:]).error)


def test_too_few_values_have_no_error():
    with pytest.raises(InputError, match="7 values are too few"):
        blocking(np.arange(7.0))


def test_successive_blocks_are_averaged_and_a_rest_is_left_out():
    np.testing.assert_array_equal(block_means(np.arange(11.0), 3), [1, 4, 7])
