"""The card of the published networks' weights: their training, their figures, and their limits."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from argand.io.card import save_with_card
from argand.io.weights import load_weights
from argand.progress import duration

LIMITS = [
    "Boxes of 10 Å alone: what does not fit into one is lost, and so is the lattice.",
    "Repeating crystals have more atoms in reach of a box than 300 numbers can tell.",
    "Minutes of a shared processor. Atoms of `refined` are fitted to the code and not to what is learnt, "
    'which only says more of the density. Our own representation, argand.load("crystals"), needs none.',
]


def keep_figures(weights: Path, result: Mapping[str, Any]) -> Path:
    """Keep what `evaluate_model` found in the header of these weights, and write their card beside them."""
    state, header = load_weights(weights)
    rows = {row["what"]: {key: row[key] for key in row if key != "what"} for row in result["rows"]}
    header |= {"figures": header.get("figures", {}) | {"boxes": rows}, "limits": LIMITS}
    header["load"] = 'argand.load("crystals", FILE)'
    header["command"] = _command(header)
    return save_with_card(weights, state, header)


def _command(header: Mapping[str, Any]) -> str:
    training = header["training"]
    one = next(iter(training.values()))
    seconds = sum(stage["max_seconds"] or stage["seconds"] for stage in training.values())
    source, rate = header["config"]["source"], header["config"]["learning_rate"]
    return (
        f"argand crystals train {_preset(header)} --structures {source} --out runs/paper "
        f"--max-time {duration(seconds)} --batch-size {one['batch_size']} --learning-rate {rate:g} "
        f"--replay {one['replay']} --processes {one['workers']}"
    )


def _preset(header: Mapping[str, Any]) -> str:
    """The preset that the weights are of."""
    if header["config"]["model"] == "refined":
        return "refined"
    return "paper" if header["config"].get("dense") else "paper-small"
