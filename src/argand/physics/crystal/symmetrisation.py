"""Symmetrising a nearly symmetric structure: lattice and positions averaged over its operations."""

import numpy as np

from argand.physics.crystal.cell import Cell
from argand.physics.crystal.structure import Structure, parameters, wrapped
from argand.typing import Matrix3


def symmetrised(structure: Structure, tolerance: float) -> tuple[Structure, str]:
    """The structure averaged over all operations that map it onto itself within `tolerance` Å, and their
    group.

    The setting is kept: a along x, b in the xy plane, the same cell. If no operations are found, as with
    atoms closer than the tolerance, the structure is unchanged and the group is P1. Operations by spglib.

    `tolerance` in Å is spglib's `symprec`; it is the user's choice.
    """
    import spglib  # only where they are used: two more libraries to load
    from scipy.optimize import linear_sum_assignment

    cell = (structure.lattice.tolist(), structure.frac_coords.tolist(), structure.species.tolist())
    # None if nothing is found; future releases raise instead, and older ones lack that error.
    try:
        dataset = spglib.get_symmetry_dataset(cell, symprec=tolerance)
    except getattr(spglib, "SpglibError", ()):
        dataset = None
    if dataset is None:
        return structure, "P1"
    lattice = _lattice(structure.lattice, dataset.rotations)
    total = np.zeros_like(structure.frac_coords)
    for rotation, translation in zip(dataset.rotations, dataset.translations, strict=True):
        moved = structure.frac_coords @ rotation.T + translation
        apart = moved[:, None] - structure.frac_coords[None]
        apart -= np.round(apart)
        other = structure.species[:, None] != structure.species[None]
        # 1000 Å: no atom is paired with one of another element.
        _, images = linear_sum_assignment(np.linalg.norm(apart @ lattice, axis=-1) + 1e3 * other)
        total[images] += apart[np.arange(len(images)), images]
    places = structure.frac_coords + total / len(dataset.rotations)
    return Structure(lattice, structure.species, wrapped(places)), str(dataset.international)


def _lattice(lattice: Matrix3, rotations: np.ndarray) -> Matrix3:
    """The lattice with the mean metric of all images of the given one."""
    metric = lattice @ lattice.T
    mean = np.mean([rotation.T @ metric @ rotation for rotation in rotations.astype(float)], axis=0)
    values = parameters(np.linalg.cholesky(mean))
    return Cell(*values).orthogonalisation.T
