"""What the page says of the structure shown: verdict, facts, and its atoms with their displacements."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from argand.page.item import ItemText, item_view
from argand.page.parts import Column
from argand.physics.crystal.structure import Structure, parameters
from argand.systems.crystals.page.run import Item, Kind
from argand.systems.crystals.page.table import GROUP, distance, moved, number, short

_COLUMNS = ("atom", "x", "y", "z", "probability of the element", "atom of the input", "displacement, Å")
_FAR = 0.5
"""Å. A vector that gives its structure back moves no atom further: cell or origin differ. By hand, the
distance within which an atom counts as found."""


def structure_text(kind: Kind, items: Sequence[Item]) -> str:
    """The element that tells of the structure shown."""
    columns = [Column(name, place not in (0, 5)) for place, name in enumerate(_COLUMNS)]
    rows = [_rows(one) for one in items]
    used = [place for place in range(len(_COLUMNS)) if any(row[place] for each in rows for row in each)]
    told = [
        ItemText(
            one.name,
            (one.trusted, one.reason),
            _facts(kind, one),
            _notes(kind, one),
            [[row[place] for place in used] for row in atoms],
        )
        for one, atoms in zip(items, rows, strict=True)
    ]
    caption = "x, y, z: fractions of the edges of the decoded cell."
    return item_view(
        told, [columns[place] for place in used], group=GROUP, label="the structure shown", caption=caption,
        table="Atoms",
    )  # fmt: skip


def cell_text(structure: Structure) -> str:
    """Lengths in Å and angles in degrees."""
    values = parameters(structure.lattice)
    lengths = ", ".join(f"{one:.4f}" for one in values[:3])
    return f"{lengths} Å; {', '.join(f'{one:.2f}' for one in np.degrees(values[3:]))}°"


def _facts(kind: Kind, item: Item) -> list[tuple[str, str]]:
    record, structure = item.record, item.structure
    size = record.get("latent_size")
    found = [
        ("formula", record["formula"]),
        ("space group", item.space_group or "none found"),
        ("a, b, c; α, β, γ", cell_text(structure)),
        ("volume", f"{structure.volume:.2f} Å³, {structure.volume / len(structure):.2f} Å³/atom"),
        ("atoms in the cell", str(len(structure))),
        ("shortest distance", f"{item.shortest_distance:.3f} Å{'' if item.is_valid else ', too short'}"),
        ("confidence", number(record["confidence"], 4)),
        ("misfit", short(record["misfit"])),
        ("latent vector", f"{size} numbers" if size is not None else ""),
        ("uncertainty of positions", _in_angstrom(short(record.get("largest_place_error")))),
        ("largest displacement", _in_angstrom(moved(item))),
        *_of_sample(item),
    ]
    source = record.get("source")
    if kind in ("rebuilt", "decoded") and source:
        found.append(("from", Path(source).name))
    return [(name, value) for name, value in found if value]


def _of_sample(item: Item) -> list[tuple[str, str]]:
    record = item.record
    hull, distance = number(record.get("above_hull"), 3), number(record.get("nearest_distance"), 2)
    like = " ".join(filter(None, (record.get("nearest"), record.get("nearest_formula"))))
    return [
        ("plausibility", number(record.get("plausibility"), 3)),
        ("above the hull", f"{hull} eV/atom" if hull else ""),
        ("most similar known", f"{like}, {distance} away" if like and distance else like),
        ("known as", record.get("known_as") or ""),
        ("repeats", record.get("duplicate_of") or ""),
        ("made from the framework of", record.get("prototype") or ""),
    ]


def _notes(kind: Kind, item: Item) -> list[str]:
    if item.given is None or kind == "samples":
        return []
    there, here = len(item.given), len(item.structure)
    if there != here:
        return [
            f"The input has {there} atoms and the decoded cell {here}, so that no displacements are listed."
        ]
    if item.moved is None:
        return [
            "The decoded cell is another one than that of the input, so that no displacements are listed."
        ]
    if item.trusted and kind == "rebuilt" and item.moved.distance.max() > _FAR:
        told = "Cell or origin of the decoded structure are not those of the input"
        return [f"{told}: displacements are between two settings of one crystal."]
    return []


def _in_angstrom(value: str) -> str:
    return f"{value} Å" if value else ""


def _rows(item: Item) -> list[list[str]]:
    """Cells of each atom, in the order of `_COLUMNS`."""
    structure, shift = item.structure, item.moved
    chances = item.record.get("species_probability") or []
    if len(chances) != len(structure):
        chances = [None] * len(structure)
    symbols = item.given.symbols if item.given else []
    rows = []
    for place, (symbol, xyz) in enumerate(zip(structure.symbols, structure.frac_coords, strict=True)):
        partner = None if shift is None else int(shift.partners[place])
        rows.append([
            f"{symbol}{place + 1}",
            *(f"{x:.5f}" for x in xyz),
            number(chances[place], 3),
            "" if partner is None else f"{symbols[partner]}{partner + 1}",
            "" if shift is None else distance(float(shift.distance[place])),
        ])  # fmt: skip
    return rows
