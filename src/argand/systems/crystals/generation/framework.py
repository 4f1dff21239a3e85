"""A crystal as its framework and what is free in it: group, elements on Wyckoff positions, places, cell."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from argand.physics.crystal.structure import Structure, parameters
from argand.physics.crystal.wyckoff import operations
from argand.systems.crystals.generation.wyckoff_table import LETTERS, positions
from argand.typing import Matrix3, Points3

SYMPREC = 0.1
"""Å within which symmetry is looked for (spglib's `symprec`), in learning and in telling what is known: that
of the Materials Project. By this tolerance the operations and with them the framework are assigned: a
distortion below it is not seen, and what is told of a structure holds for this tolerance alone."""
MOST_SITES = 20
"""Atoms of the largest primitive cell: the limit of the set MP-20."""
PARTS = 96
"""Steps of a free coordinate; by hand: halves, thirds, quarters, sixths and eighths are exact, and in a cell
of 10 Å a place is within 0.05 Å."""


@dataclass(frozen=True)
class Framework:
    """Space group, and for each orbit its letter (number in `LETTERS`), element and free coordinates.

    Orbits are sorted by letter, element and place. `places` are in `PARTS`ths of the cell, padded with 0;
    `cell` is log((V/N)^(1/3) in Å), log(b/a), log(c/a), cos alpha, cos beta, cos gamma of the standard
    (conventional) cell.
    """

    group: int
    letters: Int[np.ndarray, " orbit"]
    elements: Int[np.ndarray, " orbit"]
    places: Int[np.ndarray, "orbit 3"]
    cell: Float[np.ndarray, "6"]

    @property
    def sites(self) -> int:
        """Atoms of the primitive cell."""
        there = list(positions(self.group).values())
        return sum(there[n].multiplicity for n in self.letters) // operations(self.group).centrings


def framework(structure: Structure, tolerance: float = SYMPREC) -> Framework | None:
    """What spglib finds the structure to be within `tolerance` Å, or None where it finds no symmetry at all.

    Of equivalent sites that is told whose free coordinates are least. Where the group leaves the origin free
    along a direction, the first orbit is at zero there.
    """
    import spglib

    cell = (structure.lattice.tolist(), structure.frac_coords.tolist(), structure.species.tolist())
    try:
        found = spglib.get_symmetry_dataset(cell, symprec=tolerance)
    except getattr(spglib, "SpglibError", ()):
        found = None
    if found is None:
        return None
    group = int(found.number)
    # From atoms of the standard cell by the primitive cell to the atoms that were given.
    given = {int(site): number for number, site in enumerate(found.mapping_to_primitive)}
    source = np.array([given[int(site)] for site in found.std_mapping_to_primitive])
    orbits = np.asarray(found.crystallographic_orbits)[source]
    chosen = [np.flatnonzero(orbits == orbit) for orbit in np.unique(orbits)]
    letters = np.array([LETTERS.index(found.wyckoffs[source[rows[0]]]) for rows in chosen])
    elements = np.array([int(found.std_types[rows[0]]) for rows in chosen])
    order = np.lexsort([elements, letters])
    sites = np.asarray(found.std_positions)
    sites = sites - _polar(group) @ sites[chosen[order[0]][0]]
    places = np.zeros((len(chosen), 3), int)
    for orbit, rows in enumerate(chosen):
        told = _told(group, int(letters[orbit]), sites[rows])
        if told is None:
            return None
        places[orbit, : len(told)] = told
    order = np.lexsort([*places.T[::-1], elements, letters])
    lattice = np.asarray(found.std_lattice)
    return Framework(group, letters[order], elements[order], places[order], cell_numbers(lattice, len(sites)))


def _polar(group: int) -> Float[np.ndarray, "3 3"]:
    """Projection on the directions along which the origin is free: what all rotations leave."""
    return operations(group).rotations.mean(0)


def _told(group: int, letter: int, sites: Points3) -> list[int] | None:
    """Least free coordinates, in steps, of the sites on the representative; None where there is none."""
    position = positions(group)[LETTERS[letter]]
    sites = sites[position.holds(sites)]
    if not len(sites):
        return None
    steps = np.rint(sites @ position.readout.T * PARTS).astype(int) % PARTS
    return min(steps.tolist())


def cell_numbers(lattice: Matrix3, atoms: int) -> Float[np.ndarray, "6"]:
    """The numbers `Framework.cell` of a lattice with this many atoms."""
    a, b, c, *angles = parameters(lattice)
    size = np.log(abs(np.linalg.det(lattice)) / atoms) / 3
    return np.array([size, np.log(b / a), np.log(c / a), *np.cos(angles)])


def free_numbers(group: int) -> list[int]:
    """Which of the numbers `Framework.cell` the crystal system leaves free."""
    if group <= 2:
        return [0, 1, 2, 3, 4, 5]
    if group <= 15:
        return [0, 1, 2, 4]
    if group <= 74:
        return [0, 1, 2]
    return [0, 2] if group <= 194 else [0]
