"""What the patterson system answers for a map, and the best structures so far of several maps."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import gemmi
import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from argand.errors import InputError, MissingExtraError
from argand.io.reflections import CellParameters
from argand.runs.record import SCHEMA_VERSION

if TYPE_CHECKING:
    import ase
    import pandas as pd
    from pymatgen.core import Structure  # pyright: ignore[reportMissingImports]

FoundBy = Literal["network", "dual-space", "dual-space iteration of crystals", "none"]
"""`dual-space iteration of crystals` is the method for measured crystals, see `crystal_map`."""


@dataclass(frozen=True, repr=False)
class Prediction:
    """The atoms of one map.

    `positions_voxel` are in voxels with integers at voxel edges, their mean at the centre of the box; a
    Patterson map determines neither origin nor hand of a structure. `trusted` and `reason` say whether the
    atoms explain the map, and why or why not. `residual` is the relative misfit of amplitudes, for a crystal
    R1; `path` is the method that found the atoms, after so many `attempts` in all. `elements` are given for
    crystals only; `box` is the number of voxels along each edge, `cell` the cell (Å, degrees) where known.
    """

    positions_voxel: Float[np.ndarray, "atom 3"]
    trusted: bool
    residual: float
    path: FoundBy
    attempts: int
    elements: tuple[str, ...] = ()
    reason: str = ""
    box: tuple[int, ...] = ()
    cell: CellParameters | None = None

    def __len__(self) -> int:
        return len(self.positions_voxel)

    def __repr__(self) -> str:
        verdict = "trusted" if self.trusted else "not trusted"
        return f"<Prediction: {len(self)} atoms, {verdict}, {self.reason}>"

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as `--json` prints them; `solved`, `verdict`, `tries` are keys of version 0.1."""
        return {
            "schema_version": SCHEMA_VERSION,
            "trusted": self.trusted,
            "reason": self.reason,
            "path": self.path,
            "residual": self.residual,
            "attempts": self.attempts,
            "positions_voxel": np.round(self.positions_voxel, 4).tolist(),
            **({"elements": list(self.elements)} if self.elements else {}),
            **({"box": self.box[0] if len(set(self.box)) == 1 else list(self.box)} if self.box else {}),
            **({"cell": [round(value, 4) for value in self.cell]} if self.cell is not None else {}),
            "solved": self.trusted,
            "verdict": self.reason,
            "tries": self.attempts,
        }

    @property
    def symbols(self) -> tuple[str, ...]:
        """An element for each atom: equal atoms of an unknown element count as carbon."""
        return self.elements or ("C",) * len(self)

    @property
    def positions(self) -> Float[np.ndarray, "atom 3"]:
        """Cartesian positions in Å; InputError where the cell is not known."""
        return self.frac @ self._basis.T

    @property
    def frac(self) -> Float[np.ndarray, "atom 3"]:
        """Fractional coordinates in [0, 1); InputError where the cell is not known."""
        self._require_cell()
        frac = self.positions_voxel.astype(float) / np.array(self.box) % 1.0
        return np.where(frac == 1.0, 0.0, frac)

    def to_dataframe(self) -> "pd.DataFrame":
        """One row per atom: element and position in voxels, in Å too where the cell is known.

        Raises MissingExtraError without pandas.
        """
        from argand.runs.answers import dataframe

        columns = {"element": self.symbols}
        columns |= dict(zip(("x_voxel", "y_voxel", "z_voxel"), self.positions_voxel.T.tolist(), strict=True))
        if self.cell is not None:
            columns |= dict(zip("xyz", self.positions.T.tolist(), strict=True))
        rows = zip(*columns.values(), strict=True)
        return dataframe([dict(zip(columns, row, strict=True)) for row in rows])

    def to_ase(self) -> "ase.Atoms":
        """ASE's Atoms in the periodic cell; InputError where the cell is not known."""
        from ase import Atoms

        return Atoms(self.symbols, scaled_positions=self.frac, cell=self._basis.T, pbc=True)

    def to_pymatgen(self) -> "Structure":
        """pymatgen's Structure; InputError where the cell is unknown, MissingExtraError without pymatgen."""
        try:
            from pymatgen.core import Lattice, Structure  # pyright: ignore[reportMissingImports]
        except ImportError as error:
            raise MissingExtraError("to_pymatgen needs pymatgen; pip install pymatgen") from error
        return Structure(Lattice(self._basis.T), list(self.symbols), self.frac)

    def _repr_html_(self) -> str:
        from argand.page.notebook import html_card
        from argand.systems.patterson.solution.picture import atoms_picture

        rows = {
            "atoms": str(len(self)),
            "residual": f"{self.residual:.4f}",
            "found by": f"{self.path}, {self.attempts} attempts",
            "reason": self.reason,
        }
        known = self.cell is not None
        places = self.unwrapped if known else self.positions_voxel.astype(float)
        title = "Patterson map: " + ("trusted" if self.trusted else "not trusted (best guess)")
        picture = atoms_picture(places, self.symbols, joined=known)
        return html_card(title, rows, picture, trusted=self.trusted)

    @property
    def unwrapped(self) -> Float[np.ndarray, "atom 3"]:
        """Cartesian positions in Å as `positions_voxel` has them, not moved into the cell."""
        self._require_cell()
        return self.positions_voxel / np.array(self.box) @ self._basis.T

    @property
    def _basis(self) -> Float[np.ndarray, "3 3"]:
        """Edges of the cell in Å as columns."""
        self._require_cell()
        assert self.cell is not None
        return np.array(gemmi.UnitCell(*self.cell).orth.mat.tolist())

    def _require_cell(self) -> None:
        if self.cell is None or not self.box:
            raise InputError("the cell of this map is not known; give its cell in Å and degrees")


@dataclass
class Solutions:
    """The best structures so far of several maps, and whether each explains its map."""

    positions: Float[Tensor, "batch atom 3"]
    residual: Float[Tensor, " batch"]
    solved: Bool[Tensor, " batch"]
    attempts: Int[Tensor, " batch"]
    path: list[FoundBy]

    @classmethod
    def none(cls, batch: int, atoms: int, device: torch.device | str = "cpu") -> "Solutions":
        """Nothing found yet."""
        residual = torch.full((batch,), torch.inf, device=device)
        attempts = torch.zeros(batch, dtype=torch.long, device=device)
        places = torch.zeros(batch, atoms, 3, device=device)
        return cls(places, residual, torch.zeros_like(attempts, dtype=torch.bool), attempts, ["none"] * batch)

    @property
    def open(self) -> Int[Tensor, " some"]:
        """Numbers of the maps that are not solved yet."""
        return (~self.solved).nonzero()[:, 0]

    def take(self, rows: Tensor, positions: Tensor, residual: Tensor, trusted: Tensor, path: FoundBy) -> None:
        """Keep new structures of the maps `rows` where they are better, in place; each counts as an attempt.

        A trusted structure is better than one that is not.
        """
        self.attempts[rows] += 1
        better = (residual < self.residual[rows]) & (trusted | ~self.solved[rows])
        better = better | (trusted & ~self.solved[rows])
        kept = rows[better]
        self.positions[kept], self.residual[kept] = positions[better], residual[better]
        self.solved[kept] = trusted[better]
        for row in kept.tolist():
            self.path[row] = path

    def answers(self) -> list[Prediction]:
        """One answer for each map."""
        places = self.positions.cpu().numpy()
        verdicts = zip(self.solved.tolist(), self.residual.tolist(), strict=True)
        rows = zip(places, verdicts, self.path, self.attempts.tolist(), strict=True)
        return [
            Prediction(place, *verdict, path, attempts, reason=_in_words(*verdict))
            for place, verdict, path, attempts in rows
        ]


def _in_words(trusted: bool, residual: float) -> str:
    """Why an answer of equal atoms is trusted, or not."""
    if trusted:
        return f"residual = {residual:.4f}, as small as the noise allows"
    return f"residual = {residual:.4f}: no structure of that many equal atoms explains the map"
