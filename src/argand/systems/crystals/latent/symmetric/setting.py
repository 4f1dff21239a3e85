"""A crystal in the standard setting of its space group, by the primitive cell there.

Settings are those of spglib: the first Hall symbol of each type in its table (b unique, hexagonal axes of
rhombohedral groups, the first origin), whose conventional cells have equal lengths and fixed angles where the
crystal family says so.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from jaxtyping import Float, Int

from argand.errors import InputError
from argand.physics.crystal.cell import Cell
from argand.physics.crystal.structure import Structure, parameters, wrapped
from argand.physics.crystal.supercell import Multiples, unfolded
from argand.typing import Matrix3, Vector3

SETTINGS = 530
"""Hall symbols in the table (Hall & Grosse-Kunstleve's, which spglib numbers from 1)."""
_FAMILIES = ((2, (0, 1, 2, 3, 4, 5)), (15, (0, 1, 2, 4)), (74, (0, 1, 2)), (194, (0, 2)), (230, (0,)))
"""Last number of the space groups of a family, and which of a, b, c, alpha, beta, gamma are free in it
(International Tables A, table 2.1.1.1)."""
_HEXAGONAL = (143, 194)
"""Space groups whose gamma is 120° (International Tables A)."""
_PRIMITIVE = {
    "P": [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
    "A": [[1, 0, 0], [0, 0.5, -0.5], [0, 0.5, 0.5]],
    "C": [[0.5, 0.5, 0], [-0.5, 0.5, 0], [0, 0, 1]],
    "I": [[-0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0.5, 0.5, -0.5]],
    "F": [[0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]],
    "R": [[2 / 3, 1 / 3, 1 / 3], [-1 / 3, 1 / 3, 1 / 3], [-1 / 3, -2 / 3, 1 / 3]],
}
"""Vectors of the primitive cell in terms of the conventional ones, as rows, for each centring (International
Tables A, table 1.5.1.1; R obverse)."""
_SAME = 1e-3
"""Fractions of a cell within which two places of one element are one atom. By hand: spglib writes exact
places."""


@dataclass(frozen=True)
class Setting:
    """The primitive cell of a Hall symbol's conventional one.

    x' = rotation @ x + translation in fractions of the primitive cell, one operator for each rotation;
    `basis` has its vectors in terms of the conventional ones as rows; `free` says which of a, b, c, alpha,
    beta, gamma the group leaves free.
    """

    rotations: Int[np.ndarray, "g 3 3"]
    translations: Float[np.ndarray, "g 3"]
    basis: Matrix3
    free: tuple[int, ...]
    is_hexagonal: bool

    def lattice(self, values: Sequence[float] | Float[np.ndarray, " free"]) -> Matrix3:
        """Primitive vectors in Å as rows, from the free lengths (Å) and angles (radians)."""
        return self.basis @ Cell(*self._filled(values)).orthogonalisation.T

    def _filled(self, values: Sequence[float] | Float[np.ndarray, " free"]) -> Float[np.ndarray, "6"]:
        """All six parameters of the conventional cell."""
        cell = np.array([0.0, 0.0, 0.0, *[np.pi / 2] * 3])
        if self.is_hexagonal:
            cell[5] = 2 * np.pi / 3
        cell[list(self.free)] = values
        for axis in (1, 2):
            cell[axis] = cell[axis] or cell[0]
        return cell


@cache
def setting_of(hall: int) -> Setting:
    """The setting of a Hall symbol by its number, 1 to 530; InputError for another number."""
    import spglib  # only where it is used: another library to load

    if not 1 <= hall <= SETTINGS:
        raise InputError(f"no Hall symbol has the number {hall}; there are {SETTINGS}")
    group = spglib.get_spacegroup_type(hall)
    operations = spglib.get_symmetry_from_database(hall)
    assert group is not None
    assert operations is not None
    letter = group.international_short[0]
    basis = np.array(_PRIMITIVE["P" if letter == "R" and group.choice == "R" else letter], float)
    change = np.linalg.inv(basis).T
    rotations = np.rint(change @ operations["rotations"] @ np.linalg.inv(change)).astype(int)
    rotations, first = np.unique(rotations, axis=0, return_index=True)
    translations = operations["translations"][first] @ change.T
    free = next(free for last, free in _FAMILIES if group.number <= last)
    is_hexagonal = _HEXAGONAL[0] <= group.number <= _HEXAGONAL[1]
    return Setting(rotations, translations % 1.0, basis, free, is_hexagonal)


@dataclass(frozen=True)
class Standard:
    """A structure by the primitive cell of its standard setting, and how it lay in the cell it was given in.

    The given vectors are `multiples` of the primitive ones (rows), x_standard = x_given @ multiples + shift.
    """

    hall: int
    structure: Structure
    multiples: Multiples
    shift: Vector3


def standardised(structure: Structure, tolerance: float) -> Standard:
    """The structure in its standard setting.

    Places and cell are exactly as symmetric as the group says; they were so within `tolerance` Å (spglib's
    `symprec`). InputError where spglib finds no group, as with atoms nearer than the tolerance.
    """
    import spglib  # only where it is used: another library to load

    cell = (structure.lattice.tolist(), structure.frac_coords.tolist(), structure.species.tolist())
    # None where nothing is found; releases to come raise instead, and older ones have no such error.
    try:
        dataset = spglib.get_symmetry_dataset(cell, symprec=tolerance)
    except getattr(spglib, "SpglibError", ()):
        dataset = None
    if dataset is None:
        raise InputError(f"no space group is found within {tolerance:g} Å; take a model without symmetry")
    setting = setting_of(int(dataset.hall_number))
    values = parameters(dataset.std_lattice)[list(setting.free)]
    into = np.linalg.inv(setting.basis)
    places = wrapped(dataset.std_positions @ into)
    kept = _once(places, dataset.std_types)
    standard = Structure(setting.lattice(values), dataset.std_types[kept].astype(np.uint8), places[kept])
    multiples = np.rint(dataset.transformation_matrix.T @ into).astype(int)
    return Standard(int(dataset.hall_number), standard, multiples, dataset.origin_shift @ into)


def as_given(standard: Structure, multiples: Multiples, shift: Vector3) -> Structure:
    """The structure in the cell and from the origin that it was given in; a along x, b in the xy plane."""
    moved = Structure(standard.lattice, standard.species, wrapped(standard.frac_coords - shift))
    return unfolded(moved, multiples)


def _once(places: Float[np.ndarray, "n 3"], species: Int[np.ndarray, " n"]) -> list[int]:
    """The first of all atoms on each place: centrings repeat them in the conventional cell."""
    kept: list[int] = []
    for number, place in enumerate(places):
        apart = places[kept] - place
        apart -= np.rint(apart)
        same = (np.abs(apart) < _SAME).all(1) & (species[kept] == species[number])
        if not same.any():
            kept.append(number)
    return kept
