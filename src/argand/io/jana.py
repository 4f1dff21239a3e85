"""Reflections of Jana: .m90 with its short header, .m91 without one, and the accompanying .m50 with the
crystal data."""

import re

import gemmi
import numpy as np
from jaxtyping import Float

from argand.errors import InputError
from argand.io.crystal_facts import CrystalFacts
from argand.io.intensities import Rows, parse_cell, radiation_of, whole_indices
from argand.io.limits import MOST_REFLECTIONS, require_at_most
from argand.io.text_size import lines_of

_END = "999"
"""The only word of the last line of Jana's reflections."""
_LONGEST_INDEX, _LONGEST_SYMBOL = 8, 60
"""Most characters of an index and of a space group symbol. Set by hand: none is as long."""


def parse_m90(text: str, source: str) -> tuple[Rows, float | None]:
    """Reflections, and the wavelength in Å (None if not given), of the first data block.

    Lines are h, k, l, F², sigma and more, up to 999; with satellites a fourth index comes before F², and only
    main reflections are kept. Raises InputError if no such line follows the header.
    """
    lines = lines_of(text, source)
    told = [line.split(maxsplit=2)[1:2] for line in lines if line.split(maxsplit=1)[:1] == ["lambda"]]
    table, count, extra = np.empty((len(lines), 6)), 0, 0
    for line in lines:
        parts = line.split(maxsplit=6)[:6]
        if parts[:1] == [_END] or (count and not _is_reflection(parts)):
            break
        if _is_reflection(parts):
            # A fourth index never has a decimal point.
            extra = int(len(parts) > 5 and "." not in parts[3] and (extra or not count))
            table[count] = [*(float(part) for part in parts[:5]), _sixth(parts)]
            count += 1
    if not count:
        raise InputError(f"{source}: contains no reflections (h k l F² sigma); is it a .m90 of Jana?")
    require_at_most(source, "reflections", count, MOST_REFLECTIONS)
    return _rows(table[:count], extra), float(told[0][0]) if told and told[0] else None


def _sixth(parts: list[str]) -> float:
    """The sixth number of a line, NaN if there is none."""
    try:
        return float(parts[5])
    except (IndexError, ValueError):
        return float("nan")


def _is_reflection(parts: list[str]) -> bool:
    try:
        [int(part[:_LONGEST_INDEX]) for part in parts[:3]]
        [float(part) for part in parts[3:5]]
    except ValueError:
        return False
    return len(parts) >= 5


def _rows(table: Float[np.ndarray, "n 6"], extra: int) -> Rows:
    main = table if not extra else table[table[:, 3] == 0]
    notes: tuple[str, ...] = ()
    if len(main) < len(table):
        notes = (f"{len(table) - len(main)} satellite reflections left out: the average structure is solved",)
    return Rows(whole_indices(main[:, :3]), main[:, 3 + extra], main[:, 4 + extra], notes)


def parse_m50(text: str) -> CrystalFacts:
    """Cell, wavelength and space group of Jana's .m50: the cards `cell`, `lambda` and `spgroup`."""
    cards: dict[str, list[str]] = {}
    for line in text.splitlines():
        if parts := line.split():
            cards.setdefault(parts[0].lower(), parts[1:])
    symbol = re.split(r"\(.*[a-z0]", " ".join(cards.get("spgroup", [])[:1])[:_LONGEST_SYMBOL])[0]
    known = gemmi.find_spacegroup_by_name(symbol) if symbol else None
    wavelength = float(cards["lambda"][0]) if cards.get("lambda") else None
    cell = parse_cell(" ".join(cards["cell"][:6])) if "cell" in cards else None
    name = None if known is None else known.xhm()
    return CrystalFacts(cell, wavelength, spacegroup=name, radiation=radiation_of(None, wavelength))
