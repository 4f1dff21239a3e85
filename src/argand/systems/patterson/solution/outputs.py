"""What `argand patterson solve` leaves in its folder."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from argand.errors import ConfigError
from argand.io.atomic import write_lines
from argand.io.core_cif import write_cif
from argand.io.labels import atom_labels
from argand.io.shelx_model import ShelxModel, shelx_lines
from argand.io.solution import write_ccp4, write_xyz
from argand.page.shell import PAGE
from argand.physics.phasing.absolute_structure import dispersion
from argand.physics.phasing.fourier import Map
from argand.physics.phasing.patterson_map import VectorPeak
from argand.runs.json_text import json_text
from argand.systems.patterson.solution.cif_figures import cif_figures
from argand.systems.patterson.solution.final_model import FinalModel, final_model
from argand.systems.patterson.solution.page import solve_summaries
from argand.systems.patterson.solution.reflection_file import write_reflections
from argand.systems.patterson.solution.reflections import CrystalData
from argand.systems.patterson.solution.solve import Solution

_SUFFIXES = {
    "patterson": "_patterson.ccp4",
    "patterson_peaks": "_patterson.json",
    "density": "_density.ccp4",
    "res": ".res",
    "ins": ".ins",
    "hkl": ".hkl",
    "cif": ".cif",
    "xyz": ".xyz",
    "summary": ".json",
}


_MADE_BY = "made by argand"
"""In the instructions that are written, which tells them from the user's."""


def planned_files(out: Path, name: str, force: bool, source: Path | None = None) -> dict[str, Path]:
    """Where each output goes; ConfigError where one is there already and `force` does not allow it.

    `source` is the file of reflections, which is never written over, nor are the instructions beside it.
    """
    files = {kind: out / f"{name}{suffix}" for kind, suffix in _SUFFIXES.items()}
    given = [path for path in files.values() if _is_given(path, source)]
    others = [path for kind, path in files.items() if not (kind == "hkl" and path in given)]
    there = [str(path) for path in others if path.exists()]
    lost = [str(path) for path in given if path in others]
    if lost:
        raise ConfigError(f"{lost[0]} was not made by argand; name another --out")
    if there and not force:
        raise ConfigError(f"{there[0]} is there already; name another --out or give --force")
    if (out / PAGE).exists() and not force and not solve_summaries(out):
        raise ConfigError(f"{out} holds another page ({PAGE}); name another --out or give --force")
    return files


def _is_given(path: Path, source: Path | None) -> bool:
    """Whether an output's place holds the input, or instructions beside it that are the user's."""
    if source is None or not path.exists() or not source.exists():
        return False
    if path.samefile(source):
        return True
    beside = path.resolve().parent == source.resolve().parent and path.suffix in (".ins", ".res")
    return beside and _MADE_BY not in path.read_text("latin-1")


def stem_of(source: Path) -> str:
    """Name of the outputs: the file's without its endings."""
    return source.name.removesuffix(".gz").rsplit(".", 1)[0]


def write_patterson(
    files: Mapping[str, Path], crystal: CrystalData, density: Map, peaks: Sequence[VectorPeak]
) -> None:
    """The Patterson map of a crystal and the table of its peaks with their Harker sections."""
    write_ccp4(files["patterson"], density, crystal.cell, crystal.group)
    rows = [asdict(peak) for peak in peaks]
    write_lines(files["patterson_peaks"], [json_text(rows)])


def write_solution(
    files: Mapping[str, Path],
    name: str,
    solution: Solution,
    asked: Mapping[str, Any],
    hydrogens: bool = False,
) -> dict[str, Any]:
    """Density, model, reflections and summary; returns the summary.

    A model that is not trusted says so in each file. `asked` goes into the summary, for the page; its
    formula and units count the contents. With `hydrogens` those that are clear ride on their
    parents in each file.
    """
    crystal = solution.crystal
    verdict = "solved" if solution.solved else "NOT SOLVED"
    title = f"{name} in {crystal.group.name}, {verdict}: {solution.reason}"
    final = final_model(solution, hydrogens, asked.get("formula"), asked.get("units"))
    write_ccp4(files["density"], solution.density, crystal.cell, crystal.group)
    _write_shelx(files, name, title, solution, final)
    atoms = final.model.atoms
    corrections = None
    if crystal.observed.radiation == "xray":
        corrections = dispersion(atoms.elements, crystal.wavelength)
    write_cif(
        files["cif"],
        name,
        crystal.cell,
        crystal.group,
        atoms,
        cif_figures(solution, final, title),
        final.all_labels,
        final.rides,
        corrections,
        final.errors,
    )
    write_xyz(files["xyz"], title, atoms.elements, atoms.frac @ crystal.orthogonalisation.T)
    summary = solution.summary() | {"files": {kind: str(path) for kind, path in files.items()}}
    summary["units"] = final.units
    if solution.others:
        summary["others"] = _write_others(files["cif"], name, solution)
    if hydrogens:
        summary |= {"hydrogens": sum(map(len, final.riding)), "r1_with_hydrogens": round(final.model.r1, 4)}
        if crystal.cell_content and "H" in crystal.cell_content:
            summary["expected_hydrogens"] = round(crystal.cell_content["H"] / crystal.group.order, 2)
    kept = summary | {"asked": dict(asked), "log": solution.log}
    write_lines(files["summary"], [json_text(kept)])
    return summary


def _write_shelx(
    files: Mapping[str, Path], name: str, title: str, solution: Solution, final: FinalModel
) -> None:
    """Reflections and instructions under one name, with which SHELXL starts."""
    crystal = solution.crystal
    card, factor = write_reflections(files["hkl"], crystal)
    scale = final.model.scale if final.model.scale > 0 else 1.0
    model = ShelxModel(
        title=f"{name} in {crystal.group.name}",
        cell=crystal.cell,
        wavelength=crystal.wavelength,
        group=crystal.group,
        atoms=final.atoms,
        labels=final.labels,
        content=final.content,
        units=final.units,
        scale=scale * factor**0.5,
        errors=final.errors,
        radiation=crystal.observed.radiation,
        riding=final.riding,
        riding_labels=final.riding_labels,
        hklf=card,
        remarks=[_MADE_BY, title, *([solution.hand.statement] if solution.hand.statement else [])],
    )
    write_lines(files["ins"], shelx_lines(model))
    write_lines(files["res"], shelx_lines(model, final.peaks))


def _write_others(first: Path, name: str, solution: Solution) -> list[dict[str, Any]]:
    """The other answers that fit about equally, in NAME_2.cif and so on; R1 and file of each."""
    crystal, told = solution.crystal, []
    for number, model in enumerate(solution.others, 2):
        path = first.with_name(f"{first.stem}_{number}.cif")
        figures = {"_refine_ls_R_factor_gt": f"{model.r1:.4f}", "_refine_special_details": solution.reason}
        labels = atom_labels(model.atoms.elements)
        write_cif(path, f"{name}_{number}", crystal.cell, crystal.group, model.atoms, figures, labels)
        told.append({"r1": round(model.r1, 4), "file": str(path)})
    return told
