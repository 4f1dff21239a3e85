"""The verbs over results and sets of images: view, drift and hard."""

from pathlib import Path
from typing import Annotated

import typer

from argand.crew import Machines
from argand.runs.verbs import (
    Force,
    Json,
    Open,
    Processes,
    Scheduler,
    Seed,
    Weights,
    print_json,
    say,
    screen,
    tell,
)
from argand.systems.geometry.command.options import (
    Distance,
    PixelSize,
    Wavelength,
    predictor_of,
    stated_values,
)


def view(
    folder: Annotated[Path, typer.Argument(help="Output folder of predict.")],
    open_page: Open = False,
) -> None:
    """Write the page of a run again, and those of its images where they have pages of their own.

    Example: argand geometry view found
    """
    from argand.runs.browser import say_page
    from argand.systems.geometry.view import write_page

    say_page(write_page(folder), open_page)


def drift(
    sources: Annotated[list[Path], typer.Argument(help="Output folders of predict, JSON lines of watch.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="HTML file to write.")] = Path("drift.html"),
    force: Force = False,
    open_page: Open = False,
) -> None:
    """Plot the beam centre against time over many runs, as one self-contained HTML file.

    Example: argand geometry drift found today.jsonl --out drift.html
    """
    from argand.runs.browser import say_page
    from argand.runs.claim import claim_file
    from argand.systems.geometry.drift.page import write_drift
    from argand.systems.geometry.drift.series import drift_of, read_sources

    found = drift_of(read_sources(sources))
    say_page(write_drift(claim_file(out, force=force, can_resume=False), found), open_page)


def hard(
    source: Annotated[list[str], typer.Argument(help="A simulated set (.h5), a preset, or images.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for hard.json and hard.png.")],
    force: Force = False,
    count: Annotated[
        int | None, typer.Option(help="Number of images of a preset (50) or a set (all).", min=1)
    ] = None,
    seed: Seed = 1,
    json: Json = False,
    wavelength: Wavelength = None,
    distance: Distance = None,
    pixel_size: PixelSize = None,
    weights: Weights = None,
    processes: Processes = None,
    scheduler: Scheduler = None,
) -> None:
    """Rank images by error (real ones by uncertainty), and find what the hard ones have in common.

    Example: argand geometry hard realistic --count 100 --out hard
    """
    from argand.runs.claim import claim_folder
    from argand.systems.geometry.difficulty.run import rank_hard
    from argand.systems.geometry.files.table import explanation_table, worst_table

    stated = stated_values(wavelength, distance, pixel_size)
    asked = {"count": count, "seed": seed, "machines": Machines(processes, scheduler)}
    predictor = predictor_of(weights)
    claim_folder(out, force=force, can_resume=False)
    report, failures = rank_hard(source, predictor, stated, out, **asked)
    for failure in failures:
        tell(failure)
    if json:
        print_json(report)
    else:
        screen().print(worst_table(report), "", explanation_table(report) or "too few images to explain")
        say(f"picture: {out / 'hard.png'}")
    if failures:
        raise typer.Exit(1)
