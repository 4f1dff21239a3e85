"""The verb predict as a function: files in; records, atoms, maps and a page out."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from argand.errors import ConfigError, InputError
from argand.io.map import Cube, read_map, write_map
from argand.io.solution import write_xyz
from argand.progress import ProgressDisplay
from argand.runs.course import Failure, answered
from argand.runs.folder import RunFolder
from argand.runs.record import RESULTS, Record
from argand.systems.patterson.maps.prediction import Prediction
from argand.systems.patterson.predict import Predictor
from argand.typing import Points3

KINDS = ".npy, .map, .ccp4, .mrc"
MAP_SUFFIXES = (".npy", ".map", ".ccp4", ".mrc", ".map.gz", ".ccp4.gz", ".mrc.gz")


def predict_files(
    patterns: Sequence[str],
    predictor: Predictor,
    atoms: int | None,
    run: RunFolder,
    tell: Callable[[Failure], None],
    *,
    centred: bool = False,
    force: bool = False,
) -> list[Record]:
    """Answer every map; files without an answer are told and have a record with `reason`.

    Each map's atoms are written as XYZ beside `results.jsonl`; ConfigError where the folder holds results
    already and `force` was not given.
    """
    files = list(expand(patterns))
    if run.folder is not None and (run.folder / RESULTS).exists() and not force:
        raise ConfigError(f"{run.folder} holds results; name another folder or give --force")
    answer = lambda file: [_answer(file, predictor, atoms, centred)]  # noqa: E731
    display = ProgressDisplay("predict", "maps")
    with run:
        for outcome in answered(files, answer, display, errors=(InputError,), tell=tell):
            run.keep(failed(outcome) if isinstance(outcome, Failure) else _written(outcome, run))
    return run.records


def expand(patterns: Sequence[str]) -> Iterator[Path]:
    """Files of the patterns (files, globs, folders); InputError for one that names nothing."""
    for pattern in patterns:
        path = Path(pattern)
        if path.is_dir():
            found = sorted(p for p in path.iterdir() if p.name.endswith(MAP_SUFFIXES))
        elif any(sign in pattern for sign in "*?["):
            found = sorted(Path(path.anchor or ".").glob(str(path.relative_to(path.anchor))))
        else:
            found = [path]
        if not found:
            raise InputError(f"{pattern}: no maps there; name files ({KINDS}), a glob or a folder")
        yield from found


def failed(failure: Failure) -> Record:
    """The record of a file without an answer."""
    return {"file": failure.file, "solved": False, "path": "none", "reason": failure.reason}


@dataclass(frozen=True)
class MapAnswer:
    """A map, its origin first, what was found in it, and the record of that."""

    patterson: Cube
    found: Prediction
    record: Record


def _answer(file: Path, predictor: Predictor, atoms: int | None, centred: bool) -> MapAnswer:
    """The answer for one file; InputError where it has none."""
    began = time.perf_counter()
    values = read_map(file)
    patterson = np.fft.ifftshift(values) if centred else values
    found = predictor.predict(patterson, atoms)
    record = {"file": str(file), **found.to_json(), "box": len(values)}
    record["seconds"] = round(time.perf_counter() - began, 3)
    return MapAnswer(patterson, found, record)


def _written(answer: MapAnswer, run: RunFolder) -> Record:
    """Write atoms and map where there is a folder; the record, which names them."""
    record = answer.record
    if run.folder is not None:
        name = run.unused(Path(record["file"]).name.split(".")[0])
        record["xyz"] = f"{name}.xyz"
        _write_atoms(run.folder / record["xyz"], answer.found.positions_voxel, record)
        record["map"] = write_map(run.folder / f"{name}.ccp4", answer.patterson).name
    return record


def _write_atoms(path: Path, positions: Points3, record: Record) -> None:
    """Atoms as XYZ, one voxel being 1 Å; equal atoms are called C."""
    verdict = "solved" if record["solved"] else "not solved"
    comment = f"{verdict} by {record['path']}, residual {record['residual']:.5f}; voxels"
    write_xyz(path, comment, ["C"] * len(positions), positions)
