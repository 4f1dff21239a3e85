"""The verbs of `argand molmnist` over data sets. Nothing heavy is imported before a verb runs."""

from pathlib import Path
from typing import Annotated, Any

import typer

from argand.crew import Machines
from argand.duration import Seconds
from argand.errors import ConfigError
from argand.runs.verbs import (
    ADVANCED,
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
    Seed,
    SimulationProcesses,
    TrainingFolder,
    ValCount,
    ValEvery,
    complain,
    completed_by,
    print_json,
    run_training,
    say,
)
from argand.systems.molmnist.benchmark.names import TRAINED
from argand.systems.molmnist.benchmark.options import (
    Axis,
    BeamStop,
    Blur,
    FormFactors,
    HardDetector,
    PairCount,
    Photons,
    SetFile,
    SimulatedPresets,
    Size,
    StructureFiles,
    Trajectories,
    Wavelength,
    WindowSide,
)

# Defaults of the verbs are those of the functions behind them, where it stands where they come from. Of their
# own, by hand: batches, replay and validation of a training of minutes.


def simulate(
    out: SetFile,
    preset: SimulatedPresets = None,
    structures: StructureFiles = None,
    axis: Axis = "random",
    hard_detector: HardDetector = False,
    count: PairCount = 20_000,
    seed: Seed = 0,
    size: Size = None,
    window: WindowSide = None,
    radiation: FormFactors = "xray",
    wavelength: Wavelength = None,
    photons: Photons = None,
    beam_stop: BeamStop = None,
    blur: Blur = None,
    trajectory: Trajectories = None,
    processes: Processes = None,
    scheduler: Scheduler = None,
    force: Force = False,
    resume: Resume = False,
) -> None:
    """Write pairs of shapes and patterns with their parameters, splits, checksums and card.

    With --structures, they show molecules from files; the default window is twice as wide as the widest one.

    Example: argand molmnist simulate standard --out set.h5 --count 2000 --photons 1e6

    Example: argand molmnist simulate --structures a.pdb b.cif --out own.h5 --count 2000 --window 100
    """
    from argand.systems.molmnist.benchmark.dataset import claim_set, write_pairs
    from argand.systems.molmnist.benchmark.measurement import Measurement

    folders = tuple(trajectory or ())
    asked = Measurement(size, window, radiation, wavelength, photons, beam_stop, blur, folders)
    system = asked.applied(_system_of(preset, structures, axis, window, hard_detector))
    claim_set(out, force=force, resume=resume)
    write_pairs(system, out, count, seed, machines=Machines(processes, scheduler), tell=say)
    say(f"{count} pairs in {out}, its card in {out.with_suffix('.md')}")


def _system_of(
    preset: list[str] | None, structures: list[str] | None, axis: str, window: float | None, hard: bool
) -> Any:
    """The configuration of a preset, or of molecules of one's own."""
    if structures:
        return _own_system(structures, preset or [], axis, window, hard)
    if hard:
        raise ConfigError("--hard-detector is for --structures; the preset hard has it already")
    return one_preset(preset)


def one_preset(names: list[str] | None) -> Any:
    """The preset of the only name; ConfigError for none, several, or an unknown one."""
    from argand.system import preset as named
    from argand.systems.molmnist.presets import PRESETS

    if not names or len(names) > 1:
        raise ConfigError("give one preset, or molecules of your own after --structures")
    return named(names[0], PRESETS)


def _own_system(first: list[str], more: list[str], axis: str, window: float | None, hard: bool) -> Any:
    """The configuration of molecules of one's own; says which parts of the files are left out."""
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


def train(
    preset: Annotated[
        str,
        typer.Argument(
            metavar="PRESET",
            help=f"Preset: {', '.join(TRAINED)}; or a data set, such as own.h5.",
            autocompletion=completed_by(TRAINED),
        ),
    ],
    out: TrainingFolder,
    max_time: MaxTime = Seconds("1h"),
    resume: Resume = False,
    force: Force = False,
    batch_size: BatchSize = 32,
    learning_rate: LearningRate = None,
    val_count: ValCount = 200,
    val_every: ValEvery = 250,
    replay: Annotated[
        int,
        typer.Option(help="Batches that use each simulated pair.", min=1, rich_help_panel=ADVANCED),
    ] = 4,
    precision: Precision = "auto",
    devices: Devices = "auto",
    processes: SimulationProcesses = None,
    seed: Seed = 0,
) -> None:
    """Train on freshly simulated pairs until the time is up; Ctrl-C leaves a run that --resume continues.

    Of a data set only the configuration is used: pairs are simulated as those of its training split.

    Example: argand molmnist train best --out runs/best --max-time 40m

    Example: argand molmnist train own.h5 --out runs/own --max-time 10m
    """
    settings = {"batch_size": batch_size, "replay": replay, "seed": seed, "workers": processes}
    settings |= {"val_count": val_count, "val_every_steps": val_every, "precision": precision}
    settings |= {"max_time": max_time, "resume": resume, "force": force, "devices": devices}
    run_training(_trained_system(preset, learning_rate), out, "pairs", **settings)


def _trained_system(preset: str, learning_rate: float | None) -> Any:
    """The configuration of a preset or of a data set, in training."""
    from dataclasses import replace

    from argand.io.dataset import is_stored_set
    from argand.systems.molmnist.benchmark.pairs import open_pairs
    from argand.systems.molmnist.presets import trained_on

    is_set = is_stored_set(Path(preset))
    # No training may see the pairs that validate or test.
    system = trained_on(open_pairs(preset).system if is_set else one_preset([preset]))
    return system if learning_rate is None else replace(system, learning_rate=learning_rate)


def check(
    file: Annotated[Path, typer.Argument(help="File written by simulate.")],
    json: Json = False,
) -> None:
    """Check every byte of a data set, and whether it is the published one.

    Example: argand molmnist check set.h5
    """
    from argand.systems.molmnist.benchmark.dataset import summary, verdict

    found = summary(file)
    if json:
        print_json(found)
        return
    splits = ", ".join(f"{count} {name}" for name, count in found["splits"].items())
    say(f"{file}: {found['pairs']} pairs ({splits}), intact\nSHA-256 of the pairs: {found['sha256']}")
    say(verdict(found["published"]))
