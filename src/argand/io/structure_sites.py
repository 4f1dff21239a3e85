"""The sites of a CIF block: elements and positions, with checks."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass

import gemmi
import numpy as np

from argand.errors import InputError
from argand.io.structure_symmetry import Items
from argand.typing import Vector3

FULL = 0.995, 1.005
"""Occupancies between these are full; files print few digits.

Set by hand: 1 as it may be printed with two digits.
"""
_COLUMNS: tuple[str, ...] = (
    "label",
    "type_symbol",
    "fract_x",
    "fract_y",
    "fract_z",
    "occupancy",
    "calc_flag",
    "disorder_group",
)
_OPEN = ("", ".", "?")
"""Values that mean unknown."""


@dataclass(frozen=True)
class Site:
    """One atom of the asymmetric unit, with fractional position."""

    label: str
    atomic_number: int
    place: Vector3


def read_sites(items: Items, formula: Mapping[str, float] | None) -> tuple[list[Site], list[str]]:
    """The sites, and notes on those left out; InputError for anything but a fully occupied site.

    Dummy atoms (calc_flag `dum`) and hydrogen without a position are left out. Ambiguous labels, such as HO1,
    are resolved to an element that the file names elsewhere.
    """
    rows = _rows(items)
    known = {_capital(symbol) for symbol in (*items.get("_atom_type_symbol", ()), *(formula or ()))}
    kept: list[Site] = []
    dummies: list[str] = []
    lost: list[str] = []
    for row in rows:
        if row["calc_flag"].lower() == "dum":
            dummies.append(row["label"])
            continue
        number = _atomic_number(row, known)
        place = np.array([gemmi.cif.as_number(row[f"fract_{axis}"]) for axis in "xyz"])
        if number == 1 and np.isnan(place).all():
            lost.append(row["label"])
            continue
        _check_row(row, place)
        kept.append(Site(row["label"], number, place))
    if not kept:
        raise InputError("there are no atoms in the cell")
    told = [f"leaves out {len(dummies)} dummy atoms ({', '.join(dummies[:5])})"] if dummies else []
    if lost:
        told.append(f"leaves out {len(lost)} hydrogen sites without a position ({', '.join(lost[:5])})")
    return kept, told


def _rows(items: Items) -> list[dict[str, str]]:
    """The rows of the loop of sites; missing columns are empty."""
    count = len(items["_atom_site_fract_x"])
    empty = [""] * count
    columns = [items.get(f"_atom_site_{name}", empty) for name in _COLUMNS]
    if any(len(column) != count for column in columns):
        raise InputError("the loop of sites is damaged: its columns differ in length")
    rows = [dict(zip(_COLUMNS, values, strict=True)) for values in zip(*columns, strict=True)]
    for number, row in enumerate(rows, 1):
        row["label"] = row["label"] if row["label"] not in _OPEN else row["type_symbol"] or str(number)
    return rows


def _check_row(row: dict[str, str], place: Vector3) -> None:
    """InputError for a site without a single known atom and position."""
    label = row["label"]
    if not np.isfinite(place).all():
        given = " ".join(row[f"fract_{axis}"] or "?" for axis in "xyz")
        raise InputError(f"site {label}: a coordinate is not a finite number ({given})")
    occupancy = gemmi.cif.as_number(row["occupancy"])
    if occupancy < FULL[0]:
        raise InputError(f"site {label} is occupied by {occupancy:g} only; disorder is not supported")
    if occupancy > FULL[1]:
        raise InputError(f"site {label} is occupied by {occupancy:g}; an occupancy is at most 1")
    if row["disorder_group"] not in (*_OPEN, "0"):
        raise InputError(f"site {label} belongs to a disordered group; disorder is not supported")


def _capital(text: str) -> str:
    """The initial letters, spelt like a symbol."""
    letters = re.match(r"[A-Za-z]*", text.strip())
    return letters.group().capitalize() if letters else ""


def _atomic_number(row: dict[str, str], known: Collection[str]) -> int:
    """Atomic number from the type symbol, or else the label; InputError for deuterium and unknown
    elements."""
    label, is_typed = row["label"], row["type_symbol"] not in _OPEN
    letters = _capital(row["type_symbol"] if is_typed else label)
    symbol = letters if is_typed else _of_label(label, letters, known)
    if symbol in ("D", "T"):
        raise InputError(f"site {label} is deuterium; name it H if isotopes do not matter")
    number = gemmi.Element(symbol).atomic_number if symbol else 0
    if number == 0:
        raise InputError(f"site {label}: unknown element '{letters or label}'")
    return number


def _of_label(label: str, letters: str, known: Collection[str]) -> str:
    """The element of a label without a type symbol; InputError if it is ambiguous."""
    both = [part for part in dict.fromkeys((letters[:2], letters[:1])) if _is_element(part)]
    named = [part for part in both if part in known]
    if named:
        return named[0]
    # Fe1 is iron; FE1 may be, and HO1 is hydrogen more often than holmium.
    if len(both) == 2 and label.strip()[1:2].isupper():
        raise InputError(f"site {label} may be {' or '.join(both)}: its file has no type symbols")
    # A lower-case letter belongs to the symbol, so Ow1 is not an element.
    is_cut = bool(both) and len(both[0]) == 1 and label.strip()[1:2].islower()
    return both[0] if both and not is_cut else letters


def _is_element(symbol: str) -> bool:
    return bool(symbol) and gemmi.Element(symbol).atomic_number > 0
