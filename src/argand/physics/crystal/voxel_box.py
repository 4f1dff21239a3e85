"""The published densities: a cube of 10 Å with Gaussians weighted by atomic number, and balls as labels.

Hoffmann et al. (arXiv 1909.00949): 30³ voxels, standard deviation 1 Å, balls of 0.667 Å. Single cells are
centred and rotated at random; repeating crystals are rotated and start at a random origin. Box coordinates
are in Å from a corner. Each voxel contains the mean density of its volume, so that sums are electrons.
"""

from dataclasses import dataclass
from itertools import product

import numpy as np
from jaxtyping import Float, UInt8
from scipy.ndimage import maximum_filter
from scipy.special import erf

from argand.physics.crystal.cell import random_rotation
from argand.physics.crystal.structure import Structure
from argand.typing import Points3

_REACH = 4.5
"""Standard deviations beyond which a Gaussian is cut off: 7e-6 of it.

erfc(4.5 / √2); set by hand, below single-precision rounding in sums of voxels.
"""


@dataclass(frozen=True)
class Atoms:
    """Positions in the box in Å and atomic numbers; atoms outside also contribute."""

    places: Points3
    species: UInt8[np.ndarray, " atom"]


@dataclass(frozen=True)
class Box:
    """Side, standard deviation and ball radius in Å, and voxels along a side."""

    side: float = 10.0
    voxels: int = 30
    sigma: float = 1.0
    ball: float = 0.667

    @property
    def spacing(self) -> float:
        """Side of a voxel in Å."""
        return self.side / self.voxels

    def single(self, structure: Structure, generator: np.random.Generator) -> Atoms:
        """The atoms of one cell, centred on their mean, randomly rotated."""
        cart = structure.frac_coords @ structure.lattice
        turned = (cart - cart.mean(0)) @ random_rotation(generator).T
        return self._near(turned + self.side / 2, structure.species)

    def repeating(self, structure: Structure, generator: np.random.Generator, turn: bool = True) -> Atoms:
        """All atoms of the crystal that reach into the box, from a random origin."""
        lattice = structure.lattice @ random_rotation(generator).T if turn else structure.lattice
        frac = structure.frac_coords + generator.random(3)
        margin = _REACH * self.sigma
        corners = np.array(list(product((-margin, self.side + margin), repeat=3))) @ np.linalg.inv(lattice)
        bounds = zip(np.floor(corners.min(0)) - 1, np.ceil(corners.max(0)) + 1, strict=True)
        axes = [np.arange(low, high) for low, high in bounds]
        cells = np.stack(np.meshgrid(*axes, indexing="ij"), -1).reshape(-1, 1, 3)
        places = ((frac % 1.0) + cells).reshape(-1, 3) @ lattice
        return self._near(places, np.tile(structure.species, len(cells)))

    def _near(self, places: Points3, species: UInt8[np.ndarray, " atom"]) -> Atoms:
        margin = _REACH * self.sigma
        kept = ((places > -margin) & (places < self.side + margin)).all(1)
        return Atoms(places[kept], species[kept])

    def inside(self, atoms: Atoms) -> Atoms:
        """The atoms whose centres are in the box."""
        kept = ((atoms.places >= 0) & (atoms.places < self.side)).all(1)
        return Atoms(atoms.places[kept], atoms.species[kept])

    def shares(self, atoms: Atoms) -> Float[np.ndarray, "atom 3 voxel"]:
        """Share of each atom's Gaussian in each slab of voxels along each axis."""
        edges = np.linspace(0.0, self.side, self.voxels + 1)
        apart = (edges - atoms.places[..., None]) / (np.sqrt(2.0) * self.sigma)
        return 0.5 * np.diff(erf(apart), axis=-1)

    def density(self, atoms: Atoms) -> Float[np.ndarray, "voxel voxel voxel"]:
        """Electrons per Å³, float32: the sum of Gaussians of weight Z, averaged over each voxel."""
        shares = self.shares(atoms).astype(np.float32)
        weights = atoms.species.astype(np.float32) / np.float32(self.spacing**3)
        planes = shares[:, 0, :, None] * shares[:, 1, None, :]
        n = self.voxels
        return (planes.reshape(-1, n * n).T @ (shares[:, 2] * weights[:, None])).reshape(n, n, n)

    def labels(self, atoms: Atoms) -> UInt8[np.ndarray, "voxel voxel voxel"]:
        """Atomic number of the nearest atom with a ball that contains the voxel's centre; 0 for none."""
        n, steps = self.voxels, int(self.ball / self.spacing + 0.5)
        reaching = ((atoms.places > -self.ball) & (atoms.places < self.side + self.ball)).all(1)
        atoms = Atoms(atoms.places[reaching], atoms.species[reaching])
        line = np.arange(-steps, steps + 1)
        offsets = np.stack(np.meshgrid(line, line, line, indexing="ij"), -1).reshape(-1, 3)
        voxels = np.floor(atoms.places / self.spacing).astype(int)[:, None] + offsets
        apart = (voxels + 0.5) * self.spacing - atoms.places[:, None]
        square = (apart**2).sum(-1)
        kept = (square < self.ball**2) & ((voxels >= 0) & (voxels < n)).all(-1)
        atom, _ = np.nonzero(kept)
        order = np.argsort(-square[kept], kind="stable")
        x, y, z = voxels[kept][order].T
        labels = np.zeros((n, n, n), np.uint8)
        labels[x, y, z] = atoms.species[atom[order]]
        return labels

    def read_peaks(self, density: Float[np.ndarray, "voxel voxel voxel"], floor: float) -> Atoms:
        """Atoms at the maxima among 3³ voxels with at least the height of `floor` electrons.

        A parabola through the logarithm along each axis gives the position, the height the atomic number.
        """
        n = self.voxels
        # The mean over a voxel widens a Gaussian by the variance of the voxel.
        variance = self.sigma**2 + self.spacing**2 / 12
        per_electron = (2 * np.pi * variance) ** -1.5
        top = (density == maximum_filter(density, 3, mode="constant")) & (density > floor * per_electron)
        voxels = np.argwhere(top)
        logs = np.log(np.maximum(np.pad(density, 1, mode="edge"), 1e-12))
        places, height = np.empty(voxels.shape), np.log(density[tuple(voxels.T)])
        for axis in range(3):
            step = np.eye(3, dtype=int)[axis]
            below, here, above = (logs[tuple((voxels + 1 + k * step).T)] for k in (-1, 0, 1))
            slope, bend = (above - below) / 2, np.minimum(above - 2 * here + below, -1e-6)
            shift = np.clip(-slope / bend, -0.5, 0.5)
            places[:, axis] = (voxels[:, axis] + 0.5 + shift) * self.spacing
            height = height + 0.5 * slope * shift
        inner = ((voxels > 0) & (voxels < n - 1)).all(1)
        species = np.clip(np.rint(np.exp(height) / per_electron), 1, 255).astype(np.uint8)
        return Atoms(places[inner], species[inner])


PUBLISHED_BOX = Box()
"""The box of Hoffmann et al. (arXiv 1909.00949)."""
