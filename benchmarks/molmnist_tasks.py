"""The leaderboard of the Molmnist tasks: the network, other models, and what needs no network.

    python benchmarks/molmnist_tasks.py --json benchmarks/results/molmnist_tasks.json

Test pairs of `standard` in five conditions; shapes, fibrils and twists. Times are those of the processor.
The file is written after each condition. Floors learn from `--training` pairs of each fibril, measured in
the same condition.
"""

import os
from pathlib import Path
from typing import Annotated

import torch
import typer
from report import write_report
from rich.console import Console

from argand.learn.device import processor_name
from argand.machine import available_cores
from argand.systems.molmnist.benchmark.conditions import CONDITIONS
from argand.systems.molmnist.benchmark.model import PUBLISHED, Model, find_model, published_model
from argand.systems.molmnist.card import keep_figures
from argand.systems.molmnist.evaluate import evaluate_tasks, leaderboard, shipped_models
from argand.systems.molmnist.predict import WEIGHTS

PUBLISHED_NAME = "published encoder-decoder"


def main(
    count: Annotated[int, typer.Option(help="Test patterns, of the ten fibrils in turn.", min=1)] = 100,
    training: Annotated[int, typer.Option(help="Training pairs of each fibril for the baselines.")] = 1000,
    model: Annotated[list[str] | None, typer.Option(help="module:function beside the network.")] = None,
    condition: Annotated[list[str] | None, typer.Option(help="By default all.")] = None,
    card: Annotated[bool, typer.Option("--card", help="Keep the figures in the weights' cards.")] = False,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the figures here as well.")] = None,
) -> None:
    """Print the tables of each condition as soon as it is measured."""
    models: dict[str, Model] = {name: find_model(name) for name in model or ()}
    console, rows = Console(width=140), []
    models = {**shipped_models(None), PUBLISHED_NAME: published_model(), **models}
    for name in condition or CONDITIONS:
        found = evaluate_tasks(models, [name], count=count, baselines=True, training=training)
        rows += found
        for table in leaderboard(found):
            console.print(table)
        if json_file:
            machine = {"processor": processor_name(), "cores": available_cores()}
            machine["torch_threads"] = torch.get_num_threads()
            machine["load_average"] = round(os.getloadavg()[0], 1)
            write_report(json_file, {**machine, "training_per_fibril": training, "rows": rows})
    if card:
        own = [row for row in rows if not row.get("floor")]
        keep_figures(WEIGHTS, [row for row in own if row["model"].startswith("network")])
        keep_figures(PUBLISHED, [row for row in own if row["model"] == PUBLISHED_NAME])


if __name__ == "__main__":
    typer.run(main)
