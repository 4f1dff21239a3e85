"""Orbits of a space group: the sites of places, all images of a place, and structures as orbits."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from argand.physics.crystal.structure import Structure
from argand.systems.crystals.latent.symmetric.setting import Setting
from argand.typing import Matrix3, Points3, Vector3

ON_SITE = 0.35
"""Å between a place and its image below which both are one atom on a special site. By hand: less than half of
the shortest bond, that of H2, which is 0.74."""
_ONE_PLACE = 1e-3
"""Fractions of a cell; images of an exact site that are nearer are one atom. By hand: far above rounding."""


@dataclass(frozen=True)
class Site:
    """An exact place, the directions in which it may move (orthonormal rows), and how many atoms it makes."""

    place: Vector3
    free: Float[np.ndarray, "dim 3"]
    atoms: int


def site_of(setting: Setting, lattice: Matrix3, place: Vector3, reach: float = ON_SITE) -> Site:
    """The site that a place (fractional) is on within `reach` Å: the mean of the images that are near it."""
    return sites_of(setting, lattice, place[None], reach)[0]


def sites_of(setting: Setting, lattice: Matrix3, places: Points3, reach: float) -> list[Site]:
    """The same of several places."""
    apart = _images(setting, places) - places[:, None]
    apart -= np.rint(apart)
    near = np.linalg.norm(apart @ lattice, axis=-1) < reach
    exact = places + (apart * near[..., None]).sum(1) / near.sum(1)[:, None]
    # Operators that keep an exact place are a group; those of a rough one may lack some of it.
    apart = _images(setting, exact) - exact[:, None]
    keep = (np.abs(apart - np.rint(apart)) < _ONE_PLACE).all(-1)
    mean = np.einsum("pg,gij->pij", keep, setting.rotations) / keep.sum(1)[:, None, None]
    # The mean operator projects on what the site leaves free, though not at right angles.
    left, values, _ = np.linalg.svd(mean)
    atoms = len(setting.rotations) // keep.sum(1)
    return [
        Site(exact[row], left[row][:, values[row] > 0.5].T, int(atoms[row])) for row in range(len(places))
    ]


def _images(setting: Setting, places: Points3) -> Float[np.ndarray, "n g 3"]:
    return np.einsum("gij,pj->pgi", setting.rotations, places) + setting.translations


def images_of(setting: Setting, place: Vector3) -> Points3:
    """All atoms of the orbit of an exact place, in the order of the operators."""
    images = setting.rotations @ place + setting.translations
    kept: list[int] = []
    for number, image in enumerate(images):
        apart = images[kept] - image
        if not (np.abs(apart - np.rint(apart)) < _ONE_PLACE).all(1).any():
            kept.append(number)
    return images[kept]


def orbits_of(setting: Setting, structure: Structure) -> Int[np.ndarray, " orbit"]:
    """The first atom of each orbit of an exactly symmetric structure, by the setting's primitive cell."""
    left, first = np.ones(len(structure), bool), []
    places = structure.frac_coords
    while left.any():
        number = int(left.argmax())
        first.append(number)
        images = setting.rotations @ places[number] + setting.translations
        apart = places[:, None] - images[None]
        apart -= np.rint(apart)
        left &= ~(np.abs(apart) < _ONE_PLACE).all(-1).any(1)
        left[number] = False
    return np.array(first)
