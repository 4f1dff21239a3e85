"""The final model: named, with hydrogen, the cell's contents and the last difference map."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import gemmi
import numpy as np
from jaxtyping import Bool

from argand.io.cell_errors import CellErrors, stated_cell_errors
from argand.io.labels import atom_labels, hydrogen_labels
from argand.io.shelx_model import Peaks, near_atoms
from argand.physics.crystal.atom import Atoms, parse_formula
from argand.physics.phasing.difference_map import DifferenceMap, difference_map
from argand.physics.phasing.hydrogen_search import Riding, riding_hydrogen, with_hydrogen
from argand.physics.phasing.refinement import RefinedModel, evaluate
from argand.systems.patterson.solution.reflections import CrystalData
from argand.systems.patterson.solution.solve import Solution

PEAKS = 20
"""Peaks of the last difference map that are told; by hand, SHELXL's own PLAN 20."""


@dataclass(frozen=True)
class FinalModel:
    """Atoms without hydrogen with their names, what rides on them, and all of it evaluated and mapped.

    `peaks` are the highest that the model leaves. `content` counts the atoms of the cell, which holds `units`
    formulas; `errors` are those of the cell, where the input tells them.
    """

    atoms: Atoms
    labels: list[str]
    riding: tuple[Riding, ...]
    riding_labels: list[list[str]]
    model: RefinedModel
    difference: DifferenceMap
    peaks: Peaks
    content: Mapping[str, float]
    units: float
    errors: CellErrors | None
    formula: str
    """The formula of one unit as chemists write it, without blanks."""

    @property
    def all_labels(self) -> list[str]:
        """Names in the order of `model.atoms`, hydrogen last."""
        return self.labels + [name for names in self.riding_labels for name in names]

    def to_dict(self, crystal: CrystalData) -> dict[str, Any]:
        """Contents and cell in plain values: Å, degrees and Å³."""
        told: dict[str, Any] = {"formula": self.formula, "units": self.units}
        told |= {"cell": [round(value, 5) for value in crystal.cell], "volume": round(crystal.volume, 2)}
        known = gemmi.find_spacegroup_by_name(crystal.group.name)
        return told | ({} if known is None else {"spacegroup_number": known.number})

    def contents_line(self, crystal: CrystalData) -> str:
        """Formula, Z, volume and space group in one line."""
        known = gemmi.find_spacegroup_by_name(crystal.group.name)
        number = "" if known is None else f" (No. {known.number})"
        cell = f"Z = {self.units:g}, V = {crystal.volume:.2f} Å^3"
        return f"{self.formula}, {cell}, {crystal.group.name}{number}"

    @property
    def rides(self) -> Bool[np.ndarray, " n"]:
        """Which of `model.atoms` are placed by geometry."""
        return np.arange(len(self.model.atoms)) >= len(self.atoms)


def final_model(
    solution: Solution, hydrogens: bool = False, formula: str | None = None, units: float | None = None
) -> FinalModel:
    """A solution named, evaluated and mapped; with `hydrogens` those that are clear ride on their parents.

    `formula` and `units` are what was stated; else the file's are taken, or what the content gives.
    """
    crystal, atoms = solution.crystal, solution.model.atoms
    difference = difference_map(solution.model, crystal.observed)
    riding: tuple[Riding, ...] = ()
    model = solution.model
    if hydrogens:
        riding = riding_hydrogen(atoms, crystal.group, crystal.orthogonalisation, difference)
        model = evaluate(with_hydrogen(atoms, riding), crystal.observed)
        difference = difference_map(model, crystal.observed)
    labels = atom_labels(atoms.elements)
    parents = [one.parent for one in riding]
    names = hydrogen_labels(
        [labels[one] for one in parents],
        [len(one) for one in riding],
        [atoms.elements[one] for one in parents],
    )
    content = _content(crystal, model.atoms)
    measured = crystal.measured
    formula = formula or (measured.formula if measured else None)
    count = units or _units(content, formula, crystal.group.order)
    errors = stated_cell_errors(measured.source) if measured and measured.cell == crystal.cell else None
    peaks = near_atoms(Peaks(*difference.peaks(PEAKS)), atoms, crystal.group, crystal.orthogonalisation)
    counts = {element: number / count for element, number in content.items()}
    unit = usual_formula(counts, formula)
    return FinalModel(atoms, labels, riding, names, model, difference, peaks, content, count, errors, unit)


def usual_formula(counts: Mapping[str, float], stated: str | None = None) -> str:
    """The formula of these counts as chemists write it: in the order that was stated, or else in Hill's."""
    order = list(parse_formula(stated)) if stated else []
    first = [*order, *(("C", "H") if "C" in counts else ())]
    rank = {element: number for number, element in reversed(list(enumerate(first)))}
    names = sorted(counts, key=lambda element: (rank.get(element, len(first)), element))
    numbers = {element: f"{counts[element]:.4g}" for element in names if counts[element] > 0}
    return "".join(element + ("" if number == "1" else number) for element, number in numbers.items())


def _content(crystal: CrystalData, atoms: Atoms) -> dict[str, float]:
    """Atoms of the cell by the formula, or of the elements that it lacks by what was found."""
    counts = dict(crystal.cell_content or {})
    for element in dict.fromkeys(atoms.elements):
        held = sum(o for e, o in zip(atoms.elements, atoms.occupancy, strict=True) if e == element)
        counts.setdefault(element, round(float(held) * crystal.group.order, 2))
    return counts


def _units(content: Mapping[str, float], formula: str | None, order: int) -> float:
    """Formulas in the cell: by the formula, or the most that divide the group's order and the content."""
    if formula is not None:
        counts = parse_formula(formula)
        shares = [content[element] / number for element, number in counts.items() if content.get(element)]
        if shares:
            return round(max(shares), 4)
    whole = [round(number) for number in content.values() if round(number) > 0]
    return float(max(z for z in range(1, order + 1) if order % z == 0 and all(n % z == 0 for n in whole)))
