"""What the network of `argand patterson solve --with-network` adds on coarse data of measured crystals.

    python benchmarks/patterson_network.py --data FOLDER --json benchmarks/results/patterson_network.json

FOLDER is that of patterson_solver.py, which has the counts of the solver as it is by default and says what
solved and claimed mean. The sets are the first 25 of `index.csv`, on which the solver's recipes were chosen:
each is solved by iteration alone and with the network. `--card` keeps the counts in the network's card.
"""

import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import gemmi
import numpy as np
import torch
import typer
from patterson_sets import load, names
from patterson_truth import compare, in_setting, phase_cosine
from report import as_table, write_report
from rich.console import Console
from rich.progress import track

from argand.errors import InputError
from argand.physics.crystal.atom import Atoms, structure_factors
from argand.systems.patterson.card import keep_counts
from argand.systems.patterson.solution.density_network import WEIGHTS
from argand.systems.patterson.solution.file_search import network_for
from argand.systems.patterson.solution.reflections import CrystalData, prepare
from argand.systems.patterson.solution.solve import solve
from argand.systems.patterson.solution.structure_search import NETWORK_D_MIN

RESOLUTIONS = "1.2,1.5,2.0"
_FIRST = 25
"""Sets on which the first recipes were chosen; the network was looked at on no others."""
_TOLERANCE = 0.03
"""Å by which data may end before the resolution that is wanted."""


class Job(NamedTuple):
    """One crystal at one resolution in Å (0 takes all data), with or without the network."""

    folder: Path
    name: str
    d_min: float
    network: bool
    limit: float
    formula: bool


def measure(job: Job) -> dict[str, Any] | None:
    """Figures of one crystal; None where it has no data so fine."""
    one = load(job.folder, "measured", "choose", job.name)
    if one is None:
        return None
    row: dict[str, Any] = {"name": one.name, "group": one.spacegroup, "grade": one.grade}
    row |= {"d_min": job.d_min, "network": job.network}
    formula = one.formula if job.formula else None
    try:
        asked = formula, job.d_min or None, 1.0 if formula else None, one.radiation
        crystal = prepare(one.measured, one.cell, one.spacegroup, *asked)
    except InputError as error:
        return row | {"solved": False, "claimed": False, "note": str(error)}
    if job.d_min and crystal.observed.d_min > job.d_min + _TOLERANCE:
        return None
    network = network_for(crystal, job.network)
    solution = solve(crystal, job.limit, network=network, clock=time.process_time)
    # Of an enantiomorphic pair the solver may have taken the other group, and mirrored the atoms.
    atoms = in_setting(solution.model.atoms, solution.crystal.group, crystal.group)
    assert atoms is not None
    match = compare(atoms, one.truth, one.chemical, crystal.group, crystal.orthogonalisation)
    figures = {"r1": solution.model.r1, "found": match.found, "false": match.false, "error": match.mean_error}
    took = {"seconds": solution.seconds, "path": solution.path}
    cosine = _cosine(crystal, atoms, one.truth)
    return row | {"solved": match.solved, "claimed": solution.trusted} | took | figures | cosine


def _cosine(crystal: CrystalData, atoms: Atoms, truth: Atoms) -> dict[str, float]:
    data = crystal.observed
    seen = data.hkl, data.group, data.orthogonalisation, data.radiation
    calculated, expected = structure_factors(atoms, *seen), structure_factors(truth, *seen)
    return {"phase_cosine": phase_cosine(calculated, expected, data)}


def summarise(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """One line for each resolution, alone and with the network."""
    lines = []
    for d_min, network in sorted({(row["d_min"], row["network"]) for row in rows}):
        group = [row for row in rows if (row["d_min"], row["network"]) == (d_min, network)]
        best = [row for row in group if row["grade"] == "A"]
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
    sets = names(data, "measured", "choose")[:_FIRST]
    jobs = [
        Job(data, name, d_min, network, limit, formula)
        for d_min in map(float, resolutions.split(","))
        for network in ((False, True) if d_min >= NETWORK_D_MIN else (False,))
        for name in sets
        if not only or name in only.split(",")
    ]
    rows, summary = [], []
    setup = {"limit_core_s": limit, "formula": formula}
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn"), initializer=one_thread) as pool:
        for row in track(pool.map(measure, jobs), "Solving", total=len(jobs)):
            if row is None:
                continue
            rows.append(row)
            summary = summarise(rows)
            if json is not None:
                # Kept as it grows: the whole table takes half an hour.
                write_report(json, setup | {"summary": summary, "sets": rows})
    if card:
        keep_counts(WEIGHTS, summary)
    console = Console(width=160)
    console.print(as_table("each set", [_short(row) for row in rows]))
    console.print(as_table(f"measured crystals, coarse data, {limit:g} s of one core each", summary))


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
