"""Agreement of a decoded structure with the true one: atom by atom, and by pymatgen's StructureMatcher."""

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from argand.errors import MissingExtraError
from argand.physics.crystal.structure import Structure, parameters

FOUND_WITHIN = 0.5
"""Å; a decoded atom this close to a true one matches it.

Set by hand: less than half of any bond except those to hydrogen, so that no atom is matched by its neighbour.
"""
LOOSE, STRICT = 0.5, 0.1
"""Site tolerance (stol) of the usual and of the strict match.

The first as in Xie et al. (CDVAE, ICLR 2022), the second by hand.
"""


@dataclass(frozen=True)
class Comparison:
    """Counts of atoms, distances in Å, the largest relative error of a length and of an angle in radians."""

    atoms: int
    decoded: int
    found: int
    species_right: int
    rms_distance: float
    length_error: float
    angle_error: float

    @property
    def is_exact(self) -> bool:
        """Whether all atoms are found, with no extra atoms and every species correct."""
        return self.atoms == self.decoded == self.found == self.species_right


def compare(decoded: Structure, truth: Structure) -> Comparison:
    """Pair the atoms of two structures in the same setting, minimising the sum of all distances.

    Fractional coordinates determine the hand: cells are right-handed, so a mirror image has other positions.
    """
    from scipy.optimize import linear_sum_assignment  # slow to import, and few answers are compared

    apart = truth.frac_coords[:, None] - decoded.frac_coords[None]
    apart -= np.round(apart)
    distance = np.linalg.norm(apart @ truth.lattice, axis=-1)
    # Beyond this an atom is lost: its distance must not affect other pairs.
    rows, columns = linear_sum_assignment(np.minimum(distance, 3 * FOUND_WITHIN))
    near = distance[rows, columns] <= FOUND_WITHIN
    rows, columns = rows[near], columns[near]
    squares = distance[rows, columns] ** 2
    cells = parameters(decoded.lattice), parameters(truth.lattice)
    return Comparison(
        atoms=len(truth),
        decoded=len(decoded),
        found=len(rows),
        species_right=int((truth.species[rows] == decoded.species[columns]).sum()),
        rms_distance=float(np.sqrt(squares.mean())) if len(rows) else float("nan"),
        length_error=float(np.abs(cells[0][:3] / cells[1][:3] - 1).max()),
        angle_error=float(np.abs(cells[0][3:] - cells[1][3:]).max()),
    )


def match(decoded: Structure, truth: Structure, stol: float = LOOSE) -> float | None:
    """Root mean square distance over (V/N)^(1/3) of matching structures; None if they do not match.

    StructureMatcher with ltol 0.3 and an angle tolerance of 10 degrees, as commonly used (Xie et al. 2022).

    Raises MissingExtraError without pymatgen.
    """
    found = _matcher(stol).get_rms_dist(truth.to_pymatgen(), decoded.to_pymatgen())
    return None if found is None else float(found[0])


@cache
def _matcher(stol: float) -> Any:
    try:
        from pymatgen.analysis.structure_matcher import StructureMatcher  # pyright: ignore[reportMissingImports]
    except ImportError as error:
        raise MissingExtraError("matching structures needs pymatgen: pip install 'argand[bench]'") from error
    return StructureMatcher(stol=stol, angle_tol=10, ltol=0.3)
