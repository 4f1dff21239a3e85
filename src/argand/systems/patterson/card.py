"""The card of trained weights: their training, their figures on simulated maps, and their limits."""

from pathlib import Path
from typing import Any

from argand.io.card import save_with_card
from argand.io.weights import load_weights
from argand.progress import duration

LIMITS = [
    "Trained on simulated maps alone: equal atoms as spheres of one radius on voxels, in a periodic box.",
    "Intensities on an absolute scale, nearly all measured; at lower resolution iteration alone is used.",
    "A Patterson map determines neither the origin nor the hand of a structure.",
]
CRYSTAL_LIMITS = [
    "Trained on random molecules alone, in five space groups, at 1.1 to 2.1 Å; no minerals, no twins.",
    "It improves maps with mostly correct phases; wrong ones it does not improve. Not used by default.",
    "The measured crystals served to develop the solver, so the counts on them are optimistic.",
]


def keep_figures(weights: Path, result: dict[str, Any]) -> Path:
    """Keep what `evaluate_preset` found in the header of these weights, and write their card beside them.

    Figures of other presets stay. Returns the card. Raises InputError where nothing can be written.
    """
    state, header = load_weights(weights)
    figures = header.get("figures", {})
    simulated = figures.get("simulated", {}) | {result["preset"]: card_figures(result)}
    header |= {"figures": figures | {"simulated": simulated}, "limits": LIMITS}
    header["command"] = training_command("best", header["training"])
    return save_with_card(weights, state, header)


def keep_counts(weights: Path, lines: list[dict[str, Any]]) -> Path:
    """The same for the network of measured crystals: solved counts at each resolution, with it and without.

    `lines` are those of benchmarks/patterson_network.py.
    """
    state, header = load_weights(weights)
    counts = {}
    for line in lines:
        alone = next(row for row in lines if row["d_min"] == line["d_min"] and not row["network"])
        if line["network"]:
            row = {"solved with it": line["solved"], "without": alone["solved"]}
            counts[f"{line['d_min']} Å"] = row | {"wrong claims with it": line["false claims"]}
    header |= {"figures": header.get("figures", {}) | {"measured crystals": counts}, "limits": CRYSTAL_LIMITS}
    header["command"] = training_command("crystal", header["training"])
    header["load"] = "argand.systems.patterson.solution.density_network.load_network()"
    return save_with_card(weights, state, header)


def card_figures(result: dict[str, Any]) -> dict[str, Any]:
    """The row of one preset: atoms matched, their mean error, and maps solved, as read and refined."""
    row: dict[str, Any] = {"maps": result["count"], "atoms": result["refined"]["atoms"]}
    for stage in ("read", "refined"):
        found = result[stage]
        row |= {f"matched, {stage}": found["matched"], f"mean voxel, {stage}": found["mean_voxel"]}
        row |= {f"maps solved, {stage}": found["solved"]}
    return row | {"wrong but verified": result["refined"]["wrongly_verified"]}


def training_command(preset: str, training: dict[str, Any]) -> str:
    """The command that trains such weights again."""
    limit = training.get("max_seconds")
    time = f" --max-time {duration(limit)}" if limit else ""
    # What is simulated for which batch depends on the number of workers only where samples are replayed.
    replays = training.get("replay", 1) > 1
    replay = f" --replay {training['replay']} --processes {training['workers']}" if replays else ""
    batch = f" --batch-size {training['batch_size']}"
    return f"argand patterson train {preset} --out runs/{preset}{time}{batch}{replay}"
