"""The verb predict as a function: patterns in; records, shapes, pictures and a page out."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from argand.errors import ArgandError
from argand.io.image import split_selection
from argand.io.pattern import INNER, expand_patterns
from argand.physics.coherent.projection import Radiation
from argand.progress import ProgressDisplay
from argand.runs.course import UNEXPECTED, Failure, answered, attempted
from argand.runs.record import Record
from argand.systems.molmnist.files.batch import Answered, Batch, answer_cases
from argand.systems.molmnist.files.inputs import PatternCase, is_sample, read_cases
from argand.systems.molmnist.files.outputs import RunFolder, failed
from argand.systems.molmnist.inversion.pattern_predictor import PatternPredictor

ERRORS = (ArgandError, *UNEXPECTED)
"""What makes a file fail; any other error ends the run."""


@dataclass(frozen=True)
class Asked:
    """What the user states: window and length in Å, radiation, mask, number, rounds of polishing.

    None: the file's, or not known.
    """

    window_side: float | None = None
    radiation: Radiation | None = None
    mask: Path | None = None
    index: int | None = None
    rounds: int = 0
    length: float | None = None


@dataclass(frozen=True)
class _Files:
    """Files that are answered together; named by the first."""

    names: tuple[str, ...]

    def __str__(self) -> str:
        return self.names[0]


def predict_files(
    names: Sequence[str],
    predictor: PatternPredictor,
    asked: Asked,
    folder: RunFolder,
    tell: Callable[[Failure], None],
) -> list[Record]:
    """Answer every pattern; what has no answer is told, has a record with `failed`, and stops no other."""
    files, failures = _expanded(names)
    if asked.index is not None:
        files = [f"{file}#{asked.index}" for file in files]
    display = ProgressDisplay("predict fibrils", "patterns")
    folder.settings["asked"] = asked
    with folder:
        stacks = {file: _stack(file) for file in files}
        rests_on = {stack: folder.asked(*stack) for stack in stacks.values()}
        earlier = {stack: folder.take_over(stack[0], on) for stack, on in rests_on.items()}
        course = _Course(
            predictor,
            asked,
            folder,
            {file: earlier[stack] for file, stack in stacks.items()},
            {file: rests_on[stack] for file, stack in stacks.items()},
        )
        for failure in failures:
            tell(failure)
            folder.keep(failed(failure))
        size = predictor.together
        groups = [_Files(tuple(files[first : first + size])) for first in range(0, len(files), size)]
        sizes = {"size": lambda group: len(group.names), "errors": ERRORS, "tell": tell}
        for outcome in answered(groups, course.answers, display, **sizes):
            if isinstance(outcome, Failure):
                folder.keep(failed(outcome))
    return folder.records


def _expanded(names: Sequence[str]) -> tuple[list[str], list[Failure]]:
    """Files and samples of the names, and the names of neither."""
    files: list[str] = []
    failures = []
    for name in names:
        try:
            files += [name] if is_sample(name) else expand_patterns([name])
        except ArgandError as error:
            failures.append(Failure.of(name, error))
    return files, failures


def _stack(file: str) -> tuple[str, str]:
    """The file of a name, as its records have it, without a selection, and the path within the file."""
    inner = INNER.match(file)
    return (split_selection(file)[0], "") if inner is None else (inner[1], inner[2])


@dataclass(frozen=True)
class _Course:
    """The answers to files; records of an `earlier` run, by file and number, stand for their patterns."""

    predictor: PatternPredictor
    asked: Asked
    folder: RunFolder
    earlier: Mapping[str, Mapping[int, Record]]
    rests_on: Mapping[str, str]

    def answers(self, files: _Files) -> Iterator[Record | Failure]:
        """A record, which is kept, or a failure for each pattern of the files, in their order."""
        batch = Batch(self.predictor.together)
        for file in files.names:
            read = partial(read_cases, file, self.asked.mask, self.asked.window_side, self.asked.length)
            for case in attempted(file, read, ERRORS):
                if isinstance(case, PatternCase) and case.index not in self.earlier[file]:
                    if not batch.takes(case):
                        yield from self._asked(batch.taken())
                    batch.add(file, case)
                    continue
                # Records keep the order of the patterns.
                yield from self._asked(batch.taken())
                if isinstance(case, PatternCase):
                    case = self.earlier[file][case.index]
                    self.folder.records.append(case)
                yield case
        yield from self._asked(batch.taken())

    def _asked(self, cases: list[tuple[str, PatternCase]]) -> Iterator[Record | Failure]:
        """What the predictor says of cases of one kind; records are kept, one by one."""
        answers = answer_cases(
            [case for _, case in cases], self.predictor, self.asked.radiation, self.asked.rounds
        )
        for (file, case), answer in zip(cases, answers, strict=True):
            yield answer if isinstance(answer, Failure) else self._kept(file, case, answer)

    def _kept(self, file: str, case: PatternCase, answer: Answered) -> Record:
        return self.folder.add(case, answer.prediction, answer.seconds, self.rests_on[file])
