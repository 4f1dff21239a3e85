"""The verbs of `argand patterson`. Nothing heavy is imported before a verb runs."""

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from argand.crew import Machines
from argand.duration import Seconds
from argand.page.document import PAGE
from argand.runs.verbs import (
    ADVANCED,
    AcceptUntrusted,
    BatchSize,
    Csv,
    Devices,
    EvaluationSeed,
    Force,
    Json,
    KeepCard,
    LearningRate,
    MaxTime,
    Open,
    Precision,
    Processes,
    Resume,
    Scheduler,
    Seed,
    SimulationProcesses,
    TimeLimit,
    TrainingFolder,
    ValCount,
    ValEvery,
    Weights,
    complain,
    end,
    in_one_group,
    preset_argument,
    print_json,
    require_one_format,
    run_training,
    say,
    screen,
    seconds_option,
    show_figures,
    tell,
    write_set,
)
from argand.systems.patterson.solution.cli import solve

app = typer.Typer(help="Atoms from Patterson maps and from measured intensities.", no_args_is_help=True)
app.command()(solve)

MAP_PRESETS = ("best", "fourier", "empty-corner", "paper", "paper-small", "paper-stream", "tiny")
"""Names in `presets.PRESETS`, which the help lists without importing torch; a test compares them."""
Preset = Annotated[str, preset_argument([*MAP_PRESETS, "crystal"])]
MapPreset = Annotated[str, preset_argument(MAP_PRESETS)]
Atoms = Annotated[
    int | None, typer.Option(help="Number of atoms; by default 10, as in the training of the network.", min=2)
]


@app.command()
def simulate(
    preset: Preset,
    out: Annotated[Path, typer.Option("--out", "-o", help="HDF5 file to write.")],
    count: Annotated[int, typer.Option(help="Number of maps.", min=1)] = 100,
    seed: Seed = 0,
    processes: Processes = None,
    scheduler: Scheduler = None,
    force: Force = False,
    resume: Resume = False,
) -> None:
    """Write a data set of simulated maps with their atoms.

    Example: argand patterson simulate paper --out set.h5 --count 3000
    """
    from argand.runs.claim import claim_file

    system = _preset(preset)
    claim_file(out, force=force, resume=resume, beside=[out.with_suffix(".shards")])
    write_set(system, out, "maps", count, seed, Machines(processes, scheduler))


@app.command()
@in_one_group
def train(
    preset: Preset,
    out: TrainingFolder,
    # These defaults are by hand; the shipped weights of `best` were trained with them, for 58 min.
    max_time: MaxTime = Seconds("1h"),
    force: Force = False,
    resume: Resume = False,
    batch_size: BatchSize = 16,
    learning_rate: LearningRate = None,
    val_count: ValCount = 256,
    val_every: ValEvery = 500,
    replay: Annotated[
        int,
        typer.Option(help="Batches in which each simulated map is used.", min=1, rich_help_panel=ADVANCED),
    ] = 1,
    precision: Precision = "auto",
    devices: Devices = "auto",
    processes: SimulationProcesses = None,
    seed: Seed = 0,
) -> None:
    """Train on freshly simulated maps until the time is up; --resume continues after Ctrl-C.

    Example: argand patterson train best --out runs/best --max-time 01:00:00
    """
    system = _preset(preset)
    if learning_rate is not None:
        system = replace(system, learning_rate=learning_rate)
    settings = {"batch_size": batch_size, "replay": replay, "seed": seed, "workers": processes}
    settings |= {"val_count": val_count, "val_every_steps": val_every, "precision": precision}
    run_training(
        system, out, "maps", max_time=max_time, force=force, resume=resume, devices=devices, **settings
    )


@app.command()
def predict(
    files: Annotated[list[str], typer.Argument(help="Maps (.npy, .map, .ccp4, .mrc), globs, folders.")],
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Folder for atoms (XYZ), maps (CCP4) and a page.")
    ] = None,
    atoms: Atoms = None,
    centred: Annotated[
        bool, typer.Option("--centred", help="The origin of the maps is in their middle.")
    ] = False,
    voxel: Annotated[float | None, typer.Option(help="Voxel size in Å, for maps without a cell.")] = None,
    formula: Annotated[
        str | None, typer.Option(help="Contents of the cell, such as C12BrN2: solve as a crystal.")
    ] = None,
    time_limit: TimeLimit = Seconds(30),
    processes: Processes = None,
    force: Force = False,
    resume: Resume = False,
    json: Json = False,
    csv: Csv = False,
    scheduler: Scheduler = None,
    weights: Weights = None,
    accept_untrusted: AcceptUntrusted = False,
) -> None:
    """Find the atoms of Patterson maps, and test whether they explain the map.

    Cubes are searched for equal atoms; cells of another shape, and cubes of known size that equal atoms do
    not explain, are solved as crystals, each within --time-limit. Exits with 3 if an answer is not trusted,
    with 1 if a map has none.

    Example: argand patterson predict maps/*.npy --atoms 10 --out found
    """
    from argand.runs.folder import RunFolder
    from argand.runs.resume import file_digest
    from argand.systems.patterson.files.run import MapQuestion, predict_files
    from argand.systems.patterson.files.table import answer_csv, answer_table
    from argand.systems.patterson.predict import WEIGHTS
    from argand.systems.patterson.view import write_page

    require_one_format(json, csv)
    machines = Machines(processes, scheduler)
    predictor = _predictor(weights)
    settings = {"weights": file_digest(_weights_file(weights or WEIGHTS))}
    run = RunFolder(out, page=write_page, settings=settings, force=force, resume=resume)
    question = MapQuestion(atoms, centred, voxel, formula, time_limit)
    records = predict_files(files, predictor, question, run, tell, machines)
    if json:
        print_json(records)
    elif csv:
        typer.echo(answer_csv(records), nl=False)
    else:
        screen().print(answer_table(records))
    if out is not None and not (json or csv):
        say(f"atoms and maps: {out}\npage: {out / PAGE}")
    end(records, accept_untrusted)


@app.command()
def view(
    folder: Annotated[Path, typer.Argument(help="Folder that predict or solve --out wrote.")],
    open_page: Open = False,
) -> None:
    """Write the page of a run again: one HTML file that needs nothing else.

    Example: argand patterson view found
    """
    from argand.runs.browser import say_page
    from argand.systems.patterson.view import write_page

    say_page(write_page(folder), open_page)


@app.command()
def evaluate(
    preset: MapPreset = "paper",
    count: Annotated[int, typer.Option(help="Number of simulated maps.", min=1)] = 500,
    seed: EvaluationSeed = None,
    processes: Processes = None,
    scheduler: Scheduler = None,
    json: Json = False,
    weights: Weights = None,
    card: KeepCard = False,
) -> None:
    """Repeat the published accuracy test on simulated maps with known atoms.

    The default seed is one that no training uses.

    Example: argand patterson evaluate paper --count 500
    """
    from argand.systems.patterson.card import keep_figures
    from argand.systems.patterson.evaluate import EVALUATION_SEED, evaluate_preset
    from argand.systems.patterson.files.table import evaluation_table
    from argand.systems.patterson.predict import WEIGHTS

    seed = EVALUATION_SEED if seed is None else seed
    machines = Machines(processes, scheduler)
    result = evaluate_preset(preset, count, seed, predictor=_predictor(weights), machines=machines)
    keep = partial(keep_figures, _weights_file(weights or WEIGHTS), result) if card else None
    show_figures(result, evaluation_table(result), json, keep)
    for text in result["failed"]:
        complain(f"left out: {text}")


@app.command()
def figures(
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the pictures.")],
    count: Annotated[int, typer.Option(help="Number of maps of the accuracy test.", min=1)] = 500,
    weights: Weights = None,
    max_time: Annotated[
        Seconds | None,
        typer.Option(
            parser=seconds_option,
            metavar="TIME",
            help="Draw 7, 8 and 9 too: time of one core for each of their trainings, such as 5m.",
        ),
    ] = None,
    maps: Annotated[
        Literal["small", "paper"],
        typer.Option(help="Maps of 7, 8 and 9: small, learnt in minutes, or paper, in days."),
    ] = "small",
    force: Force = False,
    resume: Resume = False,
) -> None:
    """Draw the published figures 10, 11 and 12 again; with --max-time also 7, 8 and 9.

    The trainings are kept in runs/ of the folder; --resume does not repeat those that are finished.

    Example: argand patterson figures --out figures --max-time 5m
    """
    from argand.runs.claim import claim_folder
    from argand.systems.patterson.predict import WEIGHTS
    from argand.systems.patterson.published.figures import draw_figures, training_note

    predictor, note = _predictor(weights), training_note(_weights_file(weights or WEIGHTS))
    claim_folder(out, force=force, resume=resume)
    for path in draw_figures(out, predictor, count, note):
        say(f"picture: {path}")
    if max_time is not None:
        from argand.systems.patterson.published.ablation import arms_of, train_arms
        from argand.systems.patterson.published.learning_curves import draw_comparisons, draw_training

        curves = train_arms(arms_of(maps), out / "runs", max_time / 60, say)
        for path in [draw_training(out, curves), *draw_comparisons(out, curves)]:
            say(f"picture: {path}")


def _preset(name: str) -> Any:
    from argand.system import preset
    from argand.systems.patterson.presets import TRAINABLE

    return preset(name, TRAINABLE)


def _predictor(weights: Path | None) -> Any:
    from argand.systems.patterson import predict as module

    return module.load() if weights is None else module.load(weights)


def _weights_file(weights: Path) -> Path:
    """The file of weights, which may be given as the folder of a run."""
    from argand.io.weights import weights_file

    return weights_file(weights)
