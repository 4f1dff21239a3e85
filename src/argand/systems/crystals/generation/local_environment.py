"""What is round each atom of a crystal, in a form that a network takes: neighbours, and kinds of sites.

Distances are in units of the cube root of the volume for an atom, so that they tell the shape of a structure
and not its size: species cannot be read off the lengths of bonds.
"""

from dataclasses import dataclass
from itertools import product

import numpy as np
from jaxtyping import Bool, Float, Int, UInt8

from argand.physics.crystal.structure import Structure, reduced_lattice
from argand.typing import Matrix3

LARGEST = 20
"""Atoms of the largest cell that the network of species takes: the limit of the set MP-20."""
MOST_KINDS = 8
"""Elements of one structure; by benchmarks/crystals_samples.py none of the pool has more."""
NEIGHBOURS = 16
"""Neighbours listed for each atom; at the last one the weights of the others end, and it counts for none. By
hand, more than the 14 of the two first shells of a body-centred lattice."""

_REACH = np.array([2, 2, 2])
"""Cells away along the vectors of the reduced cell in which neighbours are looked for first. By hand: in most
cells there are 16 nearer than any of those left out, and where they are not more are looked through."""


@dataclass(frozen=True)
class LocalEnvironment:
    """Padded to `LARGEST` atoms: atomic numbers (0: no atom), kinds numbered from 0, and neighbours.

    Atoms of one element are of one kind. `log_scale` is the logarithm of the unit of `distance` in Å.
    """

    species: UInt8[np.ndarray, " atom"]
    kinds: UInt8[np.ndarray, " atom"]
    neighbours: UInt8[np.ndarray, "atom neighbour"]
    distance: Float[np.ndarray, "atom neighbour"]
    log_scale: float


def fits(structure: Structure) -> bool:
    """Whether the network of species takes the structure."""
    return len(structure) <= LARGEST and len(np.unique(structure.species)) <= MOST_KINDS


def local_environment(structure: Structure) -> LocalEnvironment:
    """Neighbours and kinds of a structure that `fits`; distances in cube roots of the volume for an atom."""
    count = len(structure)
    scale = (structure.volume / count) ** (1 / 3)
    neighbours = np.zeros((LARGEST, NEIGHBOURS), np.uint8)
    # 9 is beyond all radial functions (2.2): padding says nothing.
    distance = np.full((LARGEST, NEIGHBOURS), 9.0, np.float32)
    neighbours[:count], near = _nearest(structure)
    distance[:count] = near / scale
    species, kinds = np.zeros(LARGEST, np.uint8), np.zeros(LARGEST, np.uint8)
    species[:count] = structure.species
    kinds[:count] = kinds_of(structure.species)
    return LocalEnvironment(species, kinds, neighbours, distance, float(np.log(scale)))


def kinds_of(species: UInt8[np.ndarray, " n"]) -> Int[np.ndarray, " n"]:
    """Number of each atom's element among the elements that there are."""
    return np.unique(species, return_inverse=True)[1].reshape(-1)


def _nearest(
    structure: Structure,
) -> tuple[Int[np.ndarray, "n neighbour"], Float[np.ndarray, "n neighbour"]]:
    """Numbers of the nearest atoms of each atom, images of itself among them, and how far they are in Å."""
    reduced, change = reduced_lattice(structure.lattice)
    places = structure.frac_coords @ np.linalg.inv(change)
    apart = places[None] - places[:, None]
    apart = (apart - np.round(apart)).reshape(-1, 3)
    found = _nearest_within(apart, reduced, _REACH)
    # An atom nearer than the farthest found is at most so many lattice planes away along each axis, and by
    # rounding half a cell.
    spacing = 1 / np.linalg.norm(np.linalg.inv(reduced), axis=0)
    reach = np.floor(found[1].max() / spacing + 0.5).astype(int)
    return found if (reach <= _REACH).all() else _nearest_within(apart, reduced, reach)


def _nearest_within(
    apart: Float[np.ndarray, "pair 3"], lattice: Matrix3, reach: Int[np.ndarray, "3"]
) -> tuple[Int[np.ndarray, "n neighbour"], Float[np.ndarray, "n neighbour"]]:
    """The same among the images of up to `reach` cells away; rows of `apart` are all pairs of atoms."""
    count = round(len(apart) ** 0.5)
    moves = np.array(list(product(*(range(-end, end + 1) for end in reach))))
    metric = lattice @ lattice.T
    steps = ((moves @ metric) * moves).sum(1)
    square = 2 * apart @ (metric @ moves.T) + ((apart @ metric) * apart).sum(1)[:, None] + steps
    square = square.reshape(count, -1)
    # An atom is not its own neighbour; its periodic images are.
    square[square < 1e-6] = np.inf
    order = np.argpartition(square, NEIGHBOURS, axis=1)[:, :NEIGHBOURS]
    near = np.take_along_axis(square, order, 1)
    inner = np.argsort(near, axis=1)
    order = np.take_along_axis(order, inner, 1)
    return order // len(moves), np.sqrt(np.take_along_axis(near, inner, 1))


def masked(
    species: np.ndarray, kinds: np.ndarray, hidden: Bool[np.ndarray, " kind"], token: int
) -> np.ndarray:
    """Atomic numbers with those of the hidden kinds replaced by `token`; padding stays 0."""
    return np.where((species > 0) & hidden[kinds], token, species)
