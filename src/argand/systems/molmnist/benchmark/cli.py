"""The verbs of `argand molmnist` over data sets. Nothing heavy is imported before a verb runs."""

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from argand.crew import Machines
from argand.errors import ConfigError
from argand.runs.verbs import Json, Processes, Scheduler, complain, print_json, say

# Defaults of the verbs are those of the functions behind them, where it stands where they come from.


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
    scheduler: Scheduler = None,
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
        system = one_preset(preset)
    folders = tuple(trajectory or ())
    asked = Measurement(size, window, radiation, wavelength, photons, beam_stop, blur, folders)
    system = asked.applied(system)
    write_pairs(system, out, count, seed, machines=Machines(processes, scheduler), tell=say)
    say(f"{count} pairs in {out}, its card in {out.with_suffix('.md')}")


def one_preset(names: list[str] | None) -> Any:
    """The preset of the only name; ConfigError for none, several, or an unknown one."""
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


def check(
    file: Annotated[Path, typer.Argument(help="What simulate wrote.")],
    json: Json = False,
) -> None:
    """Check every byte of a data set, say what it holds, and whether it is the published one.

    Example: argand molmnist check set.h5
    """
    from argand.systems.molmnist.benchmark.dataset import summary, verdict

    found = summary(file)
    splits = ", ".join(f"{count} {name}" for name, count in found["splits"].items())
    text = f"{file}: {found['pairs']} pairs ({splits}), intact\nSHA-256 of the pairs: {found['sha256']}"
    print_json(found) if json else say(f"{text}\n{verdict(found['published'])}")
