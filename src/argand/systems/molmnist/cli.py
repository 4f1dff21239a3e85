"""The verbs of `argand molmnist`. Nothing heavy is imported before a verb runs."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from argand.verbs import say

app = typer.Typer(help="Cellulose fibrils and their coherent diffraction.", no_args_is_help=True)

Length = Annotated[float, typer.Option(help="Å; whole repeats of the crystal are taken.")]


@app.command()
def build(
    out: Annotated[Path, typer.Option(help="Folder for the files.")],
    fibrils: Annotated[list[str] | None, typer.Argument(help="2x2 ... 9x9, hexagonal-24, hexagonal-36.")] = None,
    length: Length = 200.0,
) -> None:
    """Write fibrils as PDB and mmCIF, by default all ten.

    Example: argand molmnist build 2x2 hexagonal-36 --out fibrils
    """
    from argand.systems.molmnist.fibril import FIBRILS, build_fibril
    from argand.systems.molmnist.structure import write_structure

    for fibril in [build_fibril(name, length) for name in fibrils or FIBRILS]:
        paths = write_structure(out, fibril)
        say(f"{fibril.name}: {fibril.chains} chains, {len(fibril)} atoms: {', '.join(map(str, paths))}")


@app.command()
def dynamics(
    fibril: Annotated[str, typer.Argument(help="2x2 ... 9x9, hexagonal-24, hexagonal-36.")],
    out: Annotated[Path, typer.Option(help="Folder of the run; the same command goes on with it.")],
    ps: Annotated[float, typer.Option(help="Picoseconds after equilibration.", min=0.0)] = 100.0,
    solvent: Annotated[
        Literal["water", "scaled", "vacuum"],
        typer.Option(help="TIP3P; or none, with charges x 0.5; or none, with full charges."),
    ] = "water",
    length: Length = 200.0,
    padding: Annotated[float, typer.Option(help="Å of water on each side.")] = 10.0,
    temperature: Annotated[float, typer.Option(help="K.")] = 300.0,
    seed: Annotated[int, typer.Option(help="Of velocities and random forces.", min=0)] = 0,
    window: Annotated[float, typer.Option(help="Picoseconds over which twist and energy must not drift.")] = 20.0,
    max_equilibration: Annotated[float, typer.Option(help="Picoseconds after which it gives up.")] = 500.0,
    platform: Annotated[
        Literal["auto", "CPU", "OpenCL", "CUDA", "Reference"], typer.Option(help="auto: the fastest there is.")
    ] = "auto",
    threads: Annotated[int | None, typer.Option(help="Of the platform CPU; by default all.", min=1)] = None,
) -> None:
    """Simulate a fibril with OpenMM until nothing drifts, then take frames; a stopped run goes on.

    Example: argand molmnist dynamics 2x2 --out runs/2x2-water --ps 200
    """
    from argand.systems.molmnist.dynamics import Dynamics, Run

    settings = Dynamics(fibril, solvent, length, padding, temperature, seed, window)
    run = Run(settings, out, platform, threads)
    run.advance(ps, max_equilibration)
    say(run.summary())
