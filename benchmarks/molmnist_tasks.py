"""The leaderboards of Molmnist: the networks, other models, and what needs no network.

    python benchmarks/molmnist_tasks.py --json benchmarks/results/molmnist_tasks.json
    python benchmarks/molmnist_tasks.py --set hard --json benchmarks/results/molmnist_hard.json

Test pairs of `standard` or `hard` in each of its conditions. Times are those of the processor. The file is
written after each condition; what it holds of conditions that are not measured now stays. So two processes
can share the conditions out, each with a file of its own, which

    python benchmarks/molmnist_tasks.py --set hard --merge one.json --merge two.json --json both.json --card

joins without measuring anything. Baselines learn from `--training` pairs, measured in the same condition. The
published network is also scored as trained on its own aligned set, where its weights are there.
"""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import torch
import typer
from report import Report, write_report
from rich.console import Console

from argand.learn.device import processor_name
from argand.machine import available_cores
from argand.systems.molmnist.benchmark.conditions import CONDITIONS, Condition, set_conditions
from argand.systems.molmnist.benchmark.leaderboard import leaderboard
from argand.systems.molmnist.benchmark.model import (
    PUBLISHED,
    PUBLISHED_ALIGNED,
    Model,
    find_model,
    published_model,
)
from argand.systems.molmnist.benchmark.training import TRAINING
from argand.systems.molmnist.card import keep_figures
from argand.systems.molmnist.evaluate import BUNDLES, NETWORK, evaluate_tasks, shipped_models
from argand.systems.molmnist.predict import WEIGHTS, WEIGHTS_TEN

PUBLISHED_NAME, ALIGNED_NAME = "published encoder-decoder", "published encoder-decoder, aligned"
ALIGNED_CONDITION = "published-set"


def models_of(set_name: str, way: Condition, named: dict[str, Model], console: Console) -> dict[str, Model]:
    """Models scored in a condition besides the baselines."""
    models = shipped_models(way.system)
    if set_name == "standard":
        models[PUBLISHED_NAME] = published_model()
    if way.name == ALIGNED_CONDITION:
        if PUBLISHED_ALIGNED.is_file():
            models[ALIGNED_NAME] = published_model(PUBLISHED_ALIGNED)
        else:
            console.print(f"{ALIGNED_NAME}: left out, no weights in {PUBLISHED_ALIGNED.parent.name}")
    return {**models, **named}


def joined(set_name: str, reports: Sequence[Report]) -> Report:
    """One report of several of a set, conditions in the set's order; of a condition in two the later one's.

    BadParameter for reports of another set, or with baselines trained on other numbers of pairs.
    """
    kinds = {(one["set"], one["training_pairs"]) for one in reports}
    if kinds != {(set_name, reports[-1]["training_pairs"])}:
        raise typer.BadParameter(
            f"reports of one set ({set_name}) and one number of training pairs can be joined; "
            "take another --json, or remove the file"
        )
    rows: dict[str, list[dict[str, Any]]] = {name: [] for name in CONDITIONS[set_name]}
    for report in reports:
        for name in dict.fromkeys(row["condition"] for row in report["rows"]):
            rows[name] = [row for row in report["rows"] if row["condition"] == name]
    return {**reports[-1], "rows": [row for some in rows.values() for row in some]}


def read(file: Path | None) -> list[Report]:
    """What a file holds, where there is one."""
    return [json.loads(file.read_text(encoding="utf-8"))] if file is not None and file.is_file() else []


def weights_of(set_name: str, model: str) -> Path | None:
    """Weights that answered by this name."""
    if model in (PUBLISHED_NAME, ALIGNED_NAME):
        return PUBLISHED if model == PUBLISHED_NAME else PUBLISHED_ALIGNED
    if model.startswith(BUNDLES) or (set_name == "hard" and model.startswith(NETWORK)):
        return WEIGHTS
    return WEIGHTS_TEN if model.startswith(NETWORK) else None


def keep(report: Report) -> None:
    """Keep the models' rows in the weights that they are of, and write their cards."""
    own: dict[Path, list[dict[str, Any]]] = {}
    for row in report["rows"]:
        weights = None if row.get("floor") else weights_of(report["set"], row["model"])
        if weights is not None:
            # Both sets have conditions of one name, and the network of bundles answers both.
            name = f"{report['set']}, {row['condition']}" if weights == WEIGHTS else row["condition"]
            own.setdefault(weights, []).append(row | {"condition": name})
    for weights, rows in own.items():
        keep_figures(weights, rows)


def main(
    set_name: Annotated[Literal["standard", "hard"], typer.Option("--set", help="Whose pairs.")] = "standard",
    count: Annotated[int, typer.Option(help="Test patterns, the first of the set.", min=1)] = 100,
    training: Annotated[int, typer.Option(help="Training pairs for the baselines.", min=1)] = TRAINING,
    model: Annotated[
        list[str] | None, typer.Option(help="module:function, in addition to the networks.")
    ] = None,
    condition: Annotated[list[str] | None, typer.Option(help="By default all.")] = None,
    merge: Annotated[
        list[Path] | None, typer.Option(help="Reports to join; nothing is measured.", exists=True)
    ] = None,
    card: Annotated[bool, typer.Option("--card", help="Keep the figures in the weights' cards.")] = False,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the figures here as well.")] = None,
) -> None:
    """Print the tables of each condition as soon as it is measured."""
    console = Console(width=160)
    named = {name: find_model(name) for name in model or ()}
    empty: Report = {"set": set_name, "training_pairs": training, "rows": []}
    others = [one for file in merge or () for one in read(file)]
    # Also before anything is measured, so that what cannot be joined is not found out hours later.
    report = joined(set_name, [*read(json_file), *(others or [empty])])
    if merge and json_file:
        write_report(json_file, report)
    for way in () if merge else set_conditions(set_name, condition or ()):
        models = models_of(set_name, way, named, console)
        found = evaluate_tasks(models, [way], count=count, baselines=True, training=training)
        for table in leaderboard(found):
            console.print(table)
        head = {"processor": processor_name(), "cores": available_cores()}
        head |= {"torch_threads": torch.get_num_threads(), "load_average": round(os.getloadavg()[0], 1)}
        now = {**head, "set": set_name, "training_pairs": training, "rows": found}
        report = joined(set_name, [report, *read(json_file), now])
        if json_file:
            write_report(json_file, report)
    if card:
        keep(report)


if __name__ == "__main__":
    typer.run(main)
