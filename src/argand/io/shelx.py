"""SHELX instruction files: cell, symmetry and contents of .ins and .res, and symmetry cards."""

import re
from collections.abc import Sequence

import gemmi
import numpy as np

from argand.errors import InputError
from argand.io.crystal_facts import CrystalFacts
from argand.io.intensities import radiation_of
from argand.io.limits import require_at_most
from argand.io.text_size import lines_of
from argand.physics.crystal.atom import MOST_ATOMS
from argand.physics.crystal.symmetry import Group, complete_group

MOST_LETTERS = 2**24
"""Most characters of one text of instructions: a hundred thousand atoms, more than SHELXL accepts."""
_CENTRINGS = {1: "P", 2: "I", 3: "R", 4: "F", 5: "A", 6: "B", 7: "C"}
"""Lattice letters by the number of a LATT card (SHELX)."""
_CENTRING_SHIFTS = {
    "P": [],
    "I": [(1 / 2, 1 / 2, 1 / 2)],
    "R": [(2 / 3, 1 / 3, 1 / 3), (1 / 3, 2 / 3, 2 / 3)],
    "F": [(0, 1 / 2, 1 / 2), (1 / 2, 0, 1 / 2), (1 / 2, 1 / 2, 0)],
    "A": [(0, 1 / 2, 1 / 2)],
    "B": [(1 / 2, 0, 1 / 2)],
    "C": [(1 / 2, 1 / 2, 0)],
}
"""Translations of each lattice except 0 (International Tables A); R is obverse on hexagonal axes."""


def read_instructions(text: str, source: str = "the instructions") -> CrystalFacts:
    """Cell, wavelength, symmetry, contents (SFAC and UNIT), Z and HKLF card of SHELX instructions.

    UNIT counts the atoms of the cell, so that `units` is 1 if it is used. Without it, or if all its numbers
    are 0 or 1, only the elements are known, and `units` is the Z of ZERR. Raises InputError for a card that
    cannot be read.
    """
    require_at_most(source, "letters of SHELX instructions", len(text), MOST_LETTERS)
    cards = _cards(text, source)
    # Reversed, so that the first of several equal cards is used.
    first = {key: values for key, values, _ in reversed(cards)}
    try:
        numbers = [float(value) for value in first.get("CELL", [])[:7]]
        latt = int(first["LATT"][0]) if first.get("LATT") else 1
        operators = ["".join(values) for key, values, _ in cards if key == "SYMM"]
        group = _group(latt, operators) if "LATT" in first or operators else None
        formula, elements, units, notes = _contents(cards, first)
    except (ValueError, RuntimeError) as error:
        told = " ".join(str(error).split())[:100]
        raise InputError(
            f"{source}: a CELL, LATT, SYMM, UNIT or ZERR card cannot be read ({told})"
        ) from error
    whole = len(numbers) == 7
    cell = (numbers[1], numbers[2], numbers[3], numbers[4], numbers[5], numbers[6]) if whole else None
    wavelength = numbers[0] if whole else None
    hklf = next((line for key, _, line in cards if key == "HKLF"), "")
    probe = radiation_of(None, wavelength)
    return CrystalFacts(cell, wavelength, group, formula, None, probe, elements, units, hklf, notes=notes)


def _cards(text: str, source: str) -> list[tuple[str, list[str], str]]:
    """Name, values and line of each card up to HKLF or END; `=` continues a line, `!` begins a comment."""
    cards, begun = [], ""
    for line in (*lines_of(text, source), ""):
        bare = begun + line.split("!", 1)[0].strip()
        if bare.endswith("="):
            begun = f"{bare[:-1]} "
            continue
        begun = ""
        parts = bare.split()
        # TITL and REM are free text, and an indented line is a continuation.
        if not parts or parts[0].upper()[:4] in ("TITL", "REM"):
            continue
        name = parts[0].upper()
        cards.append((name, parts[1:], bare))
        if name in ("HKLF", "END"):
            break
    return cards


def _contents(
    cards: Sequence[tuple[str, list[str], str]], first: dict[str, list[str]]
) -> tuple[str | None, tuple[str, ...], float | None, tuple[str, ...]]:
    """Formula of the cell, or else only the elements, with `units`, and warnings."""
    labels = [value for key, values, _ in cards if key == "SFAC" for value in values]
    # A card of the long form has one label and its scattering factors, all numbers.
    labels = [label.lstrip("$") for label in labels if label.lstrip("$")[:1].isalpha()]
    elements = [re.sub(r"[^A-Za-z].*", "", label).capitalize() for label in labels]
    unknown = [element for element in elements if gemmi.Element(element).atomic_number == 0]
    notes = (f"SFAC names {', '.join(unknown)}: not an element, ignored",) if unknown else ()
    counts = [float(value) for value in first.get("UNIT", [])]
    if not all(0 <= number <= MOST_ATOMS for number in counts):
        raise ValueError("UNIT counts impossible numbers of atoms")
    pairs = [(e, n) for e, n in zip(elements, counts, strict=False) if e not in unknown and n > 0]
    dummy = len(pairs) > 1 and all(number == 1 for _, number in pairs)
    if pairs and not dummy and len(counts) >= len(elements):
        return " ".join(f"{element}{number:g}" for element, number in pairs), (), 1.0, notes
    named = tuple(dict.fromkeys(element for element in elements if element not in unknown))
    z = float(first["ZERR"][0]) if first.get("ZERR") else 0.0
    return None, named, z or None, notes


def _group(latt: int, operators: Sequence[str]) -> Group:
    """The group of LATT and SYMM cards; a positive LATT adds the centre of inversion."""
    if abs(latt) not in _CENTRINGS:
        raise ValueError(f"LATT {latt} is not a lattice: 1 to 7, or below 0 without a centre")
    found = [gemmi.Op("x,y,z"), *(gemmi.Op(operator.lower()) for operator in operators)]
    if latt > 0:
        found.append(gemmi.Op("-x,-y,-z"))
    for shift in _CENTRING_SHIFTS[_CENTRINGS[abs(latt)]]:
        op = gemmi.Op("x,y,z")
        # gemmi counts in twenty-fourths, here and below.
        op.tran = [round(24 * part) for part in shift]
        found.append(op)
    operations = complete_group(found)
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
