"""Space group symbols in common notations: Hermann-Mauguin in many spellings, Hall, and numbers."""

import difflib
import re
import unicodedata

import gemmi

from argand.errors import ConfigError

_DASHES = str.maketrans("−–—_", "--- ")
"""Characters that mean minus, and the mark of a subscript."""
_ORIGIN = re.compile(r"\s*:?\s*(?:([SZ])|O([12]))$", re.IGNORECASE)
"""Suffixes for the origin choice: in the Inorganic Crystal Structure Database S for the first and Z (at a
centre) for the second; and other notations."""
_LONGEST = 100
"""Most characters of a symbol. Set by hand: the longest Hall symbols with another basis have about 50."""
_LAST_NUMBER = 230
"""Number of space group types (International Tables A)."""


def find_operations(name: str, cell: tuple[float, ...] | None = None) -> tuple[gemmi.GroupOps, str]:
    """Operators and full symbol of a space group.

    `name` is a Hermann-Mauguin symbol (P21/c, P2(1)/c, P2_1/c, p 1 21/c 1, R-3c:H, F d -3 m Z), a Hall symbol
    or a number. Rhombohedral groups have hexagonal axes unless the symbol or the `cell` (Å and degrees)
    implies otherwise; origin choice 1 is the default. Raises ConfigError for an unknown symbol.
    """
    if len(name) > _LONGEST:
        raise ConfigError(f'{len(name)} characters are too long for a space group; write it like "P 21/c"')
    text = _plain(name)
    angles = (cell[3], cell[5]) if cell is not None else (0.0, 0.0)
    for spelling in _spellings(text):
        found = gemmi.find_spacegroup_by_name(spelling, *angles)
        if found is not None:
            return found.operations(), found.xhm()
    operations = _of_hall(text)
    if operations is None:
        raise ConfigError(f"unknown space group '{name}'; write it like \"P 21/c\"{_likely(text)}")
    known = gemmi.find_spacegroup_by_ops(operations)
    return operations, known.xhm() if known else text


def setting_note(name: str, chosen: str) -> str | None:
    """A note on the origin or axes chosen if the symbol `name` leaves them open; `chosen` is the full
    symbol."""
    if (
        ":" not in chosen
        or re.search(r":\s*[12HhRr]", _with_origin(name))
        or _of_hall(_plain(name)) is not None
    ):
        return None
    bare, setting = chosen.split(":")
    if setting in "12":
        other = "2" if setting == "1" else "1"
        known = gemmi.find_spacegroup_by_name(f"{bare}:{other}")
        return known and f"{bare} has two origin choices: using {chosen}; give '{bare}:{other}' for the other"
    # The letter may appear without a colon.
    if re.search(r"[HhRr]\s*$", name.strip()[1:]) or name.strip()[:1] in "Hh":
        return None
    axes, other = ("hexagonal", "R") if setting == "H" else ("rhombohedral", "H")
    return f"{bare} on {axes} axes ({chosen}) is used; give '{bare}:{other}' for the other"


def _plain(name: str) -> str:
    """The symbol without quotes, subscripts, overbars and screw-axis marks, with single spaces."""
    # NFKD turns subscripts into digits and separates an overbar from its digit, which it follows.
    text = unicodedata.normalize("NFKD", name)
    text = re.sub("(\\d)[\u0304\u0305]", r"-\1", text).translate(_DASHES).strip()
    # Quotes within are part of Hall symbols.
    text = text[1:-1] if len(text) > 2 and text[0] == text[-1] and text[0] in "'\"" else text
    return re.sub(r"\s+", " ", text).strip()


def _spellings(text: str) -> list[str]:
    """The symbol as given, and without subscript marks: P2(1)/c, P 2 1/c."""
    if re.fullmatch(r"[+-]?\d+", text):
        return [text] if 1 <= int(text) <= _LAST_NUMBER else []
    text = _with_origin(text)
    bare = re.sub(r"\((\d)\)", r"\1", text)
    joined = re.sub(r"([2346]) ([1-5])(?=[ /]|$)", r"\1\2", bare)
    return list(dict.fromkeys([text, bare, joined, bare.replace(" ", ""), joined.replace(" ", "")]))


def _with_origin(text: str) -> str:
    """The symbol with its origin choice as in the tables: F d -3 m Z is F d -3 m:2."""
    found = _ORIGIN.search(text)
    if found is None:
        return text
    return f"{text[: found.start()]}:{found[2] or ('1' if found[1] in 'Ss' else '2')}"


def _of_hall(text: str) -> gemmi.GroupOps | None:
    """Operators of a Hall symbol that is tabulated, has a centre, or a change of basis.

    Others are rejected: "P 21c" is valid but means P 1 1 2, which is never intended.
    """
    tabulated = {group.hall.lower() for group in gemmi.spacegroup_table()}
    if text.lower() not in tabulated and not re.match(r"-[PABCIRHF] |[PABCIRHF] .*\(", text, re.IGNORECASE):
        return None
    try:
        return gemmi.symops_from_hall(text)
    except (RuntimeError, ValueError):
        return None


def _likely(text: str) -> str:
    """A suggestion: the symbol spelt most like an unknown one."""
    names = {group.xhm().replace(" ", ""): group.xhm() for group in gemmi.spacegroup_table()}
    names |= {group.short_name(): group.xhm() for group in gemmi.spacegroup_table()}
    near = difflib.get_close_matches(text.replace(" ", ""), names, 1, 0.7)
    return f"; is it '{names[near[0]]}'?" if near else ""
