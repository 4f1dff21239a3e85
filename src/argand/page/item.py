"""What a page says of the item that its views show: title, verdict, facts and a table, which follow them."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from argand.page.parts import Column
from argand.page.view import packed, view


@dataclass(frozen=True)
class ItemText:
    """An item in plain text: its title, whether it is trusted and why, facts, notes, and rows of a table."""

    title: str
    verdict: tuple[bool, str] | None = None
    facts: Sequence[tuple[str, str]] = ()
    notes: Sequence[str] = ()
    rows: Sequence[Sequence[str]] = ()


def item_view(
    items: Sequence[ItemText],
    columns: Sequence[Column] = (),
    *,
    group: str,
    label: str,
    caption: str = "",
    first: int = 0,
    table: str = "Table",
) -> str:
    """The element that tells of the item shown in a group's views.

    Item `first` is shown to begin with. `columns` are those of the rows of all items, `table` is the heading
    of that table, `caption` HTML below it, `label` for those who cannot see the page.
    """
    told = [
        {
            "title": one.title,
            "verdict": None if one.verdict is None else [bool(one.verdict[0]), one.verdict[1]],
            "facts": [list(fact) for fact in one.facts],
            "notes": list(one.notes),
            "rows": [list(row) for row in one.rows],
        }
        for one in items
    ]
    # The tables of hundreds of items are mostly digits: compressed they are a tenth.
    plain = np.frombuffer(json.dumps(told, separators=(",", ":")).encode(), np.uint8)
    data = {
        "items": packed(plain),
        "columns": [[one.name, one.number] for one in columns],
        "group": group,
        "first": first,
        "table": table,
    }
    return view("item", data, label, caption, 60)
