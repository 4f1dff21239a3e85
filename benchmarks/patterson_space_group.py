"""How often `argand patterson solve` finds the space group where none is given, on both halves of the data.

    python benchmarks/patterson_space_group.py --data FOLDER --json FILE

Sets, halves and what solved means are those of patterson_solver.py. The cell is given in the axes of the
truth. A group is right that is the same space group in these axes; another place of the origin counts as the
same, and so does the enantiomorph, which intensities do not tell from it. Where it is another group, solved
means the same of all atoms of the cell, as of a structure that is right but described in a subgroup.
"""

import time
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import patterson_counts
import typer
from patterson_sets import TestSet, load
from patterson_solver import TOLERANCE, Job, chosen_jobs, measure_all
from patterson_truth import Comparison, compare, in_cell, in_setting, unnamed
from report import as_table
from rich.console import Console

from argand.errors import InputError
from argand.physics.crystal.symmetry import Group
from argand.systems.patterson.solution.reflections import prepare
from argand.systems.patterson.solution.solve import Solution, solve
from argand.systems.patterson.solution.space_group_search import find_space_group


def measure(job: Job) -> dict[str, Any] | None:
    """Figures of one crystal; None where it is left out or has no data so fine."""
    one = load(job.folder, job.kind, job.part, job.name)
    if one is None:
        return None
    row: dict[str, Any] = job.key | {"group": one.spacegroup, "grade": one.grade, "atoms": len(one.truth)}
    formula = one.formula if job.contents == "formula" else None
    asked = formula, job.d_min or None, 1.0 if formula else None, one.radiation
    nothing = {"found": "", "right": False, "solved": False, "claimed": False, "seconds": 0.0}
    try:
        known = prepare(one.measured, one.cell, one.spacegroup, *asked)
        if job.d_min and known.observed.d_min > job.d_min + TOLERANCE:
            return None
        effort = {"time_limit": job.limit, "seed": job.seed, "clock": time.process_time}
        found = find_space_group(one.measured, one.cell, *asked, **effort)
    except InputError as error:
        return row | nothing | {"note": str(error)}
    solution = solve(found.crystal, found=found, **effort)
    right, match = judged(solution, one, known.group)
    row |= {"found": solution.crystal.group.name, "right": right, "solved": match.solved}
    row |= {"claimed": solution.trusted, "r1": solution.r1, "reason": solution.reason}
    return row | {"seconds": solution.seconds, "attempts": solution.attempts}


def judged(solution: Solution, one: TestSet, group: Group) -> tuple[bool, Comparison]:
    """Whether the space group is right, and the match of the atoms, of the whole cell where it is not."""
    cell, atoms, found = solution.crystal.orthogonalisation, solution.model.atoms, solution.crystal.group
    placed = in_setting(atoms, found, group)
    if placed is not None:
        return True, compare(placed, one.truth, one.chemical, group, cell)
    answer, _ = in_cell(atoms.frac, np.ones(len(atoms)), found, cell)
    truth, chemical = in_cell(one.truth.frac, one.chemical, group, cell)
    return False, compare(unnamed(answer), unnamed(truth), chemical, Group.from_name("P 1"), cell)


def summarise(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """One line for each part, kind, resolution and contents."""
    return patterson_counts.summarise(rows, _counts)


def _counts(group: list[dict[str, Any]]) -> dict[str, Any]:
    solved = [row for row in group if row["solved"]]
    claimed = [row for row in group if row["claimed"]]
    return {
        "sets": len(group),
        "right": sum(row["right"] for row in group),
        "solved": len(solved),
        "right among solved": sum(row["right"] for row in solved),
        "claimed": len(claimed),
        "claimed, wrong group": sum(not row["right"] for row in claimed),
        "median s": round(float(np.median([row["seconds"] for row in group])), 2),
    }


def main(
    data: Annotated[Path, typer.Option(help="Folder of the sets.")],
    json: Annotated[Path, typer.Option(help="File for the figures; what is there is not measured again.")],
    part: Annotated[str, typer.Option(help="choose, report, or both.")] = "report,choose",
    kinds: Annotated[str, typer.Option(help="measured, simulated, electron.")] = "measured,simulated",
    resolutions: Annotated[str, typer.Option(help="d_min in Å, 0 for all data.")] = "0.84",
    contents: Annotated[str, typer.Option(help="What is given: formula, nothing.")] = "formula",
    limit: Annotated[float, typer.Option(help="Seconds of one core for a set.")] = 10.0,
    processes: Annotated[int, typer.Option(help="Sets at once, one core for each.")] = 2,
    seed: Annotated[int, typer.Option(help="Seed of the search.")] = 0,
    only: Annotated[str, typer.Option(help="Some of the names, parted by commas.")] = "",
) -> None:
    """Print the table of counts; write all rows as JSON."""
    jobs = chosen_jobs(data, part, kinds, resolutions, contents, only, limit, seed)
    rows = measure_all(measure, jobs, processes, json, summarise)
    Console(width=160).print(as_table(f"space groups, {limit:g} s of one core each", summarise(rows)))


if __name__ == "__main__":
    typer.run(main)
