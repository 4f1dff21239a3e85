"""What a search without success says of more time."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from argand.systems.patterson.solution.outlook import outlook

TRIES = np.random.default_rng(0).normal(0.6, 0.02, 120).tolist()


def test_tries_that_are_all_alike_bound_the_success_of_one():
    """None of 120: with 95 % confidence fewer than one in 40, as 0.05 = (1 - 1/40)^120 nearly."""
    told = outlook(TRIES, 0.55, 30.0)
    assert "120 attempts in 30.0 s, none of which stood apart" in told
    assert "once in 40 " in told
    assert pytest.approx(0.05, abs=0.003) == (1 - 1 / 40) ** 120
    assert "300 s" in told


def test_a_try_that_stands_apart_is_told():
    assert "stands" in outlook([*TRIES, 0.9], 0.55, 30.0)
    assert "formula" in outlook([*TRIES, 0.9], 0.55, 30.0)


def test_a_model_that_is_partly_right_wants_more_time():
    assert "partly right" in outlook(TRIES, 0.35, 30.0)


def test_a_few_tries_tell_nothing():
    assert outlook([0.6], 0.55, 2.0) == "1 try in 2.0 s, too few to tell: give at least 20 s"
    assert "too few" in outlook(TRIES[:9], 0.55, 2.0)


@given(st.lists(st.floats(0, 1), max_size=60), st.floats(0, 1), st.floats(0, 1e5))
def test_any_search_has_a_sentence(correlations: list[float], r1: float, seconds: float):
    told = outlook(correlations, r1, seconds)
    assert told
    assert "nan" not in told
