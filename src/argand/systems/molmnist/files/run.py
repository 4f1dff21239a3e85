"""The verb predict as a function: patterns in; records, shapes, pictures and a page out."""

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from argand.errors import ArgandError
from argand.io.pattern import expand_patterns
from argand.physics.coherent.projection import Radiation
from argand.progress import ProgressDisplay
from argand.systems.molmnist.files.inputs import Case, is_sample, read_cases
from argand.systems.molmnist.files.outputs import Record, RunFolder, failed
from argand.systems.molmnist.predict import Predictor

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Asked:
    """What the user states: window in Å, radiation (None: the file's), mask, number, rounds of polishing."""

    window_side: float | None = None
    radiation: Radiation | None = None
    mask: Path | None = None
    index: int | None = None
    rounds: int = 0


def predict_files(
    names: Sequence[str], predictor: Predictor, asked: Asked, folder: RunFolder, tell: Callable[[str], None]
) -> list[Record]:
    """Answer every pattern; what has no answer is told, has a record with `failed`, and stops no other."""
    files: list[str] = []
    for name in names:
        try:
            files += [name] if is_sample(name) else expand_patterns([name])
        except ArgandError as error:
            tell(folder.keep(failed(name, None, error))["reason"])
    if asked.index is not None:
        files = [f"{file}#{asked.index}" for file in files]
    with folder, ProgressDisplay("predict fibrils", "patterns") as display:
        for number, file in enumerate(files):
            for record in _answers(file, predictor, asked, folder):
                if record.get("failed"):
                    tell(record["reason"])
                display.update(number / len(files), len(folder.records), Path(file).name)
        display.update(1.0, len(folder.records))
    return folder.records


def _answers(file: str, predictor: Predictor, asked: Asked, folder: RunFolder) -> Iterator[Record]:
    """A record for each pattern of a file; one that cannot be read ends the file."""
    try:
        for case in read_cases(file, asked.mask):
            yield _answer(_stated(case, asked), predictor, asked.rounds, folder)
    except (ArgandError, ArithmeticError, LookupError, RuntimeError, ValueError) as error:
        logger.debug("%s", file, exc_info=True)
        yield folder.keep(failed(file, None, error))


def _stated(case: Case, asked: Asked) -> Case:
    """The case with what the user states in place of what the file says."""
    return replace(
        case,
        window_side=asked.window_side or case.window_side,
        radiation=asked.radiation or case.radiation,
    )


def _answer(case: Case, predictor: Predictor, rounds: int, folder: RunFolder) -> Record:
    began = time.perf_counter()
    try:
        asked = predictor.measured_by(case.radiation)
        answer = asked.predict(case.intensity, case.live, case.window_side, rounds)
    except ArgandError as error:
        return folder.keep(failed(case.file, case.index, error))
    return folder.add(case, answer, time.perf_counter() - began)
