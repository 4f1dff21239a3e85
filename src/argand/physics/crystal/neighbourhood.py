"""Bonded neighbours of an atom, including symmetry images, and molecules in the order of their bonds."""

from dataclasses import dataclass
from itertools import product

import numpy as np
from jaxtyping import Float, Int

from argand.physics.crystal.atom import Atoms
from argand.physics.crystal.bond import SLACK, bonds, covalent_radii
from argand.physics.crystal.symmetry import Group
from argand.typing import Matrix3, Points3, Vector3

_SAME = 0.5
"""Å within which two images are the same atom; set by hand, as in `Group.site`."""
_SHIFTS = np.array(list(product((-1, 0, 1), repeat=3)))


@dataclass(frozen=True)
class Neighbours:
    """The atoms bonded to one: their indices in the asymmetric unit, and vectors to them in Å."""

    numbers: Int[np.ndarray, " n"]
    vectors: Points3

    def __len__(self) -> int:
        return len(self.numbers)

    def only(self, chosen: np.ndarray) -> "Neighbours":
        """The chosen neighbours, nearest first."""
        numbers, vectors = self.numbers[chosen], self.vectors[chosen]
        order = np.argsort(np.linalg.norm(vectors, axis=1), kind="stable")
        return Neighbours(numbers[order], vectors[order])


def neighbours(
    place: Vector3, radius: float, atoms: Atoms, group: Group, cell: Matrix3, slack: float = SLACK
) -> Neighbours:
    """The atoms bonded to one at `place`, nearest first, among all images by the group.

    `place` is fractional, `radius` the covalent one in Å, `cell` has a, b, c in Å as columns; a bond is at
    most the sum of the radii plus `slack` Å long. The atom itself is excluded.
    """
    apart = group.images(atoms.frac) - place
    apart -= np.rint(apart)
    near = (apart[None] + _SHIFTS[:, None, None]) @ cell.T
    length = np.linalg.norm(near, axis=-1)
    reach = radius + covalent_radii(atoms.elements) + slack
    which = np.argwhere((length < reach) & (length > _SAME))
    vectors = near[tuple(which.T)]
    kept: list[int] = []
    for candidate in np.argsort(np.linalg.norm(vectors, axis=1), kind="stable").tolist():
        if all(np.linalg.norm(vectors[candidate] - vectors[other]) > _SAME for other in kept):
            kept.append(candidate)
    chosen = np.array(kept, int)
    return Neighbours(which[chosen, 2], vectors[chosen].reshape(-1, 3))


def molecule_order(atoms: Atoms, strengths: Float[np.ndarray, " n"], cell: Matrix3) -> Int[np.ndarray, " n"]:
    """Indices of the atoms molecule by molecule, following bonds, so that neighbours are listed together.

    Molecules with most atoms come first, each starting from its strongest scatterer, or the one with most
    bonds; at every atom, terminal atoms are listed before branches. Bonds are those between the positions as
    given.
    """
    count = len(atoms)
    joined: list[set[int]] = [set() for _ in range(count)]
    for first, second in bonds(atoms.frac @ cell.T, covalent_radii(atoms.elements)).tolist():
        joined[first].add(second)
        joined[second].add(first)
    rank = sorted(range(count), key=lambda number: (-strengths[number], -len(joined[number]), number))
    molecules, known = [], set()
    for start in rank:
        if start not in known:
            walk = _walk(start, joined, rank)
            known.update(walk)
            molecules.append(walk)
    molecules.sort(key=len, reverse=True)
    return np.array([number for walk in molecules for number in walk], int)


def _walk(start: int, joined: list[set[int]], rank: list[int]) -> list[int]:
    """Depth first from `start`."""
    place = {number: position for position, number in enumerate(rank)}
    walk, seen, open_ends = [], set[int](), [start]
    while open_ends:
        number = open_ends.pop()
        if number in seen:
            continue
        seen.add(number)
        walk.append(number)
        # The last element is popped first: terminal atoms, then the strongest.
        ahead = [(len(joined[other]) > 1, place[other], other) for other in joined[number] - seen]
        open_ends += [other for _, _, other in sorted(ahead, reverse=True)]
    return walk
