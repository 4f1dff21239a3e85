"""The verbs encode, decode and reconstruct as functions: files in; latents, CIFs and a summary out."""

import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from argand.errors import InputError
from argand.io.atomic import write_lines
from argand.io.structure import cif_text, expand, is_structure_file, read_many
from argand.machine import available_cores
from argand.physics.crystal.structure import Structure
from argand.physics.crystal.symmetrisation import symmetrised
from argand.processes import Ticker, run_jobs
from argand.progress import ProgressDisplay
from argand.runs.course import Failure, attempted
from argand.runs.folder import make_folder, unique_name
from argand.runs.record import Record, write_summary
from argand.systems.crystals.database.latents import StoredLatent, read_latents, write_latents
from argand.systems.crystals.latent.decoding import TRIES, Decoded
from argand.systems.crystals.predict import Model, model_of

RECORDS = "records.jsonl"
_CHUNK = 16
"""Structures of one job. By hand: some seconds at most, and little to do again for a run that was stopped."""


@dataclass(frozen=True)
class Task:
    """One CIF to write: from a structure, which is encoded first, or from a latent."""

    name: str
    source: str
    given: Structure | np.ndarray
    entry: int | None = None
    """Which structure of the source it is, from 0."""


@dataclass(frozen=True)
class Decoding:
    """Repairs tried, and within how many Å structures are made symmetric (spglib).

    0 leaves them as decoded.
    """

    tries: int = TRIES
    symmetrise: float = 0.0


def encode_files(patterns: Sequence[str], out: Path, model: Model) -> Record:
    """Write the latents of all structures to the parquet file `out`; a summary with what was skipped.

    InputError where no structure could be encoded.
    """
    rows, skipped = [], []
    for one in _structures(patterns):
        (outcome,) = attempted(one.source, partial(_encoded, one, model), (InputError,))
        if isinstance(outcome, Failure):
            skipped.append(_skipped(one, outcome.text))
        else:
            rows.append(outcome)
    if not rows:
        raise InputError(f"no structure could be encoded; {skipped[0]['reason']}")
    make_folder(out.parent)
    write_latents(out, rows, model.config)
    return {
        "encoded": len(rows),
        "largest_latent": max(len(row.latent) for row in rows),
        **_left_out(skipped),
    }


def reconstruct_files(
    patterns: Sequence[str],
    out: Path,
    model: Model,
    *,
    decoding: Decoding = Decoding(),
    processes: int | None = None,
    force: bool = False,
) -> Record:
    """Write each structure, through its latent vector alone, to `out` as a CIF of the same stem.

    What a run that was stopped has written is not done again, unless with `force`. Gives the summary, which
    is in `summary.json` too: one record for each structure, and what was skipped and why.
    """
    tasks, skipped = [], []
    for one in _structures(patterns):
        if isinstance(one.found, Structure):
            tasks.append(Task(one.name, one.source, one.found, one.entry))
        else:
            skipped.append(_skipped(one, str(one.found)))
    return _write_all(tasks, skipped, out, model, decoding, processes, force)


def decode_file(
    file: Path,
    out: Path,
    *,
    decoding: Decoding = Decoding(),
    processes: int | None = None,
    force: bool = False,
) -> Record:
    """The same from the latents of a parquet file, as `encode_files` writes it.

    InputError for another file.
    """
    rows, config = read_latents(file)
    model = model_of(config)
    tasks = [Task(row.name, row.source, row.latent) for row in rows]
    return _write_all(_distinct(tasks), [], out, model, decoding, processes, force)


class Entry(NamedTuple):
    """A structure of a source, or why there is none; `entry` is its number there, from 0."""

    name: str
    source: str
    entry: int
    found: Structure | InputError


def _structures(patterns: Sequence[str]) -> Iterator[Entry]:
    """The entries of all files, no two of one name."""
    seen: set[str] = set()
    for path in expand(patterns):
        if not is_structure_file(path):
            reason = InputError(f"{path}: not a CIF, POSCAR, XYZ or parquet file, by its name")
            yield Entry(path.name, str(path), 0, reason)
            continue
        for entry, (name, found) in enumerate(read_many(path)):
            yield Entry(unique_name(_plain(name), seen), str(path), entry, found)


def _encoded(one: Entry, model: Model) -> Iterator[StoredLatent]:
    """The latent of an entry; InputError where it is no structure or has no latent."""
    if isinstance(one.found, InputError):
        raise one.found
    yield StoredLatent(one.name, one.source, len(one.found), model.encode(one.found))


def _skipped(one: Entry, reason: str) -> Record:
    return {"name": one.name, "source": one.source, "reason": reason}


def _plain(name: str) -> str:
    """The name as a file can have it."""
    return name.replace("/", "_").replace("\0", "").strip(". ") or "structure"


def _distinct(tasks: Sequence[Task]) -> list[Task]:
    seen: set[str] = set()
    return [Task(unique_name(_plain(task.name), seen), task.source, task.given) for task in tasks]


def _write_all(
    tasks: list[Task],
    skipped: list[Record],
    out: Path,
    model: Model,
    decoding: Decoding,
    processes: int | None,
    force: bool,
) -> Record:
    make_folder(out)
    if force:
        (out / RECORDS).unlink(missing_ok=True)
    done = _records(out)
    config = model.config
    left = [task for task in tasks if not _is_done(done.get(task.name), task, config, out, decoding)]
    begun = (len(tasks) - len(left)) / max(len(tasks), 1)
    jobs = [
        (write_chunk, left[first : first + _CHUNK], out, model, decoding)
        for first in range(0, len(left), _CHUNK)
    ]
    with ProgressDisplay("reconstruct", "structures", begun) as display:
        watch = lambda done: display.update(begun + done / max(len(tasks), 1), done)  # noqa: E731
        run_jobs(jobs, processes or available_cores(), watch)
    done = _records(out)
    summary = _summary([done[task.name] for task in tasks], skipped, config)
    write_summary(out, summary)
    return summary


def _is_done(record: Record | None, task: Task, config: Record, out: Path, decoding: Decoding) -> bool:
    """Whether the record is of the same task, and its CIF there."""
    if record is None or record["source"] != task.source or record["representation"] != config:
        return False
    if record.get("symmetrise", 0.0) != decoding.symmetrise:
        return False
    return "reason" not in record and (out / record["file"]).exists()


def _records(out: Path) -> dict[str, Record]:
    """Records by name; the last of a name counts, and a line cut short does not."""
    found: dict[str, Record] = {}
    if (out / RECORDS).exists():
        for line in (out / RECORDS).read_text(encoding="utf-8").splitlines():
            try:
                record = json.loads(line)
            except json.JSONDecodeError:
                continue
            found[record["name"]] = record
    return found


def write_chunk(ticker: Ticker, tasks: Sequence[Task], out: Path, model: Model, decoding: Decoding) -> None:
    """A job: decode some tasks, write a CIF for each, and append its record."""
    for task in tasks:
        record = _reconstruct(task, out, model, decoding)
        line = json.dumps({**record, "representation": model.config}) + "\n"
        # One write in append mode, so that lines of several processes never mix.
        with (out / RECORDS).open("ab", buffering=0) as file:
            file.write(line.encode())
        ticker.tick()


def _reconstruct(task: Task, out: Path, model: Model, decoding: Decoding) -> Record:
    """Write one CIF from a latent alone; its record, or the reason why there is none."""
    start = time.perf_counter()
    record: Record = {"name": task.name, "source": task.source, "entry": task.entry}
    if decoding.symmetrise:
        record["symmetrise"] = decoding.symmetrise
    (outcome,) = attempted(task.source, partial(_decoded, task, model, decoding.tries))
    if isinstance(outcome, Failure):
        return {**record, "reason": outcome.text}
    latent, decoded = outcome
    file = f"{task.name}.cif"
    structure, group = decoded.structure, None
    if decoding.symmetrise:
        structure, group = symmetrised(structure, decoding.symmetrise)
    tags = {
        "_argand_confidence": f"{decoded.confidence:.4f}",
        "_argand_misfit": f"{decoded.misfit:.3g}",
        "_argand_latent_size": str(len(latent)),
    }
    write_lines(out / file, cif_text(structure, task.name, tags).splitlines())
    return {
        **record,
        "file": file,
        "atoms": len(decoded.structure),
        "formula": decoded.structure.formula,
        "latent_size": len(latent),
        **({"symmetrised_to": group} if group else {}),
        "confidence": decoded.confidence,
        "misfit": decoded.misfit,
        "least_species_probability": float(decoded.probability.min()),
        "largest_place_error": float(decoded.spread.max()),
        "seconds": time.perf_counter() - start,
        "species_probability": decoded.probability.round(4).tolist(),
    }


def _decoded(task: Task, model: Model, tries: int) -> Iterator[tuple[np.ndarray, Decoded]]:
    """The latent of a task and what it decodes to; ArgandError where there is none."""
    given = task.given
    yield model.rebuilt(given, tries) if isinstance(given, Structure) else (given, model.decode(given, tries))


def _summary(records: list[Record], skipped: list[Record], config: Record) -> Record:
    """Records of what was written, and what was skipped."""
    written = [record for record in records if "reason" not in record]
    skipped = skipped + [record for record in records if "reason" in record]
    for record in records:
        record.pop("representation", None)
    figures: Record = {"written": len(written)}
    if written:
        figures["mean_confidence"] = float(np.mean([record["confidence"] for record in written]))
        figures["least_confidence"] = min(record["confidence"] for record in written)
        figures["largest_latent"] = max(record["latent_size"] for record in written)
    return {**figures, **_left_out(skipped), "representation": config, "structures": written}


def _left_out(skipped: list[Record]) -> Record:
    return {"skipped_count": len(skipped), "skipped": skipped}
