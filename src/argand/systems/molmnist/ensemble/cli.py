"""The verbs of `argand molmnist` over molecular dynamics. Nothing heavy is imported before a verb runs."""

from collections.abc import Mapping
from json import dumps
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from argand.runs.verbs import ADVANCED, Force, Json, Resume, Seed, completed_by, print_json, say
from argand.systems.molmnist.fibril.names import FIBRILS

# Defaults are those of the functions behind the verbs, where it stands where they come from. Of their own, by
# hand: 100 ps of frames after 500 of equilibration at most.
Length = Annotated[float, typer.Option(help="Length in Å, rounded to whole repeats of the crystal.")]


Solvent = Annotated[
    Literal["water", "scaled", "vacuum"],
    typer.Option(
        help="Solvent: TIP3P water; scaled: none, with halved charges; vacuum: none, with full charges."
    ),
]
ForceField = Annotated[
    Literal["glycam06", "charmm36"],
    typer.Option(help="Force field: GLYCAM_06j-1, or CHARMM36 with its own TIP3P.", rich_help_panel=ADVANCED),
]
Padding = Annotated[
    float, typer.Option(help="Thickness of the water on each side in Å.", rich_help_panel=ADVANCED)
]
DriftWindow = Annotated[
    float,
    typer.Option(help="Time in ps over which twist and energy must not drift.", rich_help_panel=ADVANCED),
]
MaxEquilibration = Annotated[
    float, typer.Option(help="Longest equilibration in ps.", rich_help_panel=ADVANCED)
]
PlatformName = Annotated[
    Literal["auto", "CPU", "OpenCL", "CUDA", "Reference"],
    typer.Option(help="Platform of OpenMM; auto: the fastest available.", rich_help_panel=ADVANCED),
]
Threads = Annotated[
    int | None,
    typer.Option(
        help="Threads of the CPU platform; by default one per core.", min=1, rich_help_panel=ADVANCED
    ),
]


def dynamics(
    fibril: Annotated[
        str,
        typer.Argument(help="2x2 ... 9x9, hexagonal-24, hexagonal-36.", autocompletion=completed_by(FIBRILS)),
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder of the run.")],
    ps: Annotated[float, typer.Option(help="Length of the run after equilibration, in ps.", min=0.0)] = 100.0,
    solvent: Solvent = "water",
    force_field: ForceField = "glycam06",
    length: Length = 200.0,
    padding: Padding = 10.0,
    temperature: Annotated[float, typer.Option(help="Temperature in K.")] = 300.0,
    seed: Seed = 0,
    window: DriftWindow = 50.0,
    max_equilibration: MaxEquilibration = 500.0,
    platform: PlatformName = "auto",
    threads: Threads = None,
    resume: Resume = False,
    force: Force = False,
) -> None:
    """Simulate a fibril with OpenMM: equilibrate until nothing drifts, then sample frames.

    A run that was stopped, or is to become longer, is continued by --resume.

    Example: argand molmnist dynamics 2x2 --out runs/2x2-water --ps 200
    """
    from argand.systems.molmnist.ensemble.dynamics import Dynamics, Run
    from argand.systems.molmnist.ensemble.trajectory import claim_run

    settings = Dynamics(fibril, solvent, length, padding, temperature, seed, force_field=force_field)
    claim_run(out, force=force, resume=resume)
    run = Run(settings, out, platform, threads)
    run.advance(ps, max_equilibration, window)
    say(run.summary())


def fit(
    runs: Annotated[list[Path], typer.Argument(help="Dynamics runs to fit to.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="JSON file for the parameters.")],
    held_out: Annotated[
        list[Path] | None, typer.Option(help="Run to compare with but not to fit to; may be repeated.")
    ] = None,
    json: Json = False,
    force: Force = False,
) -> None:
    """Fit twist and softness of the elastic network to runs, and compare it with others.

    Example: argand molmnist fit runs/2x2 runs/3x3 --held-out runs/4x4 --out ensemble.json
    """
    from dataclasses import asdict

    from argand.io.atomic import write_lines
    from argand.runs.claim import claim_file
    from argand.runs.record import SCHEMA_VERSION
    from argand.systems.molmnist.ensemble.elastic_fit import compare
    from argand.systems.molmnist.ensemble.elastic_fit import fit as fit_parameters

    claim_file(out, force=force, can_resume=False)
    parameters = fit_parameters(runs)
    write_lines(out, [dumps(asdict(parameters), indent=1)])
    rows = [compare(folder, parameters) for folder in [*runs, *(held_out or [])]]
    if json:
        found = {"schema_version": SCHEMA_VERSION, "parameters": asdict(parameters), "runs": rows}
        print_json(found)
        return
    for row in rows:
        say(_compared(row))
    say(f"parameters: {out}")


def _compared(row: Mapping[str, Any]) -> str:
    """A run beside the elastic network, as a line."""
    return (
        f"{row['fibril']} ({row['folder']}): twist {row['twist']:.2f} ± {row['twist_error']:.2f}, "
        f"network {row['network_twist']:.2f} degrees/nm; beads {row['bead_rms']:.2f} Å, "
        f"network {row['network_bead_rms']:.2f} Å; "
        f"KS {row['ks']['low']:.2f} low, {row['ks']['high']:.2f} high"
    )
