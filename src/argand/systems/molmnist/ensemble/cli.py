"""The verbs of `argand molmnist` over molecular dynamics. Nothing heavy is imported before a verb runs."""

from json import dumps
from pathlib import Path
from typing import Annotated, Literal

import typer

from argand.runs.verbs import Json, print_json, say

# Defaults are those of the functions behind the verbs, where it stands where they come from. Of their own, by
# hand: 100 ps of frames after 500 of equilibration at most.
Length = Annotated[float, typer.Option(help="Å; whole repeats of the crystal are taken.")]


def dynamics(
    fibril: Annotated[str, typer.Argument(help="2x2 ... 9x9, hexagonal-24, hexagonal-36.")],
    out: Annotated[Path, typer.Option(help="Folder of the run; the same command goes on with it.")],
    ps: Annotated[float, typer.Option(help="Picoseconds after equilibration.", min=0.0)] = 100.0,
    solvent: Annotated[
        Literal["water", "scaled", "vacuum"],
        typer.Option(help="TIP3P; or none, with charges x 0.5; or none, with full charges."),
    ] = "water",
    force_field: Annotated[
        Literal["glycam06", "charmm36"], typer.Option(help="GLYCAM_06j-1, or CHARMM36 with its own TIP3P.")
    ] = "glycam06",
    length: Length = 200.0,
    padding: Annotated[float, typer.Option(help="Å of water on each side.")] = 10.0,
    temperature: Annotated[float, typer.Option(help="K.")] = 300.0,
    seed: Annotated[int, typer.Option(help="Of velocities and random forces.", min=0)] = 0,
    window: Annotated[
        float, typer.Option(help="Picoseconds over which twist and energy must not drift.")
    ] = 50.0,
    max_equilibration: Annotated[float, typer.Option(help="Picoseconds after which it gives up.")] = 500.0,
    platform: Annotated[
        Literal["auto", "CPU", "OpenCL", "CUDA", "Reference"],
        typer.Option(help="auto: the fastest there is."),
    ] = "auto",
    threads: Annotated[int | None, typer.Option(help="Of the platform CPU; by default all.", min=1)] = None,
) -> None:
    """Simulate a fibril with OpenMM until nothing drifts, then take frames; a stopped run goes on.

    Example: argand molmnist dynamics 2x2 --out runs/2x2-water --ps 200
    """
    from argand.systems.molmnist.ensemble.dynamics import Dynamics, Run

    settings = Dynamics(fibril, solvent, length, padding, temperature, seed, force_field=force_field)
    run = Run(settings, out, platform, threads)
    run.advance(ps, max_equilibration, window)
    say(run.summary())


def fit(
    runs: Annotated[list[Path], typer.Argument(help="Folders of dynamics to fit to.")],
    out: Annotated[Path, typer.Option(help="JSON of the parameters.")],
    held_out: Annotated[
        list[Path] | None, typer.Option(help="Run to compare with alone; may be repeated.")
    ] = None,
    json: Json = False,
) -> None:
    """Fit twist and softness of the elastic network to runs, and compare it with others.

    Example: argand molmnist fit runs/2x2 runs/3x3 --held-out runs/4x4 --out ensemble.json
    """
    from dataclasses import asdict

    from argand.io.atomic import make_folder, write_lines
    from argand.systems.molmnist.ensemble.elastic_fit import compare
    from argand.systems.molmnist.ensemble.elastic_fit import fit as fit_parameters

    parameters = fit_parameters(runs)
    make_folder(out.parent)
    write_lines(out, [dumps(asdict(parameters), indent=1)])
    rows = [compare(folder, parameters) for folder in [*runs, *(held_out or [])]]
    if json:
        print_json({"parameters": asdict(parameters), "runs": rows})
        return
    for row in rows:
        say(
            f"{row['fibril']} ({row['folder']}): twist {row['twist']:.2f} ± {row['twist_error']:.2f}, "
            f"network {row['network_twist']:.2f} degrees/nm; beads {row['bead_rms']:.2f} Å, "
            f"network {row['network_bead_rms']:.2f} Å; "
            f"KS {row['ks']['low']:.2f} low, {row['ks']['high']:.2f} high"
        )
    say(f"parameters: {out}")
