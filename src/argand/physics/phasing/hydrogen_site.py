"""Possible hydrogen positions on atoms of unknown element, from bond directions."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from argand.physics.crystal.symmetry import Group
from argand.typing import Matrix3, Points3, Vector3

LENGTH = 0.97
"""Å from an atom to the centre of its hydrogen's density, C-H and N-H as seen by X-rays (0.93 to 1.0)."""
_CONE = np.deg2rad(70.5)
"""Angle between the continued bond and the hydrogen atoms of a methyl group: 180° minus tetrahedral
109.5°."""
_POINTS = 6
"""Points on the ring of hydrogen positions of a terminal atom; a multiple of three, set by hand."""
_FLAT = 0.7
"""Length of the sum of three bonds' unit vectors above which a fourth bond is missing.

Set by hand: 1 in a tetrahedron, 0 for coplanar bonds.
"""
_STRAIGHT = np.deg2rad(155)
"""Angle between two bonds above which nothing else is bonded to the atom; by hand (sp: 180°, sp2: 120°)."""


@dataclass(frozen=True)
class Bonds:
    """Bonds of each atom, as directed pairs: the atom, its neighbour, and the vector to it in Å."""

    first: Int[np.ndarray, " m"]
    second: Int[np.ndarray, " m"]
    vector: Float[np.ndarray, "m 3"]

    @property
    def length(self) -> Float[np.ndarray, " m"]:
        """Bond lengths in Å."""
        return np.linalg.norm(self.vector, axis=1)

    def of(self, atom: int) -> Int[np.ndarray, " k"]:
        """Indices of the bonds of an atom."""
        return np.flatnonzero(self.first == atom)


def neighbours(frac: Points3, group: Group, cell: Matrix3, reach: Float[np.ndarray, "n n"]) -> Bonds:
    """All pairs of an atom and an image closer than `reach` Å, except the atom itself."""
    shifts = np.stack(np.meshgrid(*[[-1, 0, 1]] * 3, indexing="ij"), -1).reshape(-1, 3)
    images = group.images(frac)
    apart = images[:, None, :, :] - frac[None, :, None, :]
    base = apart - np.rint(apart)
    rows = []
    for shift in shifts:
        vector = (base + shift) @ cell.T
        length = np.linalg.norm(vector, axis=-1)
        near = (length < reach[None]) & (length > 0.5)
        operator, first, second = np.nonzero(near)
        rows.append((first, second, vector[operator, first, second]))
    first = np.concatenate([row[0] for row in rows])
    second = np.concatenate([row[1] for row in rows])
    vector = np.concatenate([row[2] for row in rows])
    # Images on a special position coincide.
    key = np.column_stack([first, second, np.rint(vector / 0.1).astype(int)])
    _, kept = np.unique(key, axis=0, return_index=True)
    return Bonds(first[kept], second[kept], vector[kept])


@dataclass(frozen=True)
class HydrogenSites:
    """Groups of positions that share hydrogen: the atom of each, positions in Å relative to it, and weights.

    A group's weights sum to one, so that its amount is a number of hydrogen atoms, at most `most`.
    """

    atom: Int[np.ndarray, " g"]
    most: Int[np.ndarray, " g"]
    group: Int[np.ndarray, " p"]
    offset: Float[np.ndarray, "p 3"]
    weight: Float[np.ndarray, " p"]


def hydrogen_sites(count: int, bonds: Bonds) -> HydrogenSites:
    """Possible hydrogen positions on each of `count` atoms; atoms with four or more bonds have none."""
    atom, most, group, offset, weight = [], [], [], [], []
    for number in range(count):
        for number_most, places in _places(bonds.vector[bonds.first == number]):
            group += [len(atom)] * len(places)
            atom.append(number)
            most.append(number_most)
            offset += list(places)
            weight += [1 / len(places)] * len(places)
    return HydrogenSites(
        np.array(atom, int),
        np.array(most, int),
        np.array(group, int),
        np.array(offset, float).reshape(-1, 3),
        np.array(weight, float),
    )


def _places(vectors: Float[np.ndarray, "k 3"]) -> list[tuple[int, Float[np.ndarray, "p 3"]]]:
    """Groups of positions of an atom with these bonds: number of hydrogen atoms of each, and positions."""
    unit = vectors / np.linalg.norm(vectors, axis=1)[:, None]
    if len(unit) == 1:
        return [(3, _ring(unit[0]))]
    if len(unit) == 2:
        return _two_bonds(unit[0], unit[1])
    if len(unit) == 3:
        outward = -unit.sum(0)
        if np.linalg.norm(outward) > _FLAT:
            return [(1, LENGTH * (outward / np.linalg.norm(outward))[None])]
    return []


def _two_bonds(first: Vector3, second: Vector3) -> list[tuple[int, Float[np.ndarray, "p 3"]]]:
    """One hydrogen in the plane of the bonds, or two above and below it."""
    angle = np.arccos(np.clip(first @ second, -1, 1))
    if angle > _STRAIGHT:
        return []
    outward = -(first + second) / np.linalg.norm(first + second)
    normal = np.cross(first, second)
    normal /= np.linalg.norm(normal)
    # Half the tetrahedral angle on either side of the plane.
    half = np.deg2rad(54.0)
    pair = np.array([np.cos(half) * outward + sign * np.sin(half) * normal for sign in (1, -1)])
    return [(1, LENGTH * outward[None]), (2, LENGTH * pair)]


def _ring(bond: Vector3) -> Float[np.ndarray, "p 3"]:
    """Positions around the end of a bond, at the tetrahedral angle."""
    other = np.eye(3)[np.argmin(np.abs(bond))]
    first = np.cross(bond, other)
    first /= np.linalg.norm(first)
    second = np.cross(bond, first)
    turns = 2 * np.pi * np.arange(_POINTS) / _POINTS
    around = np.outer(np.cos(turns), first) + np.outer(np.sin(turns), second)
    return LENGTH * (-np.cos(_CONE) * bond + np.sin(_CONE) * around)
