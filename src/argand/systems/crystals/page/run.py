"""What a folder of results holds: its records, the structures it wrote, and those that it began from."""

from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Literal

from argand.errors import InputError
from argand.io.limits import require_file
from argand.io.structure import is_structure_file, read_many, read_structure
from argand.physics.crystal.overlap import touching
from argand.physics.crystal.space_group import space_group
from argand.physics.crystal.structure import Structure, closest_pair
from argand.runs.fields import (
    COUNT,
    FIGURE,
    FLAG,
    NUMBER,
    PLAIN,
    TEXT,
    Fields,
    fault,
    file_of,
    listed,
    maybe,
    named,
    read_json,
    record_of,
    usable_records,
)
from argand.runs.record import SUMMARY, Record
from argand.systems.crystals.latent.decoded import TRUSTED
from argand.systems.crystals.page.displacement import Displacements, displacements

Kind = Literal["rebuilt", "decoded", "altered", "path", "samples"]
MOST_SHOWN = 1000
"""Structures of a page; of more the least certain. By hand: of these the page has some megabytes and is drawn
in a second, and nobody looks at more."""
_SUMMARY: Fields = {
    "structures": listed(record_of({})),
    "skipped": maybe(listed(record_of({"reason": TEXT}))),
    **dict.fromkeys(("notes", "failed"), maybe(listed(TEXT))),
    **dict.fromkeys(("first", "second", "source"), maybe(TEXT)),
    "drawn": maybe(COUNT),
    "rejected": maybe(named(COUNT)),
}
_FIELDS: Fields = {
    **dict.fromkeys(("file", "formula"), TEXT),
    **dict.fromkeys(("name", "source", "latents", "reason"), maybe(TEXT)),
    "entry": maybe(COUNT),
    "confidence": NUMBER,
    "trusted": maybe(FLAG),
    "misfit": FIGURE,
    "latent_size": maybe(PLAIN),
    "largest_place_error": maybe(FIGURE),
    "species_probability": maybe(listed(FIGURE)),
}
"""What is read of the record of a structure; of a step of a path, and of a sample, these too:"""
_STEP: Fields = {"share": NUMBER, "shortest_distance": FIGURE}
_SAMPLE: Fields = {
    **dict.fromkeys(("space_group", "nearest", "nearest_formula", "known_as", "duplicate_of"), maybe(TEXT)),
    **dict.fromkeys(("valid_strict", "new_framework"), maybe(FLAG)),
    **dict.fromkeys(("plausibility", "nearest_distance", "above_hull"), maybe(FIGURE)),
    "prototype": maybe(TEXT),
}


@dataclass(frozen=True)
class Item:
    """A structure that was written, its record, and the structure it began from where that can be read."""

    record: Record
    structure: Structure
    given: Structure | None = None
    moved: Displacements | None = None

    @property
    def name(self) -> str:
        """What it is called."""
        return self.record.get("name") or Path(self.record["file"]).stem

    @property
    def trusted(self) -> bool:
        """Whether it explains its vector; runs of older versions tell the confidence alone."""
        return _is_trusted(self.record)

    @property
    def reason(self) -> str:
        """Why it is trusted, or why not."""
        told = f"confidence {self.record['confidence']:.2f}, misfit {self.record['misfit']:.2g}"
        return self.record.get("reason") or told

    @cached_property
    def space_group(self) -> str | None:
        """Symbol and number as found in the structure; None where there is none."""
        stored = self.record.get("space_group")
        if stored:
            return stored
        found = space_group(self.structure)
        return None if found is None else f"{found[0]} ({found[1]})"

    @cached_property
    def shortest_distance(self) -> float:
        """Å between the two nearest atoms, images included."""
        return float(closest_pair(self.structure)[2])

    @cached_property
    def is_valid(self) -> bool:
        """Whether no two atoms are nearer than 0.7 of the sum of their covalent radii."""
        return not touching(self.structure)


@dataclass(frozen=True)
class Run:
    """A folder of results, by the verb that wrote it: its summary, structures, and lines on what is lacking.

    `items` are the structures that are shown, of `count`, of which `trusted_count` are trusted.
    """

    folder: Path
    kind: Kind
    summary: Record
    items: tuple[Item, ...]
    count: int
    trusted_count: int
    told: tuple[str, ...]


def read_run(folder: Path) -> Run:
    """What a folder holds; InputError where it has no results, or damaged ones."""
    summary = _summary(folder)
    kind = _kind(summary)
    fields = _FIELDS | {"path": _STEP, "samples": _SAMPLE}.get(kind, {})
    records, told = usable_records(summary["structures"], lambda record: fields, folder / SUMMARY)
    kept, lost = _with_structures(folder, _least_certain(records))
    told += lost + [f"note: {one}" for one in summary.get("notes") or []]
    told += [f"skipped: {one['reason']}" for one in summary.get("skipped") or []]
    told += [f"failed: {one}" for one in summary.get("failed") or []]
    given = _given(summary, kind, [record for record, _ in kept])
    items = (
        _item(kind, record, structure, start) for (record, structure), start in zip(kept, given, strict=True)
    )
    trusted = sum(map(_is_trusted, records))
    return Run(folder, kind, summary, tuple(items), len(records), trusted, tuple(told))


def _summary(folder: Path) -> Record:
    """What the run tells; InputError where there is none, or it is damaged."""
    path = folder / SUMMARY
    if not path.exists():
        raise InputError(f"{folder}: no results; give a folder that reconstruct, interpolate or sample wrote")
    summary = read_json(path)
    wrong = fault(summary, _SUMMARY)
    if wrong is not None:
        raise InputError(f"{path}: not a summary of structures ({wrong}); repeat the run with --force")
    return summary


def _is_trusted(record: Record) -> bool:
    trusted = record.get("trusted")
    return record["confidence"] >= TRUSTED if trusted is None else trusted


def _kind(summary: Record) -> Kind:
    """The kind of a run, which its summary does not name but shows."""
    if summary.get("first"):
        return "path"
    if summary.get("drawn") is not None:
        return "samples"
    if summary.get("source"):
        return "altered"
    return "decoded" if any(one.get("latents") for one in summary["structures"]) else "rebuilt"


def _least_certain(records: list[Record]) -> list[Record]:
    """The records of the structures that are shown, in their order."""
    if len(records) <= MOST_SHOWN:
        return records
    order = sorted(range(len(records)), key=lambda number: records[number]["confidence"])
    return [records[number] for number in sorted(order[:MOST_SHOWN])]


def _with_structures(folder: Path, records: list[Record]) -> tuple[list[tuple[Record, Structure]], list[str]]:
    """Records with the structures that were written, and a line on each that is gone or damaged."""
    found, lost = [], []
    for record in records:
        try:
            found.append((record, read_structure(file_of(folder, record["file"]))))
        except InputError as error:
            lost.append(f"left out: {error}")
    return found, lost


def _given(summary: Record, kind: Kind, records: list[Record]) -> list[Structure | None]:
    """The structures that were encoded or altered; None for vectors, and for files that are gone."""
    if kind == "altered":
        source = summary["source"]
        first = next(read_many(Path(source)), None) if _is_there(source) else None
        return [first[1] if first and isinstance(first[1], Structure) else None] * len(records)
    found: dict[tuple[str, int], Structure] = {}
    wanted = [(record.get("source") or "", record.get("entry")) for record in records]
    # Each file is read once, whatever the number of its structures.
    for source in {source for source, entry in wanted if entry is not None and _is_there(source)}:
        entries = {entry for other, entry in wanted if other == source and entry is not None}
        for entry, (_, one) in enumerate(islice(read_many(Path(source)), max(entries) + 1)):
            if entry in entries and isinstance(one, Structure):
                found[source, entry] = one
    return [found.get((source, entry)) if entry is not None else None for source, entry in wanted]


def _is_there(source: str) -> bool:
    """Whether the file of structures that a record names is still there."""
    try:
        return is_structure_file(Path(source)) and require_file(source) > 0
    except InputError:
        return False


def _item(kind: Kind, record: Record, structure: Structure, given: Structure | None) -> Item:
    moved = displacements(given, structure, strained=kind == "altered") if given else None
    return Item(record, structure, given, moved)
