"""The verbs of `argand molmnist`. Nothing heavy is imported before a verb runs."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from argand.crew import Machines
from argand.duration import Seconds
from argand.errors import ConfigError
from argand.page.shell import PAGE
from argand.runs.verbs import (
    BatchSize,
    Devices,
    Force,
    Json,
    LearningRate,
    MaxTime,
    Precision,
    Processes,
    Resume,
    Scheduler,
    SimulationProcesses,
    TrainingFolder,
    ValCount,
    ValEvery,
    Weights,
    in_one_group,
    print_json,
    run_training,
    say,
    screen,
    tell,
)
from argand.systems.molmnist.benchmark.cli import check, one_preset, simulate
from argand.systems.molmnist.ensemble.cli import Length, dynamics, fit

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


app.command()(simulate)


@app.command()
@in_one_group
def train(
    preset: Annotated[
        str, typer.Argument(help="chains, best, standard, published or tiny; or a set, such as own.h5.")
    ],
    out: TrainingFolder,
    max_time: MaxTime = Seconds("1h"),
    resume: Resume = False,
    batch_size: BatchSize = 32,
    learning_rate: LearningRate = None,
    val_count: ValCount = 200,
    val_every: ValEvery = 250,
    replay: Annotated[int, typer.Option(help="Batches that each simulated pair is used in.", min=1)] = 4,
    precision: Precision = "auto",
    devices: Devices = "auto",
    processes: SimulationProcesses = None,
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
    system = trained_on(open_pairs(Path(preset)).system if is_set else one_preset([preset]))
    if learning_rate is not None:
        system = replace(system, learning_rate=learning_rate)
    settings = {"batch_size": batch_size, "replay": replay, "seed": seed, "workers": processes}
    settings |= {"val_count": val_count, "val_every_steps": val_every, "precision": precision}
    run_training(system, out, "pairs", max_time=max_time, resume=resume, devices=devices, **settings)


app.command()(check)
app.command()(fit)


@app.command()
def figures(
    file: Annotated[str, typer.Argument(help="Data set, or the name sample.")],
    out: Annotated[Path, typer.Option(help="Folder for the pictures.")],
) -> None:
    """Draw the published figures 1, 2 and 3 (left) again.

    Example: argand molmnist figures sample --out figures
    """
    from argand.systems.molmnist.benchmark.dataset import load, open_pairs
    from argand.systems.molmnist.published.figures import draw_figures

    for path in draw_figures(out, load("sample") if file == "sample" else open_pairs(Path(file))):
        say(f"picture: {path}")


@app.command()
def predict(
    patterns: Annotated[
        list[str], typer.Argument(help="HDF5 (also file.h5:/path), CXI, NPY, TIFF; a data set; sample#0-9.")
    ],
    out: Annotated[
        Path | None, typer.Option(help="Folder for shapes (HDF5, CXI), pictures and a page.")
    ] = None,
    window: Annotated[
        float | None,
        typer.Option(
            help="Side of the window in Å: 2π over the step in q. Else the file's, else 200.", min=1.0
        ),
    ] = None,
    mask: Annotated[Path | None, typer.Option(help="Pixels to leave out: zero is usable.")] = None,
    index: Annotated[int | None, typer.Option(help="Only this pattern of each file, from 0.", min=0)] = None,
    length: Annotated[
        float | None, typer.Option(help="Å of the fibril, by which its turn is a twist.", min=10.0)
    ] = None,
    network: Annotated[
        Literal["any", "ten"],
        typer.Option(help="any: bundles of any outline; ten: the published fibrils alone, faster."),
    ] = "any",
    polish: Annotated[
        int, typer.Option(help="Rounds of phase retrieval that go on from the answer.", min=0)
    ] = 0,
    radiation: Annotated[
        Literal["xray", "electron"] | None, typer.Option(help="Whose form factors; else X-rays.")
    ] = None,
    json: Json = False,
    weights: Weights = None,
    force: Force = False,
    processes: Processes = None,
    scheduler: Scheduler = None,
) -> None:
    """Find shape, chains and turn from diffraction patterns, and say whether to believe them.

    Example: argand molmnist predict pattern.cxi --window 250 --mask mask.npy --out found
    """
    from argand.runs.resume import file_digest
    from argand.systems.molmnist import predict as module
    from argand.systems.molmnist.files.outputs import RunFolder
    from argand.systems.molmnist.files.run import Asked, predict_files
    from argand.systems.molmnist.files.table import answer_table
    from argand.systems.molmnist.view import write_page

    machines = Machines(processes, scheduler)
    asked = Asked(window, radiation, mask, index, polish, length)
    file = weights or (module.WEIGHTS if network == "any" else module.WEIGHTS_TEN)
    settings = {"weights": file_digest(file)}
    named = f"shipped, {network}" if weights is None else str(weights)
    folder = RunFolder(out, named, page=write_page, settings=settings, force=force)
    records = predict_files(patterns, module.load(file), asked, folder, tell, machines)
    print_json(records) if json else screen().print(answer_table(records))
    if out is not None and not json:
        say(f"shapes and pictures: {out}\npage: {out / PAGE}")
    if any(record.get("failed") for record in records):
        raise typer.Exit(1)


@app.command()
def view(folder: Annotated[Path, typer.Argument(help="What predict --out wrote.")]) -> None:
    """Write the page of a run again: one HTML file that needs nothing else.

    Example: argand molmnist view found
    """
    from argand.systems.molmnist.view import write_page

    say(f"page: {write_page(folder)}")


@app.command()
def evaluate(
    weights: Annotated[
        Path | None, typer.Argument(help="Weights of a run, in place of the shipped ones.")
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(help="module:function of any model; see docs/theory/molmnist.md."),
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
    processes: Processes = None,
    scheduler: Scheduler = None,
) -> None:
    """Print the leaderboard: what answers to test patterns of a set are worth, task by task.

    The fit of bundles takes seconds a pattern; begin with --count 10. A --model of one's own stays in this
    process unless --processes says more.

    Example: argand molmnist evaluate --set hard --model mymodel:predict --condition 1e4-photons --baselines

    Example: argand molmnist evaluate runs/own/best.safetensors --set own.h5 --baselines
    """
    from argand.systems.molmnist.benchmark.conditions import set_conditions
    from argand.systems.molmnist.benchmark.leaderboard import leaderboard
    from argand.systems.molmnist.benchmark.model import find_model
    from argand.systems.molmnist.evaluate import evaluate_tasks, models_of, shipped_models, task_names

    if model is not None and weights is not None:
        raise ConfigError("a model or weights can be scored, not both at once")
    if baselines and not training:
        raise ConfigError("baselines have to learn; --training 1 or more")
    # Nobody knows what a model of one's own may need of a machine.
    alone = 1 if model is not None and scheduler is None else None
    machines = Machines(processes or alone, scheduler)
    ways = set_conditions(set_name, condition or ())
    models = {}
    if model is not None:
        models = {model: find_model(model)}
    elif weights is not None:
        models = models_of(weights, ways[0].system)
    elif not baselines:
        models = shipped_models(ways[0].system)
    asked = {"count": count, "baselines": baselines, "training": training, "machines": machines}
    rows = evaluate_tasks(models, ways, task_names(task), **asked)
    if json:
        print_json(rows)
        return
    for table in leaderboard(rows):
        screen().print(table)
