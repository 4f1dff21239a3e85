"""The table of space groups, as the screen and the page show it."""

from collections.abc import Mapping
from typing import Any

MOST_GROUPS = 12
"""Groups that are shown. By hand; the JSON file has all."""
GROUP_COLUMNS = {
    "consistency": "phases",
    "weakest": "weakest operator",
    "absent": "absent",
    "absent_strength": "their I/σ",
    "other_strength": "I/σ of others",
    "r_int": "R_int",
    "r1": "R1",
}
"""Figures of a `space_group_search.GroupRow` and their headings."""
_DIGITS = {"absent": 0, "absent_strength": 1, "other_strength": 1}


def group_cells(row: Mapping[str, Any]) -> list[str]:
    """The cells of a row: the group with its other hand, the figures, and whether it was chosen."""
    hand = f" or {row['other_hand']}" if row["other_hand"] else ""
    told = "chosen" if row["chosen"] else "also trusted" if row["trusted"] else ""
    return [row["spacegroup"] + hand, *(_cell(name, row) for name in GROUP_COLUMNS), told]


def _cell(name: str, row: Mapping[str, Any]) -> str:
    """A figure; nothing where there is none, as of the mean of no reflections."""
    value = row[name]
    if value is None or (name == "absent_strength" and not row["absent"]):
        return ""
    return f"{value:.{_DIGITS.get(name, 3 if name in ('r1', 'r_int') else 2)}f}"
