"""Options of the verbs over data sets. Nothing heavy is imported before a verb runs."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from argand.runs.verbs import ADVANCED, completed_by, preset_argument
from argand.systems.molmnist.benchmark.names import CONDITIONS, SETS, SIMULATED

_OF_HARD = "; a set like hard takes it in place of its range"
_MEASURED = "Measurement options"

SetFile = Annotated[
    Path, typer.Option("--out", "-o", help="HDF5 file to write; its card is written beside it.")
]
SimulatedPresets = Annotated[
    list[str] | None,
    preset_argument(SIMULATED, "Preset, or more files after --structures"),
]
StructureFiles = Annotated[
    list[str] | None,
    typer.Option(
        "--structures", help="Your own molecules instead of a preset: PDB, mmCIF, TOPOLOGY:TRAJECTORY."
    ),
]
Axis = Annotated[
    str,
    typer.Option(
        help="Beam direction through --structures: random, x, y, z, or a direction such as 1,1,0.",
        autocompletion=completed_by(("random", "x", "y", "z")),
    ),
]
HardDetector = Annotated[
    bool,
    typer.Option(
        "--hard-detector",
        help="Measure --structures as the set hard: photon counts, background, gaps.",
        rich_help_panel=_MEASURED,
    ),
]
PairCount = Annotated[int, typer.Option(help="Number of pairs.", min=1)]
Size = Annotated[int | None, typer.Option(help="Pixels along a side.", min=8)]
WindowSide = Annotated[float | None, typer.Option(help="Side of the window in Å.", min=1.0)]
FormFactors = Annotated[
    Literal["xray", "electron"], typer.Option("--radiation", help="Radiation.", rich_help_panel=_MEASURED)
]
Wavelength = Annotated[
    float | None,
    typer.Option(
        help="Wavelength in Å; by default the Ewald sphere is flat, as always for hard.",
        rich_help_panel=_MEASURED,
    ),
]
Photons = Annotated[
    float | None,
    typer.Option(
        help=f"Expected number of photons on all pixels; by default no noise{_OF_HARD}.",
        rich_help_panel=_MEASURED,
    ),
]
BeamStop = Annotated[
    float | None,
    typer.Option(
        help=f"Radius of the beam stop in 1/Å; by default 0{_OF_HARD}.", min=0.0, rich_help_panel=_MEASURED
    ),
]
Blur = Annotated[
    float | None,
    typer.Option(
        help=f"Standard deviation of the point spread in pixels; by default 0{_OF_HARD}.",
        min=0.0,
        rich_help_panel=_MEASURED,
    ),
]
Trajectories = Annotated[
    list[Path] | None,
    typer.Option(
        "--trajectory",
        help="Dynamics run to take the variants of its fibril from; may be repeated; not for hard.",
        rich_help_panel=ADVANCED,
    ),
]

RunWeights = Annotated[
    Path | None,
    typer.Argument(
        metavar="WEIGHTS", help="Weights to score instead of the shipped ones: a file or the folder of a run."
    ),
]
OwnModel = Annotated[
    str | None, typer.Option("--model", help="Your own model, module:function; see docs/theory/molmnist.md.")
]
ScoredSet = Annotated[
    str,
    typer.Option(
        "--set",
        help="Data set: standard, hard, or a file written by simulate.",
        autocompletion=completed_by([name for name in SETS if name in CONDITIONS]),
    ),
]
ScoredTask = Annotated[
    Literal["inversion", "classification", "regression", "chains", "outline", "turn", "kind", "all"],
    typer.Option("--task", help="Task to score; all: every task that the set has the truth for."),
]
Conditions = Annotated[
    list[str] | None,
    typer.Option(
        "--condition",
        help="Condition, by default all; may be repeated. "
        + " ".join(f"Of {name}: {', '.join(known)}." for name, known in CONDITIONS.items()),
        autocompletion=completed_by(dict.fromkeys(one for known in CONDITIONS.values() for one in known)),
    ),
]
TestCount = Annotated[int, typer.Option("--count", help="Number of test patterns.", min=1)]
WithBaselines = Annotated[
    bool,
    typer.Option(
        "--baselines", help="Score trivial and classical baselines, too; only these without a model."
    ),
]
TrainingCount = Annotated[
    int,
    typer.Option(
        "--training",
        help="Training pairs for baselines and class means; 0 leaves both out.",
        min=0,
        rich_help_panel=ADVANCED,
    ),
]
