"""The leaderboards of Molmnist: the network, other models, and what needs no network.

    python benchmarks/molmnist_tasks.py --json benchmarks/results/molmnist_tasks.json
    python benchmarks/molmnist_tasks.py --set hard --json benchmarks/results/molmnist_hard.json

Test pairs of `standard` or `hard` in each of its conditions. Times are those of the processor. The file is
written after each condition. Baselines learn from `--training` pairs, measured in the same condition. The
published network is also scored as trained on its own aligned set, where its weights are there.
"""

import os
from pathlib import Path
from typing import Annotated, Literal

import torch
import typer
from report import write_report
from rich.console import Console

from argand.learn.device import processor_name
from argand.machine import available_cores
from argand.systems.molmnist.benchmark.conditions import set_conditions
from argand.systems.molmnist.benchmark.model import (
    PUBLISHED,
    PUBLISHED_ALIGNED,
    Model,
    find_model,
    published_model,
)
from argand.systems.molmnist.benchmark.training import TRAINING
from argand.systems.molmnist.card import keep_figures
from argand.systems.molmnist.evaluate import evaluate_tasks, leaderboard, shipped_models
from argand.systems.molmnist.predict import WEIGHTS

PUBLISHED_NAME, ALIGNED_NAME = "published encoder-decoder", "published encoder-decoder, aligned"
ALIGNED_CONDITION = "published-set"


def models_of(set_name: str, condition: str, named: dict[str, Model], console: Console) -> dict[str, Model]:
    """What is scored in a condition beside the baselines."""
    models = {**shipped_models(None), PUBLISHED_NAME: published_model()} if set_name == "standard" else {}
    if condition == ALIGNED_CONDITION:
        if PUBLISHED_ALIGNED.is_file():
            models[ALIGNED_NAME] = published_model(PUBLISHED_ALIGNED)
        else:
            console.print(f"{ALIGNED_NAME}: left out, no weights in {PUBLISHED_ALIGNED.parent.name}")
    return {**models, **named}


def main(
    set_name: Annotated[Literal["standard", "hard"], typer.Option("--set", help="Whose pairs.")] = "standard",
    count: Annotated[int, typer.Option(help="Test patterns, the first of the set.", min=1)] = 100,
    training: Annotated[int, typer.Option(help="Training pairs for the baselines.", min=1)] = TRAINING,
    model: Annotated[list[str] | None, typer.Option(help="module:function beside the network.")] = None,
    condition: Annotated[list[str] | None, typer.Option(help="By default all.")] = None,
    card: Annotated[bool, typer.Option("--card", help="Keep the figures in the weights' cards.")] = False,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the figures here as well.")] = None,
) -> None:
    """Print the tables of each condition as soon as it is measured."""
    console, rows = Console(width=160), []
    named = {name: find_model(name) for name in model or ()}
    for way in set_conditions(set_name, condition or ()):
        models = models_of(set_name, way.name, named, console)
        found = evaluate_tasks(models, [way], count=count, baselines=True, training=training)
        rows += found
        for table in leaderboard(found):
            console.print(table)
        if json_file:
            machine = {"processor": processor_name(), "cores": available_cores()}
            machine["torch_threads"] = torch.get_num_threads()
            machine["load_average"] = round(os.getloadavg()[0], 1)
            write_report(json_file, {**machine, "set": set_name, "training_pairs": training, "rows": rows})
    if card:
        own = [row for row in rows if not row.get("floor")]
        keep_figures(WEIGHTS, [row for row in own if row["model"].startswith("network")])
        keep_figures(PUBLISHED, [row for row in own if row["model"] == PUBLISHED_NAME])
        if PUBLISHED_ALIGNED.is_file():
            keep_figures(PUBLISHED_ALIGNED, [row for row in own if row["model"] == ALIGNED_NAME])


if __name__ == "__main__":
    typer.run(main)
