"""The space group of a structure within a tolerance."""

from typing import Any

import numpy as np

from argand.physics.crystal.asymmetric_unit import symmetry_dataset
from argand.physics.crystal.structure import Structure

TOLERANCE = 0.1
"""Å, spglib's `symprec`: that of the Materials Project, with whose structures new ones are compared."""


def space_group(structure: Structure, tolerance: float = TOLERANCE) -> tuple[str, int] | None:
    """Symbol and number by spglib with the tolerance in Å as `symprec`; None if it finds none."""
    dataset = _dataset(structure, tolerance)
    return None if dataset is None else (str(dataset.international), int(dataset.number))


def rotations(structure: Structure, tolerance: float = TOLERANCE) -> int:
    """Operations of the point group, 1 to 48; 1 if spglib finds none. `tolerance` in Å."""
    dataset = _dataset(structure, tolerance)
    return 1 if dataset is None else len(np.unique(dataset.rotations, axis=0))


def _dataset(structure: Structure, tolerance: float) -> Any:
    return symmetry_dataset(structure.lattice, structure.species, structure.frac_coords, tolerance)
