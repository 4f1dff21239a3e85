"""Twist of runs of molecular dynamics by block averages, compared with the literature.

    python benchmarks/molmnist_dynamics.py runs/* --json benchmarks/results/molmnist_dynamics.json
    python benchmarks/molmnist_dynamics.py --again benchmarks/results/molmnist_dynamics.json

The twist of each frame goes into the report, so that the table can be printed again (`--again`) without the
runs. What `argand molmnist dynamics` called production counts; a run that still drifts has none, and then its
second half is shown, as such. The error is that of blocks at their plateau (Flyvbjerg & Petersen), or the
largest of any length where there is none: then the mean has not converged. Means of successive blocks of
10 ps show where a run is going.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from report import as_table, write_report
from rich.console import Console

from argand.physics.fibre.equilibration import block_means, blocking
from argand.physics.fibre.twist import DEG_PER_NM
from argand.systems.molmnist.ensemble.elastic_ensemble import read_parameters
from argand.systems.molmnist.ensemble.trajectory import Trajectory
from argand.systems.molmnist.ensemble.twist_prior import published_twists, twist_prior
from argand.systems.molmnist.fibril.fibril import build_fibril

SHOWN_PS = 10.0
"""Length of the blocks with means listed; by hand, so that a run of 100 ps fits a line."""


def read_run(folder: Path) -> dict[str, Any]:
    """Settings of a run and the twist of each of its frames, with the number of those before production."""
    trajectory = Trajectory(folder)
    settings = trajectory.settings
    twist = trajectory.read("twist_deg_per_nm")["twist_deg_per_nm"]
    phases = trajectory.phases()
    return {
        "run": folder.name,
        "fibril": settings["fibril"],
        "chains": build_fibril(settings["fibril"], settings["length"]).chains,
        "solvent": settings["solvent"],
        "force_field": settings.get("force_field", "glycam06"),
        "seed": settings["seed"],
        "length": settings["length"],
        "padding": settings["padding"],
        "frame_ps": settings["frame_ps"],
        "before_production": len(twist) * phases.count("equilibration") // len(phases),
        "twist_deg_per_nm": [round(float(value), 2) for value in twist],
    }


def measured(run: dict[str, Any]) -> dict[str, Any]:
    """Mean twist of a run with its error by blocks, and the means of successive blocks."""
    twist, frame = np.array(run["twist_deg_per_nm"]), run["frame_ps"]
    settled = run["before_production"] < len(twist)
    part = twist[run["before_production"] if settled else len(twist) // 2 :]
    errors = blocking(part)
    low, high = twist_prior(run["chains"]).interval(0.95)
    return {
        **{key: value for key, value in run.items() if key != "twist_deg_per_nm"},
        "ps": round(len(twist) * frame, 6),
        "averaged_ps": round(len(part) * frame, 6),
        "settled": settled,
        "twist": float(part.mean()),
        "twist_error": errors.standard_error,
        "plateau_ps": None if errors.plateau is None else errors.plateau * frame,
        "error_by_block_ps": {
            f"{length * frame:g}": [round(float(error), 3), round(float(uncertainty), 3)]
            for length, error, uncertainty in zip(
                errors.length, errors.error, errors.uncertainty, strict=True
            )
        },
        "means_of_10_ps": [round(float(value), 2) for value in block_means(twist, round(SHOWN_PS / frame))],
        "ensemble": DEG_PER_NM * read_parameters().mean_twist(run["chains"]),
        "known": [low, high],
    }


def pooled(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Mean over the seeds of each fibril and force field, its error from how far the seeds lie apart."""
    found = []
    for key in dict.fromkeys((row["fibril"], row["length"], row["force_field"]) for row in rows):
        same = [row for row in rows if (row["fibril"], row["length"], row["force_field"]) == key]
        if len(same) < 2:
            continue
        twist = np.array([row["twist"] for row in same])
        error = float(twist.std(ddof=1) / np.sqrt(len(twist)))
        told = {"fibril": key[0], "length": key[1], "force_field": key[2], "seeds": len(same)}
        found.append({**told, "twist": float(twist.mean()), "twist_error": error})
    return found


def shown(row: dict[str, Any]) -> dict[str, Any]:
    """One line of the table."""
    plateau = "none" if row["plateau_ps"] is None else f"{row['plateau_ps']:g}"
    return {
        "run": f"{row['fibril']} {row['force_field']} {row['seed']}",
        "Å": f"{row['length']:g}",
        "ps": f"{row['ps']:g}",
        "averaged": f"last {row['averaged_ps']:g}" + ("" if row["settled"] else " (still drifts)"),
        "twist (degrees/nm)": f"{row['twist']:.1f} ± {row['twist_error']:.1f}",
        "plateau (ps)": plateau,
        "means of 10 ps": " ".join(f"{value:.1f}" for value in row["means_of_10_ps"]),
        "ensemble": f"{row['ensemble']:.1f}",
        "known (95 %)": "{:.1f} to {:.1f}".format(*row["known"]),
    }


def main(
    runs: Annotated[list[Path] | None, typer.Argument(help="Folders of dynamics.")] = None,
    again: Annotated[Path | None, typer.Option(help="Report of runs to be shown again.")] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the figures here as well")] = None,
) -> None:
    """Print the table."""
    series = json.loads(again.read_text(encoding="utf-8"))["series"] if again else []
    series += [read_run(folder) for folder in runs or []]
    rows = [measured(run) for run in series]
    means = pooled(rows)
    console = Console(width=200)
    if rows:
        console.print(as_table("Twist by block averages", [shown(row) for row in rows]))
    for one in means:
        told = f"{one['fibril']} {one['force_field']}, {one['seeds']} seeds"
        console.print(f"{told}: {one['twist']:.1f} ± {one['twist_error']:.1f} degrees/nm")
    literature = [row for row in published_twists() if row["twist"]]
    for row in literature:
        console.print("{}: {} to {} degrees/nm ({})".format(row["fibril"], *row["twist"], row["source"]))
    if json_file:
        write_report(json_file, {"rows": rows, "pooled": means, "published": literature, "series": series})


if __name__ == "__main__":
    typer.run(main)
