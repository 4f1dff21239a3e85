"""The verbs of `argand molmnist`. Nothing heavy is imported before a verb runs."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from argand.crew import Machines
from argand.errors import ConfigError
from argand.page.document import PAGE
from argand.runs.verbs import (
    AcceptUntrusted,
    Csv,
    Force,
    Json,
    Open,
    Processes,
    Resume,
    Scheduler,
    Weights,
    completed_by,
    end,
    in_one_group,
    print_json,
    require_one_format,
    say,
    screen,
    tell,
)
from argand.systems.molmnist.benchmark.cli import check, simulate, train
from argand.systems.molmnist.benchmark.options import (
    Conditions,
    OwnModel,
    RunWeights,
    ScoredSet,
    ScoredTask,
    TestCount,
    TrainingCount,
    WithBaselines,
)
from argand.systems.molmnist.ensemble.cli import Length, dynamics, fit
from argand.systems.molmnist.fibril.names import FIBRILS
from argand.systems.molmnist.files.options import (
    MaskFile,
    Network,
    ObjectLength,
    OutFolder,
    Patterns,
    Polish,
    Radiation,
    WindowSide,
)

app = typer.Typer(help="Cellulose fibrils and their coherent diffraction.", no_args_is_help=True)

# Defaults of the verbs are those of the functions behind them, where it stands where they come from.


@app.command()
def build(
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the files.")],
    fibrils: Annotated[
        list[str] | None,
        typer.Argument(
            help="NxM, 1 to 12 chains a side (4x6), or hexagonal-N (hexagonal-18).",
            autocompletion=completed_by(FIBRILS),
        ),
    ] = None,
    length: Length = 200.0,
    twist: Annotated[
        float, typer.Option(help="Twist in degrees/nm about the axis; positive is right-handed.")
    ] = 0.0,
    force: Force = False,
) -> None:
    """Write fibrils as PDB and mmCIF, by default the ten of the published set.

    Hexagonal ones have 14, 16, 18, 19, 22, 23, 24, 28, 29, 30, 34, 36, 37, 40, 42, 43, 44, 50 or 52 chains.

    Example: argand molmnist build 4x6 hexagonal-18 --twist 1.5 --out fibrils
    """
    from argand.runs.claim import claim_folder
    from argand.systems.molmnist.fibril.fibril import FIBRILS, build_fibril
    from argand.systems.molmnist.fibril.pdb import PDB_ATOMS, write_twisted

    built = [build_fibril(name, length) for name in fibrils or FIBRILS]
    claim_folder(out, force=force, can_resume=False)
    for fibril in built:
        paths, stretch = write_twisted(out, fibril, twist)
        notes = [f"{fibril.chains} chains, {len(fibril)} atoms"]
        if twist:
            notes.append(f"twisting makes bonds up to {100 * stretch:.1f} % longer")
        if len(fibril) > PDB_ATOMS:
            notes.append(f"atoms beyond {PDB_ATOMS} numbered in hybrid-36 in the PDB")
        say(f"{fibril.name}: {', '.join(notes)}: {', '.join(map(str, paths))}")


app.command()(dynamics)


app.command()(simulate)


app.command()(in_one_group(train))
app.command()(check)
app.command()(fit)


@app.command()
def figures(
    file: Annotated[str, typer.Argument(help="Data set, or the name sample.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the pictures.")],
    force: Force = False,
) -> None:
    """Draw the published figures 1, 2 and 3 (left) for a data set.

    Example: argand molmnist figures sample --out figures
    """
    from argand.runs.claim import claim_folder
    from argand.systems.molmnist.benchmark.dataset import load
    from argand.systems.molmnist.benchmark.pairs import open_pairs
    from argand.systems.molmnist.published.figures import draw_figures

    pairs = load("sample") if file == "sample" else open_pairs(Path(file))
    claim_folder(out, force=force, can_resume=False)
    for path in draw_figures(out, pairs):
        say(f"picture: {path}")


@app.command()
def predict(
    patterns: Patterns,
    out: OutFolder = None,
    window: WindowSide = None,
    mask: MaskFile = None,
    length: ObjectLength = None,
    network: Network = "any",
    polish: Polish = 0,
    radiation: Radiation = None,
    json: Json = False,
    csv: Csv = False,
    weights: Weights = None,
    force: Force = False,
    resume: Resume = False,
    accept_untrusted: AcceptUntrusted = False,
    processes: Processes = None,
    scheduler: Scheduler = None,
) -> None:
    """Predict shape, chains and twist from diffraction patterns, and whether the answer can be trusted.

    Example: argand molmnist predict pattern.cxi --window 250 --mask mask.npy --out found
    """
    from argand.systems.molmnist import predict as module
    from argand.systems.molmnist.files.outputs import run_folder
    from argand.systems.molmnist.files.run import Asked, predict_files
    from argand.systems.molmnist.view import write_page

    require_one_format(json, csv)
    asked = Asked(window, radiation, mask, polish, length)
    predictor = module.load(weights, network)
    name = f"shipped, {network}" if weights is None else str(weights)
    folder = run_folder(out, predictor.weights, name, write_page, force=force, resume=resume)
    records = predict_files(
        patterns, predictor.inversion, asked, folder, tell, Machines(processes, scheduler)
    )
    _show_records(records, json, csv)
    if out is not None and not (json or csv):
        say(f"shapes and pictures: {out}\npage: {out / PAGE}")
    end(records, accept_untrusted)


def _show_records(records: list[dict[str, Any]], json: bool, csv: bool) -> None:
    """Print answers as JSON, CSV or a table."""
    from argand.runs.csv_text import csv_text
    from argand.systems.molmnist.files.table import answer_table

    if json:
        print_json(records)
    elif csv:
        typer.echo(csv_text(records), nl=False)
    else:
        screen().print(answer_table(records))


@app.command()
def view(
    folder: Annotated[Path, typer.Argument(help="Folder written by predict --out.")],
    open_page: Open = False,
) -> None:
    """Write the page of a run again, and those of its answers where they have pages of their own.

    Example: argand molmnist view found
    """
    from argand.runs.browser import say_page
    from argand.systems.molmnist.view import write_page

    say_page(write_page(folder), open_page)


@app.command()
def evaluate(
    weights: RunWeights = None,
    model: OwnModel = None,
    set_name: ScoredSet = "standard",
    task: ScoredTask = "all",
    condition: Conditions = None,
    count: TestCount = 100,
    baselines: WithBaselines = False,
    training: TrainingCount = 2000,
    json: Json = False,
    csv: Csv = False,
    processes: Processes = None,
    scheduler: Scheduler = None,
) -> None:
    """Print the leaderboard: scores of models on test patterns of a data set, task by task.

    The fit of bundles takes seconds a pattern; begin with --count 10. Your own --model runs in this process
    unless --processes is given.

    Example: argand molmnist evaluate --set hard --model mymodel:predict --condition 1e4-photons --baselines

    Example: argand molmnist evaluate runs/own --set own.h5 --baselines
    """
    from argand.systems.molmnist.benchmark.conditions import set_conditions
    from argand.systems.molmnist.evaluate import evaluate_tasks, task_names

    require_one_format(json, csv)
    if baselines and not training:
        raise ConfigError("baselines need training pairs; give --training 1 or more")
    conditions = set_conditions(set_name, condition or ())
    models = _scored_models(weights, model, conditions[0].system, baselines)
    # Nobody knows what somebody's own model needs of a machine.
    alone = 1 if model is not None and scheduler is None else None
    machines = Machines(processes or alone, scheduler)
    asked = {"count": count, "baselines": baselines, "training": training, "machines": machines}
    rows = evaluate_tasks(models, conditions, task_names(task), **asked)
    _show_figures(rows, json, csv)


def _show_figures(rows: list[dict[str, Any]], json: bool, csv: bool) -> None:
    """Print the figures of models as JSON, CSV or a table for each task."""
    from argand.runs.csv_text import csv_text
    from argand.systems.molmnist.benchmark.leaderboard import leaderboard

    if json:
        print_json(rows)
    elif csv:
        typer.echo(csv_text(rows), nl=False)
    else:
        for table in leaderboard(rows):
            screen().print(table)


def _scored_models(
    weights: Path | None, model: str | None, system: Any, baselines: bool
) -> Mapping[str, Any]:
    """The models to score on pairs of a system: somebody's own, those of a run, or the shipped ones."""
    from argand.systems.molmnist.benchmark.model import find_model
    from argand.systems.molmnist.evaluate import models_of, shipped_models

    if model is not None and weights is not None:
        raise ConfigError("give either a --model or weights to score, not both")
    if model is not None:
        return {model: find_model(model)}
    if weights is not None:
        return models_of(weights, system)
    return {} if baselines else shipped_models(system)
