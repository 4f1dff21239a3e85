"""Patterns answered together are answered as by themselves, and one that fails fails alone."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

import argand
from argand.errors import InputError
from argand.runs.course import Failure
from argand.systems.molmnist.files.batch import Batch, answer_cases
from argand.systems.molmnist.files.inputs import PatternCase
from argand.systems.molmnist.inversion.prediction import ASSUMED, Prediction
from argand.systems.molmnist.predictors.fibril_predictor import BATCH, FibrilPredictor
from argand.systems.molmnist.presets import PRESETS

TINY = PRESETS["tiny"]
SIDE = TINY.imaging.window.side
LIVE = TINY.imaging.live


@pytest.fixture(scope="module")
def predictor(tiny_weights: Path) -> FibrilPredictor:
    inversion = argand.load("molmnist", tiny_weights).inversion
    assert isinstance(inversion, FibrilPredictor)
    return inversion


@pytest.fixture(scope="module")
def case() -> Callable[..., PatternCase]:
    """Gives pattern number `index` of the tiny set as a case, with changes."""

    def make(index: int, **changes: object) -> PatternCase:
        pattern = TINY.simulate(index, 3)["pattern"]
        known = {"intensity": pattern, "live": LIVE, "window_side": SIDE, "window_from": "stated"}
        return PatternCase("a.h5", index, **(known | changes))

    return make


def told(cases: Sequence[PatternCase], predictor: FibrilPredictor) -> list[Prediction]:
    answers = answer_cases(cases, predictor, None, 0)
    assert all(isinstance(one, Prediction) for one in answers), answers
    return [one for one in answers if isinstance(one, Prediction)]


def test_a_batch_is_answered_as_one_by_one(predictor: FibrilPredictor, case: Callable[..., PatternCase]):
    shadow = LIVE.copy()
    shadow[3:6] = False
    cases = [
        case(0),
        case(1, live=shadow),
        case(2),
        case(3, window_side=1.1 * SIDE),
        case(4, radiation="electron"),
    ]
    cases += [case(5, live=shadow), case(6, window_from="assumed")]
    together = told(cases, predictor)
    for one, answer in zip(cases, together, strict=True):
        (alone,) = told([one], predictor)
        assert answer.fibril == alone.fibril
        assert answer.window_side == one.window_side
        assert answer.notes == alone.notes
        assert answer.residual == pytest.approx(alone.residual, rel=1e-3)
        # Batches round otherwise, and the fit of a network that has learnt nothing makes more of that.
        off = np.abs(answer.shape - alone.shape).max()
        assert off < 0.01 * np.abs(alone.shape).max()
        np.testing.assert_array_equal(answer.live, one.live & (TINY.imaging.window.q > 0))
    assert [answer.window_from for answer in together][-2:] == ["stated", "assumed"]
    assert [ASSUMED in answer.notes for answer in together] == [False] * 6 + [True]


def test_patterns_of_one_kind_are_read_at_once(
    predictor: FibrilPredictor, case: Callable[..., PatternCase], monkeypatch: pytest.MonkeyPatch
):
    sizes: list[int] = []
    whole = predictor.read

    def read(patterns: np.ndarray, live: np.ndarray, window_side: float) -> object:
        sizes.append(len(patterns))
        return whole(patterns, live, window_side)

    monkeypatch.setattr(predictor, "read", read)
    told([case(0), case(1), case(2, window_side=1.2 * SIDE), case(3)], predictor)
    assert sorted(sizes) == [1, 3]


def test_what_has_no_answer_fails_alone(predictor: FibrilPredictor, case: Callable[..., PatternCase]):
    bad = case(1, intensity=-np.ones(LIVE.shape, np.float32))
    huge = case(2, window_side=16_500.0)
    answers = answer_cases([case(0), bad, huge, case(3)], predictor, None, 0)
    assert [isinstance(one, Failure) for one in answers] == [False, True, True, False]
    assert "below zero" in answers[1].message
    assert answers[2].message.startswith(
        "a.h5#2: a window of 1.65e+04 Å and 32 pixels reaches q = 0.00609 / Å"
    )


def test_an_error_in_the_middle_of_a_batch_fails_its_pattern_alone(
    predictor: FibrilPredictor, case: Callable[..., PatternCase], monkeypatch: pytest.MonkeyPatch
):
    cases = [case(number) for number in range(3)]
    whole = predictor.predict_many

    def predict_many(patterns: np.ndarray, live: np.ndarray, window_side: float) -> object:
        if any(np.array_equal(one, cases[1].intensity) for one in patterns):
            raise InputError("no fit of this one")
        return whole(patterns, live, window_side)

    monkeypatch.setattr(predictor, "predict_many", predict_many)
    answers = answer_cases(cases, predictor, None, 0)
    assert [isinstance(one, Failure) for one in answers] == [False, True, False]
    assert answers[1].message == "a.h5#1: no fit of this one"


def test_a_batch_holds_patterns_of_one_size_up_to_its_room(case: Callable[..., PatternCase]):
    batch, one = Batch(BATCH), case(0)
    for _ in range(BATCH):
        assert batch.takes(one)
        batch.add("a.h5", one)
    assert not batch.takes(one)
    assert len(batch.taken()) == BATCH
    assert batch.taken() == []
    batch.add("a.h5", one)
    assert not batch.takes(case(0, intensity=np.ones((40, 40), np.float32), live=np.ones((40, 40), bool)))
