"""What tells right models of crystals from wrong ones: evidence on models of known truth, and a fit to it.

    python benchmarks/patterson_verdict.py --data FOLDER --json FILE

Models are those that searches on the half `choose` of the crystals pass through, each the best of its search for some
time; right means what `patterson_truth` calls solved. The fit is logistic, its answer the probability that a model is
right; five-fold cross-validation leaves out whole crystals. The coefficients printed are those of
`argand.systems.patterson.solution.validation`.
"""

import json as json_module
import time
import zlib
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict
from multiprocessing import get_context
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from patterson_sets import TestSet, load, names
from patterson_truth import compare
from report import write_report
from rich.progress import track

from argand.errors import InputError
from argand.physics.phasing.dual_space import recipe_for
from argand.systems.patterson.solution.reflections import CrystalData, prepare
from argand.systems.patterson.solution.structure_search import StructureSearch
from argand.systems.patterson.solution.validation import Evidence, evidence

_ASKED = ((0.84, "formula"), (1.2, "formula"), (1.5, "formula"), (2.0, "formula"), (0.84, "nothing"), (1.5, "nothing"))
"""Resolutions in Å and what is told of the contents."""
_KEPT = 6
"""Models of a search that are kept, the last ones."""


def models(job: tuple[Path, str, str, float, str, float]) -> list[dict[str, Any]]:
    """Evidence and truth of the best models of one search."""
    folder, kind, name, d_min, told, limit = job
    one = load(folder, kind, "choose", name)  # type: ignore[arg-type]
    if one is None:
        return []
    formula = one.formula if told == "formula" else None
    try:
        units = 1.0 if formula else None
        crystal = prepare(one.measured, one.cell, one.spacegroup, formula, d_min, units, one.radiation)
    except InputError:
        return []
    if crystal.observed.d_min > d_min + 0.03:
        return []
    label = {"name": name, "kind": kind, "told": told, "radiation": one.radiation}
    return [label | row for row in _searched(crystal, one, limit)]


def _searched(crystal: CrystalData, one: TestSet, limit: float) -> list[dict[str, Any]]:
    search = StructureSearch(crystal, recipe_for(crystal.observed.d_min), 0, clock=time.process_time)
    started, rows, seen = time.process_time(), [], None
    while time.process_time() - started < limit and not (search.verdict[1] and seen is search.best):
        search.attempt()
        if search.best is not seen and search.best is not None:
            seen = search.best
            match = compare(seen.atoms, one.truth, one.chemical, crystal.group, crystal.orthogonalisation)
            told = {"solved": match.solved, "found": match.found, "false": match.false, "named": match.named}
            rows.append(told | asdict(evidence(crystal, seen, search.builder)) | {"share": match.found})
    return rows[-_KEPT:]


def main(
    data: Annotated[Path, typer.Option(help="Folder of the sets.")],
    json: Annotated[Path, typer.Option(help="File for the evidence.")],
    limit: Annotated[float, typer.Option(help="Seconds of one core for a search.")] = 3.0,
    processes: Annotated[int, typer.Option(help="Searches at once.")] = 2,
) -> None:
    """Gather the evidence."""
    jobs = [
        (data, kind, name, d_min, told, limit)
        for d_min, told in _ASKED
        for kind in ("measured", "simulated")
        for name in names(data, kind, "choose")  # type: ignore[arg-type]
    ]
    rows: list[dict[str, Any]] = []
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        for future in track(as_completed([pool.submit(models, job) for job in jobs]), total=len(jobs)):
            rows += future.result()
            write_report(json, {"models": rows})


if __name__ == "__main__":
    typer.run(main)
