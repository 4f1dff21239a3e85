"""Simulated crystals for the tests of phasing and refinement."""

import gemmi
import numpy as np

from argand.physics.crystal.atom import Atoms, structure_factors
from argand.physics.crystal.symmetry import Group, half_sphere, index_key
from argand.physics.phasing.refinement import Observed

MONOCLINIC = (7.6, 8.9, 9.1, 90.0, 104.0, 90.0)


def orthogonalisation(cell=MONOCLINIC) -> np.ndarray:
    return np.array(gemmi.UnitCell(*cell).orth.mat.tolist())


def random_atoms(group: Group, cell: np.ndarray, elements: tuple[str, ...], seed: int = 0) -> Atoms:
    """General positions, no two nearer than 1.3 Å."""
    rng, places = np.random.default_rng(seed), []
    while len(places) < len(elements):
        place = rng.random(3)
        images = group.rotations @ place + group.translations
        apart = np.array([image - other for image in images for other in (*places, place)])
        apart -= np.rint(apart)
        distance = np.sort(np.linalg.norm(apart @ cell.T, axis=1))
        if distance[1:].min(initial=9.0) > 1.3:
            places.append(place)
    count = len(elements)
    return Atoms(elements, np.array(places), rng.uniform(0.02, 0.05, count), np.ones(count))


def unique_sphere(group: Group, cell: np.ndarray, d_min: float) -> np.ndarray:
    hkl = half_sphere(cell, d_min)
    hkl = hkl[~group.absent(hkl)]
    hkl = group.representative(hkl)
    return hkl[np.unique(index_key(hkl), return_index=True)[1]]


def measured(group: Group, cell: np.ndarray, atoms: Atoms, d_min: float, scale: float = 3.0) -> Observed:
    """Exact intensities with sigmas of 1 %."""
    hkl = unique_sphere(group, cell, d_min)
    intensity = scale**2 * np.abs(structure_factors(atoms, hkl, group, cell)) ** 2
    return Observed(hkl, intensity, 0.01 * intensity + 0.01, group, cell)
