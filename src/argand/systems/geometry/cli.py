"""The verbs of `argand geometry`. Nothing heavy is imported before a verb runs."""

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from argand.crew import Machines
from argand.duration import Seconds
from argand.errors import ConfigError
from argand.runs.verbs import (
    ADVANCED,
    BatchSize,
    Devices,
    EvaluationSeed,
    Force,
    Json,
    KeepCard,
    LearningRate,
    MaxTime,
    Precision,
    Processes,
    Resume,
    Scheduler,
    Seed,
    SimulationProcesses,
    TrainingFolder,
    ValCount,
    ValEvery,
    Weights,
    in_one_group,
    preset_argument,
    run_training,
    say,
    show_figures,
    write_set,
)
from argand.systems.geometry.command.images import predict, watch
from argand.systems.geometry.command.options import predictor_of
from argand.systems.geometry.command.reports import drift, hard, view

app = typer.Typer(help="Beam centre and detector tilt from diffraction images.", no_args_is_help=True)
for verb in (predict, watch, drift, view):
    app.command()(verb)

PRESET_NAMES = (
    "standard",
    "varied-distance",
    "flat-background",
    "binary",
    "long-distance",
    "realistic",
    "best",
    "paper",
    "tiny",
)
"""Names of the presets, whose module is slow to import."""
CLIP_NORM = 5.0
"""Largest gradient (2-norm over all weights) of our own network; the published ones were trained without a
limit. By hand, no comparison is kept; the shipped weights were trained with it."""

Preset = Annotated[str, preset_argument(PRESET_NAMES)]


@app.command()
def evaluate(
    preset: Preset,
    count: Annotated[int, typer.Option(help="Number of simulated stills.", min=1)] = 100,
    seed: EvaluationSeed = None,
    json: Json = False,
    weights: Weights = None,
    processes: Processes = None,
    scheduler: Scheduler = None,
    card: KeepCard = False,
) -> None:
    """Measure the errors on simulated full frames with known geometry, by default of a seed kept for this.

    Example: argand geometry evaluate standard --count 50
    """
    from argand.io.weights import weights_file
    from argand.runs.record import SCHEMA_VERSION, to_record
    from argand.systems.geometry.card import keep_figures
    from argand.systems.geometry.evaluate import EVALUATION_SEED, evaluate_preset
    from argand.systems.geometry.files.table import evaluation_table
    from argand.systems.geometry.predict import WEIGHTS

    seed = EVALUATION_SEED if seed is None else seed
    machines = Machines(processes, scheduler)
    result = evaluate_preset(preset, count, seed, predictor=predictor_of(weights), machines=machines)
    keep = partial(keep_figures, weights_file(weights or WEIGHTS), result) if card else None
    told = {"schema_version": SCHEMA_VERSION, **to_record(result)}
    show_figures(told, evaluation_table(result), json, keep)


app.command()(hard)


@app.command()
def simulate(
    preset: Preset,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="HDF5 file to write; without it, a picture is drawn.")
    ] = None,
    count: Annotated[int, typer.Option(help="Number of images.", min=1)] = 12,
    seed: Seed = 0,
    resume: Resume = False,
    force: Force = False,
    full: Annotated[
        bool, typer.Option("--full", help="Do not bin pixels; only for presets with one detector.")
    ] = False,
    sheet: Annotated[Path | None, typer.Option(help="PNG of the first images to write.")] = None,
    processes: Processes = None,
    scheduler: Scheduler = None,
) -> None:
    """Write a data set of simulated stills with their truth, or draw some as a PNG (without --out).

    Example: argand geometry simulate standard --out set.h5 --count 1000
    """
    from argand.runs.claim import claim_file
    from argand.systems.geometry.difficulty.contact_sheet import draw_samples

    system = _full_frames(_preset(preset), preset) if full else _preset(preset)
    if out is not None and system.portions:
        raise ConfigError(
            f"the images of '{preset}' differ in size; simulate its sets one by one, such as realistic"
        )
    if out is None and sheet is None:
        sheet = Path(f"{preset}.png")
    if sheet is not None:
        claim_file(sheet, force=force, resume=resume, can_resume=out is not None)
    if out is not None:
        claim_file(out, force=force, resume=resume, beside=[out.with_suffix(".shards")])
        write_set(system, out, "images", count, seed, Machines(processes, scheduler))
    if sheet is not None:
        draw_samples(sheet, system, preset, count, seed)
        say(f"picture: {sheet}")


@app.command()
@in_one_group
def train(
    preset: Preset,
    out: TrainingFolder,
    # These defaults are by hand; those that the shipped weights were trained with are in their card.
    max_time: MaxTime = Seconds("30m"),
    resume: Resume = False,
    force: Force = False,
    batch_size: BatchSize = 32,
    learning_rate: LearningRate = None,
    seed: Seed = 0,
    replay: Annotated[
        int,
        typer.Option(help="Batches in which each image is used.", min=1, rich_help_panel=ADVANCED),
    ] = 1,
    network: Annotated[
        str | None,
        typer.Option(
            help="Network: argand, cnn4, resnet18, resnet34, resnet50 or vit; by default that of the preset.",
            rich_help_panel=ADVANCED,
        ),
    ] = None,
    target: Annotated[
        Literal["centre", "tilt", "both"] | None,
        typer.Option(
            help="Output of a published network; our own network predicts both.", rich_help_panel=ADVANCED
        ),
    ] = None,
    optimiser: Annotated[
        Literal["sgd", "adamw"] | None,
        typer.Option(help="Optimiser; by default that of the preset.", rich_help_panel=ADVANCED),
    ] = None,
    clip_norm: Annotated[
        float | None,
        typer.Option(
            help="Gradient clipping norm, 0 for none; by default 5, or none for published networks.",
            min=0.0,
            rich_help_panel=ADVANCED,
        ),
    ] = None,
    start: Annotated[
        Path | None,
        typer.Option(help="Weights of an earlier training to start from.", rich_help_panel=ADVANCED),
    ] = None,
    val_count: ValCount = 192,
    val_every: ValEvery = 800,
    precision: Precision = "auto",
    devices: Devices = "auto",
    processes: SimulationProcesses = None,
) -> None:
    """Train on freshly simulated stills for a given time; Ctrl-C stops, --resume continues.

    Example: argand geometry train realistic --out runs/first --max-time 2h
    """
    asked = {"network_name": network, "target": target, "optimiser_name": optimiser}
    asked |= {"learning_rate": learning_rate}
    system = replace(_preset(preset), **{name: value for name, value in asked.items() if value is not None})
    if target is not None and not system.is_published:
        raise ConfigError(
            "our own network learns centre and tilt together; give another --network or no --target"
        )
    if clip_norm is None:
        clip_norm = 0.0 if system.is_published else CLIP_NORM
    settings = {"batch_size": batch_size, "replay": replay, "seed": seed, "workers": processes}
    settings |= {"clip_norm": clip_norm or None, "val_count": val_count, "val_every_steps": val_every}
    settings |= {"max_time": max_time, "resume": resume, "force": force}
    settings |= {"devices": devices, "precision": precision, "start": start}
    run_training(system, out, "images", **settings)


def _preset(name: str) -> Any:
    from argand.system import preset
    from argand.systems.geometry.presets import PRESETS

    return preset(name, PRESETS)


def _full_frames(system: Any, name: str) -> Any:
    """The preset with unbinned frames; ConfigError if its detectors differ, so that frames do not stack."""
    if system.stills.crop is None:
        raise ConfigError(f"the frames of '{name}' differ in size; --full is for presets with one detector")
    return replace(system, stills=replace(system.stills, binning=1))
