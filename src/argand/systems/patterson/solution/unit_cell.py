"""All atoms of the unit cell from those of the asymmetric unit."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from argand.physics.crystal.atom import Atoms
from argand.physics.crystal.symmetry import Group
from argand.typing import Matrix3, Points3

_SAME = 1e-3
"""Å within which two images of an atom are one: atoms on special positions are exactly there, to rounding."""
_LAST_DIGIT = 1e-5
"""Of coordinates in a CIF."""


class UnitCell(NamedTuple):
    """Elements, fractional coordinates in [0, 1), and chemical occupancies of all atoms of the cell."""

    elements: tuple[str, ...]
    frac: Points3
    occupancy: Float[np.ndarray, " n"]


def wrapped(frac: Points3) -> Points3:
    """The same coordinates in [0, 1), also where they are written with five digits."""
    inside = frac - np.floor(frac)
    return np.where(inside >= 1 - _LAST_DIGIT / 2, 0.0, inside)


def unit_cell(atoms: Atoms, group: Group, orthogonalisation: Matrix3) -> UnitCell:
    """Every image of the atoms once; `orthogonalisation` has the edges in Å as columns."""
    elements, places, occupancies = [], [], []
    for number, element in enumerate(atoms.elements):
        _, place, kept = group.site(atoms.frac[number], orthogonalisation)
        images = wrapped(group.rotations @ place + group.translations)
        different: list[int] = []
        for image in range(len(images)):
            apart = images[different] - images[image]
            length = np.linalg.norm((apart - np.rint(apart)) @ orthogonalisation.T, axis=1)
            if not (length < _SAME).any():
                different.append(image)
        places.append(images[different])
        elements += [element] * len(different)
        held = min(float(atoms.occupancy[number]) * kept, 1.0)
        occupancies += [held] * len(different)
    return UnitCell(tuple(elements), np.vstack(places), np.array(occupancies))
