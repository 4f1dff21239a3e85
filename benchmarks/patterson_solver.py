"""How many crystals `argand patterson solve` solves, how many are trusted, how many of those are wrong,
and whether the elements are correct, on both halves of the data.

    python benchmarks/patterson_solver.py --data FOLDER --json benchmarks/results/patterson_solver.json

FOLDER is that of the measured sets, with `structures.jsonl.gz`; `patterson_sets` has the rule of the halves.
Solved means: at least 90 % of the atoms other than hydrogen within 0.5 Å after the best allowed origin and
hand, at most 10 % false ones; the minor parts of disorder count neither way. "Claimed" is what the program
says by itself, "wrong" are those among them that the truth does not bear out. "Elements" is the share of
right ones among the atoms of all solved sets; "uncertain" that of atoms whose element the program says may be
another, and "sure but wrong" that of wrong elements among the others.
"""

import json as json_module
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path
from typing import Annotated, Any, NamedTuple, cast

import numpy as np
import typer
from jaxtyping import Int
from patterson_counts import summarise
from patterson_sets import Kind, Part, TestSet, load, names
from patterson_truth import compare, in_setting
from report import as_table, write_report
from rich.console import Console
from rich.progress import track

from argand.errors import InputError
from argand.physics.crystal.atom import Atoms
from argand.systems.patterson.solution.reflections import CrystalData, prepare
from argand.systems.patterson.solution.solve import solve

TOLERANCE = 0.03
"""Å by which data may end before the resolution that is wanted."""

_KEYS = ("kind", "part", "name", "d_min", "contents", "seed")
"""What makes a row its own."""


class Job(NamedTuple):
    """One crystal at one resolution in Å (0 takes all data) with what is given of its contents."""

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
        return {name: getattr(self, name) for name in _KEYS}


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
    if job.d_min and crystal.observed.d_min > job.d_min + TOLERANCE:
        return None
    solution = solve(crystal, job.limit, job.seed, clock=time.process_time)
    # Of an enantiomorphic pair the solver may have taken the other group, and mirrored the atoms.
    atoms = in_setting(solution.model.atoms, solution.crystal.group, crystal.group)
    assert atoms is not None
    match = compare(atoms, one.truth, one.chemical, crystal.group, crystal.orthogonalisation)
    row |= {"solved": match.solved, "claimed": solution.trusted, "named": match.named, "found": match.found}
    row |= {"false": match.false, "error": match.mean_error, "r1": solution.r1, "reason": solution.reason}
    row |= {"unsure": len(solution.uncertain), "model_atoms": len(solution.model.atoms)}
    if match.solved:
        sure = np.setdiff1d(np.arange(len(atoms)), solution.uncertain)
        row["sure_named"] = _sure_named(atoms, sure, one, crystal, match.named)
    return row | {"seconds": solution.seconds, "attempts": solution.attempts}


def _sure_named(
    atoms: Atoms, sure: Int[np.ndarray, " n"], one: TestSet, crystal: CrystalData, named: float
) -> float:
    """Share of right elements among the atoms that are not called uncertain; `named` is that of all."""
    if len(sure) == len(atoms) or not len(sure):
        return named
    asked = one.truth, one.chemical, crystal.group, crystal.orthogonalisation
    return compare(atoms.take(sure), *asked).named


def chosen_jobs(
    data: Path, part: str, kinds: str, resolutions: str, contents: str, only: str, limit: float, seed: int
) -> list[Job]:
    """A job for each set of the lists, which are parted by commas; d_min in Å, limit in seconds of a core."""
    return [
        Job(data, cast(Kind, kind), cast(Part, half), name, d_min, told, limit, seed)
        for half in part.split(",")
        for told in contents.split(",")
        for d_min in map(float, resolutions.split(","))
        for kind in kinds.split(",")
        for name in names(data, cast(Kind, kind), cast(Part, half))
        if not only or name in only.split(",")
    ]


def measure_all(
    work: Callable[[Job], dict[str, Any] | None],
    jobs: list[Job],
    processes: int,
    path: Path,
    count: Callable[[list[dict[str, Any]]], list[dict[str, Any]]],
) -> list[dict[str, Any]]:
    """Rows of all jobs and of those that the file holds, which are not repeated; it is kept as it grows."""
    kept = json_module.loads(path.read_text()) if path.exists() else {"sets": []}
    rows = kept["sets"]
    # Counts of two limits would be counts of neither.
    if rows and jobs and kept["limit_core_s"] != jobs[0].limit:
        raise typer.BadParameter(f"{path} has a limit of {kept['limit_core_s']:g} s; give another file")
    done = [{name: row[name] for name in _KEYS} for row in rows]
    missing = [job for job in jobs if job.key not in done]
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        running = [pool.submit(work, job) for job in missing]
        for future in track(as_completed(running), "Solving", total=len(missing)):
            row = future.result()
            if row is not None:
                rows.append(row)
                write_report(path, {"limit_core_s": jobs[0].limit, "summary": count(rows), "sets": rows})
    return rows


def main(
    data: Annotated[Path, typer.Option(help="Folder of the sets.")],
    json: Annotated[Path, typer.Option(help="File for the figures; what is there is not measured again.")],
    part: Annotated[str, typer.Option(help="choose, report, or both.")] = "report,choose",
    kinds: Annotated[str, typer.Option(help="measured, simulated, electron.")] = "measured,simulated",
    resolutions: Annotated[str, typer.Option(help="d_min in Å, 0 for all data.")] = "0,0.84,1.0,1.2,1.5,2.0",
    contents: Annotated[
        str, typer.Option(help="What is given of the contents.")
    ] = "formula,elements,nothing",
    limit: Annotated[float, typer.Option(help="Seconds of one core for a set.")] = 10.0,
    processes: Annotated[int, typer.Option(help="Sets at once, one core for each.")] = 2,
    seed: Annotated[int, typer.Option(help="Seed of the search.")] = 0,
    only: Annotated[str, typer.Option(help="Some of the names, parted by commas.")] = "",
) -> None:
    """Print the table of counts; write all rows as JSON."""
    jobs = chosen_jobs(data, part, kinds, resolutions, contents, only, limit, seed)
    rows = measure_all(measure, jobs, processes, json, summarise)
    Console(width=160).print(as_table(f"crystals, {limit:g} s of one core each", summarise(rows)))


if __name__ == "__main__":
    typer.run(main)
