"""Counts of crystals solved, from the rows of patterson_solver.py."""

from collections.abc import Callable
from typing import Any

import numpy as np

Row = dict[str, Any]
SMALL = 60
"""Atoms other than hydrogen in the asymmetric unit up to which the goal at full resolution counts."""


def summarise(rows: list[Row], counts: Callable[[list[Row]], Row] | None = None) -> list[Row]:
    """One line for each part, kind, resolution and contents, with `counts` of its rows; by default those of
    crystals solved."""
    counts = counts or _counts
    lines = []
    keys = ("part", "kind", "contents", "d_min")
    for key in sorted({tuple(row[name] for name in keys) for row in rows}):
        group = [row for row in rows if tuple(row[name] for name in keys) == key]
        lines.append(dict(zip(keys, key, strict=True)) | counts(group))
    return lines


def _counts(group: list[dict[str, Any]]) -> dict[str, Any]:
    solved = [row for row in group if row["solved"]]
    atoms = sum(row["atoms"] for row in solved)
    named = sum(row["named"] * row["atoms"] for row in solved)
    claimed = [row for row in group if row["claimed"]]
    small = [row for row in group if row["atoms"] <= SMALL]
    return {
        "sets": len(group),
        "solved": len(solved),
        "share": round(len(solved) / max(len(group), 1), 3),
        "small": len(small),
        "small solved": sum(row["solved"] for row in small),
        "claimed": len(claimed),
        "wrong": sum(not row["solved"] for row in claimed),
        "right claimed": sum(row["claimed"] for row in solved),
        "elements": round(named / max(atoms, 1), 3),
        "median s": round(float(np.median([row["seconds"] for row in solved])), 2) if solved else None,
        **_uncertain([row for row in solved if "unsure" in row]),
    }


def _uncertain(solved: list[dict[str, Any]]) -> dict[str, Any]:
    """Shares of the atoms that are called uncertain, and of the others those of wrong element; None without
    atoms."""
    atoms = sum(row["model_atoms"] for row in solved)
    sure = [row["model_atoms"] - row["unsure"] for row in solved]
    wrong = sum((1 - row["sure_named"]) * count for row, count in zip(solved, sure, strict=True))
    return {
        "uncertain": round(1 - sum(sure) / atoms, 3) if atoms else None,
        "sure but wrong": round(wrong / sum(sure), 4) if sum(sure) else None,
    }
