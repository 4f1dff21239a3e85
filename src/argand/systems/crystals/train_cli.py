"""The verbs simulate, train and evaluate of `argand crystals`."""

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from argand.verbs import (
    BatchSize,
    Json,
    KeepCard,
    LearningRate,
    MaxTime,
    Precision,
    Processes,
    Resume,
    RunFolder,
    ValCount,
    ValEvery,
    Weights,
    Workers,
    run_training,
    say,
    show_figures,
    write_set,
)

Preset = Annotated[str, typer.Argument(help="best, paper, paper-small or tiny.")]
Structures = Annotated[
    str | None,
    typer.Option(help="Parquet file or folder of structures to learn from; they are not part of argand."),
]
Seed = Annotated[int, typer.Option(help="Another seed, other boxes.")]


def simulate(
    preset: Preset,
    out: Annotated[Path, typer.Option(help="HDF5 file to write; the same call completes it.")],
    structures: Structures = None,
    count: Annotated[int, typer.Option(help="How many boxes.", min=1)] = 100,
    seed: Seed = 0,
    processes: Processes = None,
) -> None:
    """Write boxes of the density of single cells and repeating crystals, with labels and atoms.

    Example: argand crystals simulate paper --structures cifs --out set.h5 --count 1000
    """
    write_set(_preset(preset, structures), out, "boxes", count, seed, processes)


def train(
    preset: Preset,
    out: RunFolder,
    structures: Structures = None,
    max_time: MaxTime = "01:00:00",
    resume: Resume = False,
    batch_size: BatchSize = 18,
    learning_rate: LearningRate = None,
    val_count: ValCount = 128,
    val_every: ValEvery = 200,
    replay: Annotated[int, typer.Option(help="Batches that each box is used in.", min=1)] = 1,
    precision: Precision = "auto",
    workers: Workers = None,
    seed: Seed = 0,
) -> None:
    """Train the published networks, one after the other; Ctrl-C leaves a run to --resume.

    Example: argand crystals train paper-small --structures pool.parquet --out runs/paper --max-time 01:00:00
    """
    from argand.systems.crystals.train import train_in_sequence

    system = _preset(preset, structures)
    if learning_rate is not None:
        system = replace(system, learning_rate=learning_rate)
    settings = {"batch_size": batch_size, "replay": replay, "seed": seed, "workers": workers}
    settings |= {"val_count": val_count, "val_every_steps": val_every, "precision": precision}
    final = train_in_sequence(system, out, run_training, max_time=max_time, resume=resume, **settings)
    say(f"both networks: {final}")


def evaluate(
    model: Annotated[str, typer.Argument(help="best or paper.")],
    files: Annotated[list[str], typer.Argument(help="Structures to rebuild: files, globs, folders.")],
    count: Annotated[int, typer.Option(help="Structures at most.", min=1)] = 100,
    seed: Annotated[int | None, typer.Option(help="By default one that no training uses.")] = None,
    weights: Weights = None,
    json: Json = False,
    card: KeepCard = False,
) -> None:
    """Rebuild structures from their vectors and count the atoms that come back.

    Example: argand crystals evaluate best cifs --count 100
    """
    from argand.systems.crystals.card import keep_figures
    from argand.systems.crystals.model import PAPER_WEIGHTS
    from argand.systems.crystals.table import evaluation_table
    from argand.systems.crystals.trial import EVALUATION_SEED, evaluate_model

    if card and model != "paper":
        raise typer.BadParameter("only paper has weights that a card could stand beside")
    seed = EVALUATION_SEED if seed is None else seed
    result = evaluate_model(model, files, count, seed, weights)
    keep = partial(keep_figures, weights or PAPER_WEIGHTS, result) if card else None
    show_figures(result, evaluation_table(result), json, keep)


def _preset(name: str, structures: str | None) -> Any:
    from argand.system import preset
    from argand.systems.crystals.presets import PRESETS

    system = preset(name, PRESETS)
    return system if structures is None else replace(system, source=structures)
