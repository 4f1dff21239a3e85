"""Patterns of one size, window and mask, answered together; one that fails does not fail the others."""

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Generic, TypeVar

import numpy as np

from argand.physics.coherent.projection import Radiation
from argand.runs.course import Failure
from argand.systems.molmnist.files.inputs import PatternCase
from argand.systems.molmnist.inversion.centring import Pattern, centred
from argand.systems.molmnist.inversion.prediction import Prediction, with_length
from argand.systems.molmnist.predictors.pattern_predictor import PatternPredictor
from argand.typing import Mask

Task = TypeVar("Task")

logger = logging.getLogger(__name__)

MOST_PIXELS = 64 * 400 * 400
"""Of a batch, for memory: 41 MB in single precision. By hand: 64 patterns of 400 pixels along a side."""


@dataclass
class Batch(Generic[Task]):
    """Cases of one size that wait for their answers, `most` of them, each with what it was asked by."""

    most: int
    _cases: list[tuple[Task, PatternCase]] = field(default_factory=list)

    def takes(self, case: PatternCase) -> bool:
        """Whether there is room for a case."""
        if not self._cases:
            return True
        first = self._cases[0][1].intensity
        room = min(self.most, MOST_PIXELS // first.size)
        return case.intensity.shape == first.shape and len(self._cases) < room

    def add(self, task: Task, case: PatternCase) -> None:
        """Let a case wait."""
        self._cases.append((task, case))

    def taken(self) -> list[tuple[Task, PatternCase]]:
        """All that wait; none do then."""
        cases, self._cases = self._cases, []
        return cases


@dataclass(frozen=True)
class _Centred:
    """A case whose pattern has q = 0 in its middle pixel, and what was done for that in how many seconds."""

    case: PatternCase
    pattern: Pattern
    live: Mask
    notes: tuple[str, ...]
    seconds: float

    def key(self, radiation: Radiation | None) -> tuple[object, ...]:
        """What the patterns of one batch have in common."""
        side, kind = self.case.window_side, radiation or self.case.radiation
        return self.pattern.shape, side, kind, self.live.tobytes()


def answer_case(
    case: PatternCase, predictor: PatternPredictor, radiation: Radiation | None = None, rounds: int = 0
) -> Prediction:
    """The answer to one case; raises InputError where there is none. Arguments as of `answer_cases`."""
    (answer,) = _answers([_centred(case)], predictor, radiation, rounds)
    return answer


def answer_cases(
    cases: Sequence[PatternCase],
    predictor: PatternPredictor,
    radiation: Radiation | None = None,
    rounds: int = 0,
) -> list[Prediction | Failure]:
    """An answer or a failure for each case, in their order.

    `radiation` is what all were measured by, None what each says; `rounds` of phase retrieval refine the
    answers.
    """
    outcomes: list[Prediction | Failure | None] = [None] * len(cases)
    alike: dict[tuple[object, ...], list[tuple[int, _Centred]]] = {}
    for place, case in enumerate(cases):
        try:
            one = _centred(case)
        except Exception as error:
            logger.debug("%s", case.file, exc_info=True)
            outcomes[place] = Failure.of(case.file, error, case.index)
            continue
        alike.setdefault(one.key(radiation), []).append((place, one))
    for group in alike.values():
        answers = _together([one for _, one in group], predictor, radiation, rounds)
        for (place, _), outcome in zip(group, answers, strict=True):
            outcomes[place] = outcome
    return [outcome for outcome in outcomes if outcome is not None]


def _centred(case: PatternCase) -> _Centred:
    """A case with q = 0 in the middle pixel; raises as `centred`."""
    began = time.perf_counter()
    pattern, live, notes = centred(case.intensity, case.live)
    return _Centred(case, pattern, live, notes, time.perf_counter() - began)


def _together(
    members: Sequence[_Centred], predictor: PatternPredictor, radiation: Radiation | None, rounds: int
) -> list[Prediction | Failure]:
    """Answers to patterns of one kind; where one of them fails, to each by itself."""
    try:
        return [*_answers(members, predictor, radiation, rounds)]
    except Exception as error:
        first = members[0].case
        logger.debug("%s", first.file, exc_info=True)
        if len(members) == 1:
            return [Failure.of(first.file, error, first.index)]
        return [outcome for one in members for outcome in _together([one], predictor, radiation, rounds)]


def _answers(
    members: Sequence[_Centred], predictor: PatternPredictor, radiation: Radiation | None, rounds: int
) -> list[Prediction]:
    """Answers to patterns of one kind; each has its share of the seconds of all."""
    began, first = time.perf_counter(), members[0]
    predictor = predictor.measured_by(radiation or first.case.radiation)
    patterns = np.stack([one.pattern for one in members])
    found = predictor.predict_many(patterns, first.live, first.case.window_side)
    answers = [_completed(one, answer, predictor, rounds) for one, answer in zip(members, found, strict=True)]
    seconds = (time.perf_counter() - began) / len(members)
    pairs = zip(members, answers, strict=True)
    return [replace(answer, seconds=one.seconds + seconds) for one, answer in pairs]


def _completed(one: _Centred, answer: Prediction, predictor: PatternPredictor, rounds: int) -> Prediction:
    """An answer with where its pattern and window are from and what was done to it, and refined."""
    case, notes = one.case, (*one.notes, *one.case.notes, *answer.notes)
    about = {"file": case.file or None, "index": case.index, "truth": case.truth}
    answer = replace(answer, notes=notes, window_from=case.window_from, **about)
    answer = with_length(answer, case.length)
    return predictor.polished(answer, rounds) if rounds else answer
