"""The work on patterns that is shared out among processes: read, answer, write what belongs to the answer."""

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from argand.errors import InputError
from argand.physics.coherent.projection import Radiation
from argand.runs.course import Failure
from argand.runs.record import Record
from argand.runs.stacks import read_each
from argand.systems.molmnist.files.batch import Batch, answer_cases
from argand.systems.molmnist.files.inputs import PatternCase, count_cases, read_cases, stack_of
from argand.systems.molmnist.files.outputs import Outputs
from argand.systems.molmnist.inversion.prediction import Prediction
from argand.systems.molmnist.predictors.pattern_predictor import PatternPredictor

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Asked:
    """What the user states: window and length in Å, radiation, mask, rounds of polishing.

    None: the file's, or not known.
    """

    window_side: float | None = None
    radiation: Radiation | None = None
    mask: Path | None = None
    rounds: int = 0
    length: float | None = None


@dataclass(frozen=True)
class PatternTask:
    """Pattern number `index` of what `name` is read from, or the first where it is not known how many it has.

    `output` is the name of what is written, `rests_on` what the answer does. Tasks of one `batch` are
    answered together.
    """

    name: str
    index: int | None
    output: str
    batch: int
    rests_on: str

    @property
    def file(self) -> str:
        """The file as its records have it."""
        return stack_of(self.name)[0]

    def __str__(self) -> str:
        return self.file


class Outcome(NamedTuple):
    """What came of a task; where it did not say which pattern, also how many there are."""

    outcome: Record | Failure
    count: int = 1


class _Read(NamedTuple):
    """A pattern that was read for the task in this place of its chunk, or what its reader raised."""

    place: int
    task: PatternTask
    case: PatternCase | Exception
    count: int = 1


@dataclass(frozen=True)
class PatternWork:
    """What a process needs for its tasks; called, it is ready to answer."""

    predictor: PatternPredictor
    asked: Asked
    outputs: Outputs

    def __call__(self) -> "Callable[[Sequence[PatternTask]], list[Outcome]]":
        """What gives the outcome of each of some tasks."""
        return self.answers

    def answers(self, tasks: Sequence[PatternTask]) -> list[Outcome]:
        """Outcomes of tasks that are answered together, in their order; whatever fails fails alone."""
        found: dict[int, Outcome] = {}
        batch: Batch[_Read] = Batch(self.predictor.together)
        for read in self._read(tasks):
            if isinstance(read.case, Exception):
                failure = Failure.of(read.task.file, read.case, read.task.index)
                found[read.place] = Outcome(failure, read.count)
                continue
            if not batch.takes(read.case):
                found |= self._answered(batch)
            batch.add(read, read.case)
        found |= self._answered(batch)
        return [found[place] for place in range(len(tasks))]

    def _answered(self, batch: "Batch[_Read]") -> dict[int, Outcome]:
        """What the predictor says of the cases that wait, by their places."""
        waiting = batch.taken()
        cases = [case for _, case in waiting]
        answers = answer_cases(cases, self.predictor, self.asked.radiation, self.asked.rounds)
        return {
            read.place: Outcome(self._written(read.task, case, answer), read.count)
            for (read, case), answer in zip(waiting, answers, strict=True)
        }

    def _written(
        self, task: PatternTask, case: PatternCase, answer: Prediction | Failure
    ) -> Record | Failure:
        if isinstance(answer, Failure):
            return answer
        try:
            return self.outputs.write(task.output, case.optics, answer, task.rests_on)
        except Exception as error:
            logger.debug("%s", task.output, exc_info=True)
            return Failure.of(case.file, error, case.index)

    def _read(self, tasks: Sequence[PatternTask]) -> Iterator[_Read]:
        """The patterns of tasks; neighbours in a file are read in one go."""
        at = 0
        while at < len(tasks):
            if tasks[at].index is None:
                yield self._first(at, tasks[at])
                at += 1
                continue
            run = _neighbours(tasks[at:])
            cases = read_each(self._some(run[0].name), [task.index or 0 for task in run])
            yield from (_Read(at + place, *pair) for place, pair in enumerate(zip(run, cases, strict=True)))
            at += len(run)

    def _first(self, place: int, task: PatternTask) -> _Read:
        """The first pattern of a file, and how many there are."""
        cases = self._cases(task.name)
        found = next(read_each(lambda wanted: cases, None), None)
        if found is None:
            found = InputError(f"{task.file}: no patterns in it")
        count = 1
        # One more is a stack, which is opened again for its number; so is one whose first pattern is damaged.
        if isinstance(found, Exception) or next(read_each(lambda wanted: cases, None), None) is not None:
            (counted,) = read_each(lambda wanted: iter([count_cases(task.name)]), [0])
            count = counted if isinstance(counted, int) else 1
        return _Read(place, task, found, count)

    def _some(self, name: str) -> "Callable[[Sequence[int] | None], Iterator[PatternCase]]":
        return lambda wanted: self._cases(name if wanted is None else f"{name}#{wanted[0]}-{wanted[-1]}")

    def _cases(self, name: str) -> Iterator[PatternCase]:
        return read_cases(name, self.asked.mask, self.asked.window_side, self.asked.length)


def _neighbours(tasks: Sequence[PatternTask]) -> list[PatternTask]:
    """The first of tasks, and those behind it that go on from it in the same file."""
    run = [tasks[0]]
    for task in tasks[1:]:
        if task.name != run[0].name or task.index != (run[-1].index or 0) + 1:
            break
        run.append(task)
    return run
