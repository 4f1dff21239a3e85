"""What a search without success says about more time."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from argand.systems.patterson.solution.outlook import outlook

CORRELATIONS = np.random.default_rng(0).normal(0.6, 0.02, 120).tolist()


def test_attempts_that_are_all_alike_bound_the_success_rate():
    """None of 120: with 95 % confidence fewer than one in 40, as 0.05 = (1 - 1/40)^120 nearly."""
    told = outlook(CORRELATIONS, 0.55, 30.0)
    assert "120 attempts in 30.0 s, none better than the rest" in told
    assert "fewer than one attempt in 40 " in told
    assert pytest.approx(0.05, abs=0.003) == (1 - 1 / 40) ** 120
    assert "--time-limit 300" in told


def test_an_attempt_better_than_the_rest_is_told():
    assert "standard deviations above" in outlook([*CORRELATIONS, 0.9], 0.55, 30.0)
    assert "formula" in outlook([*CORRELATIONS, 0.9], 0.55, 30.0)


def test_a_model_that_is_partly_right_wants_more_time():
    assert "partly correct" in outlook(CORRELATIONS, 0.35, 30.0)


def test_a_few_attempts_tell_nothing():
    assert (
        outlook([0.6], 0.55, 2.0)
        == "1 attempt in 2.0 s, too few for a statement: give --time-limit 20 or more"
    )
    assert "too few" in outlook(CORRELATIONS[:9], 0.55, 2.0)


@given(st.lists(st.floats(0, 1), max_size=60), st.floats(0, 1), st.floats(0, 1e5))
def test_any_search_has_a_sentence(correlations: list[float], r1: float, seconds: float):
    told = outlook(correlations, r1, seconds)
    assert told
    assert "nan" not in told
