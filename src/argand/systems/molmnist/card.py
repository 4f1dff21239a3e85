"""The card of trained weights: their training, their figures in the tasks, and their limits."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from argand.io.card import save_with_card
from argand.io.weights import is_packed, load_weights, packed
from argand.progress import duration
from argand.systems.molmnist.benchmark.figures import TASKS

_RADIATION = "X-ray form factors and a flat Ewald sphere."
_VARIANTS = (
    "Trained on variants of elastic networks that are fitted to two small fibrils in water; see the guide."
)
LIMITS = {
    "modes": [
        "Knows the ten fibrils of the benchmark alone, along their axis; other objects are answered with one "
        "of them, and found out by their residual.",
        _VARIANTS,
        _RADIATION,
    ],
    "chains": [
        "Knows bundles of 4 to 100 chains of the crystal of cellulose Iβ, along their axis within 3 degrees; "
        "other objects are answered with one, and found out by their misfit as far as photons tell.",
        "Trained on rods that bend and turn by amplitudes set by hand; see the guide.",
        "Neither the hand of a twist nor a length is in a pattern: it tells the turn between the ends.",
        "Its fit takes seconds a pattern.",
        _RADIATION,
    ],
    "published": [
        "Answers with a shape of the ten fibrils of the benchmark whatever it is shown, and does not say how "
        "sure it is.",
        _VARIANTS,
        "Patterns like those that it was trained on alone, of a flat Ewald sphere and without noise.",
    ],
}
"""Of each network, by its name in a configuration."""
_MODEL = "argand.systems.molmnist.benchmark.model"
_LOAD = {"modes": 'argand.systems.molmnist.load_predictor(network="ten")'}
"""How weights are loaded that are not those of `argand.load`."""
_FIGURES = (*(key for task in TASKS.values() for key, _, _ in task.columns), "cpu_ms_per_pattern")


def keep_figures(weights: Path, rows: Sequence[dict[str, Any]]) -> Path:
    """Keep rows of the leaderboard in the header of these weights and write their card.

    Rows of other conditions or models that the header has stay. The network of bundles is kept in eight bits,
    others in half precision. Raises InputError where nothing can be written.
    """
    state, header = load_weights(weights)
    figures = {task: dict(lines) for task, lines in header.get("figures", {}).items()}
    for row in rows:
        told = {key: row[key] for key in _FIGURES if row.get(key) is not None}
        line = f"{row['condition']}: {row['model']}"
        figures.setdefault(row["task"], {})[line] = {"patterns": row["count"]} | told
    name = header["config"]["network_name"]
    header |= {"figures": figures, "limits": LIMITS[name], "command": _command(header)}
    header |= {"load": _LOAD[name]} if name in _LOAD else {}
    if name == "published":
        header["load"] = f"{_MODEL}.published_model({'' if _turned(header) else 'PUBLISHED_ALIGNED'})"
    # The network of bundles is the largest; it measures the same in eight bits.
    if name == "chains" or is_packed(weights):
        return save_with_card(weights, packed(state), header)
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
    return (
        f"argand molmnist train {preset} --out runs/{preset}{time}{batch} --processes {training['workers']}"
    )
