"""The files that `argand patterson solve` writes."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from argand.errors import InputError
from argand.io.atomic import require_own, write_lines
from argand.io.core_cif import cif_text, write_cif
from argand.io.labels import atom_labels
from argand.io.shelx_model import ShelxModel, shelx_lines
from argand.io.solution import write_ccp4, write_xyz
from argand.page.document import PAGE
from argand.physics.phasing.absolute_structure import dispersion
from argand.physics.phasing.fourier import Map
from argand.physics.phasing.patterson_map import VectorPeak
from argand.runs.claim import claim_folder, require_inputs_kept
from argand.runs.fields import read_json
from argand.runs.json_text import json_text
from argand.systems.patterson.solution.cif_figures import cif_figures
from argand.systems.patterson.solution.final_model import FinalModel
from argand.systems.patterson.solution.reflection_file import write_reflections
from argand.systems.patterson.solution.reflections import CrystalData
from argand.systems.patterson.solution.sharpened_patterson import patterson
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
"""In the instructions that are written."""


def claimed_files(
    out: Path,
    name: str,
    source: Path | None = None,
    *,
    inputs: Sequence[Path] = (),
    force: bool = False,
    resume: bool = False,
) -> dict[str, Path]:
    """Where each output of a crystal goes, in a folder that is claimed for them before any long work.

    Raises ConfigError for a folder that holds results, unless `force` removes them or `resume` keeps those of
    other crystals; and where `force` would remove the file of reflections, `source`, or another of the
    `inputs`. OutputError where a file of the user's has the name of an output.
    """
    given = [source, *inputs] if source is not None else [*inputs]
    require_inputs_kept(out, given, force=force)
    claim_folder(out, force=force, resume=resume)
    files = {kind: out / f"{name}{suffix}" for kind, suffix in _SUFFIXES.items()}
    for path in (*files.values(), out / PAGE):
        # Reflections that lie where they would be written stay as they are.
        if not is_same_file(path, source):
            require_own(path)
    return files


def is_same_file(path: Path, source: Path | None) -> bool:
    """Whether an output's name stands for the input."""
    return source is not None and path.exists() and source.exists() and path.samefile(source)


def stem_of(source: Path) -> str:
    """Name of the outputs: the file's without its endings."""
    return source.name.removesuffix(".gz").rsplit(".", 1)[0]


def earlier_summary(files: Mapping[str, Path], question: str) -> dict[str, Any] | None:
    """The summary of an earlier run of the same question whose files are all there; else None.

    A search that Ctrl-C ended does not count.
    """
    if not all(path.exists() for path in files.values()):
        return None
    try:
        summary = read_json(files["summary"])
    except InputError:
        return None
    if not isinstance(summary, dict) or summary.get("question") != question or summary.get("interrupted"):
        return None
    page = {"page": str(files["summary"].with_name(PAGE))}
    told = {key: value for key, value in summary.items() if key not in ("asked", "question", "log")}
    return told | {"files": told["files"] | page}


def title_of(name: str, solution: Solution, verdict: bool = True) -> str:
    """Name, space group and R1 of a solution; with its `verdict` whether it is trusted, and why."""
    place = f"{name} in {solution.crystal.group.name}"
    if not verdict:
        return f"{place}, R1 = {solution.r1:.3f}"
    return f"{place}, {'trusted' if solution.trusted else 'NOT TRUSTED'}: {solution.reason}"


def write_solution(
    files: Mapping[str, Path],
    name: str,
    solution: Solution,
    final: FinalModel,
    summary: dict[str, Any],
    kept: Mapping[str, Any],
) -> None:
    """Patterson map, density, model, reflections and summary, which gains the names of the files.

    A model that is not trusted says so in each file. `kept` is stored with the summary and the log.
    """
    crystal = solution.crystal
    write_patterson(files, crystal, *patterson(crystal))
    write_ccp4(files["density"], solution.density, crystal.cell, crystal.group)
    card = write_reflections(files["hkl"], crystal)
    for kind in ("ins", "res"):
        text = shelx_text(name, solution, final, *card, peaks=kind == "res")
        write_lines(files[kind], text.splitlines())
    write_lines(files["cif"], crystal_cif(name, solution, final).splitlines())
    atoms = final.model.atoms
    places = atoms.frac @ crystal.orthogonalisation.T
    write_xyz(files["xyz"], title_of(name, solution), atoms.elements, places)
    summary["files"] = {kind: str(path) for kind, path in files.items()}
    if solution.others:
        summary["others"] = _write_others(files["cif"], name, solution)
    write_lines(files["summary"], [json_text({**summary, **kept, "log": solution.log})])


def write_patterson(
    files: Mapping[str, Path], crystal: CrystalData, density: Map, peaks: Sequence[VectorPeak]
) -> None:
    """The Patterson map of a crystal and the table of its peaks with their Harker sections."""
    write_ccp4(files["patterson"], density, crystal.cell, crystal.group)
    rows = [asdict(peak) for peak in peaks]
    write_lines(files["patterson_peaks"], [json_text(rows)])


def crystal_cif(name: str, solution: Solution, final: FinalModel) -> str:
    """The text of the CIF of a solution."""
    crystal, atoms = solution.crystal, final.model.atoms
    corrections = None
    if crystal.observed.radiation == "xray":
        corrections = dispersion(atoms.elements, crystal.wavelength)
    figures = cif_figures(solution, final, title_of(name, solution))
    place = name, crystal.cell, crystal.group, atoms
    return cif_text(*place, figures, final.all_labels, final.rides, corrections, final.errors)


def shelx_text(
    name: str, solution: Solution, final: FinalModel, card: str, factor: float, *, peaks: bool
) -> str:
    """SHELXL instructions for reflections of this HKLF card and factor on F², with or without peaks."""
    crystal = solution.crystal
    scale = final.model.scale if final.model.scale > 0 else 1.0
    contents = final.contents_line(crystal)
    hand = [solution.hand.statement] if solution.hand.statement else []
    model = ShelxModel(
        title=f"{name} in {crystal.group.name}, {final.formula}",
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
        remarks=[_MADE_BY, contents, title_of(name, solution), *hand],
    )
    return "\n".join(shelx_lines(model, final.peaks if peaks else None)) + "\n"


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
