"""How well classical methods find the beam centre of real images, against their known truth.

    python benchmarks/geometry_classical.py --data FOLDER --json classical.json

FOLDER holds the images and truth.csv with the columns file, beam_x_px, beam_y_px and sigma_px.
"""

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from geometry_opponents import OPPONENTS, ask
from report import as_table, read_truth, write_report
from rich.console import Console
from rich.progress import track

from argand.io.image import read_frame


def measure(folder: Path, names: list[str]) -> Iterator[dict[str, Any]]:
    """One row for each image and method: answer, error against the truth in px, seconds."""
    for truth in read_truth(folder / "truth.csv"):
        frame = read_frame(folder / truth["file"])
        expected = np.array([float(truth["beam_x_px"]), float(truth["beam_y_px"])])
        for name in names:
            answer = ask(name, frame)
            centre = answer.beam_centre_px
            yield {
                "file": truth["file"],
                "opponent": name,
                "beam_centre_px": centre,
                "error_px": None if centre is None else float(np.hypot(*(centre - expected))),
                "truth_sigma_px": float(truth["sigma_px"]),
                "seconds": answer.seconds,
                "reason": answer.reason,
            }


def summarise(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """For each set of images and method: how many were answered, median and worst error, seconds.

    Images belong to one set when their names differ in the last number only.
    """
    groups: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in rows:
        series = re.sub(r"_\d+$", "", row["file"].split(".")[0])
        groups.setdefault((series, row["opponent"]), []).append(row)
    return [
        {"series": series, "opponent": name} | _figures(group) for (series, name), group in groups.items()
    ]


def _figures(rows: list[dict[str, Any]]) -> dict[str, Any]:
    errors = [row["error_px"] for row in rows if row["error_px"] is not None]
    return {
        "images": len(rows),
        "answered": len(errors),
        "median_error_px": float(np.median(errors)) if errors else None,
        "worst_error_px": max(errors, default=None),
        "median_seconds": float(np.median([row["seconds"] for row in rows])),
    }


def dials_version() -> str | None:
    """First line of what `dials.version` prints; None where DIALS is not installed."""
    if not shutil.which("dials.version"):
        return None
    done = subprocess.run(["dials.version"], capture_output=True, text=True, check=False)
    return next(iter(done.stdout.splitlines()), None)


def main(
    data: Annotated[Path, typer.Option(help="Folder with the images and truth.csv")],
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the figures here as well")] = None,
    opponent: Annotated[list[str] | None, typer.Option(help="Only this one; may be repeated")] = None,
) -> None:
    """Print the answer of each method to each image, its error and its time, then a summary."""
    names = opponent or list(OPPONENTS)
    unknown = sorted(set(names) - set(OPPONENTS))
    if unknown:
        raise typer.BadParameter(f"{unknown[0]}: choose from {', '.join(OPPONENTS)}")
    if not (data / "truth.csv").is_file():
        raise typer.BadParameter(f"{data} has no truth.csv")
    count = len(names) * len(read_truth(data / "truth.csv"))
    console = Console()
    progress = track(measure(data, names), "Images", total=count, console=console, transient=True)
    rows = list(progress)
    summary = summarise(rows)
    console.print(as_table("Beam centres by classical methods", rows))
    console.print(as_table("Summary", summary))
    if json_file:
        write_report(json_file, {"dials": dials_version(), "summary": summary, "images": rows})


if __name__ == "__main__":
    typer.run(main)
