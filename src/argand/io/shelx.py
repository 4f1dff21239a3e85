"""SHELX instruction files: cell, symmetry and contents of .ins and .res, and the cards of symmetry."""

from collections.abc import Sequence
from dataclasses import dataclass

import gemmi
import numpy as np

from argand.physics.crystal.symmetry import Group

_CENTRINGS = {1: "P", 2: "I", 3: "R", 4: "F", 5: "A", 6: "B", 7: "C"}
"""Lattice letters of the numbers of a LATT card (SHELX)."""
_CENTRING_SHIFTS = {
    "P": [],
    "I": [(1 / 2, 1 / 2, 1 / 2)],
    "R": [(2 / 3, 1 / 3, 1 / 3), (1 / 3, 2 / 3, 2 / 3)],
    "F": [(0, 1 / 2, 1 / 2), (1 / 2, 0, 1 / 2), (1 / 2, 1 / 2, 0)],
    "A": [(0, 1 / 2, 1 / 2)],
    "B": [(1 / 2, 0, 1 / 2)],
    "C": [(1 / 2, 1 / 2, 0)],
}
"""Translations of each lattice but 0 (International Tables A); R is obverse on hexagonal axes."""


@dataclass(frozen=True)
class Instructions:
    """What an .ins or .res file says of the crystal; None where it says nothing."""

    cell: tuple[float, float, float, float, float, float] | None = None
    wavelength: float | None = None
    group: Group | None = None
    formula: str | None = None


def read_instructions(text: str) -> Instructions:
    """Cell, wavelength, symmetry and cell contents (SFAC and UNIT) of SHELX instructions."""
    # `=` at the end of a line continues a card, `!` begins a remark.
    lines = [line.split("!")[0] for line in text.replace("=\n", " ").splitlines()]
    cards = [(parts[0].upper(), parts[1:]) for line in lines if (parts := line.split())]
    # Reversed, so that of several cards of a kind the first is taken.
    first = dict(reversed(cards))
    cell = wavelength = None
    if len(first.get("CELL", [])) >= 7:
        numbers = [float(value) for value in first["CELL"][:7]]
        wavelength = numbers[0]
        cell = (numbers[1], numbers[2], numbers[3], numbers[4], numbers[5], numbers[6])
    latt = int(first["LATT"][0]) if first.get("LATT") else 1
    operators = ["".join(values) for key, values in cards if key == "SYMM"]
    elements = [value for key, values in cards if key == "SFAC" for value in values if value[0].isalpha()]
    units = [float(value) for value in first.get("UNIT", [])]
    pairs = zip(elements, units, strict=False)
    formula = " ".join(f"{element.capitalize()}{number:g}" for element, number in pairs) or None
    has_symmetry = "LATT" in first or operators
    return Instructions(cell, wavelength, _group(latt, operators) if has_symmetry else None, formula)


def _group(latt: int, operators: Sequence[str]) -> Group:
    """The group of LATT and SYMM cards; a positive LATT adds the centre of inversion."""
    found = [gemmi.Op("x,y,z"), *(gemmi.Op(operator.lower()) for operator in operators)]
    if latt > 0:
        found.append(gemmi.Op("-x,-y,-z"))
    for shift in _CENTRING_SHIFTS[_CENTRINGS[abs(latt)]]:
        op = gemmi.Op("x,y,z")
        # gemmi counts in twenty-fourths, here and below.
        op.tran = [round(24 * part) for part in shift]
        found.append(op)
    operations = gemmi.GroupOps(found)
    operations.add_missing_elements()
    known = gemmi.find_spacegroup_by_ops(operations)
    return Group.from_operations(operations, known.xhm() if known else "")


def shelx_symmetry(group: Group) -> tuple[int, list[str]]:
    """LATT and SYMM cards of a group."""
    shifts = {tuple(np.rint(24 * shift).astype(int) % 24) for shift in group.centrings}
    letter = next(
        name
        for name, others in _CENTRING_SHIFTS.items()
        if shifts == {(0, 0, 0), *(tuple(round(24 * part) % 24 for part in shift) for shift in others)}
    )
    number = next(key for key, name in _CENTRINGS.items() if name == letter)
    centre = [
        t
        for r, t in zip(group.rotations, group.translations, strict=True)
        if (r == -np.eye(3)).all() and np.allclose(t % 1, 0)
    ]
    kept: list[tuple[np.ndarray, np.ndarray]] = [(np.eye(3), np.zeros(3))]
    for rotation, translation in zip(group.rotations, group.translations, strict=True):
        signs = (1, -1) if centre else (1,)
        if not any((sign * rotation == known).all() for sign in signs for known, _ in kept):
            kept.append((rotation, translation))
    return (number if centre else -number), [_triplet(r, t) for r, t in kept[1:]]


def _triplet(rotation: np.ndarray, translation: np.ndarray) -> str:
    op = gemmi.Op("x,y,z")
    op.rot = (np.asarray(rotation) * 24).astype(int).tolist()
    op.tran = np.rint(translation * 24).astype(int).tolist()
    return op.triplet().upper()
