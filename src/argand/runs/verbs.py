"""What the verbs of all systems share: options, messages, the course of `simulate` and `train`."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar

import typer
from rich.console import Console
from rich.text import Text

from argand.crew import CORES, Machines
from argand.duration import Seconds
from argand.errors import ArgandError, ConfigError

if TYPE_CHECKING:
    from argand.runs.course import Failure
    from argand.system import System

_LARGEST = 2.0**63
"""Larger numbers, and those that are none (NaN, infinity), are taken by no option."""
INTERRUPTED = 130
"""Exit code of a command ended by Ctrl-C."""
FAILED, UNTRUSTED = 1, 3
"""Exit codes of a command some of whose inputs have no answer, and of one whose answers all exist but are not
all trusted. 2 is wrong usage."""

T = TypeVar("T")


def seconds_option(text: str | float) -> Seconds:
    """The value of an option that takes a length of time; wrong usage where it is none."""
    try:
        return Seconds(text)
    except ConfigError as error:
        raise typer.BadParameter(f"{error}.") from error


def preset_argument(names: Iterable[str], help_text: str = "Preset") -> Any:
    """The argument that takes one of these names, which the help lists and the shell completes.

    A wrong name is left to the verb, which tells the nearest right one.
    """
    known = list(names)
    return typer.Argument(
        metavar="PRESET",
        help=f"{help_text}: {', '.join(known)}.",
        autocompletion=completed_by(known),
    )


def completed_by(names: Iterable[str]) -> Callable[[str], list[str]]:
    """What completes an option in the shell: `typer.Option(autocompletion=completed_by(names))`."""
    known = list(names)
    return lambda incomplete: [name for name in known if name.startswith(incomplete)]


ADVANCED = "Advanced options"
"""Panel of the help for options that a first user does not need."""

Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
Csv = Annotated[bool, typer.Option("--csv", help="Print CSV instead of a table.")]
Force = Annotated[bool, typer.Option("--force", help="Replace what an earlier run of argand wrote to --out.")]
Resume = Annotated[bool, typer.Option("--resume", help="Continue what --out holds.")]
AcceptUntrusted = Annotated[
    bool, typer.Option("--accept-untrusted", help="Exit with 0 even if some answers are not trusted.")
]
Open = Annotated[bool, typer.Option("--open", help="Open the page in the browser.")]
Seed = Annotated[int, typer.Option(help="Random seed.", min=0, max=2**32 - 1)]
EvaluationSeed = Annotated[
    int | None,
    typer.Option(help="Random seed; by default one that no training uses.", min=0, max=2**32 - 1),
]
Weights = Annotated[
    Path | None,
    typer.Option(help="Weights to use instead of the shipped ones: a file or the folder of a run."),
]
TrainingFolder = Annotated[Path, typer.Option("--out", "-o", help="Folder of the training run.")]
MaxTime = Annotated[
    Seconds,
    typer.Option(
        parser=seconds_option,
        metavar="TIME",
        help="Time to train, such as 90s, 10m, 1h30m or 01:30:00; all resumptions and validation count.",
    ),
]
TimeLimit = Annotated[
    Seconds,
    typer.Option(parser=seconds_option, metavar="TIME", help="Time to search, such as 90s, 10m or 00:01:30."),
]
BatchSize = Annotated[int, typer.Option(help="Samples in a step of each training process.", min=1)]
LearningRate = Annotated[
    float | None, typer.Option(help="Learning rate; by default that of the preset.", min=0.0)
]
ValCount = Annotated[int, typer.Option(help="Number of validation samples.", min=1, rich_help_panel=ADVANCED)]
ValEvery = Annotated[int, typer.Option(help="Steps between validations.", min=1, rich_help_panel=ADVANCED)]
Precision = Annotated[
    Literal["auto", "fp32", "bf16"],
    typer.Option(help="Floating-point precision; auto measures which is faster.", rich_help_panel=ADVANCED),
]
Devices = Annotated[
    str,
    typer.Option(
        help="Number of GPUs, or of CPU processes that train; auto: all GPUs, or one process.",
        rich_help_panel=ADVANCED,
    ),
]
SimulationProcesses = Annotated[
    int | None,
    typer.Option(
        "--processes",
        help="Processes that simulate training samples; by default chosen by the number of cores.",
        min=0,
        rich_help_panel=ADVANCED,
    ),
]
Processes = Annotated[
    int | None,
    typer.Option(help="Processes to use; by default one per core for long work.", min=1),
]
Scheduler = Annotated[
    str | None,
    typer.Option(
        metavar="ADDRESS",
        help="Use the workers of this Dask scheduler, tcp://host:port.",
        rich_help_panel=ADVANCED,
    ),
]
KeepCard = Annotated[
    bool,
    typer.Option(
        "--card",
        help="Store the figures in the weights file and write card.md beside it.",
        rich_help_panel=ADVANCED,
    ),
]

RANGES = {
    "seed": (0, 2**63 - 1),
    "count": (1, 10**9),
    "processes": (0, 1024),
    "batch_size": (1, 2**20),
    "replay": (1, 2**20),
    "val_count": (1, 10**6),
    "val_every": (1, 10**9),
    "learning_rate": (0.0, 1e3),
    "interval": (0.0, 86_400.0),
    **dict.fromkeys(("timeout", "train_minutes", "ps", "max_equilibration"), (0.0, 1e9)),
    "clip_norm": (0.0, 1e9),
    "wavelength": (1e-3, 1e3),
    "distance": (0.1, 1e6),
    "pixel_size": (1e-4, 1e2),
    "fail_on": (0.0, 1e6),
    "window": (1e-3, 1e6),
    "length": (1.0, 1e6),
    "twist": (-360.0, 360.0),
    "padding": (0.0, 1e3),
    "temperature": (1e-3, 1e4),
    "photons": (1e-6, 1e15),
    "beam_stop": (0.0, 1e3),
    "blur": (0.0, 1e3),
    "voxel": (1e-3, 1e3),
    "units": (0.1, 1e6),
    "d_min": (0.2, 1e3),
}
"""What options of these names take, whatever the verb. Seeds are those of torch; the other ends are by hand,
far beyond what a machine can do or a physical quantity can be, and keep numbers out that were not meant."""


def require_sensible(options: Mapping[str, Any]) -> None:
    """Refuse numbers of options that are not finite or outside of RANGES, as wrong usage."""
    for name, value in options.items():
        numbers = value if isinstance(value, list | tuple) else [value]
        low, high = RANGES.get(name, (-_LARGEST, _LARGEST))
        for one in numbers:
            if isinstance(one, int | float) and not low <= one <= high:
                hint = f"'--{name.replace('_', '-')}'"
                why = f"is not from {low:g} to {high:g}" if name in RANGES else "is not a plausible number"
                raise typer.BadParameter(f"{one} {why}.", param_hint=hint)


def screen() -> Console:
    """The console; wide where the output goes to a file, so that no number is folded."""
    console = Console()
    return console if console.is_terminal else Console(width=200)


def say(text: str) -> None:
    """Print a message."""
    Console(soft_wrap=True).print(Text(text))


def print_json(value: Any) -> None:
    """Print plain values as JSON, with null for numbers that are not finite."""
    from argand.runs.json_text import json_text  # numpy, which no help needs

    typer.echo(json_text(value))


def complain(message: str) -> None:
    """Print a message in red on the error stream."""
    Console(stderr=True, soft_wrap=True).print(Text(message, style="red"))


def tell(failure: "Failure") -> None:
    """Print why something has no answer."""
    complain(failure.message)


def end(records: Sequence[Mapping[str, Any]], accept_untrusted: bool = False) -> None:
    """Exit with the code that the records of answers mean: 0 where all are trusted.

    1 where an input has no answer (`failed`); else 3 where one is not `trusted`, unless that is accepted.
    """
    if any(record.get("failed") for record in records):
        raise typer.Exit(FAILED)
    if not accept_untrusted and not all(record["trusted"] for record in records):
        raise typer.Exit(UNTRUSTED)


def require_one_format(json: bool, csv: bool) -> None:
    """Refuse --json and --csv together."""
    if json and csv:
        raise typer.BadParameter("--json and --csv exclude each other; choose one")


def show_figures(figures: Any, table: Any, json: bool, keep: Callable[[], Path] | None) -> None:
    """Print what `evaluate` measured, as a table or JSON; then `keep` it on a card and say where."""
    if json:
        print_json(figures)
    else:
        screen().print(table)
    if keep is not None:
        card = keep()
        if not json:
            say(f"card: {card}")


def in_one_group(verb: Callable[..., T]) -> Callable[..., T]:
    """The verb as one of the processes that torchrun or srun has started: an error of one ends all.

    One of them tells it, and all exit with its code.
    """

    @wraps(verb)
    def run(*arguments: Any, **options: Any) -> T:
        from argand.learn.launch import launched

        launch = launched()
        if launch is None or launch.world == 1:
            return verb(*arguments, **options)
        from argand.learn.group import ended_together, tells

        try:
            with ended_together():
                return verb(*arguments, **options)
        except (ArgandError, KeyboardInterrupt) as error:
            if tells():
                raise
            raise typer.Exit(INTERRUPTED if isinstance(error, KeyboardInterrupt) else 1) from error

    return run


def run_training(system: "System", out: Path, what: str, **settings: Any) -> None:
    """Train a system and say what came of it; `what` its samples are called. Settings as of `learn.train`."""
    from argand.learn.launch import is_first_process
    from argand.learn.train import train

    done = train(system, out, **settings)
    if is_first_process():
        if not done.steps_here:
            spent = settings.get("max_time")
            say(f"nothing to do: the time of this run is spent; a --max-time above {spent} goes on")
        best = f"best {done.best.metric} {done.best.value:.4g} at step {done.best.step}"
        say(f"{done.steps} steps, {done.samples} {what}, {done.seconds:.0f} s, {best}: {done.weights}")


def write_set(
    system: "System", out: Path, what: str, count: int, seed: int, machines: Machines = CORES
) -> None:
    """Write a data set of simulated samples and say so."""
    from argand.learn.simulate import simulate_to_file

    simulate_to_file(system, out, count, seed, machines=machines)
    say(f"{count} {what} in {out}")
