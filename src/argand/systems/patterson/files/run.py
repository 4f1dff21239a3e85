"""The verb predict as a function: files in; records, atoms, maps and a page out."""

import json
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from argand.errors import ConfigError, InputError
from argand.io.map import read_map, write_map
from argand.io.solution import write_xyz
from argand.progress import ProgressDisplay
from argand.systems.patterson.predict import Predictor
from argand.typing import Points3

Record = dict[str, Any]
RESULTS = "results.jsonl"
KINDS = ".npy, .map, .ccp4, .mrc"
MAP_SUFFIXES = (".npy", ".map", ".ccp4", ".mrc", ".map.gz", ".ccp4.gz", ".mrc.gz")


def predict_files(
    patterns: Sequence[str],
    predictor: Predictor,
    atoms: int | None,
    out: Path | None,
    tell: Callable[[str], None],
    *,
    centred: bool = False,
    force: bool = False,
) -> list[Record]:
    """Answer every map; files without an answer are told and have a record with `reason`.

    With `out`, each map's atoms are written as XYZ beside `results.jsonl`; ConfigError where the folder
    holds results already and `force` was not given.
    """
    files = list(expand(patterns))
    if out is not None:
        if (out / RESULTS).exists() and not force:
            raise ConfigError(f"{out} holds results; name another folder or give --force")
        out.mkdir(parents=True, exist_ok=True)
    records = []
    with ProgressDisplay("predict", "maps") as display:
        for number, file in enumerate(files, start=1):
            records.append(_answer(file, predictor, atoms, centred, out, tell))
            display.update(number / len(files), number)
    if out is not None:
        lines = "".join(json.dumps(record) + "\n" for record in records)
        (out / RESULTS).write_text(lines, encoding="utf-8")
    return records


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


def _answer(
    file: Path,
    predictor: Predictor,
    atoms: int | None,
    centred: bool,
    out: Path | None,
    tell: Callable[[str], None],
) -> Record:
    """Record of one file."""
    began = time.perf_counter()
    try:
        values = read_map(file)
        patterson = np.fft.ifftshift(values) if centred else values
        answer = predictor.predict(patterson, atoms)
    except InputError as error:
        message = str(error) if str(error).startswith(str(file)) else f"{file}: {error}"
        tell(message)
        reason = message.removeprefix(f"{file}: ")
        return {"file": str(file), "solved": False, "path": "none", "reason": reason}
    record = {"file": str(file), **answer.to_json(), "box": len(values)}
    record["seconds"] = round(time.perf_counter() - began, 3)
    if out is not None:
        name = file.name.split(".")[0]
        record["xyz"] = f"{name}.xyz"
        _write_atoms(out / record["xyz"], answer.positions_voxel, record)
        record["map"] = write_map(out / f"{name}.ccp4", patterson).name
    return record


def _write_atoms(path: Path, positions: Points3, record: Record) -> None:
    """Atoms as XYZ, one voxel being 1 Å; equal atoms are called C."""
    verdict = "solved" if record["solved"] else "not solved"
    comment = f"{verdict} by {record['path']}, residual {record['residual']:.5f}; voxels"
    write_xyz(path, comment, ["C"] * len(positions), positions)


def read_records(folder: Path) -> list[Record]:
    """Records of a run; InputError where there are none."""
    results = folder / RESULTS
    if not results.is_file():
        raise InputError(f"{folder}: no {RESULTS} there; name the folder that predict --out wrote")
    return [json.loads(line) for line in results.read_text(encoding="utf-8").splitlines()]
