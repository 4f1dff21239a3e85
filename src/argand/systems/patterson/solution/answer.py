"""The answer for a crystal as users handle it: its atoms in the forms of other programs, and its files."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float

from argand.errors import MissingExtraError
from argand.runs.record import SCHEMA_VERSION
from argand.systems.patterson.solution.final_model import FinalModel, final_model
from argand.systems.patterson.solution.outputs import (
    claimed_files,
    crystal_cif,
    shelx_text,
    title_of,
    write_solution,
)
from argand.systems.patterson.solution.page import write_solve_page
from argand.systems.patterson.solution.reflection_file import hklf_card
from argand.systems.patterson.solution.solve import Solution
from argand.systems.patterson.solution.unit_cell import UnitCell, unit_cell

if TYPE_CHECKING:
    import ase
    import pandas as pd
    from pymatgen.core import Structure  # pyright: ignore[reportMissingImports]


@dataclass(frozen=True, repr=False)
class CrystalAnswer(Solution):
    """A `Solution` with its name and settings, as files and other programs take it.

    `asked` are the settings of the search, `hydrogens` says whether riding hydrogen atoms are added.
    """

    name: str = "crystal"
    asked: Mapping[str, Any] = field(default_factory=dict)
    hydrogens: bool = False
    question: str | None = None
    """Digest of file and settings, by which `--resume` knows that the answer still holds."""

    @classmethod
    def of(
        cls, solution: Solution, name: str, asked: Mapping[str, Any], hydrogens: bool = False
    ) -> "CrystalAnswer":
        """The answer that a solution is."""
        known = {one.name: getattr(solution, one.name) for one in fields(Solution)}
        return cls(**known, name=name, asked=asked, hydrogens=hydrogens)

    @cached_property
    def final(self) -> FinalModel:
        """The model with labels, hydrogen atoms where they are wanted, contents and difference map."""
        return final_model(self, self.hydrogens, self.asked.get("formula"), self.asked.get("units"))

    @property
    def formula(self) -> str:
        """The formula as chemists write it, such as LiFePO4 or C14H14O2."""
        return self.final.formula

    @property
    def cell(self) -> tuple[float, ...]:
        """a, b, c in Å, alpha, beta, gamma in degrees."""
        return self.crystal.cell

    @property
    def spacegroup(self) -> str:
        """Hermann-Mauguin symbol of the space group."""
        return self.crystal.group.name

    def to_dict(self) -> dict[str, Any]:
        """Figures in plain values, as `argand patterson solve --json` prints them, but for the files."""
        told = {"schema_version": SCHEMA_VERSION, "name": self.name, **super().to_dict()}
        told |= self.final.to_dict(self.crystal)
        if self.hydrogens:
            placed = sum(map(len, self.final.riding))
            told |= {"hydrogens": placed, "r1_with_hydrogens": round(self.final.model.r1, 4)}
            if self.crystal.cell_content and "H" in self.crystal.cell_content:
                expected = self.crystal.cell_content["H"] / self.crystal.group.order
                told["expected_hydrogens"] = round(expected, 2)
        return told

    def to_cif(self) -> str:
        """The text of a core CIF: cell, symmetry, atoms, contents and agreement."""
        return crystal_cif(self.name, self, self.final)

    @property
    def res(self) -> str:
        """SHELXL instructions with the highest peaks of the last difference map, as in NAME.res."""
        return shelx_text(self.name, self, self.final, *hklf_card(self.crystal), peaks=True)

    @cached_property
    def unit_cell(self) -> UnitCell:
        """All atoms of the cell, hydrogen included where it was added."""
        return unit_cell(self.final.model.atoms, self.crystal.group, self.crystal.orthogonalisation)

    def to_ase(self) -> "ase.Atoms":
        """ASE's Atoms of the whole cell, with occupancies in `arrays["occupancies"]`."""
        from ase import Atoms

        whole = self.unit_cell
        atoms = Atoms(whole.elements, scaled_positions=whole.frac, cell=self._edges, pbc=True)
        atoms.set_array("occupancies", whole.occupancy)
        return atoms

    def to_pymatgen(self) -> "Structure":
        """pymatgen's Structure of the whole cell; MissingExtraError where pymatgen is not installed."""
        try:
            from pymatgen.core import Lattice, Structure  # pyright: ignore[reportMissingImports]
        except ImportError as error:
            raise MissingExtraError("to_pymatgen needs pymatgen; pip install pymatgen") from error
        whole = self.unit_cell
        species = [
            {element: float(held)} for element, held in zip(whole.elements, whole.occupancy, strict=True)
        ]
        return Structure(Lattice(self._edges), species, whole.frac)

    @property
    def _edges(self) -> Float[np.ndarray, "3 3"]:
        """a, b, c in Å as rows."""
        return self.crystal.orthogonalisation.T

    def to_dataframe(self) -> "pd.DataFrame":
        """A row for each atom of the asymmetric unit; MissingExtraError where pandas is not installed.

        Columns are label, element, fractional x, y, z, u_iso (Å²), crystallographic occupancy, and whether
        the element is uncertain.
        """
        from argand.runs.answers import dataframe

        atoms = self.final.model.atoms
        columns = {"label": self.final.all_labels, "element": atoms.elements}
        columns |= dict(zip("xyz", atoms.frac.T.tolist(), strict=True))
        columns |= {"u_iso": atoms.u_iso.tolist(), "occupancy": atoms.occupancy.tolist()}
        columns["uncertain"] = [number in self.uncertain for number in range(len(atoms))]
        rows = zip(*columns.values(), strict=True)
        return dataframe([dict(zip(columns, row, strict=True)) for row in rows])

    def write(self, folder: Path | str, *, force: bool = False, resume: bool = False) -> dict[str, Any]:
        """Write all files and the page as `argand patterson solve --out` does; what it prints with --json.

        `force` removes what argand wrote into the folder before, `resume` keeps the other crystals in it.
        Raises ConfigError for a folder that holds results and neither, OutputError where the disk refuses.
        """
        files = claimed_files(Path(folder), self.name, self.source, force=force, resume=resume)
        summary = self.to_dict()
        kept = {"asked": dict(self.asked), "question": self.question}
        write_solution(files, self.name, self, self.final, summary, kept)
        summary["files"]["page"] = str(write_solve_page(Path(folder)))
        return summary

    @property
    def source(self) -> Path | None:
        """The file of reflections; None where they are not from a file."""
        return None if self.crystal.measured is None else Path(self.crystal.measured.source)

    def __repr__(self) -> str:
        verdict = "trusted" if self.trusted else "not trusted"
        return f"<CrystalAnswer {title_of(self.name, self, False)}: {len(self.atoms)} atoms, {verdict}>"

    def _repr_html_(self) -> str:
        from argand.page.notebook import html_card
        from argand.systems.patterson.solution.picture import crystal_picture

        verdict = "trusted" if self.trusted else "not trusted (best guess)"
        cell = ", ".join(f"{value:g}" for value in self.cell)
        rows = {
            "formula, Z": f"{self.formula}, {self.final.units:g}",
            "space group": self.spacegroup,
            "cell (Å, °)": cell,
            "R1 (F² > 2σ)": f"{self.r1:.4f}",
            "atoms": str(len(self.atoms)),
            "resolution": f"{self.crystal.observed.d_min:.2f} Å",
            "found by": f"{self.path}, {self.attempts} attempts in {self.seconds:.1f} s",
        }
        picture = crystal_picture(self.final.model.atoms, self.crystal.group, self.crystal.orthogonalisation)
        return html_card(f"{self.name}: {verdict}", rows, picture, self.reason, self.trusted)
