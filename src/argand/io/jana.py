"""Reflections of Jana: .m90 with its short header, .m91 without one, and the .m50 beside with the crystal."""

import re

import gemmi
import numpy as np

from argand.errors import InputError
from argand.io.crystal_facts import CrystalFacts
from argand.io.intensities import Rows, parse_cell, radiation_of, whole_indices

_END = "999"
"""What stands alone in the last line of Jana's reflections."""


def parse_m90(text: str, source: str) -> tuple[Rows, float | None]:
    """Reflections, and the wavelength in Å (None where none is told), of the first data block.

    Lines are h, k, l, F², sigma and more, up to 999; with satellites a fourth index comes before F², and only
    main reflections are kept. Raises InputError where no such line follows the header.
    """
    lines = [line.split() for line in text.splitlines()]
    told = [parts[1] for parts in lines if parts[:1] == ["lambda"] and len(parts) > 1]
    table: list[list[str]] = []
    for parts in lines:
        if parts[:1] == [_END] or (table and not _is_reflection(parts)):
            break
        if _is_reflection(parts):
            table.append(parts)
    if not table:
        raise InputError(f"{source}: no reflections (h k l F² sigma) in it; is it a .m90 of Jana?")
    return _rows(table), float(told[0]) if told else None


def _is_reflection(parts: list[str]) -> bool:
    try:
        [int(part) for part in parts[:3]]
        [float(part) for part in parts[3:5]]
    except ValueError:
        return False
    return len(parts) >= 5


def _rows(table: list[list[str]]) -> Rows:
    # A fourth index has a decimal point in no line.
    extra = 0 if len(table[0]) < 6 or any("." in parts[3] for parts in table) else 1
    main = [parts for parts in table if not extra or int(parts[3]) == 0]
    notes: tuple[str, ...] = ()
    if len(main) < len(table):
        notes = (f"{len(table) - len(main)} satellite reflections left out: the average structure is sought",)
    values = np.array(
        [[float(part) for part in (*parts[:3], *parts[3 + extra : 5 + extra])] for parts in main]
    )
    values = values.reshape(-1, 5)
    return Rows(whole_indices(values[:, :3]), values[:, 3], values[:, 4], notes)


def parse_m50(text: str) -> CrystalFacts:
    """Cell, wavelength and space group of Jana's .m50: the cards `cell`, `lambda` and `spgroup`."""
    cards: dict[str, list[str]] = {}
    for line in text.splitlines():
        if parts := line.split():
            cards.setdefault(parts[0].lower(), parts[1:])
    symbol = re.split(r"\(.*[a-z0]", " ".join(cards.get("spgroup", [])[:1]))[0]
    known = gemmi.find_spacegroup_by_name(symbol) if symbol else None
    wavelength = float(cards["lambda"][0]) if cards.get("lambda") else None
    cell = parse_cell(" ".join(cards["cell"][:6])) if "cell" in cards else None
    name = None if known is None else known.xhm()
    return CrystalFacts(cell, wavelength, spacegroup=name, radiation=radiation_of(None, wavelength))
