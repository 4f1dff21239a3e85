"""The verbs encode, decode and reconstruct as functions: files in; latents, CIFs and a summary out."""

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from argand.crew import HERE, Machines
from argand.errors import ConfigError, InputError
from argand.io.atomic import drop_leftovers, write_lines
from argand.physics.crystal.structure import Structure
from argand.physics.crystal.symmetrisation import symmetrised
from argand.runs.claim import claim_file, claim_folder
from argand.runs.folder import file_stem, unique_name
from argand.runs.record import RESULTS, SCHEMA_VERSION, Record, write_summary
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
from argand.systems.crystals.files.entries import Task, Tasks, answered_tasks, require_apart, tasks_of
from argand.systems.crystals.latent.decoding import TRIES
from argand.systems.crystals.models.interface import Model
from argand.systems.crystals.models.named import model_of

_MOST_SYMMETRISED = 1.0
"""Å. By hand: with atoms moved further it is another crystal."""


_COMPUTED = "computed from the density of the box"
"""Why vectors of the published interface are trusted, which are not decoded to see."""


@dataclass(frozen=True)
class Decoding:
    """Number of restarts, and the distance in Å within which structures are made symmetric (spglib).

    0 leaves them as decoded. ConfigError for a negative distance, or one beyond `_MOST_SYMMETRISED`.
    """

    tries: int = TRIES
    symmetrise: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.symmetrise <= _MOST_SYMMETRISED:
            raise ConfigError(
                f"{self.symmetrise:g} Å is not from 0 to {_MOST_SYMMETRISED:g}; give --symmetrise 0.1"
            )


def encode_files(
    patterns: Sequence[str],
    out: Path,
    model: Model,
    *,
    machines: Machines = HERE,
    force: bool = False,
    resume: bool = False,
) -> Record:
    """Write the latents of all structures to the parquet file `out`; a summary with what was skipped.

    Each latent is kept as soon as it is computed, in `out` with the ending .jsonl until the end, so that a
    run that was stopped can be resumed, and gives the same file; Ctrl-C leaves what is done. InputError where
    no structure could be encoded, ConfigError where `out` exists and neither `force` nor `resume` is given,
    where it is an input, and where it holds anything but latents of this model.
    """
    arrow_modules()
    tasks = tasks_of(patterns, _rests_on(model), out)
    records = out.with_name(f"{out.name}.jsonl")
    claim_file(out, force=force, resume=resume, beside=[records])
    drop_leftovers(out)
    store = RecordStore(records)
    _take_up(out, store, model)
    tasks.keep_clear_of(store)
    names: list[str] = []
    try:
        answered_tasks("encode", tasks, store, partial(_encoded, model), machines)
    finally:
        names = tasks.answered(store) + tasks.earlier(store)
        if names:
            write_latents(out, map(_stored, store.read(names)), model.config)
    skipped = tasks.skipped + list(store.read(tasks.failed(store)))
    sizes = [len(latent_of_text(record["latent"])) for record in store.read(names)]
    unsure = [_without_latent(record) for record in store.read(names) if not record["trusted"]]
    store.remove()
    if not names:
        raise InputError(f"no structure could be encoded; {skipped[0]['reason']}")
    return {
        "schema_version": SCHEMA_VERSION,
        "encoded": len(names),
        "trusted_count": len(names) - len(unsure),
        "largest_latent": max(sizes),
        "notes": tasks.notes,
        **_left_out(skipped),
        "untrusted": unsure,
    }


def reconstruct_files(
    patterns: Sequence[str],
    out: Path,
    model: Model,
    *,
    decoding: Decoding = Decoding(),
    machines: Machines = HERE,
    force: bool = False,
    resume: bool = False,
) -> Record:
    """Write each structure, through its latent vector alone, to `out` as a CIF of the same stem.

    With `resume` what an earlier run has written is kept where it still holds. Gives the summary, which is in
    `summary.json` too: one record for each structure, and what was skipped and why. ConfigError where `out`
    has results and neither `force` nor `resume` is given, or where it has the structures that are read.
    """
    tasks = tasks_of(patterns, [_rests_on(model), decoding], out)
    claim_folder(out, force=force, resume=resume)
    return _write_all(tasks, out, model, decoding, machines)


def decode_file(
    file: Path,
    out: Path,
    *,
    decoding: Decoding = Decoding(),
    machines: Machines = HERE,
    force: bool = False,
    resume: bool = False,
) -> Record:
    """The same from the latents of a parquet file, as `encode_files` writes it.

    InputError for another file.
    """
    latents = LatentFile(file)
    # The name of a row, which is the same each time, says which one it is.
    asked = digest(decoding, file)
    taken: set[str] = set()
    rows = _decodings(latents, asked, taken)
    holds = lambda record: record[ASKED] == asked  # noqa: E731
    tasks = Tasks(rows, latents.__len__, frozenset([str(file)]), holds, taken.update)
    try:
        model = model_of(latents.config)
    except (ConfigError, InputError) as error:
        raise InputError(f"{file}: {error}") from error
    require_apart(out, [file])
    claim_folder(out, force=force, resume=resume)
    return _write_all(tasks, out, model, decoding, machines, {"latents": str(file)})


def _decodings(latents: LatentFile, asked: str, taken: set[str]) -> Iterator[Task]:
    seen = set(taken)
    for row in latents:
        yield Task(unique_name(file_stem(row.name), seen), row.source, row.latent, asked)


def _rests_on(model: Model) -> list[Any]:
    """What latents rest on beside the structure: the configuration, and the content of weights."""
    weights = model.config.get("weights")
    return [model.config, Path(weights)] if weights else [model.config]


def _encoded(model: Model, task: Task) -> Record:
    """The latent of a structure, and whether it gives the structure back; InputError where it has none."""
    assert isinstance(task.given, Structure)
    latent, decoded = model.verified(task.given)
    verdict: Record = {"trusted": True, "reason": _COMPUTED}
    if decoded is not None:
        verdict = {"trusted": decoded.trusted, "reason": decoded.reason}
    return {"atoms": len(task.given), **verdict, "latent": text_of_latent(latent)}


def _without_latent(record: Record) -> Record:
    """What the summary says of a vector that is not trusted."""
    kept = ("name", "source", "atoms", "trusted", "reason")
    size = len(latent_of_text(record["latent"]))
    return {"schema_version": SCHEMA_VERSION, **{key: record[key] for key in kept}, "latent_size": size}


def _stored(record: Record) -> StoredLatent:
    """The row of a record."""
    verdict = (record["trusted"], record["reason"])
    latent = latent_of_text(record["latent"])
    return StoredLatent(record["name"], record["source"], record["atoms"], latent, record[ASKED], *verdict)


def _take_up(out: Path, store: RecordStore, model: Model) -> None:
    """Add the rows of an earlier run to the store; ConfigError where the file is something else."""
    if not out.exists():
        return
    try:
        rows = LatentFile(out)
        if rows.config != model.config:
            raise ConfigError(f"{out}: latents of another model; --force replaces it, or give another --out")
        for row in rows:
            if row.name not in store:
                about = {"name": row.name, "source": row.source, ASKED: row.asked}
                verdict = {"trusted": row.trusted, "reason": row.reason}
                store.add({**about, "atoms": row.atoms, **verdict, "latent": text_of_latent(row.latent)})
    except InputError as error:
        raise ConfigError(
            f"{out}: not a file of latents; --force replaces it, or give another --out"
        ) from error


def _write_all(
    tasks: Tasks,
    out: Path,
    model: Model,
    decoding: Decoding,
    machines: Machines,
    about: Record | None = None,
) -> Record:
    """Write the structures of all tasks, and the summary; remove CIFs that are no answers any more."""
    store = RecordStore(out / RESULTS)
    tasks.keep_clear_of(store)
    is_there = lambda name: (out / f"{name}.cif").exists()  # noqa: E731
    try:
        answer = partial(_reconstructed, out, model, decoding, about or {})
        answered_tasks("reconstruct", tasks, store, answer, machines, is_there)
    finally:
        names = tasks.answered(store) + [name for name in tasks.earlier(store) if is_there(name)]
        for gone in {name for name in store if store.asked(name) is not None} - set(names):
            (out / f"{gone}.cif").unlink(missing_ok=True)
        failed = tasks.skipped + list(store.read(tasks.failed(store)))
        summary = write_summary(out, _summary(store.read(names), failed, tasks.notes, model.config))
    return summary


def _reconstructed(out: Path, model: Model, decoding: Decoding, about: Record, task: Task) -> Record:
    """Write one CIF from a latent alone; its record. ArgandError where there is no structure."""
    start = time.perf_counter()
    given = task.given
    if isinstance(given, Structure):
        latent, decoded = model.rebuilt(given, decoding.tries)
    else:
        latent, decoded = given, model.decode(given, decoding.tries)
    group = None
    if decoding.symmetrise:
        structure, group = symmetrised(decoded.structure, decoding.symmetrise)
        decoded = replace(decoded, structure=structure)
    file = f"{task.name}.cif"
    text = decoded.to_cif(task.name, {"_argand_latent_size": str(len(latent))})
    write_lines(out / file, text.splitlines())
    chances = decoded.probability[decoded.structure.cif_order]
    return {
        **decoded.figures,
        **about,
        "file": file,
        "latent_size": len(latent),
        **({"symmetrise": decoding.symmetrise, "symmetrised_to": group} if group else {}),
        "seconds": time.perf_counter() - start,
        "species_probability": chances.round(4).tolist(),
    }


def _summary(records: Iterable[Record], skipped: list[Record], notes: list[str], config: Record) -> Record:
    """Records of what was written, and what was skipped."""
    written = [{key: value for key, value in record.items() if key != ASKED} for record in records]
    figures: Record = {"written": len(written), "trusted_count": sum(one["trusted"] for one in written)}
    if written:
        figures["mean_confidence"] = float(np.mean([record["confidence"] for record in written]))
        figures["least_confidence"] = min(record["confidence"] for record in written)
        figures["largest_latent"] = max(record["latent_size"] for record in written)
    return {
        "schema_version": SCHEMA_VERSION,
        **figures,
        "notes": notes,
        **_left_out(skipped),
        "representation": config,
        "structures": written,
    }


def _left_out(skipped: list[Record]) -> Record:
    return {"skipped_count": len(skipped), "skipped": skipped}
