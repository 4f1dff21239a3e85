"""The card of the network of frameworks: its training, its figures and its limits."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from argand.io.card import save_with_card
from argand.io.weights import load_weights
from argand.progress import duration
from argand.systems.crystals.generation.framework_training import WEIGHTS

LIMITS = [
    "Primitive cells of up to 20 atoms of the Materials Project; theoretical structures among them.",
    "Energies were never seen: what is drawn is to be relaxed, and may be unstable.",
    "Free coordinates are steps of a 96th of the cell; where many are free they are drawn worst.",
    "Whether a framework is new is told up to a tolerance of 0.1 Å, and by cells of up to 20 atoms.",
    "Elements and space groups that are rare in the pool are rare in what is drawn.",
]


def keep_figures(
    figures: Mapping[str, Sequence[Mapping[str, Any]]], source: Path = WEIGHTS, weights: Path = WEIGHTS
) -> Path:
    """Keep the weights of `source` at half precision, with tables of figures, in `weights`, and their card.

    `figures` are rows by title; the first entry of a row is its name. Gives the card.
    """
    state, header = load_weights(source)
    tables = {title: dict(_named(row) for row in rows) for title, rows in figures.items()}
    header |= {"figures": header.get("figures", {}) | tables, "limits": LIMITS}
    spent = duration(header["training"]["max_seconds"])
    options = f"--structures mp_pool.parquet --out runs/frameworks --max-time {spent}"
    header["command"] = f"argand crystals train frameworks {options}"
    header["load"] = "argand.systems.crystals.generation.framework_training.load_frameworks_network()"
    return save_with_card(weights, {name: tensor.half() for name, tensor in state.items()}, header)


def _named(row: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    values = list(row.items())
    return str(values[0][1]), dict(values[1:])
