"""A standard setting of a crystal, independent of the input setting: smallest cell, order of axes, origin.

Of all cells with nearly the shortest edges, and all origins, the setting is chosen in which short axes come
first, angles are acute, and atoms best match a fixed asymmetric template. All three are smooth functions of
the crystal, so that a small distortion does not change the choice unless two settings are about equally good;
settings that are exactly equally good are equivalent by symmetry.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from argand.physics.crystal.alignment import (
    FIT,
    Changes,
    best_fit,
    changed,
    low_indices,
    right_handed_reduced,
    unimodular,
    values_of,
    whole_inverse,
)
from argand.physics.crystal.bond import covalent_radii
from argand.physics.crystal.reciprocal import waves
from argand.physics.crystal.structure import Structure
from argand.physics.crystal.supercell import Multiples, folded, unfolded
from argand.typing import Matrix3, Vector3

_LONGER, _ACUTE = 5.0, 0.3
"""Penalty for edges beyond the shortest (on the sum of squares) and reward for acute angles (sum of cosines),
relative to the logarithm of the longest axis over the shortest. Set by hand: fits to the template differ by a
twentieth of `FIT` or more, as do axes that differ by 2 %."""
_TEMPLATE = np.array([[0.0, 0.0, 0.0], [0.27, 0.14, 0.06], [0.1, 0.36, 0.19], [0.62, 0.23, 0.45]])
"""Positions of the template, in fractions of the cell. Set by hand: no symmetry maps them onto themselves."""
_TEMPLATE_WEIGHTS = np.array([1.0, 0.6, 0.4, 0.3])
"""Their weights. Set by hand: the heaviest is the origin."""


@dataclass(frozen=True)
class Setting:
    """A crystal in its canonical cell, and its input setting: cell vectors M times these, positions shifted.

    Input positions are those of `structure` plus `shift`, in fractions of its cell.
    """

    structure: Structure
    multiples: Multiples
    shift: Vector3

    def restored(self, structure: Structure) -> Structure:
        """Another crystal, given in this one's canonical cell, transformed to this one's input setting."""
        moved = Structure(structure.lattice, structure.species, structure.frac_coords + self.shift)
        return unfolded(moved, self.multiples)


def as_given(structure: Structure) -> Setting:
    """The setting of a structure without any change."""
    return Setting(structure, np.eye(3, dtype=int), np.zeros(3))


def canonical(structure: Structure) -> Setting:
    """The canonical setting of a crystal; that of its mirror image differs unless the two coincide.

    Supercells are reduced to their smallest cell by `supercell.folded`.
    """
    smallest = folded(structure)
    cell, multiples = structure, np.eye(3, dtype=int)
    if smallest is not None:
        cell, multiples = smallest.primitive, smallest.multiples
    if np.linalg.det(multiples) < 0:
        cell = Structure(-cell.lattice, cell.species, -cell.frac_coords)
        multiples = -multiples
    hkl = low_indices()
    target = waves(hkl, _TEMPLATE) @ _TEMPLATE_WEIGHTS[:, None] / _TEMPLATE_WEIGHTS.sum()
    changes, merits = _compact_cells(cell.lattice)
    chosen, shift = best_fit(target, hkl, values_of(cell, _weights(cell)), changes, merits)
    change = changes[chosen]
    return Setting(changed(cell, change, shift), multiples @ whole_inverse(change), -shift % 1.0)


def _weights(structure: Structure) -> Float[np.ndarray, "atom 1"]:
    """Covalent radii over the number of atoms of the element: a rare, large atom becomes the origin.

    Of radii, their cubes, atomic numbers, and the same over the number, its root and its square, these
    change fewest settings of 200 distorted cells of the pool.
    """
    _, number, counts = np.unique(structure.species, return_inverse=True, return_counts=True)
    weights = covalent_radii(structure.species.tolist()) / counts[number]
    return weights[:, None] / weights.sum()


def _compact_cells(lattice: Matrix3) -> tuple[Changes, Float[np.ndarray, " cell"]]:
    """Changes to the cells that may be the canonical one, and their merits."""
    reduced, change = right_handed_reduced(lattice)
    tried = unimodular()
    metric = np.einsum("kia,ab,kjb->kij", tried, reduced @ reduced.T, tried, optimize=True)
    square = np.einsum("kii->ki", metric)
    length = np.sqrt(square)
    total = square.sum(1)
    cosines = sum(metric[:, i, j] / (length[:, i] * length[:, j]) for i, j in ((0, 1), (0, 2), (1, 2)))
    merits = np.log(length[:, 2] / length[:, 0]) + _ACUTE * cosines - _LONGER * (total / total.min() - 1)
    # The fit to the template contributes between 0 and FIT.
    kept = merits >= merits.max() - FIT
    return tried[kept] @ change, merits[kept]
