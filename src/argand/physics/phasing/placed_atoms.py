"""Distances between atoms and all their images, map values at positions, and assembly of molecules."""

from dataclasses import replace

import numpy as np
from jaxtyping import Float, Int

from argand.physics.crystal.atom import Atoms
from argand.physics.crystal.symmetry import Group
from argand.physics.phasing.fourier import Map
from argand.typing import Matrix3, Points3, Vector3


def nearest_distance(place: Vector3, others: Points3, group: Group, cell: Matrix3) -> float:
    """Distance in Å from a fractional position to the nearest of `others` and their images."""
    return float(_distances(place, others, group, cell).min())


def keeps_distance(
    place: Vector3, others: Points3, limits: Float[np.ndarray, " n"], group: Group, cell: Matrix3
) -> bool:
    """Whether a fractional position is `limits` Å or more from each of `others` and their images."""
    return bool((_distances(place, others, group, cell) > limits).all())


def _distances(place: Vector3, others: Points3, group: Group, cell: Matrix3) -> Float[np.ndarray, "o n"]:
    images = group.rotations @ place + group.translations
    apart = images[:, None, :] - others[None, :, :]
    apart -= np.rint(apart)
    return np.linalg.norm(apart @ cell.T, axis=-1)


def value_at(density: Map, frac: Points3) -> Float[np.ndarray, " n"]:
    """The map at the grid points nearest to fractional positions."""
    shape = np.array(density.shape)
    points: Int[np.ndarray, "n 3"] = np.rint(frac * shape).astype(int) % shape
    return density[tuple(points.T)].astype(float)


def assembled(atoms: Atoms, group: Group, cell: Matrix3) -> Atoms:
    """The same atoms, each at the image nearest to the previous ones, so that molecules are connected."""
    left, frac = list(range(1, len(atoms))), atoms.frac.copy()
    placed = [0]
    while left:
        images = np.einsum("oij,nj->noi", group.rotations, atoms.frac[left]) + group.translations
        apart = images[:, :, None] - frac[placed][None, None]
        shifts = np.rint(apart)
        distance = np.linalg.norm((apart - shifts) @ cell.T, axis=-1)
        which, operator, neighbour = np.unravel_index(int(distance.argmin()), distance.shape)
        number = left.pop(int(which))
        frac[number] = images[which, operator] - shifts[which, operator, neighbour]
        placed.append(number)
    return replace(atoms, frac=frac - np.floor(frac.mean(0)))
