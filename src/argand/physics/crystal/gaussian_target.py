"""Targets for fitting Gaussians: a density box or its linear code, behind one interface.

A Gaussian of a box is a product over the axes, and so are its derivatives: a fit needs only profiles along x,
y and z, [atom, mode] each, and no voxel box per atom.
"""

from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float
from scipy.special import erf

from argand.physics.crystal.linear_code import Code, LinearCode, Volume, require_box
from argand.physics.crystal.voxel_box import Box
from argand.typing import Points3

Profiles = Float[np.ndarray, "point mode"]
Normal = tuple[Float[np.ndarray, "unknown unknown"], Float[np.ndarray, " unknown"], float]
"""Normal matrix and right-hand side for x, y, z and charge of each atom in turn, and the residual squares."""


@runtime_checkable
class Target(Protocol):
    """Data of a box: `count` numbers whose squares sum to `total`."""

    box: Box
    count: int
    total: float

    def on_grid(self, axis: Float[np.ndarray, " point"]) -> tuple[Profiles, Float[np.ndarray, "x y z"]]:
        """Profiles of Gaussians at the points along an axis; sums of squares of the Gaussians on the grid."""
        ...

    def along(self, profiles: Profiles, places: Points3, charges: np.ndarray) -> Float[np.ndarray, "x y z"]:
        """Products of the residual with a Gaussian at each grid point."""
        ...

    def normal(self, places: Points3, charges: np.ndarray) -> Normal:
        """Normal equations for the atoms' shifts."""
        ...


def profiles_of(
    box: Box, basis: Float[np.ndarray, "voxel mode"] | None, points: Float[np.ndarray, " point"]
) -> tuple[Profiles, Profiles]:
    """Along one axis, each Gaussian's mean density in every voxel in 1/Å, in modes; and its derivative in
    1/Å²."""
    edges = (np.linspace(0.0, box.side, box.voxels + 1) - points[:, None]) / box.sigma
    values = 0.5 * np.diff(erf(edges / np.sqrt(2.0))) / box.spacing
    slopes = -np.diff(np.exp(-0.5 * edges**2)) / (np.sqrt(2 * np.pi) * box.sigma * box.spacing)
    return (values, slopes) if basis is None else (values @ basis, slopes @ basis)


class DensityTarget:
    """Every voxel of a density, e/Å³; InputError for a box of another shape or non-finite values."""

    def __init__(self, box: Box, density: Volume) -> None:
        require_box(density, box)
        self.box, self.density = box, np.asarray(density, float)
        self.count, self.total = box.voxels**3, float(np.vdot(self.density, self.density))

    def on_grid(self, axis: Float[np.ndarray, " point"]) -> tuple[Profiles, Float[np.ndarray, "x y z"]]:
        """As `Target.on_grid`."""
        profiles, _ = profiles_of(self.box, None, axis)
        squares = (profiles**2).sum(1)
        return profiles, squares[:, None, None] * squares[:, None] * squares

    def along(self, profiles: Profiles, places: Points3, charges: np.ndarray) -> Float[np.ndarray, "x y z"]:
        """As `Target.along`."""
        values = [profiles_of(self.box, None, places[:, axis])[0] for axis in range(3)]
        left = self.density - _summed(values, charges)
        return np.einsum("abc,xa,yb,zc->xyz", left, profiles, profiles, profiles, optimize=True)

    def normal(self, places: Points3, charges: np.ndarray) -> Normal:
        """As `Target.normal`; sums over voxels are products of sums along the axes."""
        both = [profiles_of(self.box, None, places[:, axis]) for axis in range(3)]
        left = self.density - _summed([values for values, _ in both], charges)
        n, voxels = len(charges), self.box.voxels
        # Row k of an axis: its derivative where k is the axis, else its value; the last is for the charge.
        rows = [np.stack([both[a][1] if k == a else both[a][0] for k in range(4)], 1) for a in range(3)]
        factor = np.ones((n, 4))
        factor[:, :3] = charges[:, None]
        stacked = [row.reshape(4 * n, voxels) for row in rows]
        normal = np.prod([row @ row.T for row in stacked], axis=0)
        deep = (left.reshape(-1, voxels) @ both[2][0].T).reshape(voxels, voxels, n)
        slope_deep = (left.reshape(-1, voxels) @ both[2][1].T).reshape(voxels, voxels, n)
        flat = np.einsum("xyn,ny->xn", deep, both[1][0])
        right = np.stack(
            [
                np.einsum("xn,nx->n", flat, both[0][1]),
                np.einsum("xyn,ny,nx->n", deep, both[1][1], both[0][0], optimize=True),
                np.einsum("xyn,ny,nx->n", slope_deep, both[1][0], both[0][0], optimize=True),
                np.einsum("xn,nx->n", flat, both[0][0]),
            ],
            1,
        )
        scale = factor.ravel()
        return normal * scale[:, None] * scale, (right * factor).ravel(), float(np.vdot(left, left))


def _summed(values: list[Profiles], charges: np.ndarray) -> Volume:
    """The density of atoms from their profiles."""
    n = values[0].shape[1]
    planes = (values[1][:, :, None] * values[2][:, None, :]).reshape(len(charges), n * n)
    return ((values[0] * charges[:, None]).T @ planes).reshape(n, n, n)


class CodeTarget:
    """The numbers of a linear code, each divided by its scale; InputError for an invalid code."""

    def __init__(self, code: LinearCode, numbers: Code) -> None:
        self.box, self.code = code.box, code
        self.data = code.products(numbers) / code.scale
        self.count, self.total = code.numbers, float(np.vdot(self.data, self.data))
        self._x, self._y, self._z = code.indices
        self._weight = 1.0 / code.scale

    def on_grid(self, axis: Float[np.ndarray, " point"]) -> tuple[Profiles, Float[np.ndarray, "x y z"]]:
        """As `Target.on_grid`."""
        profiles, _ = profiles_of(self.box, self.code.basis, axis)
        return profiles, self._contracted(self._weight**2, profiles**2)

    def along(self, profiles: Profiles, places: Points3, charges: np.ndarray) -> Float[np.ndarray, "x y z"]:
        """As `Target.along`."""
        x, y, z = (
            profiles_of(self.box, self.code.basis, places[:, a])[0][:, index]
            for a, index in enumerate((self._x, self._y, self._z))
        )
        left = self.data - charges @ (x * y * z) * self._weight
        return self._contracted(left * self._weight, profiles)

    def normal(self, places: Points3, charges: np.ndarray) -> Normal:
        """As `Target.normal`."""
        (x, dx), (y, dy), (z, dz) = (
            [part[:, index] for part in profiles_of(self.box, self.code.basis, places[:, a])]
            for a, index in enumerate((self._x, self._y, self._z))
        )
        yz, xw = y * z, x * self._weight
        columns = np.empty((len(charges), 4, self.count))
        columns[:, 3] = xw * yz
        columns[:, 0] = dx * (yz * self._weight) * charges[:, None]
        columns[:, 1] = xw * dy * z * charges[:, None]
        columns[:, 2] = xw * y * dz * charges[:, None]
        left = self.data - charges @ columns[:, 3]
        flat = columns.reshape(-1, self.count)
        return flat @ flat.T, flat @ left, float(np.vdot(left, left))

    def _contracted(self, numbers: Code, profiles: Profiles) -> Float[np.ndarray, "x y z"]:
        n = profiles.shape[1]
        whole = np.zeros((n, n, n))
        whole[self._x, self._y, self._z] = numbers
        return np.einsum("abc,xa,yb,zc->xyz", whole, profiles, profiles, profiles, optimize=True)
