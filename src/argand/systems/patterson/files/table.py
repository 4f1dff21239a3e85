"""Tables on the screen, and answers as CSV."""

import csv
from collections.abc import Mapping, Sequence
from io import StringIO
from typing import Any

from rich.table import Table
from rich.text import Text

from argand.runs.table import best_guess, plain_table

_FIGURES = {
    "matched": "matched",
    "atoms": "of",
    "mean_voxel": "mean, voxel",
    "solved": "maps solved",
    "verified": "trusted",
    "ms_per_map": "ms per map",
}
COLUMNS: tuple[str, ...] = (
    "file",
    "failed",
    "trusted",
    "reason",
    "residual",
    "path",
    "attempts",
    "atoms",
    "seconds",
)
"""Columns of the CSV: a row for each map."""


def answer_table(records: Sequence[Mapping[str, Any]]) -> Table:
    """One line for each map; numbers of answers that are not trusted are dim, under `best guess`."""
    guessed = any(not record["trusted"] and not record.get("failed") for record in records)
    table = plain_table("map", "answer", "found by", "residual", "atoms", *(["reason"] if guessed else []))
    for record in records:
        more = [""] if guessed else []
        if record.get("failed"):
            table.add_row(record["file"], Text(record["reason"], style="red"), "", "", "", *more)
            continue
        trusted = record["trusted"]
        verdict = Text("trusted", style="green") if trusted else Text("best guess", style="red")
        atoms = str(len(record["positions_voxel"]))
        cells = [record["path"], f"{record['residual']:.4f}", atoms]
        shown = [Text(cell) if trusted else best_guess(cell) for cell in cells]
        why = [Text("" if trusted else f"not trusted: {record['reason']}")] if guessed else []
        table.add_row(record["file"], verdict, *shown, *why)
    return table


def answer_csv(records: Sequence[Mapping[str, Any]]) -> str:
    """The records as CSV, without the positions; empty cells where there is nothing."""
    text = StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n", extrasaction="ignore")
    writer.writeheader()
    for record in records:
        row = {"failed": False, "atoms": len(record.get("positions_voxel", ())), **record}
        writer.writerow({**row, "atoms": row["atoms"] or ""})
    return text.getvalue()


def evaluation_table(result: Mapping[str, Any]) -> Table:
    """Errors of each stage on simulated maps."""
    title = f"{result['preset']}, {result['count']} maps, seed {result['seed']}"
    table = plain_table("answer", *_FIGURES.values(), title=title)
    for stage in ("read", "refined"):
        cells = (result[stage][key] for key in _FIGURES)
        table.add_row(stage, *(f"{cell:.4g}" if isinstance(cell, float) else str(cell) for cell in cells))
    return table
