"""What is round each atom of a crystal, in a form that a network takes: neighbours, and kinds of sites.

Distances are in units of the cube root of the volume for an atom, so that they tell the shape of a structure
and not its size: species cannot be read off the lengths of bonds.
"""

from dataclasses import dataclass
from itertools import product

import numpy as np
from jaxtyping import Bool, Float, Int, UInt8

from argand.physics.crystal.structure import Structure, reduced_lattice

LARGEST = 20
"""Atoms of the largest cell that the network of species takes: the limit of the set MP-20."""
MOST_KINDS = 8
"""Elements of one structure; by benchmarks/crystals_samples.py none of the pool has more."""
NEIGHBOURS = 16
"""Neighbours listed for each atom; at the last one the weights of the others end, and it counts for none. By
hand, more than the 14 of the two first shells of a body-centred lattice."""

# Images up to two cells away along the vectors of the reduced cell. By hand: in a cell that is much shorter
# along one axis than along both others some of the 16 nearest are farther along and are missed.
_STEPS = np.array(list(product((-2, -1, 0, 1, 2), repeat=3)))


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
    metric = reduced @ reduced.T
    steps = ((_STEPS @ metric) * _STEPS).sum(1)
    square = 2 * apart @ (metric @ _STEPS.T) + ((apart @ metric) * apart).sum(1)[:, None] + steps
    square = square.reshape(len(structure), -1)
    # An atom is no neighbour of its own; its images are.
    square[square < 1e-6] = np.inf
    order = np.argpartition(square, NEIGHBOURS, axis=1)[:, :NEIGHBOURS]
    near = np.take_along_axis(square, order, 1)
    inner = np.argsort(near, axis=1)
    order = np.take_along_axis(order, inner, 1)
    return order // len(_STEPS), np.sqrt(np.take_along_axis(near, inner, 1))


def masked(
    species: np.ndarray, kinds: np.ndarray, hidden: Bool[np.ndarray, " kind"], token: int
) -> np.ndarray:
    """Atomic numbers with those of the hidden kinds replaced by `token`; padding stays 0."""
    return np.where((species > 0) & hidden[kinds], token, species)
