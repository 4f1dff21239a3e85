"""How many crystals `argand patterson solve` solves, claims, claims wrongly and names, on both halves of the
data.

python benchmarks/patterson_solver.py --data FOLDER --part report --json
benchmarks/results/patterson_solver.json

FOLDER is that of the measured sets, with `structures.jsonl.gz`; `patterson_sets` has the rule of the halves.
Solved means: at least 90 % of the atoms other than hydrogen within 0.5 Å after the best allowed origin and
hand, at most 10 % false ones; the minor parts of disorder count neither way. "Claimed" is what the program
says by itself, "wrong" are those among them that the truth does not bear out. "Elements" is the share of
right ones among the atoms of all solved sets.
"""

import json as json_module
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path
from typing import Annotated, Any, NamedTuple, cast

import numpy as np
import typer
from patterson_sets import Kind, Part, load, names
from patterson_truth import compare
from report import as_table, write_report
from rich.console import Console
from rich.progress import track

from argand.errors import InputError
from argand.systems.patterson.solution.reflections import prepare
from argand.systems.patterson.solution.solve import solve

_TOLERANCE = 0.03
"""Å by which data may end before the resolution that is asked for."""


class Job(NamedTuple):
    """One crystal at one resolution in Å (0 takes all data) with what is told of its contents."""

    folder: Path
    kind: Kind
    part: Part
    name: str
    d_min: float
    contents: str
    limit: float
    seed: int

    @property
    def key(self) -> dict[str, Any]:
        """What makes a row its own."""
        names_ = ("kind", "part", "name", "d_min", "contents", "seed")
        return {name: getattr(self, name) for name in names_}


def measure(job: Job) -> dict[str, Any] | None:
    """Figures of one crystal; None where it is left out or has no data so fine."""
    one = load(job.folder, job.kind, job.part, job.name)
    if one is None:
        return None
    row: dict[str, Any] = job.key | {"group": one.spacegroup, "grade": one.grade, "atoms": len(one.truth)}
    formula = one.formula if job.contents == "formula" else None
    elements = one.elements if job.contents == "elements" else ()
    units = 1.0 if formula else None
    try:
        stated = one.cell, one.spacegroup, formula, job.d_min or None, units, one.radiation, elements
        crystal = prepare(one.measured, *stated)
    except InputError as error:
        return row | {"solved": False, "claimed": False, "named": 0.0, "seconds": 0.0, "note": str(error)}
    if job.d_min and crystal.observed.d_min > job.d_min + _TOLERANCE:
        return None
    solution = solve(crystal, job.limit, job.seed, clock=time.process_time)
    match = compare(solution.model.atoms, one.truth, one.chemical, crystal.group, crystal.orthogonalisation)
    row |= {"solved": match.solved, "claimed": solution.solved, "named": match.named, "found": match.found}
    row |= {"false": match.false, "error": match.mean_error, "r1": solution.r1, "reason": solution.reason}
    return row | {"seconds": solution.seconds, "attempts": solution.attempts}


def summarise(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """One line for each part, kind, resolution and contents."""
    lines = []
    keys = ("part", "kind", "contents", "d_min")
    for key in sorted({tuple(row[name] for name in keys) for row in rows}):
        group = [row for row in rows if tuple(row[name] for name in keys) == key]
        lines.append(dict(zip(keys, key, strict=True)) | _counts(group))
    return lines


def _counts(group: list[dict[str, Any]]) -> dict[str, Any]:
    solved = [row for row in group if row["solved"]]
    atoms = sum(row["atoms"] for row in solved)
    named = sum(row["named"] * row["atoms"] for row in solved)
    claimed = [row for row in group if row["claimed"]]
    return {
        "sets": len(group),
        "solved": len(solved),
        "share": round(len(solved) / max(len(group), 1), 3),
        "claimed": len(claimed),
        "wrong": sum(not row["solved"] for row in claimed),
        "right claimed": sum(row["claimed"] for row in solved),
        "elements": round(named / max(atoms, 1), 3),
        "median s": round(float(np.median([row["seconds"] for row in solved])), 2) if solved else None,
    }


def main(
    data: Annotated[Path, typer.Option(help="Folder of the sets.")],
    json: Annotated[Path, typer.Option(help="File for the figures; what is there is not measured again.")],
    part: Annotated[str, typer.Option(help="choose or report.")] = "report",
    kinds: Annotated[str, typer.Option(help="measured, simulated, or both.")] = "measured,simulated",
    resolutions: Annotated[str, typer.Option(help="d_min in Å, 0 for all data.")] = "0,0.84,1.0,1.2,1.5,2.0",
    contents: Annotated[str, typer.Option(help="What is told.")] = "formula,elements,nothing",
    limit: Annotated[float, typer.Option(help="Seconds of one core for a set.")] = 10.0,
    processes: Annotated[int, typer.Option(help="Sets at once, one core for each.")] = 2,
    seed: Annotated[int, typer.Option(help="Seed of the search.")] = 0,
    only: Annotated[str, typer.Option(help="Some of the names, parted by commas.")] = "",
) -> None:
    """Print the table of counts; write all rows as JSON."""
    rows = json_module.loads(json.read_text())["sets"] if json.exists() else []
    done = [
        {name: row[name] for name in ("kind", "part", "name", "d_min", "contents", "seed")} for row in rows
    ]
    jobs = [
        Job(data, cast(Kind, kind), cast(Part, part), name, d_min, told, limit, seed)
        for told in contents.split(",")
        for d_min in map(float, resolutions.split(","))
        for kind in kinds.split(",")
        for name in names(data, cast(Kind, kind), cast(Part, part))
        if not only or name in only.split(",")
    ]
    jobs = [job for job in jobs if job.key not in done]
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        running = [pool.submit(measure, job) for job in jobs]
        for future in track(as_completed(running), "Solving", total=len(jobs)):
            row = future.result()
            if row is not None:
                rows.append(row)
                write_report(json, {"limit_core_s": limit, "summary": summarise(rows), "sets": rows})
    Console(width=160).print(as_table(f"crystals, {limit:g} s of one core each", summarise(rows)))


if __name__ == "__main__":
    typer.run(main)
