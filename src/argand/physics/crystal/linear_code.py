"""A density box as the few numbers that hold most of its variance, in closed form: nothing is trained.

Atoms at random places make a density whose covariance is the autocorrelation of one Gaussian. It is a product
over the axes, and so are its eigenvectors (Karhunen-Loève; Rasmussen & Williams, Gaussian Processes for
Machine Learning, 2006, section 4.3): the code of a box are its products with those of the largest
eigenvalues, each over the root of its eigenvalue.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float, Int

from argand.errors import ConfigError, InputError
from argand.physics.crystal.voxel_box import Box

MEAN_DENSITY = 1.09
"""Electrons of an Å³ in an average box, of single cells and repeating crystals in the published shares.

Measured on 600 boxes of structures of the Materials Project that are in no benchmark; it only decides which
box has a code of zeros."""
SPREAD = 6.5
"""Root of the sum of Z² over the atoms of an Å³ of the same boxes: it makes codes about 1 in size."""

Code = Float[np.ndarray, " numbers"]
Volume = Float[np.ndarray, "voxel voxel voxel"]


@dataclass(frozen=True)
class LinearCode:
    """The code of so many numbers of a box; ConfigError for more numbers than the box has voxels, or none."""

    box: Box
    numbers: int = 300

    def __post_init__(self) -> None:
        if not 1 <= self.numbers <= self.box.voxels**3:
            raise ConfigError(f"a box of {self.box.voxels}³ voxels has no code of {self.numbers} numbers")

    @cached_property
    def _modes(self) -> tuple[Float[np.ndarray, "voxel mode"], Float[np.ndarray, " mode"]]:
        """Eigenvectors along one axis, those of the largest eigenvalues first, and these."""
        centres = (np.arange(self.box.voxels) + 0.5) * self.box.spacing
        # The mean over a voxel adds the voxel's variance to the Gaussian's.
        variance = self.box.sigma**2 + self.box.spacing**2 / 12
        kernel = np.exp(-((centres[:, None] - centres) ** 2) / (4 * variance))
        values, vectors = np.linalg.eigh(kernel)
        # The sign of an eigenvector is a convention; codes that are stored need one.
        vectors = vectors * np.sign(vectors[0] + 1e-12 * vectors[1])
        return vectors[:, ::-1], np.maximum(values[::-1], 1e-300)

    @cached_property
    def indices(self) -> Int[np.ndarray, "3 numbers"]:
        """Which mode along x, y and z each number is of, in falling order of eigenvalues."""
        _, values = self._modes
        logs = np.log(values)
        total = (logs[:, None, None] + logs[:, None] + logs).ravel()
        order = np.argsort(-total.round(9), kind="stable")[: self.numbers]
        return np.stack(np.unravel_index(order, (self.box.voxels,) * 3))

    @cached_property
    def basis(self) -> Float[np.ndarray, "voxel mode"]:
        """The modes along one axis that the code uses."""
        return self._modes[0][:, : self.indices.max() + 1]

    @cached_property
    def scale(self) -> Code:
        """What a number of the code is in products of modes and density: the spread that atoms make."""
        values = self._modes[1][self.indices].prod(0)
        # An electron's Gaussian has the sum of squares (4 pi variance)^(-3/2) over the volume of a voxel.
        variance = self.box.sigma**2 + self.box.spacing**2 / 12
        return SPREAD * np.sqrt(values * (4 * np.pi * variance) ** -1.5)

    @cached_property
    def offset(self) -> Code:
        """The products of an even density of the mean."""
        return MEAN_DENSITY * self.basis.sum(0)[self.indices].prod(0)

    def encode(self, density: Volume) -> Code:
        """The code of a density in e/Å³; InputError for another box, and for what is not finite."""
        require_box(density, self.box)
        b = self.basis
        products = np.einsum("xyz,xi,yj,zk->ijk", density, b, b, b, optimize=True)
        return (products[tuple(self.indices)] - self.offset) / self.scale

    def decode(self, code: Code) -> Volume:
        """The density nearest to a box that the code is of, in e/Å³; it can be below zero."""
        b = self.basis
        products = np.zeros((b.shape[1],) * 3)
        products[tuple(self.indices)] = self.products(code)
        return np.einsum("ijk,xi,yj,zk->xyz", products, b, b, b, optimize=True)

    def products(self, code: Code) -> Code:
        """Products of modes and density, in e/Å³; InputError for what is no code."""
        code = np.asarray(code, float)
        if code.shape != (self.numbers,) or not np.isfinite(code).all():
            raise InputError(f"not a code of {self.numbers} finite numbers")
        return code * self.scale + self.offset


def require_box(density: Volume, box: Box) -> None:
    """InputError where an array is no density of the box: of another shape, or not finite."""
    if np.shape(density) != (box.voxels,) * 3:
        size = " x ".join(map(str, np.shape(density)))
        raise InputError(f"a density of {size or 'no'} voxels; the box has {box.voxels} along each side")
    if not np.isfinite(density).all():
        raise InputError("the density has voxels that are not finite")
