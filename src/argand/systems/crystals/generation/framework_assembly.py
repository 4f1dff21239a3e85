"""A crystal built from a framework orbit by orbit, and whether its atoms have room."""

import numpy as np
from jaxtyping import Float

from argand.physics.crystal.cell import Cell
from argand.physics.crystal.overlap import least_distances
from argand.physics.crystal.structure import (
    NEIGHBOUR_CELLS,
    Structure,
    reduced_lattice,
    wrapped,
)
from argand.physics.crystal.wyckoff import operations, primitive_vectors
from argand.systems.crystals.generation.framework import PARTS, Framework
from argand.systems.crystals.generation.wyckoff_table import LETTERS, positions
from argand.typing import Points3

_FLATTEST = 0.1
"""Least volume of a cell over that of a box of its sides. By hand: angles drawn one by one may not close, and
of the pool's standard cells none is as flat."""
_STEEPEST = 0.95
"""Largest cosine of an angle of a cell; by hand, as the standard cells of the pool stay below 0.71."""


class Assembly:
    """A primitive cell that atoms are put in, one orbit after another.

    `cell` is that of `Framework`, for `sites` atoms in the primitive cell; `is_open` tells whether its angles
    make a cell at all.
    """

    def __init__(self, group: int, cell: Float[np.ndarray, "6"], sites: int) -> None:
        self.group = group
        sides = np.exp([0.0, *cell[1:3]])
        angles = np.arccos(np.clip(cell[3:], -_STEEPEST, _STEEPEST))
        lattice = Cell(*sides, *angles).orthogonalisation.T
        volume = abs(np.linalg.det(lattice))
        self.is_open = bool(volume > _FLATTEST * np.prod(sides))
        self.species = np.zeros(0, np.uint8)
        self.places = np.zeros((0, 3))
        if self.is_open:
            lattice *= np.exp(cell[0]) * (sites * operations(group).centrings / volume) ** (1 / 3)
            inner, change = reduced_lattice(primitive_vectors(group) @ lattice)
            self.lattice = inner
            self.to_inner = np.linalg.inv(change @ primitive_vectors(group))
            self.shortest = float(np.linalg.norm(inner, axis=1).min())

    def orbit(self, letter: int, steps: np.ndarray) -> Points3 | None:
        """Places in the primitive cell of an orbit; None where its sites fall together on a special place.

        `steps` are free coordinates in `PARTS`ths.
        """
        position = positions(self.group)[LETTERS[letter]]
        point = position.point(np.asarray(steps)[: position.freedom] / PARTS)
        ops = operations(self.group)
        images = _distinct(ops.images(point) @ self.to_inner)
        return images if len(images) == position.multiplicity // ops.centrings else None

    def has_room(self, places: Points3, element: int) -> bool:
        """Whether atoms at these places are near neither each other, nor their images, nor those there."""
        species = np.append(np.repeat(np.uint8(element), len(places)), self.species)
        least = least_distances(species)[: len(places)]
        if self.shortest < least[0, 0]:
            return False
        apart = places[:, None] - np.concatenate([places, self.places])[None]
        apart -= np.round(apart)
        moved = (apart[:, :, None] + NEIGHBOUR_CELLS) @ self.lattice
        length = np.linalg.norm(moved, axis=-1).min(2)
        np.fill_diagonal(length, np.inf)
        return bool((length >= least).all())

    def add(self, places: Points3, element: int) -> None:
        """Put atoms of an element at these places."""
        self.places = np.concatenate([self.places, places])
        self.species = np.append(self.species, np.repeat(np.uint8(element), len(places)))

    def structure(self) -> Structure:
        """What has been put together."""
        return Structure(self.lattice, self.species, wrapped(self.places))


def assembled(one: Framework) -> Structure | None:
    """The crystal of a framework, atoms by orbits; None where its cell is none or its sites fall together."""
    made = Assembly(one.group, one.cell, one.sites)
    if not made.is_open:
        return None
    for letter, element, steps in zip(one.letters, one.elements, one.places, strict=True):
        places = made.orbit(int(letter), steps)
        if places is None:
            return None
        made.add(places, int(element))
    return made.structure()


def _distinct(places: Points3) -> Float[np.ndarray, "site 3"]:
    """The places without repetitions by lattice vectors."""
    apart = places[:, None] - places[None]
    same = (np.abs(apart - np.round(apart)) < 1e-4).all(-1)
    return wrapped(places[~np.tril(same, -1).any(1)])
