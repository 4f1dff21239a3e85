"""How many crystals a known molecule solves from coarse data, how many are trusted, and how many of those are
wrong, on both halves of the sets.

    python benchmarks/patterson_molecule.py --data FOLDER --part report --json
    benchmarks/results/patterson_molecule.json

FOLDER is that of the measured sets, with `structures.jsonl.gz`; `patterson_sets` has the rule of the
halves and
`true_molecules` that of what is left out. `rigid` is given the true molecules with hydrogen as a file
has them, also
where there are two; `flexible` a SMILES perceived from the true molecule, of which RDKit makes shapes
anew. Solved
means: at least 90 % of the atoms other than hydrogen within 0.5 Å after the best allowed origin and
hand, at most 10 %
false ones. "Claimed" is what the program says by itself, "wrong" are those among them that the truth
does not bear
out. Seconds are those of one core.
"""

import json as json_module
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor, as_completed
from fractions import Fraction
from math import gcd, lcm
from multiprocessing import get_context
from pathlib import Path
from typing import Annotated, Any, NamedTuple, cast

import numpy as np
import torch
import typer
from patterson_sets import Kind, Part, names
from patterson_truth import compare
from report import as_table, write_report
from rich.console import Console
from true_molecules import LeftOutError, Whole, smiles_of, whole_molecules

from argand.errors import InputError
from argand.physics.crystal.atom import is_hydrogen
from argand.physics.molecule.body import Body
from argand.systems.patterson.solution.molecule.conformers import bodies_of_smiles
from argand.systems.patterson.solution.molecule.placing import place
from argand.systems.patterson.solution.molecule.reading import bodies_of_atoms
from argand.systems.patterson.solution.reflections import prepare

TASKS = "rigid:2.0,rigid:3.0,flexible:2.0,flexible:2.5"
_MOST_TORSIONS = 8


class Job(NamedTuple):
    """One crystal at one resolution in Å with its true molecules or a SMILES."""

    folder: Path
    kind: Kind
    part: Part
    name: str
    shape: str
    d_min: float
    limit: float

    @property
    def key(self) -> dict[str, Any]:
        """What makes a row its own."""
        return {name: getattr(self, name) for name in ("kind", "part", "name", "shape", "d_min")}


def given(wholes: list[Whole], shape: str) -> list[Body]:
    """What a chemist would give: each molecule as often as a formula unit has it."""
    if shape == "flexible":
        bodies = bodies_of_smiles(smiles_of(wholes))
        torsions = sum(len(body.torsions) for body in bodies)
        if not 0 < torsions <= _MOST_TORSIONS:
            raise LeftOutError("no torsion, or more than eight")
        return bodies
    shares = [Fraction(1, whole.keepers) for whole in wholes]
    common = lcm(*(share.denominator for share in shares))
    numbers = [int(share * common) for share in shares]
    found = []
    for whole, number in zip(wholes, numbers, strict=True):
        body = bodies_of_atoms(whole.body.elements, whole.body.shapes[0])
        found += body * (number // gcd(*numbers))
    return found


def measure(job: Job) -> dict[str, Any]:
    """Figures of one crystal; with `left_out` where it has no part in this."""
    torch.set_num_threads(1)
    row: dict[str, Any] = dict(job.key)
    try:
        one, wholes = whole_molecules(job.folder, job.kind, job.part, job.name)
        begun = time.process_time()
        bodies = given(wholes, job.shape)
        crystal = prepare(one.measured, one.cell, one.spacegroup, one.formula, job.d_min, 1.0, one.radiation)
    except (LeftOutError, InputError) as error:
        return row | {"left_out": str(error).replace(f"{job.folder}/", "")}
    row |= {"group": one.spacegroup, "atoms": len(one.truth), "reflections": len(crystal.observed.hkl)}
    row |= {"copies": len(wholes), "torsions": sum(len(body.torsions) for body in bodies)}
    limit = job.limit * (1 if job.shape == "rigid" else 3)
    try:
        found = place(crystal, bodies, None, limit, clock=time.process_time)
    except InputError as error:
        return row | {"solved": False, "claimed": False, "seconds": 0.0, "reason": str(error)}
    row["seconds"] = round(time.process_time() - begun, 2)
    matches = []
    for answer in found.answers:
        heavy = np.flatnonzero([not is_hydrogen(name) for name in answer.atoms.elements])
        against = one.truth, one.chemical, crystal.group, crystal.orthogonalisation
        matches.append(compare(answer.atoms.take(heavy), *against))
    row |= {"solved": matches[0].solved, "claimed": found.trusted, "among": any(m.solved for m in matches)}
    row |= {"found": matches[0].found, "false": matches[0].false, "error": matches[0].mean_error}
    row |= {"residuals": [round(answer.residual, 5) for answer in found.answers], "reason": found.reason}
    row |= {"posed": [round(answer.posed, 5) for answer in found.answers], "rounds": found.rounds}
    return row


def summarise(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """One line for each part, shape, resolution and kind."""
    keys = ("part", "shape", "d_min", "kind")
    kept = [row for row in rows if "left_out" not in row]
    lines = []
    for key in sorted({tuple(row[name] for name in keys) for row in kept}):
        group = [row for row in kept if tuple(row[name] for name in keys) == key]
        lines.append(dict(zip(keys, key, strict=True)) | _counts(group))
    return lines


def _counts(group: list[dict[str, Any]]) -> dict[str, Any]:
    solved = [row for row in group if row["solved"]]
    return {
        "sets": len(group),
        "solved": len(solved),
        "share": round(len(solved) / max(len(group), 1), 3),
        "claimed": sum(row["claimed"] for row in group),
        "right claimed": sum(row["claimed"] for row in solved),
        "wrong": sum(row["claimed"] and not row["solved"] for row in group),
        "median s": round(float(np.median([row["seconds"] for row in group])), 1),
    }


def left_out(rows: list[dict[str, Any]]) -> dict[str, int]:
    """How many are left out for what reason, for each part and shape."""
    told = (f"{row['part']} {row['shape']}: {row['left_out']}" for row in rows if "left_out" in row)
    return dict(Counter(told))


def main(
    data: Annotated[Path, typer.Option(help="Folder of the sets.")],
    json: Annotated[Path, typer.Option(help="File for the figures; what is there is not measured again.")],
    part: Annotated[str, typer.Option(help="choose or report.")] = "report",
    kinds: Annotated[str, typer.Option(help="measured, simulated, or both.")] = "measured,simulated",
    tasks: Annotated[str, typer.Option(help="rigid or flexible, and d_min in Å.")] = TASKS,
    limit: Annotated[
        float, typer.Option(help="Core seconds for a rigid set; flexible ones get 3 times.")
    ] = 40.0,
    processes: Annotated[int, typer.Option(help="Sets at once, one core for each.")] = 1,
    only: Annotated[str, typer.Option(help="Some of the names, parted by commas.")] = "",
) -> None:
    """Print the table of counts; write all rows as JSON."""
    rows = json_module.loads(json.read_text())["sets"] if json.exists() else []
    known = ("kind", "part", "name", "shape", "d_min")
    done = [{name: row[name] for name in known} for row in rows]
    jobs = [
        Job(
            data,
            cast(Kind, kind),
            cast(Part, part),
            name,
            task.split(":")[0],
            float(task.split(":")[1]),
            limit,
        )
        for task in tasks.split(",")
        for kind in kinds.split(",")
        for name in names(data, cast(Kind, kind), cast(Part, part))
        if not only or name in only.split(",")
    ]
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        for future in as_completed([pool.submit(measure, job) for job in jobs if job.key not in done]):
            row = future.result()
            rows.append(row)
            if "left_out" not in row:
                print(*(row.get(k) for k in _SHOWN), flush=True)
            report = {
                "limit_core_s": limit,
                "summary": summarise(rows),
                "left_out": left_out(rows),
                "sets": rows,
            }
            write_report(json, report)
    Console(width=160).print(as_table("known molecules", summarise(rows)))


_SHOWN = (
    "kind",
    "name",
    "shape",
    "d_min",
    "group",
    "solved",
    "claimed",
    "seconds",
    "residuals",
    "found",
    "reason",
)

if __name__ == "__main__":
    typer.run(main)
