"""The verbs of `argand patterson`. Nothing heavy is imported before a verb runs."""

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from argand.crew import Machines
from argand.duration import Seconds
from argand.page.shell import PAGE
from argand.runs.verbs import (
    BatchSize,
    Devices,
    Force,
    Json,
    KeepCard,
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
    complain,
    in_one_group,
    print_json,
    run_training,
    say,
    screen,
    show_figures,
    tell,
    write_set,
)
from argand.systems.patterson.solution.cli import solve

app = typer.Typer(help="Atoms from Patterson maps and from measured intensities.", no_args_is_help=True)
app.command()(solve)

Preset = Annotated[
    str, typer.Argument(help="best, crystal, paper, paper-stream, fourier, empty-corner or tiny.")
]
Seed = Annotated[int, typer.Option(help="Another seed, other maps.", min=0, max=2**32 - 1)]
Atoms = Annotated[int | None, typer.Option(help="How many atoms; by default as trained on.", min=2)]


@app.command()
def simulate(
    preset: Preset,
    out: Annotated[Path, typer.Option(help="HDF5 file to write; the same call completes it.")],
    count: Annotated[int, typer.Option(help="How many maps.", min=1)] = 100,
    seed: Seed = 0,
    processes: Processes = None,
    scheduler: Scheduler = None,
) -> None:
    """Write a set of simulated maps with their atoms.

    Example: argand patterson simulate paper --out set.h5 --count 3000
    """
    write_set(_preset(preset), out, "maps", count, seed, Machines(processes, scheduler))


@app.command()
@in_one_group
def train(
    preset: Preset,
    out: TrainingFolder,
    # These defaults are by hand; the shipped weights of `best` were trained with them but for the time (58
    # min).
    max_time: MaxTime = Seconds("1h"),
    resume: Resume = False,
    batch_size: BatchSize = 16,
    learning_rate: LearningRate = None,
    val_count: ValCount = 256,
    val_every: ValEvery = 500,
    replay: Annotated[int, typer.Option(help="Batches that each simulated map is used in.", min=1)] = 1,
    precision: Precision = "auto",
    devices: Devices = "auto",
    processes: SimulationProcesses = None,
    seed: Seed = 0,
) -> None:
    """Train on freshly simulated maps until the time is spent; Ctrl-C leaves a run to --resume.

    Example: argand patterson train best --out runs/best --max-time 01:00:00
    """
    system = _preset(preset)
    if learning_rate is not None:
        system = replace(system, learning_rate=learning_rate)
    settings = {"batch_size": batch_size, "replay": replay, "seed": seed, "workers": processes}
    settings |= {"val_count": val_count, "val_every_steps": val_every, "precision": precision}
    run_training(system, out, "maps", max_time=max_time, resume=resume, devices=devices, **settings)


@app.command()
def predict(
    files: Annotated[list[str], typer.Argument(help="Maps (.npy, .map, .ccp4, .mrc), globs, folders.")],
    out: Annotated[Path | None, typer.Option(help="Folder for atoms (XYZ), maps (CCP4) and a page.")] = None,
    atoms: Atoms = None,
    centred: Annotated[bool, typer.Option("--centred", help="The maps' origin is in their middle.")] = False,
    voxel: Annotated[float | None, typer.Option(help="Å along a voxel, for maps without a cell.")] = None,
    formula: Annotated[
        str | None, typer.Option(help="What the cell holds, such as C12BrN2: solve as a crystal.")
    ] = None,
    time_limit: Annotated[float, typer.Option(help="Seconds for a map that is solved as a crystal.")] = 30.0,
    processes: Processes = None,
    scheduler: Scheduler = None,
    json: Json = False,
    force: Force = False,
    weights: Weights = None,
) -> None:
    """Find the atoms of Patterson maps, and say whether they explain the map.

    Cubes are searched for equal atoms; cells of another shape, and cubes of known size that equal atoms do
    not explain, are solved as crystals.

    Example: argand patterson predict maps/*.npy --atoms 10 --out found
    """
    from argand.crew import Machines
    from argand.runs.folder import RunFolder
    from argand.runs.resume import file_digest
    from argand.systems.patterson.files.run import MapQuestion, predict_files
    from argand.systems.patterson.files.table import answer_table
    from argand.systems.patterson.predict import WEIGHTS
    from argand.systems.patterson.view import write_page

    machines = Machines(processes, scheduler)
    predictor = _predictor(weights)
    settings = {"weights": file_digest(weights or WEIGHTS)}
    run = RunFolder(out, page=write_page, settings=settings, force=force)
    question = MapQuestion(atoms, centred, voxel, formula, time_limit)
    records = predict_files(files, predictor, question, run, tell, machines)
    if json:
        print_json(records)
    else:
        screen().print(answer_table(records))
    if out is not None and not json:
        say(f"atoms and maps: {out}\npage: {out / PAGE}")
    if any("reason" in record for record in records):
        raise typer.Exit(1)


@app.command()
def view(folder: Annotated[Path, typer.Argument(help="What predict or solve --out wrote.")]) -> None:
    """Write the page of a run again: one HTML file that needs nothing else.

    Example: argand patterson view found
    """
    from argand.systems.patterson.view import write_page

    say(f"page: {write_page(folder)}")


@app.command()
def evaluate(
    preset: Preset = "paper",
    count: Annotated[int, typer.Option(help="How many simulated maps.", min=1)] = 500,
    seed: Annotated[
        int | None, typer.Option(help="By default one that no training uses.", min=0, max=2**32 - 1)
    ] = None,
    processes: Processes = None,
    scheduler: Scheduler = None,
    json: Json = False,
    weights: Weights = None,
    card: KeepCard = False,
) -> None:
    """Repeat the published accuracy test on simulated maps whose atoms are known.

    Example: argand patterson evaluate paper --count 500
    """
    from argand.crew import Machines
    from argand.systems.patterson.card import keep_figures
    from argand.systems.patterson.evaluate import EVALUATION_SEED, evaluate_preset
    from argand.systems.patterson.files.table import evaluation_table
    from argand.systems.patterson.predict import WEIGHTS

    seed = EVALUATION_SEED if seed is None else seed
    machines = Machines(processes, scheduler)
    result = evaluate_preset(preset, count, seed, predictor=_predictor(weights), machines=machines)
    keep = partial(keep_figures, weights or WEIGHTS, result) if card else None
    show_figures(result, evaluation_table(result), json, keep)
    for text in result["failed"]:
        complain(f"left out: {text}")


@app.command()
def figures(
    out: Annotated[Path, typer.Option(help="Folder for the pictures.")],
    count: Annotated[int, typer.Option(help="Maps of the accuracy test.", min=1)] = 500,
    weights: Weights = None,
    train_minutes: Annotated[
        float | None,
        typer.Option(help="Draw 7, 8 and 9 too: minutes of one core for each of their trainings.", min=0.001),
    ] = None,
    size: Annotated[
        str, typer.Option(help="Maps of 7, 8 and 9: small, learnt in minutes, or paper, in days.")
    ] = "small",
) -> None:
    """Draw the published figures again: 10, 11 and 12; 7, 8 and 9, which compare trainings, when asked to.

    The trainings lie in runs/ of the folder; those that are finished are not repeated.

    Example: argand patterson figures --out figures --train-minutes 5
    """
    from argand.systems.patterson.predict import WEIGHTS
    from argand.systems.patterson.published.figures import draw_figures, training_note

    for path in draw_figures(out, _predictor(weights), count, training_note(weights or WEIGHTS)):
        say(f"picture: {path}")
    if train_minutes is not None:
        from argand.systems.patterson.published.ablation import arms_of, train_arms
        from argand.systems.patterson.published.learning_curves import draw_comparisons, draw_training

        curves = train_arms(arms_of(size), out / "runs", train_minutes, say)
        for path in [draw_training(out, curves), *draw_comparisons(out, curves)]:
            say(f"picture: {path}")


def _preset(name: str) -> Any:
    from argand.system import preset
    from argand.systems.patterson.presets import TRAINABLE

    return preset(name, TRAINABLE)


def _predictor(weights: Path | None) -> Any:
    from argand.systems.patterson import predict as module

    return module.load() if weights is None else module.load(weights)
