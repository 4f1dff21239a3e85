"""The verb predict as a function: from files to records, atoms, maps and a page."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from argand.crew import HERE, Crew, Machines, in_chunks
from argand.errors import ConfigError
from argand.io.cell_map import Box
from argand.io.map import write_map
from argand.io.named_files import expand_named, named_files
from argand.io.reflections import CellParameters
from argand.io.solution import write_ccp4, write_xyz
from argand.physics.crystal.atom import parse_formula
from argand.physics.crystal.symmetry import Group
from argand.progress import ProgressDisplay
from argand.runs.claim import require_inputs_kept
from argand.runs.course import Failure, worked
from argand.runs.folder import RunFolder
from argand.runs.one_by_one import OneByOne
from argand.runs.record import SCHEMA_VERSION, Record
from argand.runs.resume import ASKED
from argand.systems.patterson.maps.map_input import MapInput, require_voxel
from argand.systems.patterson.maps.prediction import Prediction
from argand.systems.patterson.predict import Predictor

KINDS = ".npy, .map, .ccp4, .mrc"
MAP_SUFFIXES = (".npy", ".map", ".ccp4", ".mrc", ".map.gz", ".ccp4.gz", ".mrc.gz")


@dataclass(frozen=True)
class MapQuestion:
    """What is known about the maps: number of atoms, place of the origin, and for crystals the cell.

    `voxel` is the voxel size in Å, for maps whose file has no cell; `formula` the contents of the cell;
    `time_limit` in seconds. A map with 1 Å voxels counts as one of unknown size. Raises ConfigError for a
    voxel size, a formula or a time that cannot be.
    """

    atoms: int | None = None
    centred: bool = False
    voxel: float | None = None
    formula: str | None = None
    time_limit: float = 30.0

    def __post_init__(self) -> None:
        if self.voxel is not None:
            require_voxel(self.voxel)
        if self.formula is not None:
            parse_formula(self.formula)
        if not 0 < self.time_limit < np.inf:
            raise ConfigError(f"--time-limit {self.time_limit:g}: give seconds above 0")


@dataclass(frozen=True)
class MapTask:
    """A file to answer, and the name that its outputs have."""

    file: Path
    name: str

    def __str__(self) -> str:
        return str(self.file)


def predict_files(
    patterns: Sequence[str],
    predictor: Predictor,
    question: MapQuestion,
    run: RunFolder,
    tell: Callable[[Failure], None],
    machines: Machines = HERE,
) -> list[Record]:
    """Answer every map; files without an answer are reported and have a record that is `failed`.

    The atoms of each map are written as XYZ beside `results.jsonl`, which at the end is in the order of the
    files. A resumed run keeps the answers of the same question. Raises ConfigError for a folder that holds
    results which `run` neither replaces nor resumes.
    """
    named = expand_named(patterns, map_files)
    files = [file for file, why in named.items() if why is None]
    run.settings["question"] = question
    asked = {file: run.asked(file) for file in files}
    if run.folder is not None:
        require_inputs_kept(run.folder, files, force=run.force)
    with run, _in_order(run, list(named)):
        earlier = {file: list(run.take_over(file, asked[file]).values()) for file in files}
        run.records += [record for file in files for record in earlier[file]]
        left = [file for file in files if not earlier[file]]
        for failure in (Failure.of(str(file), why) for file, why in named.items() if why is not None):
            tell(failure)
            run.keep(failed(failure))
        # Named before any is answered: names do not depend on who is first.
        tasks = [MapTask(file, run.unused(file.name.split(".")[0])) for file in left]
        display = ProgressDisplay("predict", "maps", 1 - len(tasks) / max(len(files), 1))
        answer = OneByOne(partial(answer_file, predictor, question, run.folder))
        with Crew(machines, answer) as crew:
            chunks = in_chunks(tasks, machines, 1)
            for task, result in worked(crew, chunks, display, len(files), len(files) - len(tasks)):
                if isinstance(result, Failure):
                    tell(result)
                    run.keep(failed(result))
                else:
                    run.keep(result | {ASKED: asked[task.file]})
    return run.records


@contextmanager
def _in_order(run: RunFolder, files: Sequence[Path]) -> Iterator[None]:
    """Have the records in the order of the files in the end, however it comes."""
    order = {str(file): number for number, file in enumerate(files)}
    try:
        yield
    finally:
        run.records.sort(key=lambda record: order[record["file"]])


def map_files(pattern: str) -> list[Path]:
    """Files of a pattern: a file, a glob or a folder; InputError for a pattern that names nothing."""
    wanted = f"maps there; name files ({KINDS}), a glob or a folder"
    return named_files(pattern, lambda path: path.name.endswith(MAP_SUFFIXES), wanted)


def failed(failure: Failure) -> Record:
    """The record of a file without an answer; `solved` is the key of version 0.1 for `trusted`."""
    told = {"schema_version": SCHEMA_VERSION, "file": failure.file, "failed": True, "trusted": False}
    return told | {"reason": failure.reason, "solved": False, "path": "none"}


@dataclass(frozen=True)
class MapAnswer:
    """A map, its origin first, its cell where known, what was found in it, and the record of that."""

    patterson: Box
    cell: CellParameters | None
    found: Prediction
    record: Record


def answer_file(predictor: Predictor, question: MapQuestion, folder: Path | None, task: MapTask) -> Record:
    """The record of one file, whose atoms and map are written where there is a folder.

    InputError where it has none.
    """
    answer = _answer(task.file, predictor, question)
    return answer.record if folder is None else _written(answer, folder, task.name)


def _answer(file: Path, predictor: Predictor, question: MapQuestion) -> MapAnswer:
    """The answer for one file; InputError where it has none."""
    began = time.perf_counter()
    given = MapInput.of(file, centred=question.centred)
    cell = given.known_cell(question.voxel, question.formula)
    patterson = given.values
    told = {"cell": cell, "formula": question.formula, "time_limit": question.time_limit}
    found = predictor.predict(patterson, question.atoms, **told)
    record = {"file": str(file), **found.to_dict()}
    record["seconds"] = round(time.perf_counter() - began, 3)
    return MapAnswer(patterson, cell, found, record)


def _written(answer: MapAnswer, folder: Path, name: str) -> Record:
    """Write atoms and map; the record, which names them."""
    record = answer.record | {"name": name, "xyz": f"{name}.xyz", "map": f"{name}.ccp4"}
    _write_atoms(folder / record["xyz"], answer)
    if answer.cell is None:
        write_map(folder / record["map"], answer.patterson)
    else:
        write_ccp4(folder / record["map"], answer.patterson, answer.cell, Group.from_name("P 1"))
    return record


def _write_atoms(path: Path, answer: MapAnswer) -> None:
    """Atoms as XYZ, equal ones as C: in Å where the cell is known, else in voxels."""
    found = answer.found
    places, unit = (found.positions_voxel, "voxels") if found.cell is None else (found.unwrapped, "Å")
    verdict = "trusted" if found.trusted else "not trusted"
    write_xyz(path, f"{verdict}: {found.reason}; {found.path}; {unit}", found.symbols, places)
