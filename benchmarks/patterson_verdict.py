"""What tells right models of crystals from wrong ones: evidence on models of known truth, and a fit to it.

    python benchmarks/patterson_verdict.py --data FOLDER --json FILE --write

Models are those that searches on the half `choose` of the crystals pass through, each the best of its search
for some time; right means what `patterson_truth` calls solved. The fit is logistic, its answer the
probability that a model is right; five-fold cross-validation leaves out whole crystals. With --write the
coefficients go where `argand.systems.patterson.solution.acceptance` reads them.
"""

import json as json_module
import time
import zlib
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, fields
from multiprocessing import get_context
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from jaxtyping import Bool, Float
from patterson_sets import TestSet, load, names
from patterson_truth import compare
from report import write_report
from rich.console import Console
from rich.progress import track

from argand.errors import InputError
from argand.io.resource import system_data
from argand.physics.phasing.dual_space import recipe_for
from argand.systems.patterson.solution.acceptance import ACCEPTED, features
from argand.systems.patterson.solution.reflections import CrystalData, prepare
from argand.systems.patterson.solution.structure_search import StructureSearch
from argand.systems.patterson.solution.validation import Evidence, evidence

_ASKED = (
    ("measured,simulated", 0.84, "formula"),
    ("measured,simulated", 1.2, "formula"),
    ("measured,simulated", 1.5, "formula"),
    ("measured,simulated", 2.0, "formula"),
    ("measured,simulated", 0.84, "nothing"),
    ("electron", 0.84, "formula"),
)
"""Kinds, resolutions in Å and what is given of the contents."""
_FOLDS = 5
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
    while time.process_time() - started < limit and not (search.verdict.clear and seen is search.best):
        search.attempt()
        if search.best is not seen and search.best is not None:
            seen = search.best
            match = compare(seen.atoms, one.truth, one.chemical, crystal.group, crystal.orthogonalisation)
            told = {"solved": match.solved, "found": match.found, "false": match.false, "named": match.named}
            rows.append(told | asdict(evidence(crystal, seen, search.builder)))
    return rows[-_KEPT:]


def main(
    data: Annotated[Path, typer.Option(help="Folder of the sets.")],
    json: Annotated[Path, typer.Option(help="File for the evidence.")],
    limit: Annotated[float, typer.Option(help="Seconds of one core for a search.")] = 2.0,
    processes: Annotated[int, typer.Option(help="Searches at once.")] = 2,
    write: Annotated[bool, typer.Option("--write", help="Put the fit into the package.")] = False,
) -> None:
    """Gather the evidence, go on where the file ends, and fit."""
    jobs = [
        (data, kind, name, d_min, told, limit)
        for kinds, d_min, told in _ASKED
        for kind in kinds.split(",")
        for name in names(data, kind, "choose")  # type: ignore[arg-type]
    ]
    kept = json_module.loads(json.read_text()) if json.exists() else {"models": [], "done": []}
    rows: list[dict[str, Any]] = kept["models"]
    done = [tuple(key) for key in kept["done"]]
    left = [job for job in jobs if job[1:5] not in done]
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        running = {pool.submit(models, job): job[1:5] for job in left}
        for future in track(as_completed(running), total=len(left)):
            rows += future.result()
            done.append(running[future])
            write_report(json, {"models": rows, "done": done})
    fit = fitted(rows)
    Console(width=160).print_json(json_module.dumps(fit))
    if write:
        write_report(system_data("patterson", "acceptance.json"), fit)


def fitted(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Coefficients on the features as they are, what is usual of right models, and counts by
    cross-validation."""
    known = {field.name for field in fields(Evidence)}
    seen = [features(Evidence(**{key: row[key] for key in known})) for row in rows]
    labels = list(seen[0])
    values = np.array([[one[label] for label in labels] for one in seen])
    right = np.array([row["solved"] for row in rows])
    keys = [(row["kind"], row["name"], row["told"], round(row["d_min"], 1)) for row in rows]
    weight = np.array([1 / np.sqrt(keys.count(key)) for key in keys])
    centre, spread = values.mean(0), values.std(0) + 1e-9
    design = np.column_stack([np.ones(len(values)), (values - centre) / spread])
    solution = logistic(design, right, weight)
    slopes = solution[1:] / spread
    last = [number for number, key in enumerate(keys) if key not in keys[number + 1 :]]
    chance = cross_validated(design, right, weight, [row["name"] for row in rows])[last]
    claimed = chance >= ACCEPTED
    return {
        "intercept": float(solution[0] - slopes @ centre),
        "coefficients": dict(zip(labels, map(float, slopes), strict=True)),
        "usual": dict(zip(labels, map(float, values[right].mean(0)), strict=True)),
        "models": len(rows),
        "cross-validation": {
            "searches": len(last),
            "right": int(right[last].sum()),
            "believed": int(claimed.sum()),
            "right believed": int((claimed & right[last]).sum()),
            "wrong believed": int((claimed & ~right[last]).sum()),
        },
    }


def logistic(
    design: Float[np.ndarray, "n k"], right: Bool[np.ndarray, " n"], weight: Float[np.ndarray, " n"]
) -> Float[np.ndarray, " k"]:
    """Weights of the columns, the first that of the constant, by Newton's method with a ridge of 1."""
    solution = np.zeros(design.shape[1])
    ridge = np.eye(len(solution))
    ridge[0, 0] = 0.0
    for _ in range(60):
        chance = 1 / (1 + np.exp(-design @ solution))
        slope = design.T @ (weight * (right - chance)) - ridge @ solution
        curvature = (design.T * (weight * chance * (1 - chance))) @ design + ridge
        solution = solution + np.linalg.solve(curvature, slope)
    return solution


def cross_validated(
    design: Float[np.ndarray, "n k"],
    right: Bool[np.ndarray, " n"],
    weight: Float[np.ndarray, " n"],
    crystals: list[str],
) -> Float[np.ndarray, " n"]:
    """Probabilities by fits that have not seen the same crystal."""
    fold = np.array([zlib.crc32(name.encode()) // 2 % _FOLDS for name in crystals])
    chance = np.zeros(len(design))
    for number in range(_FOLDS):
        out = fold == number
        chance[out] = 1 / (1 + np.exp(-design[out] @ logistic(design[~out], right[~out], weight[~out])))
    return chance


if __name__ == "__main__":
    typer.run(main)
