"""The trainings that the published figures 7, 8 and 9 compare, and three networks at equal compute.

    python benchmarks/patterson_ablation.py

trains the published network on maps that are small enough for it to learn in minutes of a core (--size
paper: on its own, which takes days), and its variants for the same number of steps; puts three networks
through the published accuracy test; writes the learning curves and draws them. An arm that was stopped goes
on, a finished one is not repeated.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import torch
import typer
from report import as_table, write_report
from rich.console import Console
from torch import Tensor, nn

from argand.io.weights import load_weights, restore
from argand.learn.device import fast_order, hardware
from argand.learn.record import BEST_NAME
from argand.learn.stream import VALIDATION_OFFSET
from argand.physics.sphere.patterson import intensities_of
from argand.physics.sphere.sphere_fit import select_reflections
from argand.systems.patterson.evaluate import EVALUATION_SEED, batches
from argand.systems.patterson.maps.atom_matching import Match, match_atoms
from argand.systems.patterson.predict import Predictor
from argand.systems.patterson.published.ablation import (
    COMPARED,
    TRAINING_SEED,
    Arm,
    Curve,
    arms_of,
    train_arms,
)
from argand.systems.patterson.published.learning_curves import draw_comparisons, draw_networks, draw_training
from argand.systems.patterson.published.peak_swaps import doubled, separate_by_swaps, weighted_peaks
from argand.systems.patterson.simulate import AtomSet

SET = AtomSet()
PEAKS, HEAT, LONGEST = 20, 0.1, 8.0
"""As in the published reading: peaks of the density; annealing; and the largest |h| that is judged by."""
SCORES = ("matched", "atoms", "mean_voxel", "solved")


def trained(arm: Arm, run: Path) -> nn.Module:
    """The network of an arm that did best in validation."""
    state, _ = load_weights(run / BEST_NAME)
    network = arm.system.network()
    restore(network, state, run)
    return fast_order(network.eval())


def read_published(arm: Arm, network: nn.Module) -> Callable[[Tensor], Tensor]:
    """The published reading of a density of the whole box: weighted peaks, their images, annealed swaps."""

    def read(patterson: Tensor) -> Tensor:
        densities = [arm.system.decode(network(arm.system.seen(one[None]))) for one in patterson]
        places = doubled(weighted_peaks(torch.cat(densities), PEAKS), SET.box)
        reflections = select_reflections(intensities_of(patterson), LONGEST)
        return separate_by_swaps(places, reflections, SET.atoms, SET.radius, temperature=HEAT).positions

    return read


def read_superposed(arm: Arm, network: nn.Module) -> Callable[[Tensor], Tensor]:
    """Our reading, of the first vector."""
    predictor = Predictor(arm.system, network)
    return lambda patterson: predictor.read(patterson, SET.atoms, vectors=1).positions


@torch.inference_mode()
def score(curve: Curve, count: int) -> dict[str, Any]:
    """The published accuracy test, as read and not refined, on maps that no training uses."""
    arm, matches = Arm(curve["network"]), []
    reading = read_superposed if arm.network == "superposition" else read_published
    read = reading(arm, trained(arm, Path(curve["run"])))
    for batch in batches(SET, count, EVALUATION_SEED):
        found = read(batch.patterson)
        matches.append(match_atoms(found, batch.positions.float()))
    whole = Match(torch.cat([m.matched for m in matches]), torch.cat([m.distance for m in matches]))
    return {"maps": count, **{key: whole.figures()[key] for key in SCORES}}


def main(
    minutes: Annotated[float, typer.Option(help="Minutes of one core for a variant")] = 3.0,
    size: Annotated[str, typer.Option(help="Maps of the variants: small, or paper")] = "small",
    compare: Annotated[bool, typer.Option(help="Train the three networks at equal compute, too")] = True,
    compare_minutes: Annotated[float, typer.Option(help="Minutes of one core for a network")] = 10.0,
    count: Annotated[int, typer.Option(help="Maps of the accuracy test")] = 100,
    runs: Annotated[Path, typer.Option(help="Folder of the runs")] = Path("runs/patterson_ablation"),
    figures: Annotated[Path, typer.Option(help="Folder of the pictures")] = Path("docs/figures"),
    json_file: Annotated[Path, typer.Option("--json")] = Path("benchmarks/results/patterson_ablation.json"),
) -> None:
    """Train what is not trained yet, measure, draw: first the networks, then the variants.

    With --no-compare the figures of the networks stay as the JSON file has them.
    """
    torch.set_num_threads(1)
    seeds = {"training": TRAINING_SEED, "validation": TRAINING_SEED + VALIDATION_OFFSET}
    report: dict[str, Any] = {"hardware": hardware("cpu"), "seeds": {**seeds, "accuracy": EVALUATION_SEED}}
    report["compared"] = compare_networks(runs, compare_minutes, count, figures) if compare else []
    if not compare and json_file.is_file():
        report["compared"] = json.loads(json_file.read_text())["compared"]
    write_report(json_file, {**report, "variants": []})
    variants = train_arms(arms_of(size), runs, minutes, typer.echo)
    report["variants"] = [kept(curve) for curve in variants]
    draw_training(figures, variants)
    draw_comparisons(figures, variants)
    write_report(json_file, report)
    Console().print(as_table("Trainings", [summary(curve) for curve in (*report["compared"], *variants)]))


def compare_networks(runs: Path, minutes: float, count: int, figures: Path) -> list[Curve]:
    """The networks on the published maps at equal compute, with the published accuracy test."""
    compared = train_arms(COMPARED, runs, minutes, typer.echo)
    draw_networks(figures / "patterson-learning.png", compared)
    return [kept(curve) | {"accuracy": score(curve, count)} for curve in compared]


def kept(curve: Curve) -> Curve:
    """What the JSON says of an arm: all but where its run lies."""
    return {key: value for key, value in curve.items() if key != "run"}


def summary(curve: Curve) -> dict[str, Any]:
    """One line of the printed table."""
    keys = ("arm", "weights", "steps", "batch", "core_minutes", "mean_map")
    return {**{key: curve[key] for key in keys}, "error": curve["val"][-1][1]}


if __name__ == "__main__":
    typer.run(main)
