"""The verbs encode, decode and reconstruct as functions: files in; latents, CIFs and a summary out."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from argand.errors import ConfigError, InputError
from argand.io.atomic import write_lines
from argand.io.structure import cif_text
from argand.physics.crystal.structure import Structure
from argand.physics.crystal.symmetrisation import symmetrised
from argand.runs.folder import file_stem, make_folder, unique_name
from argand.runs.record import RESULTS, Record, write_summary
from argand.runs.resume import ASKED, digest
from argand.systems.crystals.database.latents import (
    StoredLatent,
    arrow_modules,
    latent_of_text,
    read_latents,
    text_of_latent,
    write_latents,
)
from argand.systems.crystals.files.entries import Task, answered_tasks, records_by_name, tasks_of
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
    patterns: Sequence[str], out: Path, model: Model, *, processes: int | None = None, force: bool = False
) -> Record:
    """Write the latents of all structures to the parquet file `out`; a summary with what was skipped.

    Each latent is kept as it comes, in `out` with the ending .jsonl until the end, so that a run that was
    stopped goes on, and gives the same file; Ctrl-C leaves what is done. With `force` all is done again.
    InputError where no structure could be encoded, ConfigError where `out` is a parquet file of something
    else.
    """
    arrow_modules()
    tasks, skipped = tasks_of(patterns, _rests_on(model))
    make_folder(out.parent)
    records = out.with_name(f"{out.name}.jsonl")
    if force:
        records.unlink(missing_ok=True)
    earlier = {} if force else {**_earlier_latents(out), **records_by_name(records)}
    try:
        answer = partial(_encoded, model)
        answered_tasks("encode", tasks, records, answer, earlier=earlier, processes=processes)
    finally:
        done = {**earlier, **records_by_name(records)}
        found = [done[task.name] for task in tasks if done.get(task.name, {}).get(ASKED) == task.asked]
        if found:
            write_latents(out, [_stored(record) for record in found], model.config)
    skipped += [_plain(done[task.name]) for task in tasks if "reason" in done[task.name]]
    records.unlink(missing_ok=True)
    if not found:
        raise InputError(f"no structure could be encoded; {skipped[0]['reason']}")
    return {
        "encoded": len(found),
        "largest_latent": max(len(latent_of_text(record["latent"])) for record in found),
        "notes": [note for task in tasks for note in task.notes],
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
    tasks, skipped = tasks_of(patterns, [_rests_on(model), decoding])
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
    try:
        model = model_of(config)
    except (ConfigError, InputError) as error:
        raise InputError(f"{file}: {error}") from error
    seen: set[str] = set()
    tasks = [
        Task(unique_name(file_stem(row.name), seen), row.source, row.latent, digest([decoding, number], file))
        for number, row in enumerate(rows)
    ]
    return _write_all(tasks, [], out, model, decoding, processes, force)


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


def _earlier_latents(out: Path) -> dict[str, Record]:
    """The rows of an earlier run as records; ConfigError where the file is something else."""
    if not out.exists():
        return {}
    try:
        rows, _ = read_latents(out)
    except InputError as error:
        raise ConfigError(f"{out}: holds no latents; name another --out, or give --force") from error
    return {
        row.name: {
            "name": row.name,
            "source": row.source,
            ASKED: row.asked,
            "atoms": row.atoms,
            "latent": text_of_latent(row.latent),
        }
        for row in rows
    }


def _write_all(
    tasks: list[Task],
    skipped: list[Record],
    out: Path,
    model: Model,
    decoding: Decoding,
    processes: int | None,
    force: bool,
) -> Record:
    records = make_folder(out) / RESULTS
    if force:
        records.unlink(missing_ok=True)
    earlier = {
        name: record
        for name, record in records_by_name(records).items()
        if "reason" not in record and (out / record["file"]).exists()
    }
    try:
        answer = partial(_reconstructed, out, model, decoding)
        answered_tasks("reconstruct", tasks, records, answer, earlier=earlier, processes=processes)
    finally:
        done = records_by_name(records)
        known = [done[task.name] for task in tasks if task.name in done]
        summary = write_summary(out, _summary(known, skipped, model.config))
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


def _summary(records: list[Record], skipped: list[Record], config: Record) -> Record:
    """Records of what was written, and what was skipped."""
    written = [_plain(record) for record in records if "reason" not in record]
    skipped = skipped + [_plain(record) for record in records if "reason" in record]
    figures: Record = {"written": len(written)}
    if written:
        figures["mean_confidence"] = float(np.mean([record["confidence"] for record in written]))
        figures["least_confidence"] = min(record["confidence"] for record in written)
        figures["largest_latent"] = max(record["latent_size"] for record in written)
    notes = [note for record in records for note in record.get("notes", ())]
    return {
        **figures,
        "notes": notes,
        **_left_out(skipped),
        "representation": config,
        "structures": written,
    }


def _plain(record: Record) -> Record:
    """A record as it is told, without what it rests on."""
    return {key: value for key, value in record.items() if key != ASKED}


def _left_out(skipped: list[Record]) -> Record:
    return {"skipped_count": len(skipped), "skipped": skipped}
