"""Verbs in place of real ones: they answer, fail, wait and die at once, in the app's own worker process."""

import os
import time
from pathlib import Path
from typing import Annotated

import typer

from argand.io.atomic import write_text
from argand.progress import ProgressDisplay
from argand.runs.claim import claim_folder
from argand.runs.record import RESULTS, append_records

app = typer.Typer()
SLOW_S = 60.0
"""How long `slow` waits: longer than any test."""


@app.command()
def quick(
    files: Annotated[list[str], typer.Argument()],
    out: Annotated[Path, typer.Option()],
    trusted: Annotated[bool, typer.Option(help="Whether to be trusted.")] = True,
    count: Annotated[int, typer.Option(help="A number.", min=1, max=9)] = 1,
    formula: Annotated[str | None, typer.Option(help="A formula.")] = None,
    mask: Annotated[Path | None, typer.Option(help="A mask.")] = None,
) -> None:
    """Answer each file at once."""
    claim_folder(out)
    for file in files:
        append_records(
            out / RESULTS,
            [{"file": file, "index": 0, "trusted": trusted, "reason": f"{formula} {mask and mask.name}"}],
        )
    write_text(out / "index.html", "<!doctype html><title>page</title>")
    typer.echo(f"pid {os.getpid()} of {count}")
    raise typer.Exit(0 if trusted else 3)


@app.command()
def slow(files: Annotated[list[str], typer.Argument()], out: Annotated[Path, typer.Option()]) -> None:
    """Wait, with progress; Ctrl-C keeps what there is."""
    claim_folder(out)
    with ProgressDisplay("wait", "parts") as display:
        for part in range(int(SLOW_S * 20)):
            time.sleep(0.05)
            display.update(part / SLOW_S / 20, part, "half way")


@app.command()
def die(files: Annotated[list[str], typer.Argument()], out: Annotated[Path, typer.Option()]) -> None:
    """End the process as a lack of memory would."""
    os.kill(os.getpid(), 9)
