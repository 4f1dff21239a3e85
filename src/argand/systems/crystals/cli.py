"""The verbs of `argand crystals`. Nothing heavy is imported before a verb runs."""

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from argand.crew import Machines
from argand.duration import Seconds
from argand.runs.verbs import (
    ADVANCED,
    FAILED,
    EvaluationSeed,
    Force,
    Json,
    KeepCard,
    LearningRate,
    MaxTime,
    Processes,
    Resume,
    Scheduler,
    Seed,
    SimulationProcesses,
    TrainingFolder,
    Weights,
    complain,
    completed_by,
    in_one_group,
    preset_argument,
    run_training,
    say,
    show_figures,
    write_set,
)
from argand.systems.crystals.files.cli import decode, encode, reconstruct
from argand.systems.crystals.files.explore_cli import alter, index, interpolate, nearest, view
from argand.systems.crystals.files.options import MODEL_NAMES, Index
from argand.systems.crystals.files.samples_cli import Phases, evaluate_new, phases, sample

_PRESETS = ("best", "linear", "refined", "paper", "paper-small", "tiny")
"""Names of `presets.PRESETS`, which is not imported for the help."""
_TRAINED = ("refined", "paper", "paper-small", "tiny", "occupation", "frameworks")
"""Those of them that are trained, and the two networks of `sample`."""

Structures = Annotated[
    str | None,
    typer.Option(help="Parquet file or folder of structures to learn from; argand ships none."),
]


def simulate(
    preset: Annotated[str, preset_argument(_PRESETS)],
    out: Annotated[Path, typer.Option("--out", "-o", help="HDF5 file to write.")],
    structures: Structures = None,
    count: Annotated[int, typer.Option(help="Number of boxes.", min=1)] = 100,
    seed: Seed = 0,
    processes: Processes = None,
    scheduler: Scheduler = None,
    force: Force = False,
    resume: Resume = False,
) -> None:
    """Write boxes of the density of single cells and repeating crystals, with labels and atoms.

    Example: argand crystals simulate paper --structures cifs --out set.h5 --count 1000
    """
    from argand.runs.claim import claim_file

    system = _preset(preset, structures)
    claim_file(out, force=force, resume=resume, beside=[out.with_suffix(".shards")])
    write_set(system, out, "boxes", count, seed, Machines(processes, scheduler))


@in_one_group
def train(
    preset: Annotated[
        str, preset_argument(_TRAINED, "Preset; occupation and frameworks are the networks of `sample`")
    ],
    out: TrainingFolder,
    structures: Structures = None,
    max_time: MaxTime = Seconds("1h"),
    resume: Resume = False,
    force: Force = False,
    batch_size: Annotated[
        int | None, typer.Option(help="Samples in a step; by default that of the preset.", min=1)
    ] = None,
    learning_rate: LearningRate = None,
    val_count: Annotated[
        int | None,
        typer.Option(
            help="Number of validation samples; by default that of the preset.",
            min=1,
            rich_help_panel=ADVANCED,
        ),
    ] = None,
    val_every: Annotated[
        int | None,
        typer.Option(
            help="Steps between validations; by default those of the preset.", min=1, rich_help_panel=ADVANCED
        ),
    ] = None,
    replay: Annotated[
        int, typer.Option(help="Number of batches that use each sample.", min=1, rich_help_panel=ADVANCED)
    ] = 1,
    precision: Annotated[
        Literal["auto", "fp32", "bf16"] | None,
        typer.Option(
            help="Floating-point precision; auto measures which is faster; by default that of the preset.",
            rich_help_panel=ADVANCED,
        ),
    ] = None,
    processes: SimulationProcesses = None,
    seed: Seed = 0,
) -> None:
    """Train the published networks, the one behind the linear code, or those that `sample` uses.

    Ctrl-C leaves a run to --resume.

    Example: argand crystals train refined --structures pool.parquet --out runs/refined --max-time 1h
    """
    from argand.learn.launch import is_first_process
    from argand.system import preset as named
    from argand.systems.crystals.presets import (
        BOX_TRAINING,
        FRAMEWORK_TRAINING,
        OCCUPATION_TRAINING,
        TRAINABLE,
    )
    from argand.systems.crystals.published.training import train_in_sequence
    from argand.systems.crystals.system import Crystals

    system = named(preset, TRAINABLE)
    if learning_rate is not None:
        system = replace(system, learning_rate=learning_rate)
    given: dict[str, Any] = {"batch_size": batch_size, "val_count": val_count, "val_every_steps": val_every}
    given |= {"precision": precision, "workers": processes, "replay": replay, "seed": seed}
    given = {key: value for key, value in given.items() if value is not None}
    given |= {"max_time": max_time, "resume": resume, "force": force}
    if not isinstance(system, Crystals):
        system = _packed(system, structures, out, force)
        defaults = FRAMEWORK_TRAINING if preset == "frameworks" else OCCUPATION_TRAINING
        run_training(system, out, "structures", **defaults | given)
        return
    final = train_in_sequence(_of(system, structures), out, run_training, **BOX_TRAINING | given)
    if is_first_process():
        say(f"weights: {final}")


def evaluate(
    model: Annotated[
        str,
        typer.Argument(
            help="best, symmetric or paper; samples: how stable and new structures are.",
            autocompletion=completed_by([*MODEL_NAMES, "samples"]),
        ),
    ],
    files: Annotated[list[str], typer.Argument(help="Structures: files, globs, folders.")],
    count: Annotated[int, typer.Option(help="Largest number of structures to rebuild.", min=1)] = 100,
    seed: EvaluationSeed = None,
    weights: Weights = None,
    out: Annotated[
        Path, typer.Option("--out", "-o", help="With samples: folder for relaxed CIFs and summary.json.")
    ] = Path("evaluated"),
    known: Annotated[
        Path | None,
        typer.Option(help="With samples: parquet file of known structures, instead of the shipped index."),
    ] = None,
    index: Index = None,
    phases: Phases = None,
    processes: Processes = None,
    scheduler: Scheduler = None,
    force: Force = False,
    resume: Resume = False,
    json: Json = False,
    card: KeepCard = False,
) -> None:
    """Rebuild structures from their vectors and count the atoms that come back; or evaluate new crystals.

    `samples` relaxes structures by CHGNet and counts those that are stable, unique and new.

    Example: argand crystals evaluate best cifs --count 100

    Example: argand crystals evaluate samples samples/ --known mp_pool.parquet --out evaluated
    """
    from argand.systems.crystals.card import keep_figures
    from argand.systems.crystals.evaluate import EVALUATION_SEED, evaluate_model
    from argand.systems.crystals.files.table import evaluation_table
    from argand.systems.crystals.models.named import PAPER_WEIGHTS

    if card and model != "paper":
        raise typer.BadParameter("--card: only paper has weights")
    machines = Machines(processes, scheduler)
    if model == "samples":
        criteria = {"known": known, "phases": phases, "index": index}
        evaluate_new(files, out, json, criteria, machines, force=force, resume=resume)
        return
    seed = EVALUATION_SEED if seed is None else seed
    if card and weights is None:
        weights = PAPER_WEIGHTS
    result = evaluate_model(model, files, count, seed, weights, machines)
    keep = partial(keep_figures, weights or PAPER_WEIGHTS, result) if card else None
    show_figures(result, evaluation_table(result), json, keep)
    for text in result["failed"]:
        complain(f"failed: {text}")
    if result["failed"]:
        raise typer.Exit(FAILED)


def _preset(name: str, structures: str | None) -> Any:
    from argand.system import preset
    from argand.systems.crystals.presets import PRESETS

    return _of(preset(name, PRESETS), structures)


def _of(system: Any, structures: str | None) -> Any:
    return system if structures is None else replace(system, source=structures)


def _packed(system: Any, structures: str | None, out: Path, force: bool) -> Any:
    """The system with the arrays that its network takes of the structures, which are made once for a run."""
    from argand.learn.group import group_here
    from argand.systems.crystals.generation import framework_dataset, occupation_dataset
    from argand.systems.crystals.generation.framework_training import Frameworks

    dataset = framework_dataset if isinstance(system, Frameworks) else occupation_dataset
    packed = out / dataset.PACKED

    def pack() -> None:
        if force or not packed.exists():
            say(f"{dataset.pack(structures or '', packed)} structures packed: {packed}")

    group_here().by_first(pack)
    return replace(system, data=str(packed))


app = typer.Typer(help="Crystal structures as vectors and back; new crystals.", no_args_is_help=True)
for verb in (
    simulate,
    train,
    evaluate,
    encode,
    decode,
    reconstruct,
    interpolate,
    alter,
    nearest,
    view,
    sample,
    index,
    phases,
):
    app.command()(verb)
