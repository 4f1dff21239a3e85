"""Supercells: the smallest cell of a structure that repeats within its cell, and its expansion."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from scipy.spatial import KDTree

from argand.physics.crystal.structure import Structure, reduced_lattice, wrapped
from argand.typing import Points3, Vector3

TOLERANCE = 2e-3
"""Å; positions that a translation brings within this distance of atoms are repeats.

Set by hand: above the rounding of four-digit coordinates in cells of 20 Å, below significant displacements;
supercells are measured in `benchmarks/crystals_others.py`.
"""
_TRIED_FIRST = 8
"""Atoms of an element tested first: most translations fail at once. Set by hand, for speed."""

Multiples = Int[np.ndarray, "3 3"]


@dataclass(frozen=True)
class Folded:
    """The smallest cell, and an integer matrix M: the vectors of the supercell are M times those of the
    cell."""

    primitive: Structure
    multiples: Multiples


def folded(structure: Structure) -> Folded | None:
    """The smallest cell of the structure; None if it already is the smallest.

    Atoms that repeat are averaged over their copies.
    """
    shifts = _translations(structure)
    if len(shifts) < 2:
        return None
    # The number of translations in a lattice vector divides the number of atoms.
    steps = np.rint(shifts * len(shifts)).astype(int)
    basis = _integer_basis(np.concatenate([steps, len(shifts) * np.eye(3, dtype=int)])) / len(shifts)
    lattice, change = reduced_lattice(basis @ structure.lattice)
    if np.linalg.det(lattice) < 0:
        # Lengths and angles must determine the crystal, but those of the mirror image are the same.
        lattice, change = -lattice, -change
    multiples = np.rint(np.linalg.inv(change @ basis)).astype(int)
    if abs(round(float(np.linalg.det(multiples)))) != len(shifts):
        return None
    places = structure.frac_coords @ multiples
    chosen, averaged = _orbits(places, structure.species, lattice, len(shifts))
    if len(chosen) * len(shifts) != len(structure):
        return None
    return Folded(Structure(lattice, structure.species[chosen], wrapped(averaged)), multiples)


def unfolded(cell: Structure, multiples: Multiples) -> Structure:
    """All atoms of the supercell, one copy of the cell after the other; its a axis lies along x."""
    vectors = multiples @ cell.lattice
    corners = np.array(np.meshgrid(*[[0, 1]] * 3)).reshape(3, -1).T @ multiples
    axes = [np.arange(low, high + 1) for low, high in zip(corners.min(0), corners.max(0), strict=True)]
    whole = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
    inside = whole @ np.linalg.inv(multiples)
    # Half a step from every lattice point, so that rounding has no effect.
    edge = 0.5 / abs(np.linalg.det(multiples))
    inside = inside[((inside > -edge) & (inside < 1 - edge)).all(1)]
    places = (cell.frac_coords @ np.linalg.inv(multiples) + inside[:, None]).reshape(-1, 3)
    if np.linalg.det(vectors) < 0:
        places = -places
    lattice = np.linalg.cholesky(vectors @ vectors.T)
    return Structure(lattice, np.tile(cell.species, len(inside)), wrapped(places))


def _translations(structure: Structure) -> Float[np.ndarray, "n 3"]:
    """Translations within the cell that bring every atom onto one of its species, including 0."""
    numbers, counts = np.unique(structure.species, return_counts=True)
    rarest = np.flatnonzero(structure.species == numbers[counts.argmin()])
    trees = {
        z: KDTree(wrapped(structure.frac_coords[structure.species == z]), boxsize=1.0)
        for z in map(int, numbers)
    }
    tried = structure.frac_coords[rarest] - structure.frac_coords[rarest[0]]
    found = []
    for shift in tried:
        refined = _repeating(structure, trees, shift)
        if refined is not None:
            found.append(refined)
    return np.array(found)


def _repeating(structure: Structure, trees: dict[int, KDTree], shift: Vector3) -> Vector3 | None:
    """The translation averaged over all atoms; None if they do not repeat under it."""
    apart = []
    for z, tree in trees.items():
        places = structure.frac_coords[structure.species == z]
        for part in (places[:_TRIED_FIRST], places[_TRIED_FIRST:]):
            if not len(part):
                continue
            moved = wrapped(part + shift)
            left = tree.data[tree.query(moved)[1]] - moved
            left -= np.rint(left)
            if np.linalg.norm(left @ structure.lattice, axis=1).max() > TOLERANCE:
                return None
            apart.append(left)
    return shift + np.concatenate(apart).mean(0)


def _integer_basis(rows: Int[np.ndarray, "n 3"]) -> Int[np.ndarray, "3 3"]:
    """Three rows that generate the same integer lattice as all rows (Hermite normal form)."""
    rows = rows.copy()
    for axis in range(3):
        while True:
            nonzero = axis + np.flatnonzero(rows[axis:, axis])
            smallest = nonzero[np.abs(rows[nonzero, axis]).argmin()]
            rows[[axis, smallest]] = rows[[smallest, axis]]
            rows[axis + 1 :] -= (rows[axis + 1 :, axis] // rows[axis, axis])[:, None] * rows[axis]
            if not rows[axis + 1 :, axis].any():
                break
    return rows[:3]


def _orbits(
    places: Points3, species: np.ndarray, lattice: np.ndarray, copies: int
) -> tuple[Int[np.ndarray, " kept"], Float[np.ndarray, "kept 3"]]:
    """The first of the atoms that coincide in the small cell, and their mean position."""
    left, chosen, averaged = np.ones(len(places), bool), [], []
    while left.any():
        first = int(np.argmax(left))
        apart = places - places[first]
        apart -= np.rint(apart)
        # Each copy may deviate by the tolerance from a first atom that deviates itself; set by hand, 5 leaves
        # a margin.
        near = left & (species == species[first]) & (np.linalg.norm(apart @ lattice, axis=1) < 5 * TOLERANCE)
        if near.sum() != copies:
            return np.zeros(0, int), np.zeros((0, 3))
        chosen.append(first)
        averaged.append(places[first] + apart[near].mean(0))
        left &= ~near
    return np.array(chosen), np.array(averaged)
