"""The verbs of `argand molmnist`. Nothing heavy is imported before a verb runs."""

from json import dumps
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from argand.errors import ConfigError
from argand.runs.verbs import (
    BatchSize,
    Devices,
    Json,
    LearningRate,
    MaxTime,
    Precision,
    Processes,
    Resume,
    TrainingFolder,
    ValCount,
    ValEvery,
    Workers,
    complain,
    run_training,
    say,
    screen,
)
from argand.systems.molmnist.benchmark.cli import check, figures
from argand.systems.molmnist.ensemble.cli import Length, dynamics, fit
from argand.systems.molmnist.files.cli import predict, view

app = typer.Typer(help="Cellulose fibrils and their coherent diffraction.", no_args_is_help=True)

# Defaults of the verbs are those of the functions behind them, where it stands where they come from. Of their
# own, by hand: batches, replay and validation of a training of minutes.


@app.command()
def build(
    out: Annotated[Path, typer.Option(help="Folder for the files.")],
    fibrils: Annotated[
        list[str] | None,
        typer.Argument(help="NxM, 1 to 12 chains a side (4x6), or hexagonal-N (hexagonal-18)."),
    ] = None,
    length: Length = 200.0,
    twist: Annotated[
        float, typer.Option(help="Degrees/nm about the axis; positive is right-handed, as in -3 and 1.5.")
    ] = 0.0,
) -> None:
    """Write fibrils as PDB and mmCIF, by default the ten of the published set.

    Hexagonal ones have 14, 16, 18, 19, 22, 23, 24, 28, 29, 30, 34, 36, 37, 40, 42, 43, 44, 50 or 52 chains.

    Example: argand molmnist build 4x6 hexagonal-18 --twist 1.5 --out fibrils
    """
    from argand.systems.molmnist.fibril.fibril import FIBRILS, build_fibril
    from argand.systems.molmnist.fibril.pdb import PDB_ATOMS, write_twisted

    for fibril in [build_fibril(name, length) for name in fibrils or FIBRILS]:
        paths, stretch = write_twisted(out, fibril, twist)
        notes = [f"{fibril.chains} chains, {len(fibril)} atoms"]
        if twist:
            notes.append(f"bonds up to {100 * stretch:.1f} % longer by the twist")
        if len(fibril) > PDB_ATOMS:
            notes.append(f"atoms beyond {PDB_ATOMS} numbered in hybrid-36 in the PDB")
        say(f"{fibril.name}: {', '.join(notes)}: {', '.join(map(str, paths))}")


app.command()(dynamics)


@app.command()
def simulate(
    out: Annotated[Path, typer.Option(help="HDF5 file to write; the same call completes it.")],
    preset: Annotated[
        list[str] | None,
        typer.Argument(help="standard, hard, published or tiny; more files behind --structures."),
    ] = None,
    structures: Annotated[
        list[str] | None,
        typer.Option(help="Molecules of your own, a class each: PDB, mmCIF, TOPOLOGY:TRAJECTORY."),
    ] = None,
    axis: Annotated[
        str, typer.Option(help="Of --structures: random, x, y, z, or a direction such as 1,1,0.")
    ] = "random",
    hard_detector: Annotated[
        bool, typer.Option("--hard-detector", help="Of --structures: few photons, background, gaps.")
    ] = False,
    count: Annotated[int, typer.Option(help="How many pairs.", min=1)] = 20_000,
    seed: Annotated[int, typer.Option(help="Another seed, other pairs.", min=0)] = 0,
    size: Annotated[int | None, typer.Option(help="Pixels along a side.", min=8)] = None,
    window: Annotated[float | None, typer.Option(help="Side of the window in Å.", min=1.0)] = None,
    radiation: Annotated[Literal["xray", "electron"], typer.Option(help="Whose form factors.")] = "xray",
    wavelength: Annotated[
        float | None, typer.Option(help="Å; without it, the Ewald sphere is flat. Not of hard.")
    ] = None,
    photons: Annotated[
        float | None,
        typer.Option(help="Expected on all pixels; without it, no noise. hard: instead of 10 to 1e6."),
    ] = None,
    beam_stop: Annotated[
        float | None,
        typer.Option(
            help="1/Å, below which nothing is measured; else 0. hard: instead of 0 to 0.08.", min=0.0
        ),
    ] = None,
    blur: Annotated[
        float | None,
        typer.Option(
            help="Pixels, standard deviation of the point spread; else 0. hard: instead of 0 to 0.7.", min=0.0
        ),
    ] = None,
    trajectory: Annotated[
        list[Path] | None,
        typer.Option(help="Run of dynamics whose frames its fibril takes; may be repeated. Not of hard."),
    ] = None,
    processes: Processes = None,
) -> None:
    """Write pairs of shapes and patterns with their parameters, splits, checksums and card.

    With --structures they show molecules from files; the window is then twice as wide as the widest.

    Example: argand molmnist simulate standard --out set.h5 --count 2000 --photons 1e6

    Example: argand molmnist simulate --structures a.pdb b.cif --out own.h5 --count 2000 --window 100
    """
    from argand.systems.molmnist.benchmark.dataset import write_pairs
    from argand.systems.molmnist.benchmark.measurement import Measurement

    if hard_detector and not structures:
        raise ConfigError("--hard-detector is for --structures; the preset hard has it")
    if structures:
        system = _own_system(structures, preset or [], axis, window, hard_detector)
    else:
        system = _one_preset(preset)
    folders = tuple(trajectory or ())
    asked = Measurement(size, window, radiation, wavelength, photons, beam_stop, blur, folders)
    system = asked.applied(system)
    write_pairs(system, out, count, seed, processes=processes, tell=say)
    say(f"{count} pairs in {out}, its card in {out.with_suffix('.md')}")


def _one_preset(names: list[str] | None) -> Any:
    from argand.system import preset as named
    from argand.systems.molmnist.presets import PRESETS

    if not names or len(names) > 1:
        raise ConfigError("name one preset, or molecules of your own behind --structures")
    return named(names[0], PRESETS)


def _own_system(first: list[str], more: list[str], axis: str, window: float | None, hard: bool) -> Any:
    """The configuration of molecules of one's own; says what of them is left out."""
    from argand.physics.coherent.projection import Window
    from argand.systems.molmnist.presets import PRESETS
    from argand.systems.molmnist.simulate import Imaging
    from argand.systems.molmnist.structures.source import axis_named, read_structures
    from argand.systems.molmnist.system import Molmnist

    own = read_structures([*first, *more], axis_named(axis))
    for file in own.files:
        models = "1 model" if file.models == 1 else f"{file.models} models"
        say("; ".join([f"{file.name}: {models}, {2 * file.radius:.0f} Å wide", *file.left_out]))
    side = window or float(own.advised_window)
    system = Molmnist(
        Imaging(Window(side)), structures=own, detector=PRESETS["hard"].detector if hard else None
    )
    if warning := own.window_warning(side):
        complain(warning)
    return system


@app.command()
def train(
    preset: Annotated[
        str, typer.Argument(help="chains, best, standard, published or tiny; or a set, such as own.h5.")
    ],
    out: TrainingFolder,
    max_time: MaxTime = "01:00:00",
    resume: Resume = False,
    batch_size: BatchSize = 32,
    learning_rate: LearningRate = None,
    val_count: ValCount = 200,
    val_every: ValEvery = 250,
    replay: Annotated[int, typer.Option(help="Batches that each simulated pair is used in.", min=1)] = 4,
    precision: Precision = "auto",
    devices: Devices = "auto",
    workers: Workers = None,
    seed: Annotated[int, typer.Option(help="Another seed, other pairs.", min=0)] = 0,
) -> None:
    """Train on freshly simulated pairs until the time is spent; Ctrl-C leaves a run to --resume.

    Of a set, its configuration is taken: fresh pairs are drawn from its training split.

    Example: argand molmnist train best --out runs/best --max-time 00:40:00

    Example: argand molmnist train own.h5 --out runs/own --max-time 00:10:00
    """
    from dataclasses import replace

    from argand.io.dataset import is_stored_set
    from argand.systems.molmnist.benchmark.dataset import open_pairs
    from argand.systems.molmnist.presets import trained_on

    is_set = is_stored_set(Path(preset))
    # Whatever a preset's sets hold, no run may see pairs that validate or test.
    system = trained_on(open_pairs(Path(preset)).system if is_set else _one_preset([preset]))
    if learning_rate is not None:
        system = replace(system, learning_rate=learning_rate)
    settings = {"batch_size": batch_size, "replay": replay, "seed": seed, "workers": workers}
    settings |= {"val_count": val_count, "val_every_steps": val_every, "precision": precision}
    run_training(system, out, "pairs", max_time=max_time, resume=resume, devices=devices, **settings)


app.command()(check)
app.command()(fit)
app.command()(figures)
app.command()(predict)
app.command()(view)


@app.command()
def evaluate(
    weights: Annotated[
        Path | None, typer.Argument(help="Weights of a run, in place of the shipped ones.")
    ] = None,
    model: Annotated[
        str | None, typer.Option(help="module:function of any model; see the guide in docs/molmnist.md.")
    ] = None,
    set_name: Annotated[
        str, typer.Option("--set", help="standard, hard, or a file that simulate wrote.")
    ] = "standard",
    task: Annotated[
        Literal["inversion", "classification", "regression", "chains", "outline", "turn", "kind", "all"],
        typer.Option(help="What is scored, of what the set has."),
    ] = "all",
    condition: Annotated[
        list[str] | None,
        typer.Option(
            help="noise-free, 1e6-photons, 1e4-photons, beam-stop, small-window, published-set; of hard "
            "as-drawn, 1e6- to 1e2-photons, clean; may be repeated."
        ),
    ] = None,
    count: Annotated[int, typer.Option(help="Test patterns, the first of the set.", min=1)] = 100,
    baselines: Annotated[
        bool, typer.Option("--baselines", help="Trivial and classical answers too; alone without a model.")
    ] = False,
    training: Annotated[
        int,
        typer.Option(
            help="Training pairs for baselines and class means; 0: neither is scored or compared with.",
            min=0,
        ),
    ] = 2000,
    json: Json = False,
) -> None:
    """Print the leaderboard: what answers to test patterns of a set are worth, task by task.

    Example: argand molmnist evaluate --set hard --model mymodel:predict --condition 1e4-photons --baselines

    Example: argand molmnist evaluate runs/own/best.safetensors --set own.h5 --baselines
    """
    from argand.systems.molmnist.benchmark.conditions import set_conditions
    from argand.systems.molmnist.benchmark.model import find_model
    from argand.systems.molmnist.evaluate import evaluate_tasks, leaderboard, shipped_models, task_names

    if model is not None and weights is not None:
        raise ConfigError("a model or weights can be scored, not both at once")
    if baselines and not training:
        raise ConfigError("baselines have to learn; --training 1 or more")
    ways = set_conditions(set_name, condition or ())
    models = {}
    if model is not None:
        models = {model: find_model(model)}
    elif ways[0].system.structures is None and (weights is not None or not baselines):
        models = shipped_models(weights)
    if ways[0].system.structures is not None and model is None:
        from argand.systems.molmnist.files.own_set import evaluate_set

        rows = evaluate_set(Path(set_name), weights, count, baselines)
    else:
        rows = evaluate_tasks(
            models, ways, task_names(task), count=count, baselines=baselines, training=training
        )
    if json:
        typer.echo(dumps(rows, indent=2))
        return
    for table in leaderboard(rows):
        screen().print(table)
