"""A density box as the few numbers that capture most of its variance, in closed form, without training.

Atoms at random positions give a density with the autocorrelation of one Gaussian as its covariance. It is a
product over the axes, and so are its eigenvectors (Karhunen-Loève; Rasmussen & Williams, Gaussian Processes
for Machine Learning, 2006, section 4.3): the code of a box consists of its products with those of the largest
eigenvalues, each divided by the root of its eigenvalue.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float, Int

from argand.errors import ConfigError, InputError
from argand.physics.crystal.voxel_box import Box

MEAN_DENSITY = 1.09
"""Electrons per Å³ in an average box, for single cells and repeating crystals in the published proportions.

Measured on 600 boxes of Materials Project structures outside all benchmarks; it only determines which box has
a code of zeros."""
SPREAD = 6.5
"""Root of the sum of Z² over the atoms per Å³ in the same boxes: it scales codes to about 1."""

Code = Float[np.ndarray, " numbers"]
Volume = Float[np.ndarray, "voxel voxel voxel"]


@dataclass(frozen=True)
class LinearCode:
    """A code of `numbers` numbers for a box; ConfigError for none or for more than the box has voxels."""

    box: Box
    numbers: int = 300

    def __post_init__(self) -> None:
        if not 1 <= self.numbers <= self.box.voxels**3:
            raise ConfigError(f"{self.numbers} numbers are not a code of a box of {self.box.voxels}³ voxels")

    @cached_property
    def _modes(self) -> tuple[Float[np.ndarray, "voxel mode"], Float[np.ndarray, " mode"]]:
        """Eigenvectors and eigenvalues along one axis, largest eigenvalues first."""
        centres = (np.arange(self.box.voxels) + 0.5) * self.box.spacing
        # The mean over a voxel adds the voxel's variance to the Gaussian's.
        variance = self.box.sigma**2 + self.box.spacing**2 / 12
        kernel = np.exp(-((centres[:, None] - centres) ** 2) / (4 * variance))
        values, vectors = np.linalg.eigh(kernel)
        # The sign of an eigenvector is a convention; stored codes need one.
        vectors = vectors * np.sign(vectors[0] + 1e-12 * vectors[1])
        return vectors[:, ::-1], np.maximum(values[::-1], 1e-300)

    @cached_property
    def indices(self) -> Int[np.ndarray, "3 numbers"]:
        """The modes along x, y and z of each number, in descending order of eigenvalues."""
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
        """The scale of each number in products of modes and density: the standard deviation due to atoms."""
        values = self._modes[1][self.indices].prod(0)
        # The Gaussian of one electron has the sum of squares (4 pi variance)^(-3/2) / (voxel volume).
        variance = self.box.sigma**2 + self.box.spacing**2 / 12
        return SPREAD * np.sqrt(values * (4 * np.pi * variance) ** -1.5)

    @cached_property
    def offset(self) -> Code:
        """The products for a uniform density at the mean."""
        return MEAN_DENSITY * self.basis.sum(0)[self.indices].prod(0)

    def encode(self, density: Volume) -> Code:
        """The code of a density in e/Å³; InputError for a box of another shape or non-finite values."""
        require_box(density, self.box)
        b = self.basis
        products = np.einsum("xyz,xi,yj,zk->ijk", density, b, b, b, optimize=True)
        return (products[tuple(self.indices)] - self.offset) / self.scale

    def decode(self, code: Code) -> Volume:
        """The density in e/Å³ closest to the encoded box; it can be negative."""
        b = self.basis
        products = np.zeros((b.shape[1],) * 3)
        products[tuple(self.indices)] = self.products(code)
        return np.einsum("ijk,xi,yj,zk->xyz", products, b, b, b, optimize=True)

    def products(self, code: Code) -> Code:
        """Products of modes and density, in e/Å³; InputError for an invalid code."""
        code = np.asarray(code, float)
        if code.shape != (self.numbers,) or not np.isfinite(code).all():
            raise InputError(f"not a code of {self.numbers} finite numbers")
        return code * self.scale + self.offset


def require_box(density: Volume, box: Box) -> None:
    """InputError for an array that is not a density of the box: another shape, or non-finite values."""
    if np.shape(density) != (box.voxels,) * 3:
        size = " x ".join(map(str, np.shape(density)))
        raise InputError(f"a density of {size or 'no'} voxels; it must have {box.voxels} along each side")
    if not np.isfinite(density).all():
        raise InputError("the density has voxels that are not finite")
