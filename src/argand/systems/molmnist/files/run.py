"""The verb predict as a function: patterns in; records, shapes, pictures and a page out."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from argand.errors import ArgandError
from argand.io.image import split_selection
from argand.io.pattern import INNER, expand_patterns
from argand.physics.coherent.projection import Radiation
from argand.progress import ProgressDisplay
from argand.runs.course import UNEXPECTED, Failure, answered
from argand.runs.record import Record
from argand.systems.molmnist.files.inputs import PatternCase, is_sample, read_cases
from argand.systems.molmnist.files.outputs import RunFolder, failed
from argand.systems.molmnist.predict import Predictor

ERRORS = (ArgandError, *UNEXPECTED)
"""What makes a file fail; any other error ends the run."""


@dataclass(frozen=True)
class Asked:
    """What the user states: window in Å, radiation (None: the file's), mask, number, rounds of polishing."""

    window_side: float | None = None
    radiation: Radiation | None = None
    mask: Path | None = None
    index: int | None = None
    rounds: int = 0


def predict_files(
    names: Sequence[str],
    predictor: Predictor,
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

        def answer(file: str) -> Iterator[Record | Failure]:
            stack = stacks[file]
            return _answers(file, predictor, asked, folder, earlier[stack], rests_on[stack])

        for failure in failures:
            tell(failure)
            folder.keep(failed(failure))
        for outcome in answered(files, answer, display, errors=ERRORS, tell=tell):
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


def _answers(
    file: str,
    predictor: Predictor,
    asked: Asked,
    folder: RunFolder,
    earlier: Mapping[int, Record],
    rests_on: str,
) -> Iterator[Record | Failure]:
    """A record, which is kept, or a failure for each pattern of a file; raises ERRORS.

    Records of an earlier run stand for their patterns.
    """
    for case in read_cases(file, asked.mask):
        if case.index in earlier:
            folder.records.append(earlier[case.index])
            yield earlier[case.index]
        else:
            yield _answer(_stated(case, asked), predictor, asked.rounds, folder, rests_on)


def _stated(case: PatternCase, asked: Asked) -> PatternCase:
    """The case with what the user states in place of what the file says."""
    return replace(
        case,
        window_side=asked.window_side or case.window_side,
        radiation=asked.radiation or case.radiation,
    )


def _answer(
    case: PatternCase, predictor: Predictor, rounds: int, folder: RunFolder, rests_on: str
) -> Record | Failure:
    began = time.perf_counter()
    try:
        asked = predictor.measured_by(case.radiation)
        answer = asked.predict(case.intensity, case.live, case.window_side, rounds)
    except ArgandError as error:
        return Failure.of(case.file, error, case.index)
    return folder.add(case, answer, time.perf_counter() - began, rests_on)
