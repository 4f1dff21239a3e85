"""How well elastic networks match molecular dynamics, on the runs they are fitted to and on others.

    python benchmarks/molmnist_ensemble.py runs/2x2 runs/3x3 --held-out runs/4x4 \\
        --json benchmarks/results/molmnist_ensemble.json

Fits the parameters to the first runs as `argand molmnist fit` does, then compares each run with variants of
a network of its own length. The goals: mean twist within 20 %, Kolmogorov-Smirnov distance of both
log-sums below 0.15. A distance can only be told from chance where it is above that which equal
distributions exceed once in twenty times with as many independent frames as the run has.
"""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from report import as_table, write_report
from rich.console import Console

from argand.systems.molmnist.ensemble.elastic_ensemble import read_parameters
from argand.systems.molmnist.ensemble.elastic_fit import compare, fit

TWIST_GOAL, KS_GOAL = 0.2, 0.15


def shown(row: dict[str, Any]) -> dict[str, Any]:
    """One line of the table."""
    sums = {
        f"KS_{name} (chance, frames)": f"{row['ks'][name]:.2f} ({row['ks_by_chance'][name]:.2f}, "
        f"{row['ks_frames'][name]:.0f})"
        for name in ("low", "high")
    }
    return {
        "run": Path(row["folder"]).name,
        "fitted": "yes" if row["fitted"] else "no",
        "solvent": row["solvent"],
        "Å": f"{row['length']:g}",
        "ps": f"{row['ps']:g}",
        "twist (degrees/nm)": f"{row['twist']:.2f} ± {row['twist_error']:.2f}",
        "network": f"{row['network_twist']:.2f}",
        "sd MD/network": f"{row['twist_sd']:.2f}/{row['network_twist_sd']:.2f}",
        "beads (Å) MD/network": f"{row['bead_rms']:.2f}/{row['network_bead_rms']:.2f}",
        **sums,
        "goals": "met" if row["met"] else "missed",
    }


def judged(folder: Path, parameters: Any, fitted: bool) -> dict[str, Any]:
    """A run compared with its network, and whether both goals are met."""
    row = compare(folder, parameters)
    met = abs(row["twist_relative_error"]) <= TWIST_GOAL and max(row["ks"].values()) < KS_GOAL
    return {**row, "folder": folder.name, "fitted": fitted, "met": met}


def main(
    runs: Annotated[list[Path], typer.Argument(help="Folders of dynamics to fit to.")],
    held_out: Annotated[list[Path] | None, typer.Option(help="Run to compare with alone.")] = None,
    parameters: Annotated[Path | None, typer.Option(help="Take these, and fit nothing.")] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the figures here as well")] = None,
) -> None:
    """Print the table."""
    found = read_parameters(parameters) if parameters else fit(runs)
    rows = [judged(folder, found, parameters is None) for folder in runs]
    rows += [judged(folder, found, False) for folder in held_out or []]
    console = Console(width=200)
    console.print(as_table("Molecular dynamics and elastic networks", [shown(row) for row in rows]))
    console.print(str(asdict(found)), highlight=False)
    if json_file:
        write_report(json_file, {"parameters": asdict(found), "rows": rows})


if __name__ == "__main__":
    typer.run(main)
