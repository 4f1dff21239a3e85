"""How far the atoms of a decoded structure are from those of the structure that was encoded."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from argand.physics.crystal.structure import Structure

_SAME_CELL = 0.02
"""Largest relative difference of two cells that count as one setting. By hand: a misread vector changes the
cell by less, another choice of axes by more."""


@dataclass(frozen=True)
class Displacements:
    """For each decoded atom the number of the atom that it stands for, and the distance to it in Å."""

    partners: Int[np.ndarray, " atom"]
    distance: Float[np.ndarray, " atom"]


def displacements(given: Structure, decoded: Structure, *, strained: bool = False) -> Displacements | None:
    """Pairs of atoms of the smallest sum of distances, elements aside; None where atoms cannot be compared.

    They can where both have as many atoms and, unless one is the other `strained`, the same cell. Distances
    are those of the fractions in the given cell, so that a strain alone moves no atom.
    """
    if len(given) != len(decoded):
        return None
    if not strained and not np.allclose(
        given.lattice @ given.lattice.T,
        decoded.lattice @ decoded.lattice.T,
        rtol=0,
        atol=_SAME_CELL * float((given.lattice**2).sum(1).max()),
    ):
        return None
    apart = decoded.frac_coords[:, None] - given.frac_coords[None]
    apart -= np.round(apart)
    distance = np.linalg.norm(apart @ given.lattice, axis=-1)
    from scipy.optimize import linear_sum_assignment  # slow to import

    rows, columns = linear_sum_assignment(distance)
    return Displacements(columns, distance[rows, columns])
