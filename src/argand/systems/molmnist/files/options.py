"""Options of the verb predict. Nothing heavy is imported before a verb runs."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from argand.runs.verbs import ADVANCED

Patterns = Annotated[
    list[str],
    typer.Argument(help="HDF5 (also file.h5:/path), CXI, NPY or TIFF files, a data set, or sample#0-9."),
]
OutFolder = Annotated[
    Path | None, typer.Option("--out", "-o", help="Folder for shapes (HDF5, CXI), pictures and a page.")
]
WindowSide = Annotated[
    float | None,
    typer.Option(
        help="Side of the window in Å: 2π divided by the step in q. By default that of the file, or 200.",
        min=1.0,
    ),
]
MaskFile = Annotated[Path | None, typer.Option(help="Mask of the pixels; zero is usable.")]
ObjectLength = Annotated[
    float | None,
    typer.Option(
        help="Length of the fibril in Å; converts the end-to-end twist to a twist per length.", min=10.0
    ),
]
Network = Annotated[
    Literal["any", "ten"],
    typer.Option(help="Network: any bundle of chains; or, faster, only the ten published fibrils."),
]
Polish = Annotated[
    int,
    typer.Option(help="Rounds of phase retrieval that refine the shape.", min=0, rich_help_panel=ADVANCED),
]
Radiation = Annotated[
    Literal["xray", "electron"] | None,
    typer.Option(help="Radiation; by default that of the file, or X-rays.", rich_help_panel=ADVANCED),
]
