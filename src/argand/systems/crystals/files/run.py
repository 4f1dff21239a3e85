"""The verbs encode, decode and reconstruct as functions: files in; latents, CIFs and a summary out."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from argand.crew import HERE, Machines
from argand.errors import ConfigError, InputError
from argand.io.atomic import drop_leftovers, make_folder, write_lines
from argand.io.structure import cif_text
from argand.physics.crystal.structure import Structure
from argand.physics.crystal.symmetrisation import symmetrised
from argand.runs.folder import file_stem, unique_name
from argand.runs.record import RESULTS, Record, write_summary
from argand.runs.resume import ASKED, digest
from argand.runs.store import RecordStore
from argand.systems.crystals.database.latents import (
    LatentFile,
    StoredLatent,
    arrow_modules,
    latent_of_text,
    text_of_latent,
    write_latents,
)
from argand.systems.crystals.files.entries import Task, Tasks, answered_tasks, asked_of, tasks_of
from argand.systems.crystals.latent.decoding import TRIES
from argand.systems.crystals.models.interface import Model
from argand.systems.crystals.models.named import model_of

_MOST_SYMMETRISED = 1.0
"""Å. By hand: atoms that are moved further are not the crystal's any more."""


@dataclass(frozen=True)
class Decoding:
    """Repairs tried, and within how many Å structures are made symmetric (spglib).

    0 leaves them as decoded. ConfigError for a distance that is none, or beyond `_MOST_SYMMETRISED`.
    """

    tries: int = TRIES
    symmetrise: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.symmetrise <= _MOST_SYMMETRISED:
            raise ConfigError(
                f"{self.symmetrise:g} Å is no distance to make atoms symmetric within; give 0.1"
            )


def encode_files(
    patterns: Sequence[str], out: Path, model: Model, *, machines: Machines = HERE, force: bool = False
) -> Record:
    """Write the latents of all structures to the parquet file `out`; a summary with what was skipped.

    Each latent is kept as it comes, in `out` with the ending .jsonl until the end, so that a run that was
    stopped goes on, and gives the same file; Ctrl-C leaves what is done. With `force` all is done again.
    InputError where no structure could be encoded, ConfigError where `out` is a parquet file of something
    else.
    """
    arrow_modules()
    settings = _rests_on(model)
    tasks = tasks_of(patterns, settings)
    make_folder(out.parent)
    drop_leftovers(out)
    store = RecordStore(_emptied(out.with_name(f"{out.name}.jsonl"), force))
    if not force:
        _take_up(out, store, model)
    try:
        answered_tasks("encode", tasks, store, partial(_encoded, model), machines)
    finally:
        names = tasks.answered(store) + _still_good(tasks, store, partial(_asked_so, settings))
        if names:
            write_latents(out, map(_stored, store.read(names)), model.config)
    skipped = tasks.skipped + list(store.read(tasks.failed(store)))
    sizes = [len(latent_of_text(record["latent"])) for record in store.read(names)]
    store.remove()
    if not names:
        raise InputError(f"no structure could be encoded; {skipped[0]['reason']}")
    return {
        "encoded": len(names),
        "largest_latent": max(sizes),
        "notes": tasks.notes,
        **_left_out(skipped),
    }


def reconstruct_files(
    patterns: Sequence[str],
    out: Path,
    model: Model,
    *,
    decoding: Decoding = Decoding(),
    machines: Machines = HERE,
    force: bool = False,
) -> Record:
    """Write each structure, through its latent vector alone, to `out` as a CIF of the same stem.

    What a run that was stopped has written is not done again, unless with `force`. Gives the summary, which
    is in `summary.json` too: one record for each structure, and what was skipped and why.
    """
    settings = [_rests_on(model), decoding]
    holds = partial(_asked_so, settings)
    return _write_all(tasks_of(patterns, settings), holds, out, model, decoding, machines, force)


def decode_file(
    file: Path,
    out: Path,
    *,
    decoding: Decoding = Decoding(),
    machines: Machines = HERE,
    force: bool = False,
) -> Record:
    """The same from the latents of a parquet file, as `encode_files` writes it.

    InputError for another file.
    """
    latents = LatentFile(file)
    # A row's name, which is the same each time, says which one it is.
    asked = digest(decoding, file)
    tasks = Tasks(_decodings(latents, asked), latents.__len__)
    holds = lambda record: record[ASKED] == asked  # noqa: E731
    try:
        model = model_of(latents.config)
    except (ConfigError, InputError) as error:
        raise InputError(f"{file}: {error}") from error
    return _write_all(tasks, holds, out, model, decoding, machines, force)


def _decodings(latents: LatentFile, asked: str) -> Iterator[Task]:
    seen: set[str] = set()
    for row in latents:
        yield Task(unique_name(file_stem(row.name), seen), row.source, row.latent, asked)


def _rests_on(model: Model) -> list[Any]:
    """What latents rest on beside the structure: the configuration, and the content of weights."""
    weights = model.config.get("weights")
    return [model.config, Path(weights)] if weights else [model.config]


def _encoded(model: Model, task: Task) -> Record:
    """The latent of a structure; InputError where it has none."""
    assert isinstance(task.given, Structure)
    return {"atoms": len(task.given), "latent": text_of_latent(model.encode(task.given))}


def _stored(record: Record) -> StoredLatent:
    """The row of a record."""
    return StoredLatent(
        record["name"], record["source"], record["atoms"], latent_of_text(record["latent"]), record[ASKED]
    )


def _emptied(records: Path, force: bool) -> Path:
    """The file of records, which is removed where all is to be done again."""
    if force:
        records.unlink(missing_ok=True)
    return records


def _take_up(out: Path, store: RecordStore, model: Model) -> None:
    """Add the rows of an earlier run to the store; ConfigError where the file is something else."""
    if not out.exists():
        return
    try:
        rows = LatentFile(out)
        # No row of another model answers what is asked.
        for row in rows if rows.config == model.config else ():
            if row.name not in store:
                about = {"name": row.name, "source": row.source, ASKED: row.asked}
                store.add({**about, "atoms": row.atoms, "latent": text_of_latent(row.latent)})
    except InputError as error:
        raise ConfigError(f"{out}: holds no latents; name another --out, or give --force") from error


def _still_good(tasks: Tasks, store: RecordStore, holds: Callable[[Record], bool]) -> list[str]:
    """Names of answers of an earlier run that this one, which was stopped, has not come to, and that hold."""
    return [one["name"] for one in store.read(tasks.not_reached(store)) if holds(one)]


def _asked_so(settings: Any, record: Record) -> bool:
    """Whether a record answers what is asked, as far as it tells.

    Rows of latents do not say which structure of a file they are of. They stay until the same command, which
    asks again what has changed, is let to the end.
    """
    entry = record.get("entry")
    return entry is None or record[ASKED] == asked_of(settings, entry, record["source"])


def _write_all(
    tasks: Tasks,
    holds: Callable[[Record], bool],
    out: Path,
    model: Model,
    decoding: Decoding,
    machines: Machines,
    force: bool,
) -> Record:
    """Write the structures of all tasks, and the summary."""
    store = RecordStore(_emptied(make_folder(out) / RESULTS, force))
    is_there = lambda name: (out / f"{name}.cif").exists()  # noqa: E731
    try:
        answer = partial(_reconstructed, out, model, decoding)
        answered_tasks("reconstruct", tasks, store, answer, machines, is_there)
    finally:
        earlier = [name for name in _still_good(tasks, store, holds) if is_there(name)]
        names = tasks.answered(store) + earlier
        failed = tasks.skipped + list(store.read(tasks.failed(store)))
        summary = write_summary(out, _summary(store.read(names), failed, tasks.notes, model.config))
    return summary


def _reconstructed(out: Path, model: Model, decoding: Decoding, task: Task) -> Record:
    """Write one CIF from a latent alone; its record. ArgandError where there is no structure."""
    start = time.perf_counter()
    given = task.given
    if isinstance(given, Structure):
        latent, decoded = model.rebuilt(given, decoding.tries)
    else:
        latent, decoded = given, model.decode(given, decoding.tries)
    structure, group = decoded.structure, None
    if decoding.symmetrise:
        structure, group = symmetrised(structure, decoding.symmetrise)
    file = f"{task.name}.cif"
    tags = {
        "_argand_confidence": f"{decoded.confidence:.4f}",
        "_argand_misfit": f"{decoded.misfit:.3g}",
        "_argand_latent_size": str(len(latent)),
    }
    write_lines(out / file, cif_text(structure, task.name, tags).splitlines())
    return {
        "file": file,
        "atoms": len(decoded.structure),
        "formula": decoded.structure.formula,
        "latent_size": len(latent),
        **({"symmetrise": decoding.symmetrise, "symmetrised_to": group} if group else {}),
        "confidence": decoded.confidence,
        "misfit": decoded.misfit,
        "least_species_probability": float(decoded.probability.min()),
        "largest_place_error": float(decoded.spread.max()),
        "seconds": time.perf_counter() - start,
        "species_probability": decoded.probability.round(4).tolist(),
    }


def _summary(records: Iterable[Record], skipped: list[Record], notes: list[str], config: Record) -> Record:
    """Records of what was written, and what was skipped."""
    written = [{key: value for key, value in record.items() if key != ASKED} for record in records]
    figures: Record = {"written": len(written)}
    if written:
        figures["mean_confidence"] = float(np.mean([record["confidence"] for record in written]))
        figures["least_confidence"] = min(record["confidence"] for record in written)
        figures["largest_latent"] = max(record["latent_size"] for record in written)
    return {
        **figures,
        "notes": notes,
        **_left_out(skipped),
        "representation": config,
        "structures": written,
    }


def _left_out(skipped: list[Record]) -> Record:
    return {"skipped_count": len(skipped), "skipped": skipped}
