"""Tables on the screen."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.table import Table
from rich.text import Text

from argand.runs.table import plain_table

_FIGURES = {
    "matched": "matched",
    "atoms": "of",
    "mean_voxel": "mean, voxel",
    "solved": "maps solved",
    "verified": "verified",
    "ms_per_map": "ms a map",
}


def answer_table(records: Sequence[Mapping[str, Any]]) -> Table:
    """One line for each map."""
    table = plain_table("map", "answer", "found by", "residual", "atoms")
    for record in records:
        if "positions_voxel" not in record:
            table.add_row(record["file"], Text(record["reason"], style="red"), "", "", "")
            continue
        verdict = Text("solved", style="green") if record["solved"] else Text("not solved", style="red")
        atoms = str(len(record["positions_voxel"]))
        table.add_row(record["file"], verdict, record["path"], f"{record['residual']:.4f}", atoms)
    return table


def evaluation_table(result: Mapping[str, Any]) -> Table:
    """Errors of each stage on simulated maps."""
    title = f"{result['preset']}, {result['count']} maps, seed {result['seed']}"
    table = plain_table("answer", *_FIGURES.values(), title=title)
    for stage in ("read", "refined"):
        cells = (result[stage][key] for key in _FIGURES)
        table.add_row(stage, *(f"{cell:.4g}" if isinstance(cell, float) else str(cell) for cell in cells))
    return table
