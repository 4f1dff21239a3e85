"""The verb `evaluate samples` as a function: any structures judged by what new crystals are judged by."""

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
from argand.io.structure import cif_text, expand_all, read_many
from argand.physics.crystal.comparison import match
from argand.physics.crystal.structure import Structure
from argand.progress import ProgressDisplay
from argand.runs.course import Failure, worked
from argand.runs.folder import file_stem, unique_name
from argand.runs.one_by_one import OneByOne
from argand.runs.record import Record, to_record, write_summary
from argand.runs.resume import ASKED, digest
from argand.runs.store import RecordStore
from argand.systems.crystals.database.composition import is_composition_valid
from argand.systems.crystals.database.dataset import from_parquet
from argand.systems.crystals.database.fingerprint_index import formula_of, load_index
from argand.systems.crystals.energy.phases import load_phases
from argand.systems.crystals.energy.potential import load_potential
from argand.systems.crystals.energy.relaxation import Effort
from argand.systems.crystals.energy.stability import against, settled
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
class Judge:
    """What samples are judged by; the shipped phases and index without others. `known` is a pool's file."""

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
    judge: Judge,
    out: Path,
    machines: Machines = HERE,
) -> Record:
    """Relax the structures of some files, and tell how many of them are stable, unique and new.

    Relaxed structures are written to `out` as CIFs, with a record each as they come, so that the same call
    goes on where it was stopped. Known is what StructureMatcher finds in the pool `known` among all of the
    same reduced formula, benchmarks and large cells included; without it, what the index holds. What cannot
    be read or judged is skipped, and told. InputError where no structure can be judged, ConfigError for a
    folder that has records of something else, MissingExtraError without CHGNet.
    """
    questions, skipped = _read(patterns)
    load_potential()
    load_phases(judge.phases)
    like = _of_same_formula([one.structure for one in questions], judge.known)
    store = judged(make_folder(out), judge)
    done = {one.name for one in questions if _is_done(store, one)}
    left = [
        replace(one, like=tuple(like.get(formula_of(one.structure), ())))
        for one in questions
        if one.name not in done
    ]
    display = ProgressDisplay("evaluate", "structures", len(done) / len(questions))
    with Crew(machines, OneByOne(partial(judge_one, judge, out))) as crew:
        chunks = in_chunks(left, machines, 1)
        for question, result in worked(crew, chunks, display, len(questions), len(done)):
            if isinstance(result, Failure):
                skipped.append({"name": question.name, "source": question.source, "reason": result.message})
            else:
                store.add(result)
                done.add(question.name)
    if not done:
        raise InputError(f"no structure could be judged; {skipped[0]['reason']}")
    records = list(store.read([one.name for one in questions if one.name in done]))
    return write_summary(out, to_record(summed(records, skipped, judge)))


def judge_one(judge: Judge, out: Path, question: Question) -> Record:
    """The record of one structure, whose relaxed form is written as a CIF."""
    name, structure = question.name, question.structure
    record: Record = {ASKED: digest(judge), "name": name, "given": to_plain(structure)}
    record |= {"valid_loose": is_valid(structure), "valid_strict": is_strictly_valid(structure)}
    if find_spec("smact") is not None:
        record["composition_valid"] = is_composition_valid(structure)
    try:
        relaxed, energy = settled(structure, load_phases(judge.phases), judge.effort)
    except ArgandError as error:
        relaxed, energy = structure, {"reason": " ".join(str(error).split())}
    about = described(relaxed, load_index(judge.index))
    if judge.known is not None:
        same = (other for other, one in question.like if match(relaxed, one) is not None)
        about["known_as"] = next(same, None)
    keys = ("formula", "atoms", "space_group", "nearest", "known_as", "new_framework")
    record |= {**energy, **{key: about[key] for key in keys}, "structure": to_plain(relaxed)}
    make_folder(out / RELAXED)
    write_lines(out / RELAXED / f"{name}.cif", cif_text(relaxed, name).splitlines())
    return record


def summed(records: Sequence[Record], skipped: Sequence[Record], judge: Judge) -> Record:
    """Shares over all structures: valid, near the hull, unique, new, and all of these at once.

    Distances from the hull are taken anew from the energies: another hull asks for no other relaxation.
    """
    hull, shown = load_phases(judge.phases), []
    relaxed = [from_plain(record["structure"]) for record in records]
    for record, structure, earlier in zip(records, relaxed, repeated(relaxed), strict=True):
        told = record | against(hull, structure, record) | {"unique": earlier is None}
        hidden = (ASKED, "given", "structure")
        shown.append({key: value for key, value in told.items() if key not in hidden})
    return {
        "count": len(shown),
        "skipped": list(skipped),
        "known": "the index" if judge.known is None else str(judge.known),
        **figures(shown),
        "structures": shown,
    }


def figures(records: Sequence[Record]) -> Record:
    """Shares and medians of judged structures; what could not be relaxed is not stable."""
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
                skipped.append({"name": name, "source": str(path), "reason": str(found)})
            else:
                questions.append(Question(unique_name(file_stem(name), seen), str(path), found))
    if not questions:
        why = skipped[0]["reason"] if skipped else "name CIF, POSCAR, XYZ or parquet files"
        raise InputError(f"no structure to judge; {why}")
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


def judged(out: Path, judge: Judge) -> RecordStore:
    """The records of an earlier run by name; ConfigError where they are of another judge."""
    store = RecordStore(out / RECORDS)
    if any(store.asked(name) != digest(judge) for name in store):
        raise ConfigError(f"{out}: holds what was judged otherwise; name another --out")
    return store


def _is_done(store: RecordStore, question: Question) -> bool:
    """Whether there is a record of this very structure."""
    if question.name not in store:
        return False
    (record,) = store.read([question.name])
    return record["given"] == to_plain(question.structure)
