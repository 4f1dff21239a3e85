"""How many measured crystals `argand patterson solve` solves at which resolution.

    python benchmarks/patterson_real.py --data FOLDER --json benchmarks/results/patterson_real.json

FOLDER holds NAME.hkl.gz, NAME.cif (the refined truth) and index.csv. Solved means: at least 90 % of the atoms
other than hydrogen within 0.5 Å after the best allowed origin and hand, at most 10 % false ones; the minor
parts of disorder count neither way. "Claimed" is what the program says by itself, "false claims" are those
among them that the truth does not bear out.
"""

import csv
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import gemmi
import numpy as np
import torch
import typer
from patterson_truth import compare, phase_cosine, true_atoms
from report import as_table, write_report
from rich.console import Console
from rich.progress import track

from argand.errors import InputError
from argand.io.reflections import read_reflections
from argand.physics.crystal.atom import structure_factors
from argand.systems.patterson.card import keep_counts
from argand.systems.patterson.solution.density_network import WEIGHTS
from argand.systems.patterson.solution.reflections import CrystalData, prepare
from argand.systems.patterson.solution.solve import network_for, solve
from argand.systems.patterson.solution.structure_search import NETWORK_D_MIN

RESOLUTIONS = "0,0.84,1.0,1.2,1.5,2.0"
_TOLERANCE = 0.03


def cell_formula(structure: gemmi.SmallStructure) -> str:
    """Contents of the whole cell, from sites with crystallographic occupancies."""
    order = len(structure.spacegroup.operations())
    counts: dict[str, float] = {}
    for site in structure.sites:
        counts[site.element.name] = counts.get(site.element.name, 0.0) + site.occ * order
    return " ".join(f"{element}{count:.4f}" for element, count in counts.items())


class Job(NamedTuple):
    """One crystal of the index at one resolution in Å (0 takes all data), with or without the network."""

    folder: Path
    index: dict[str, str]
    d_min: float
    network: bool
    limit: float
    formula: bool


def measure(job: Job) -> dict[str, Any]:
    """Figures of one crystal."""
    folder, index, d_min = job.folder, job.index, job.d_min
    name = index["name"]
    structure = gemmi.read_small_structure(str(folder / f"{name}.cif"))
    truth, chemical = true_atoms(structure)
    row: dict[str, Any] = {"name": name, "group": structure.spacegroup.short_name(), "d_min": d_min}
    row["network"] = job.network
    formula = cell_formula(structure) if job.formula else None
    try:
        measured = read_reflections(folder / f"{name}.hkl.gz", beside=False)
        stated = structure.cell.parameters, structure.spacegroup.xhm()
        probe = "electron" if index["radiation"] == "electron" else "xray"
        units = 1.0 if formula else None
        crystal = prepare(measured, *stated, formula, d_min or None, units, probe)
    except InputError as error:
        return row | {"solved": False, "claimed": False, "note": str(error).replace(f"{folder}/", "")}
    network = network_for(crystal, job.network)
    solution = solve(crystal, job.limit, network=network, clock=time.process_time)
    group, cell = crystal.group, crystal.orthogonalisation
    match = compare(solution.model.atoms, truth, chemical, group, cell)
    figures = {"r1": solution.model.r1, "found": match.found, "false": match.false, "error": match.mean_error}
    cosine = _cosine(crystal, solution.model.calculated, truth)
    took = {"seconds": solution.seconds, "path": solution.path}
    return row | {"solved": match.solved, "claimed": solution.solved} | took | figures | cosine


def _cosine(crystal: CrystalData, calculated: np.ndarray, truth: Any) -> dict[str, float]:
    data = crystal.observed
    expected = structure_factors(truth, data.hkl, data.group, data.orthogonalisation, data.radiation)
    return {"phase_cosine": phase_cosine(calculated, expected, data)}


def summarise(rows: list[dict[str, Any]], grades: dict[str, str]) -> list[dict[str, Any]]:
    """One line for each resolution, alone and with the network."""
    lines = []
    for d_min, network in sorted({(row["d_min"], row["network"]) for row in rows}):
        group = [row for row in rows if (row["d_min"], row["network"]) == (d_min, network)]
        best = [row for row in group if grades[row["name"]] == "A"]
        common = [row for row in best if _number(row["group"]) in (2, 14)]
        solved = [row for row in group if row["solved"]]
        lines.append(
            {
                "d_min": d_min or "all data",
                "network": network,
                "solved": f"{len(solved)} of {len(group)}",
                "grade A": f"{sum(row['solved'] for row in best)} of {len(best)}",
                "P-1, P21/c": f"{sum(row['solved'] for row in common)} of {len(common)}",
                "claimed": sum(row["claimed"] for row in group),
                "false claims": sum(row["claimed"] and not row["solved"] for row in group),
                "median R1": float(np.median([row["r1"] for row in solved])) if solved else None,
                "median s": float(np.median([row["seconds"] for row in solved])) if solved else None,
            }
        )
    return lines


def one_thread() -> None:
    """Each crystal has one core; threads would count for more."""
    torch.set_num_threads(1)


def _number(group: str) -> int:
    """Number of a space group in any setting."""
    known = gemmi.find_spacegroup_by_name(group)
    return 0 if known is None else known.number


def main(
    data: Annotated[Path, typer.Option(help="Folder of the sets.")],
    json: Annotated[Path | None, typer.Option(help="File for the figures.")] = None,
    limit: Annotated[float, typer.Option(help="Seconds of one core for a set.")] = 10.0,
    resolutions: Annotated[str, typer.Option(help="d_min in Å, 0 for all data.")] = RESOLUTIONS,
    formula: Annotated[bool, typer.Option(help="Give the cell's contents.")] = True,
    processes: Annotated[int, typer.Option(help="Sets at once, one core for each.")] = 2,
    card: Annotated[bool, typer.Option("--card", help="Keep the counts with the weights.")] = False,
    only: Annotated[str, typer.Option(help="Some of the names, parted by commas.")] = "",
) -> None:
    """Print the table of solved counts; write all rows as JSON."""
    with (data / "index.csv").open(newline="") as file:
        index = list(csv.DictReader(file))
    chosen = [line for line in index if not only or line["name"] in only.split(",")]
    jobs = [
        Job(data, line, d_min, network, limit, formula)
        for d_min in map(float, resolutions.split(","))
        for network in ((False, True) if d_min >= NETWORK_D_MIN else (False,))
        for line in chosen
        if d_min == 0 or float(line["d_min"]) <= d_min + _TOLERANCE
    ]
    rows, summary = [], []
    grades = {line["name"]: line["grade"] for line in index}
    setup = {"limit_core_s": limit, "formula": formula}
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn"), initializer=one_thread) as pool:
        for row in track(pool.map(measure, jobs), "Solving", total=len(jobs)):
            rows.append(row)
            summary = summarise(rows, grades)
            if json is not None:
                # Kept as it grows: the whole table takes half an hour.
                write_report(json, setup | {"summary": summary, "sets": rows})
    if card:
        keep_counts(WEIGHTS, summary)
    console = Console(width=160)
    console.print(as_table("each set", [_short(row) for row in rows]))
    console.print(as_table(f"measured crystals, {limit:g} s of one core each", summary))


def _short(row: dict[str, Any]) -> dict[str, Any]:
    keys = (
        "name",
        "group",
        "d_min",
        "network",
        "solved",
        "claimed",
        "r1",
        "found",
        "false",
        "phase_cosine",
        "seconds",
    )
    return {key: row.get(key) for key in keys}


if __name__ == "__main__":
    typer.run(main)
