"""The card of trained weights: their training, their figures in the three tasks, and their limits."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from argand.io.card import save_with_card
from argand.io.weights import load_weights
from argand.progress import duration
from argand.systems.molmnist.benchmark.figures import TASKS

LIMITS = [
    "Knows the ten fibrils of the benchmark alone, along their axis; other objects are answered with one of "
    "them, and found out by their residual.",
    "Trained on variants of elastic networks that are fitted to two small fibrils in water; see the guide.",
    "X-ray form factors and a flat Ewald sphere.",
]
_MODEL = "argand.systems.molmnist.benchmark.model"
_FIGURES = (*(key for task in TASKS.values() for key, _, _ in task.columns), "cpu_ms_per_pattern")


def keep_figures(weights: Path, rows: Sequence[dict[str, Any]]) -> Path:
    """Keep rows of the leaderboard in the header of these weights, in half precision, and write their card.

    Raises InputError where nothing can be written.
    """
    state, header = load_weights(weights)
    figures: dict[str, dict[str, dict[str, Any]]] = {}
    for row in rows:
        line = figures.setdefault(row["task"], {}).setdefault(f"{row['condition']}: {row['model']}", {})
        line |= {"patterns": row["count"]} | {key: row[key] for key in _FIGURES if row.get(key) is not None}
    header |= {"figures": header.get("figures", {}) | figures, "limits": LIMITS}
    header["command"] = _command(header)
    if header["config"]["network_name"] == "published":
        header["load"] = f"{_MODEL}.published_model({'' if _turned(header) else 'PUBLISHED_ALIGNED'})"
    halves = {key: one.half() if one.is_floating_point() else one for key, one in state.items()}
    return save_with_card(weights, halves, header)


def _turned(header: dict[str, Any]) -> bool:
    """Whether the training patterns were turned at random."""
    return bool(header["config"]["imaging"]["rotate"])


def _command(header: dict[str, Any]) -> str:
    training = header["training"]
    name = header["config"]["network_name"]
    aligned = name == "published" and not _turned(header)
    preset = "published" if aligned else {"modes": "best", "published": "standard"}.get(name, name)
    limit = training.get("max_seconds")
    time = f" --max-time {duration(limit)}" if limit else ""
    batch = f" --batch-size {training['batch_size']} --replay {training['replay']}"
    return f"argand molmnist train {preset} --out runs/{preset}{time}{batch} --workers {training['workers']}"
