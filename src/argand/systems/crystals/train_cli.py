"""The verbs simulate and train of `argand crystals`."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from argand.verbs import (
    BatchSize,
    LearningRate,
    MaxTime,
    Precision,
    Processes,
    Resume,
    RunFolder,
    ValCount,
    ValEvery,
    Workers,
    run_training,
    say,
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


def _preset(name: str, structures: str | None) -> Any:
    from argand.system import preset
    from argand.systems.crystals.presets import PRESETS

    system = preset(name, PRESETS)
    return system if structures is None else replace(system, source=structures)
