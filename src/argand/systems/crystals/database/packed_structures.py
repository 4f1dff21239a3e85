"""Structures in few bytes, coarse but whole: what StructureMatcher is shown of what is known.

Lengths to 0.01 Å, angles to 0.1°, places to 1/120 of the cell: far below what it takes for the same.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int, UInt8

from argand.io.compressed import compressed, restored
from argand.physics.crystal.cell import Cell
from argand.physics.crystal.structure import Structure, parameters

_STEPS = 120
"""Places are kept to this part of the cell. By hand: a byte each, and halves, thirds, quarters, fifths,
sixths and eighths are exact."""
_LENGTH, _ANGLE = 100.0, 10.0
"""Steps of an Å and of a degree. By hand, as coarse as the places in a cell of usual size."""


@dataclass(frozen=True)
class PackedStructures:
    """Cells [n, 6] and places [atom, 3] in whole steps, species, and atoms up to the end of each cell."""

    cells: Int[np.ndarray, "n 6"]
    places: UInt8[np.ndarray, "atom 3"]
    species: UInt8[np.ndarray, " atom"]
    ends: Int[np.ndarray, " n"]

    def __len__(self) -> int:
        return len(self.ends)

    def __getitem__(self, number: int) -> Structure:
        """The structure of this number, atoms by atomic number."""
        rows = slice(int(self.ends[number - 1]) if number else 0, int(self.ends[number]))
        cell = self.cells[number]
        lattice = Cell(*(cell[:3] / _LENGTH), *np.radians(cell[3:] / _ANGLE)).orthogonalisation.T
        return Structure(lattice, self.species[rows], self.places[rows] / _STEPS)

    def arrays(self) -> dict[str, np.ndarray]:
        """What a file keeps: compressed bytes, column after column."""
        columns = {"cells": self.cells.astype(np.uint16).T, "places": self.places.T, "atoms": self.species}
        columns["sizes"] = np.diff(self.ends, prepend=0).astype(np.uint16)
        return {name: compressed(column) for name, column in columns.items()}


def pack(structures: Iterable[Structure]) -> PackedStructures:
    """One structure or more, their atoms put in the order of their atomic numbers."""
    cells, places, species = [], [], []
    for one in structures:
        order = np.argsort(one.species, kind="stable")
        values = parameters(one.lattice)
        cells.append(np.rint([*_LENGTH * values[:3], *_ANGLE * np.degrees(values[3:])]).astype(int))
        places.append((np.rint(one.frac_coords[order] * _STEPS).astype(int) % _STEPS).astype(np.uint8))
        species.append(one.species[order])
    ends = np.cumsum([len(one) for one in species])
    return PackedStructures(np.array(cells), np.concatenate(places), np.concatenate(species), ends)


def unpacked(arrays: dict[str, np.ndarray]) -> PackedStructures:
    """The structures of a file's arrays.

    KeyError for a missing one, ValueError for what does not belong together.
    """
    ends = np.cumsum(restored(arrays["sizes"], np.uint16).astype(int))
    cells = restored(arrays["cells"], np.uint16).reshape(6, len(ends)).T.astype(int)
    places = restored(arrays["places"], np.uint8).reshape(3, -1).T
    species = restored(arrays["atoms"], np.uint8)
    if not len(places) == len(species) == ends[-1]:
        raise ValueError("cells and places of structures do not belong together")
    return PackedStructures(cells, places, species, ends)
