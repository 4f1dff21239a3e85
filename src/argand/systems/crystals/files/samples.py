"""The verb `evaluate samples` as a function: how stable, unique and new some structures are."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import Any

from argand.crew import HERE, Crew, Machines, in_chunks
from argand.errors import ArgandError, ConfigError, InputError
from argand.io.atomic import make_folder, write_lines
from argand.io.structure import expand_all, read_many
from argand.physics.crystal.comparison import match
from argand.physics.crystal.structure import Structure
from argand.progress import ProgressDisplay
from argand.runs.claim import claim_folder
from argand.runs.course import Failure, worked
from argand.runs.folder import file_stem, unique_name
from argand.runs.one_by_one import OneByOne
from argand.runs.record import SCHEMA_VERSION, Record, to_record, write_summary
from argand.runs.resume import ASKED, digest
from argand.runs.store import RecordStore
from argand.systems.crystals.database.composition import is_composition_valid
from argand.systems.crystals.database.dataset import from_parquet
from argand.systems.crystals.database.fingerprint_index import formula_of, load_index
from argand.systems.crystals.energy.phases import load_phases
from argand.systems.crystals.energy.potential import load_potential
from argand.systems.crystals.energy.relaxation import Effort
from argand.systems.crystals.energy.stability import against, relaxed_with_energy
from argand.systems.crystals.files.entries import failed, require_apart
from argand.systems.crystals.generation.sampling import LATENTS, repeated
from argand.systems.crystals.generation.selection import (
    described,
    from_plain,
    is_strictly_valid,
    is_valid,
    to_plain,
)

RECORDS, RELAXED = "records.jsonl", "relaxed"
THRESHOLDS = (0.0, 0.1)
"""eV for an atom above the hull up to which a crystal counts as stable: on it, and as in MatterGen's
benchmark (Zeni et al., Nature 639, 624, 2025)."""

Named = tuple[str, Structure]


@dataclass(frozen=True)
class Criteria:
    """What samples are compared with: the shipped phases and index by default. `known` is a parquet file."""

    known: Path | None = None
    phases: Path | None = None
    index: Path | None = None
    effort: Effort = field(default_factory=Effort)


@dataclass(frozen=True)
class Question:
    """A structure of a file under its name, and the known ones of its reduced formula."""

    name: str
    source: str
    structure: Structure
    like: tuple[Named, ...] = ()

    def __str__(self) -> str:
        return self.source


def evaluate_samples(
    patterns: Sequence[str],
    criteria: Criteria,
    out: Path,
    machines: Machines = HERE,
    *,
    force: bool = False,
    resume: bool = False,
) -> Record:
    """Relax the structures of some files, and say how many of them are stable, unique and new.

    Relaxed structures are written to `out` as CIFs, with a record each at once, so that `resume` continues a
    run that was stopped. Known is what StructureMatcher finds in the pool `known` among all of the same
    reduced formula, benchmarks and large cells included; without it, among the structures of the index. What
    cannot be read or evaluated is skipped, with a reason. InputError where no structure can be evaluated,
    ConfigError for a folder with results and neither `force` nor `resume`, with results of other settings, or
    with the structures that are read; MissingExtraError without CHGNet.
    """
    questions, skipped = _read(patterns)
    require_apart(out, {Path(one.source) for one in questions})
    load_potential()
    load_phases(criteria.phases)
    claim_folder(out, force=force, resume=resume)
    like = _of_same_formula([one.structure for one in questions], criteria.known)
    store = earlier_records(out, criteria)
    done = {one.name for one in questions if _is_done(store, one)}
    left = [
        replace(one, like=tuple(like.get(formula_of(one.structure), ())))
        for one in questions
        if one.name not in done
    ]
    display = ProgressDisplay("evaluate", "structures", len(done) / len(questions))
    with Crew(machines, OneByOne(partial(evaluate_one, criteria, out))) as crew:
        chunks = in_chunks(left, machines, 1)
        for question, result in worked(crew, chunks, display, len(questions), len(done)):
            if isinstance(result, Failure):
                about = {"name": question.name, "source": question.source}
                skipped.append(failed(about, result.message))
            else:
                store.add(result)
                done.add(question.name)
    if not done:
        raise InputError(f"no structure could be evaluated; {skipped[0]['reason']}")
    records = list(store.read([one.name for one in questions if one.name in done]))
    return write_summary(out, to_record(summed(records, skipped, criteria)))


def evaluate_one(criteria: Criteria, out: Path, question: Question) -> Record:
    """The record of one structure, whose relaxed form is written as a CIF."""
    name, structure = question.name, question.structure
    record: Record = {ASKED: digest(criteria), "name": name, "given": to_plain(structure)}
    record |= {"valid_loose": is_valid(structure), "valid_strict": is_strictly_valid(structure)}
    if find_spec("smact") is not None:
        record["composition_valid"] = is_composition_valid(structure)
    try:
        relaxed, energy = relaxed_with_energy(structure, load_phases(criteria.phases), criteria.effort)
    except ArgandError as error:
        relaxed, energy = structure, {"reason": " ".join(str(error).split())}
    about = described(relaxed, load_index(criteria.index))
    if criteria.known is not None:
        same = (other for other, one in question.like if match(relaxed, one) is not None)
        about["known_as"] = next(same, None)
    keys = ("formula", "atoms", "space_group", "nearest", "known_as", "new_framework")
    record |= {**energy, **{key: about[key] for key in keys}, "structure": to_plain(relaxed)}
    make_folder(out / RELAXED)
    write_lines(out / RELAXED / f"{name}.cif", relaxed.to_cif(name).splitlines())
    return record


def summed(records: Sequence[Record], skipped: Sequence[Record], criteria: Criteria) -> Record:
    """Fractions over all structures: valid, near the hull, unique, new, and all of these at once.

    Distances from the hull are taken anew from the energies: another hull asks for no other relaxation.
    """
    hull, shown = load_phases(criteria.phases), []
    relaxed = [from_plain(record["structure"]) for record in records]
    for record, structure, earlier in zip(records, relaxed, repeated(relaxed), strict=True):
        told = {"schema_version": SCHEMA_VERSION, **record, **against(hull, structure, record)}
        told |= {**verdict_of(told), "unique": earlier is None}
        hidden = (ASKED, "given", "structure")
        shown.append({key: value for key, value in told.items() if key not in hidden})
    return {
        "schema_version": SCHEMA_VERSION,
        "count": len(shown),
        "trusted_count": sum(one["trusted"] for one in shown),
        "skipped": list(skipped),
        "known": "the index" if criteria.known is None else str(criteria.known),
        **figures(shown),
        "structures": shown,
    }


def verdict_of(record: Record) -> Record:
    """Whether the energy above the hull of a record is to be trusted, and why.

    It is where the relaxation converged and each element has a reference phase.
    """
    if record.get("relaxation") is None:
        return {"trusted": False, "reason": f"no energy: {record.get('reason') or 'the relaxation failed'}"}
    if record["relaxation"] != "converged":
        return {"trusted": False, "reason": f"the relaxation did not converge ({record['relaxation']})"}
    if record["above_hull"] is None:
        lacking = ", ".join(record["without_reference"]) or "its elements"
        return {"trusted": False, "reason": f"no reference phase of {lacking}: no energy above the hull"}
    return {"trusted": True, "reason": "relaxation converged, and each element has a reference phase"}


def figures(records: Sequence[Record]) -> Record:
    """Fractions and medians over structures; one that could not be relaxed is not stable."""
    found: Record = {}
    for key in ("valid_loose", "valid_strict", "composition_valid"):
        if all(key in one for one in records):
            found[key] = _share(one[key] for one in records)
    found["converged"] = _share(one.get("relaxation") == "converged" for one in records)
    for key in ("rmsd", "energy_lost", "above_hull"):
        values = [one[key] for one in records if one.get(key) is not None]
        found[f"median_{key}"] = median(values) if values else None
    found["without_reference"] = sum(bool(one.get("without_reference")) for one in records)
    found["unique"] = _share(one["unique"] for one in records)
    found["new"] = _share(one["known_as"] is None for one in records)
    found["new_framework"] = _share(one["new_framework"] for one in records)
    for limit in THRESHOLDS:
        stable = [one.get("above_hull") is not None and one["above_hull"] <= limit for one in records]
        fresh = [one["unique"] and one["known_as"] is None for one in records]
        both = [good and new for good, new in zip(stable, fresh, strict=True)]
        found[f"stable_{limit:g}"], found[f"sun_{limit:g}"] = _share(stable), _share(both)
        found[f"sun_{limit:g}_new_framework"] = _share(
            good and one["new_framework"] for good, one in zip(both, records, strict=True)
        )
    return found


def _share(marks: Any) -> float:
    marks = [bool(one) for one in marks]
    return sum(marks) / len(marks)


def _read(patterns: Sequence[str]) -> tuple[list[Question], list[Record]]:
    """The structures of all files, no two of one name, and those that cannot be used."""
    questions: list[Question] = []
    skipped: list[Record] = []
    seen: set[str] = set()
    for path, why in expand_all(patterns).items():
        if path.name == LATENTS:  # which `sample` writes beside its CIFs
            continue
        for name, found in read_many(path) if why is None else [(str(path), why)]:
            if isinstance(found, InputError):
                skipped.append(failed({"name": name, "source": str(path)}, str(found)))
            else:
                questions.append(Question(unique_name(file_stem(name), seen), str(path), found))
    if not questions:
        why = skipped[0]["reason"] if skipped else "give CIF, POSCAR, XYZ or parquet files"
        raise InputError(f"no structure to evaluate; {why}")
    return questions, skipped


def _of_same_formula(structures: Sequence[Structure], known: Path | None) -> dict[Any, list[Named]]:
    """The structures of a pool by reduced formula, for the formulas that are asked about."""
    found: dict[Any, list[Named]] = defaultdict(list)
    if known is None:
        return found
    wanted = {formula_of(one) for one in structures}
    pool = from_parquet(known, benchmarks=True)
    for name, one in pool.named("known"):
        formula = formula_of(one)
        if formula in wanted:
            found[formula].append((name, one))
    return found


def earlier_records(out: Path, criteria: Criteria) -> RecordStore:
    """The records of an earlier run by name; ConfigError where their settings differ."""
    store = RecordStore(out / RECORDS)
    if any(store.asked(name) != digest(criteria) for name in store):
        raise ConfigError(
            f"{out}: holds results of other settings; --force replaces them, or give another --out"
        )
    return store


def _is_done(store: RecordStore, question: Question) -> bool:
    """Whether there is a record of this very structure."""
    if question.name not in store:
        return False
    (record,) = store.read([question.name])
    return record["given"] == to_plain(question.structure)
