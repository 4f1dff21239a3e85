"""The card of the network of occupations: its training, its figures and its limits."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from argand.io.card import save_with_card
from argand.io.weights import load_weights
from argand.progress import duration
from argand.systems.crystals.generation.occupation_training import WEIGHTS

LIMITS = [
    "Cells of up to 20 atoms and 8 elements of the Materials Project; theoretical structures among them.",
    "It judges which elements fit, not whether a structure is stable: energies were never seen.",
    "All sites of one element are drawn together; places and the shape of the cell stay the prototype's.",
    "Elements that are rare in the pool (noble gases, actinides) are rare in what is drawn.",
]


def keep_figures(figures: Mapping[str, Sequence[Mapping[str, Any]]], weights: Path = WEIGHTS) -> Path:
    """Keep tables of figures in the header of the weights and write the card beside them.

    `figures` are rows by title; the first entry of a row is its name. Gives the card.
    """
    state, header = load_weights(weights)
    tables = {title: dict(_named(row) for row in rows) for title, rows in figures.items()}
    header |= {"figures": header.get("figures", {}) | tables, "limits": LIMITS}
    spent = duration(header["training"]["max_seconds"])
    options = f"--structures mp_pool.parquet --out runs/occupation --max-time {spent}"
    header["command"] = f"argand crystals train occupation {options}"
    header["load"] = "argand.systems.crystals.generation.occupation_training.load_occupation()"
    return save_with_card(weights, state, header)


def _named(row: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    values = list(row.items())
    return str(values[0][1]), dict(values[1:])
