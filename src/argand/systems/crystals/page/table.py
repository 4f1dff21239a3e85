"""The table of the structures of a run: a row for each, whose click shows it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from argand.page.markup import link, text
from argand.page.parts import Column, Row, badge, shown, table
from argand.systems.crystals.page.run import Item, Kind

GROUP = "structures"
"""The views that show the same structure."""

_SMALLEST = 5e-7
"""Å; smaller displacements are rounding: CIFs are written with some six decimals of a fraction."""


@dataclass(frozen=True)
class _Field:
    """A column: heading, cell in HTML, whether a number, and grey if not trusted."""

    name: str
    cell: Callable[[Item], str]
    number: bool = False
    of_answer: bool = True


def number(value: float | None, digits: int) -> str:
    """A figure with so many decimals; nothing where it is not known or not finite."""
    return f"{value:.{digits}f}" if value is not None and np.isfinite(value) else ""


def short(value: float | None) -> str:
    """A figure with two significant digits; nothing where it is not known or not finite."""
    return f"{value:.2g}" if value is not None and np.isfinite(value) else ""


def distance(value: float) -> str:
    """A displacement in Å with two significant digits; 0 below what a CIF tells."""
    return "0" if value < _SMALLEST else short(value)


def moved(item: Item) -> str:
    """The largest displacement of an atom, in Å."""
    return "" if item.moved is None else distance(float(item.moved.distance.max()))


def _whole(value: str) -> str:
    """Text on one line: a symbol with a minus would be broken there."""
    return f'<span class="whole">{text(value)}</span>' if value else ""


def _yes(value: bool | None, yes: str, no: str) -> str:
    return "" if value is None else (yes if value else no)


_NAME = _Field("structure", lambda one: text(one.name), of_answer=False)
_STEP = _Field("share, %", lambda one: f"{100 * one.record['share']:.1f}", True, False)
_FIRST = (
    _Field("formula", lambda one: text(one.record["formula"])),
    _Field("space group", lambda one: _whole(one.space_group or "none found")),
    _Field("atoms", lambda one: str(len(one.structure)), True),
)
_VOLUME = _Field("volume, Å³", lambda one: number(one.structure.volume, 2), True)
_PER_ATOM = _Field("volume, Å³/atom", lambda one: number(one.structure.volume / len(one.structure), 2), True)
_SHORTEST = _Field("shortest distance, Å", lambda one: number(one.shortest_distance, 3), True)
_VALID = _Field("distances", lambda one: badge(one.is_valid, "valid" if one.is_valid else "too short"))
_MISFITS = (
    _Field("confidence", lambda one: number(one.record["confidence"], 3), True),
    _Field("misfit", lambda one: short(one.record["misfit"]), True),
)
_MOVED = _Field("largest displacement, Å", moved, True)
_SAMPLE = (
    _Field("plausibility", lambda one: number(one.record.get("plausibility"), 3), True),
    _Field("above the hull, eV/atom", lambda one: number(one.record.get("above_hull"), 3), True),
    _Field("most similar known", lambda one: _whole(_similar(one))),
    _Field("known as", lambda one: text(one.record.get("known_as") or "new")),
    _Field("framework", lambda one: _yes(one.record.get("new_framework"), "new", "known")),
    _Field("repeats", lambda one: text(one.record.get("duplicate_of") or "")),
)
_VERDICT = _Field("verdict", lambda one: _verdict(one), of_answer=False)
_FIELDS: dict[Kind, tuple[_Field, ...]] = {
    "rebuilt": (*_FIRST, _VOLUME, *_MISFITS, _MOVED),
    "decoded": (*_FIRST, _VOLUME, _SHORTEST, *_MISFITS),
    "altered": (*_FIRST, _VOLUME, _SHORTEST, _VALID, *_MISFITS),
    "path": (_STEP, *_FIRST, _PER_ATOM, _SHORTEST, _VALID, *_MISFITS),
    "samples": (*_FIRST, _PER_ATOM, _SHORTEST, _VALID, _MISFITS[0], *_SAMPLE),
}


def structure_table(kind: Kind, items: Sequence[Item], beside: bool, caption: str = "") -> str:
    """The table; each row has a link to its CIF if the page lies `beside` it. Empty columns are left out."""
    files = _Field("file", lambda one: link(one.record["file"], "CIF"), of_answer=False)
    fields = (_NAME, _VERDICT, *_FIELDS[kind], *((files,) if beside else ()))
    cells = [[one.cell(item) for item in items] for one in fields]
    kept = [(one, column) for one, column in zip(fields, cells, strict=True) if any(column)]
    rows = []
    for place, item in enumerate(items):
        values = [shown(column[place], item.trusted or not one.of_answer) for one, column in kept]
        rows.append(Row(values, group=GROUP, number=place))
    columns = [Column(one.name, one.number) for one, _ in kept]
    return f'<div class="scrolls">{table(columns, rows, caption=caption)}</div>'


def _verdict(item: Item) -> str:
    """A badge; of best guesses why, without the figures that a reason begins with, which have columns."""
    if item.trusted:
        return f'<span title="{text(item.reason)}">{badge(True)}</span>'
    _, _, why = item.reason.partition(": ")
    return f'{badge(False)}<span class="why">{text(why or item.reason)}</span>'


def _similar(item: Item) -> str:
    record = item.record
    if not record.get("nearest"):
        return ""
    formula = record.get("nearest_formula")
    return f"{record['nearest']} ({formula})" if formula else record["nearest"]
