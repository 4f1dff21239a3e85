"""What `argand patterson solve` leaves in its folder."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from argand.errors import ConfigError
from argand.io.atomic import write_lines
from argand.io.solution import write_ccp4, write_cif, write_res, write_xyz
from argand.page.shell import PAGE
from argand.physics.phasing.fourier import Map
from argand.physics.phasing.patterson_map import VectorPeak
from argand.systems.patterson.solution.page import solve_summaries
from argand.systems.patterson.solution.reflections import CrystalData
from argand.systems.patterson.solution.solve import Solution

_SUFFIXES = {
    "patterson": "_patterson.ccp4",
    "patterson_peaks": "_patterson.json",
    "density": "_density.ccp4",
    "res": ".res",
    "cif": ".cif",
    "xyz": ".xyz",
    "summary": ".json",
}


def planned_files(out: Path, name: str, force: bool) -> dict[str, Path]:
    """Where each output goes; ConfigError where one is there already and `force` does not allow it."""
    files = {kind: out / f"{name}{suffix}" for kind, suffix in _SUFFIXES.items()}
    there = [str(path) for path in files.values() if path.exists()]
    if there and not force:
        raise ConfigError(f"{there[0]} is there already; name another --out or give --force")
    if (out / PAGE).exists() and not force and not solve_summaries(out):
        raise ConfigError(f"{out} holds another page ({PAGE}); name another --out or give --force")
    return files


def stem_of(source: Path) -> str:
    """Name of the outputs: the file's without its endings."""
    return source.name.removesuffix(".gz").rsplit(".", 1)[0]


def write_patterson(
    files: Mapping[str, Path], crystal: CrystalData, density: Map, peaks: Sequence[VectorPeak]
) -> None:
    """The Patterson map of a crystal and the table of its peaks with their Harker sections."""
    write_ccp4(files["patterson"], density, crystal.cell, crystal.group)
    rows = [asdict(peak) for peak in peaks]
    write_lines(files["patterson_peaks"], [json.dumps(rows, indent=1)])


def write_solution(
    files: Mapping[str, Path], name: str, solution: Solution, asked: Mapping[str, Any]
) -> dict[str, Any]:
    """Density, model and summary; returns the summary. A model that is not believed says so in each file.

    `asked` goes into the summary, for the page.
    """
    crystal, model = solution.crystal, solution.model
    verdict = "solved" if solution.solved else "NOT SOLVED"
    title = f"{name} in {crystal.group.name}, {verdict}: {solution.reason}"
    write_ccp4(files["density"], solution.density, crystal.cell, crystal.group)
    osf = model.scale if model.scale > 0 else 1.0
    write_res(
        files["res"],
        title,
        crystal.cell,
        crystal.wavelength,
        crystal.group,
        model.atoms,
        osf,
        crystal.cell_content,
    )
    figures = {
        "_refine_ls_R_factor_gt": f"{model.r1:.4f}",
        "_refine_ls_R_factor_all": f"{model.r1_all:.4f}",
        "_refine_special_details": title,
    }
    write_cif(files["cif"], name, crystal.cell, crystal.group, model.atoms, figures)
    places = model.atoms.frac @ crystal.orthogonalisation.T
    write_xyz(files["xyz"], title, model.atoms.elements, places)
    summary = solution.summary() | {"files": {kind: str(path) for kind, path in files.items()}}
    kept = summary | {"asked": dict(asked), "log": solution.log}
    write_lines(files["summary"], [json.dumps(kept, indent=1)])
    return summary
