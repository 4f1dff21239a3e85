"""The verbs of `argand molmnist` over files of patterns. Nothing heavy is imported before a verb runs."""

from json import dumps
from pathlib import Path
from typing import Annotated, Literal

import typer

from argand.page.shell import PAGE
from argand.runs.verbs import Force, Json, Weights, say, screen, tell


def predict(
    patterns: Annotated[
        list[str], typer.Argument(help="HDF5 (also file.h5:/path), CXI, NPY, TIFF; a data set; sample#0-9.")
    ],
    out: Annotated[
        Path | None, typer.Option(help="Folder for shapes (HDF5, CXI), pictures and a page.")
    ] = None,
    window: Annotated[
        float | None,
        typer.Option(
            help="Side of the window in Å: 2π over the step in q. Else the file's, else 200.", min=1.0
        ),
    ] = None,
    mask: Annotated[Path | None, typer.Option(help="Pixels to leave out: zero is usable.")] = None,
    index: Annotated[int | None, typer.Option(help="Only this pattern of each file, from 0.", min=0)] = None,
    length: Annotated[
        float | None, typer.Option(help="Å of the fibril, by which its turn is a twist.", min=10.0)
    ] = None,
    network: Annotated[
        Literal["any", "ten"],
        typer.Option(help="any: bundles of any outline; ten: the published fibrils alone, faster."),
    ] = "any",
    polish: Annotated[
        int, typer.Option(help="Rounds of phase retrieval that go on from the answer.", min=0)
    ] = 0,
    radiation: Annotated[
        Literal["xray", "electron"] | None, typer.Option(help="Whose form factors; else X-rays.")
    ] = None,
    json: Json = False,
    weights: Weights = None,
    force: Force = False,
) -> None:
    """Find shape, chains and turn from diffraction patterns, and say whether to believe them.

    Example: argand molmnist predict pattern.cxi --window 250 --mask mask.npy --out found
    """
    from argand.runs.resume import file_digest
    from argand.systems.molmnist import predict as module
    from argand.systems.molmnist.files.outputs import RunFolder
    from argand.systems.molmnist.files.run import Asked, predict_files
    from argand.systems.molmnist.files.table import answer_table
    from argand.systems.molmnist.view import write_page

    asked = Asked(window, radiation, mask, index, polish, length)
    file = weights or (module.WEIGHTS if network == "any" else module.WEIGHTS_TEN)
    settings = {"weights": file_digest(file)}
    named = f"shipped, {network}" if weights is None else str(weights)
    folder = RunFolder(out, named, page=write_page, settings=settings, force=force)
    records = predict_files(patterns, module.load(file), asked, folder, tell)
    typer.echo(dumps(records, indent=2)) if json else screen().print(answer_table(records))
    if out is not None and not json:
        say(f"shapes and pictures: {out}\npage: {out / PAGE}")
    if any(record.get("failed") for record in records):
        raise typer.Exit(1)


def view(folder: Annotated[Path, typer.Argument(help="What predict --out wrote.")]) -> None:
    """Write the page of a run again: one HTML file that needs nothing else.

    Example: argand molmnist view found
    """
    from argand.systems.molmnist.view import write_page

    say(f"page: {write_page(folder)}")
