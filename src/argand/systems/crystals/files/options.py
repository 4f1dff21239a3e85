"""Options and messages of the verbs of `argand crystals` over files. Nothing heavy is imported."""

from pathlib import Path
from typing import Annotated, Any

import typer

from argand.runs.verbs import ADVANCED, completed_by, print_json, say, screen

MODEL_NAMES = ("best", "symmetric", "paper")
"""As `models.named.MODELS`, which is not imported for the help."""

Files = Annotated[
    list[str], typer.Argument(help="CIF, POSCAR, extended XYZ or parquet files, globs, folders.")
]
Numbers = Annotated[
    int,
    typer.Option(
        help="Length of the vector of a cell of up to 20 atoms; larger cells have longer ones.",
        rich_help_panel=ADVANCED,
    ),
]
OwnNumbers = Annotated[
    int | None,
    typer.Option(
        "--numbers",
        help="Length of the vector of a cell of up to 20 atoms: 512 by default, 64 for symmetric.",
        rich_help_panel=ADVANCED,
    ),
]
KeepSetting = Annotated[
    bool,
    typer.Option(
        "--keep-setting",
        help="With symmetric: keep cell and origin, at the cost of 12 numbers.",
        rich_help_panel=ADVANCED,
    ),
]
Folder = Annotated[Path, typer.Option("--out", "-o", help="Folder for CIFs and summary.json.")]
ModelName = Annotated[
    str,
    typer.Option(
        "--model",
        help="Model: best; symmetric (short vectors by space group); paper (boxes of 10 Å as published).",
        autocompletion=completed_by(MODEL_NAMES),
    ),
]
Single = Annotated[
    bool,
    typer.Option(
        "--single",
        help="With paper: the single cell, not the repeating crystal.",
        rich_help_panel=ADVANCED,
    ),
]
AsGiven = Annotated[
    bool,
    typer.Option(
        "--as-given",
        help="Encode the cell, axes and origin of the file, not the canonical setting.",
        rich_help_panel=ADVANCED,
    ),
]
Restarts = Annotated[
    int,
    typer.Option(help="Restarts where atoms do not explain a vector.", min=0, rich_help_panel=ADVANCED),
]
Index = Annotated[
    Path | None,
    typer.Option(
        help="Folder that `index` wrote, instead of the shipped index of 60,000 structures.",
        rich_help_panel=ADVANCED,
    ),
]
Symmetrise = Annotated[
    float,
    typer.Option(
        help="Average structures over their symmetry within this distance in Å; 0: leave them as decoded.",
        min=0.0,
        rich_help_panel=ADVANCED,
    ),
]


def show(summary: dict[str, Any], json: bool, csv: bool, title: str, where: str) -> None:
    """Print the records of structures as a table, JSON or CSV, and with a table where they are."""
    if json:
        print_json(summary)
        return
    from argand.systems.crystals.files.table import csv_text, structure_table

    records = summary["structures"]
    if csv:
        typer.echo(csv_text(records), nl=False)
        return
    screen().print(structure_table(records, title))
    say(where)


def page_of(out: Path) -> Path:
    """Write the page of a run; where it is."""
    from argand.systems.crystals.view import write_page

    return write_page(out)


def model_of_options(
    name: str,
    numbers: int | None,
    weights: Path | None,
    single: bool,
    as_given: bool = False,
    keep_setting: bool = False,
) -> Any:
    """The model that these options name."""
    from argand.systems.crystals.models.named import named_model

    return named_model(name, numbers, weights, single, as_given, keep_setting)
