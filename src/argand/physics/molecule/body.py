"""Flexible molecules: atoms, bonds, and torsions about acyclic bonds."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from argand.physics.crystal.atom import is_hydrogen
from argand.typing import Points3

Bonds = Int[np.ndarray, "m 2"]


class Torsion(NamedTuple):
    """A rotation about the bond from `first` to `second`; `moved` [atoms] marks atoms on the side of
    `second`."""

    first: int
    second: int
    moved: Bool[np.ndarray, " atoms"]


@dataclass(frozen=True)
class Body:
    """A molecule: elements, one or more conformations in Å, bonds as pairs of atoms, and free torsions."""

    elements: tuple[str, ...]
    shapes: Float[np.ndarray, "shapes atoms 3"]
    bonds: Bonds
    torsions: tuple[Torsion, ...] = ()

    def __len__(self) -> int:
        return len(self.elements)

    @property
    def heavy(self) -> Int[np.ndarray, " n"]:
        """Indices of the non-hydrogen atoms; of all if there are no others."""
        chosen = np.array([not is_hydrogen(element) for element in self.elements])
        return np.flatnonzero(chosen if chosen.any() else ~chosen)

    @property
    def formula(self) -> dict[str, float]:
        """Number of atoms of each element."""
        counts: dict[str, float] = {}
        for element in self.elements:
            counts[element] = counts.get(element, 0.0) + 1.0
        return counts


def sides(count: int, bonds: Bonds, bond: tuple[int, int]) -> Bool[np.ndarray, " atoms"] | None:
    """Atoms on the side of the bond's second atom when the bond is cut; None if it is in a ring."""
    neighbours = neighbour_lists(count, bonds)
    first, second = bond
    reached, edge = {second}, [second]
    while edge:
        atom = edge.pop()
        for other in neighbours[atom]:
            if (atom, other) == (second, first):
                continue
            if other == first:
                return None
            if other not in reached:
                reached.add(other)
                edge.append(other)
    side = np.zeros(count, bool)
    side[list(reached)] = True
    return side


def neighbour_lists(count: int, bonds: Bonds) -> list[list[int]]:
    """For each of `count` atoms its bonded neighbours."""
    lists: list[list[int]] = [[] for _ in range(count)]
    for first, second in bonds.tolist():
        lists[first].append(second)
        lists[second].append(first)
    return lists


def molecules(count: int, bonds: Bonds) -> list[Int[np.ndarray, " n"]]:
    """Indices of the atoms of each connected part."""
    lists, left, parts = neighbour_lists(count, bonds), set(range(count)), []
    while left:
        edge = [min(left)]
        part = set(edge)
        while edge:
            new = [other for other in lists[edge.pop()] if other not in part]
            part.update(new)
            edge += new
        left -= part
        parts.append(np.array(sorted(part)))
    return parts


def torsions_about(
    elements: tuple[str, ...], bonds: Bonds, rotatable: Iterable[tuple[int, int]]
) -> tuple[Torsion, ...]:
    """A torsion for each of these bonds that divides the molecule in two, with the smaller part moving.

    Bonds in rings are left out, and those where only hydrogen on the axis would move.
    """
    found = []
    for first, second in rotatable:
        side = sides(len(elements), bonds, (first, second))
        if side is None:
            continue
        connected = next(part for part in molecules(len(elements), bonds) if first in part)
        if 2 * side.sum() > len(connected):
            other = sides(len(elements), bonds, (second, first))
            assert other is not None
            first, second, side = second, first, other
        moving = side.copy()
        moving[second] = False
        if any(not is_hydrogen(elements[i]) for i in np.flatnonzero(moving)):
            found.append(Torsion(first, second, side))
    return tuple(sorted(found, key=lambda torsion: -int(torsion.moved.sum())))


def centred(shapes: Float[np.ndarray, "shapes atoms 3"]) -> Float[np.ndarray, "shapes atoms 3"]:
    """The same conformations with the mean of their atoms at the origin."""
    return shapes - shapes.mean(1, keepdims=True)


def mean_distance(cart: Points3) -> float:
    """Root mean square distance of atoms from their mean, in Å."""
    return float(np.sqrt(((cart - cart.mean(0)) ** 2).sum(1).mean()))
