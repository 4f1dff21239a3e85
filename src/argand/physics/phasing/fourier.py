"""Maps from structure factors and back, on a grid invariant under the symmetry."""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from jaxtyping import Complex, Float, Int
from scipy import fft

from argand.physics.crystal.symmetry import Group, grid_shape, half_sphere, index_key, inverse_d_squared
from argand.typing import Matrix3, Miller, Vector3

Map = Float[np.ndarray, "x y z"]
Coefficients = Complex[np.ndarray, " n"]


@dataclass(frozen=True)
class Grid:
    """Grid over one cell and the corresponding half sphere of reflections to `d_min` Å.

    `symmetry` fixes shape and absences, so that grids of a group and of its subgroups agree; maps and
    coefficients are averaged over `group`. F(h) = Σ ρ(x) exp(2πi h·x).
    """

    symmetry: Group
    group: Group
    orthogonalisation: Matrix3
    d_min: float
    spacing: float
    hkl: Miller = field(init=False)
    shape: tuple[int, int, int] = field(init=False)

    def __post_init__(self) -> None:
        hkl = half_sphere(self.orthogonalisation, self.d_min)
        hkl = hkl[~self.symmetry.absent(hkl)]
        object.__setattr__(self, "hkl", hkl)
        shape = grid_shape(self.symmetry, self.orthogonalisation, hkl, self.spacing)
        object.__setattr__(self, "shape", shape)

    @property
    def half_shape(self) -> tuple[int, int, int]:
        """Shape of the half spectrum."""
        return self.shape[0], self.shape[1], self.shape[2] // 2 + 1

    @cached_property
    def weight(self) -> Float[np.ndarray, " n"]:
        """Number of reflections of the full sphere that each represents: 2, or 1 if its mate is listed
        too."""
        return np.where(self.hkl[:, 2] > 0, 2.0, 1.0).astype(np.float32)

    @cached_property
    def inverse_d_squared(self) -> Float[np.ndarray, " n"]:
        """1/d² in 1/Å²."""
        return inverse_d_squared(self.hkl, self.orthogonalisation)

    @cached_property
    def asymmetric(self) -> tuple[Int[np.ndarray, " m"], Float[np.ndarray, " n"]]:
        """Flat indices of the asymmetric unit's points, and for all points 1 / (order of site symmetry)."""
        shape, group = np.array(self.shape), self.group
        count = int(np.prod(shape))
        points = np.stack(np.unravel_index(np.arange(count), self.shape), 1)
        lowest, kept = np.arange(count), np.zeros(count, np.int64)
        for rotation, translation in zip(group.rotations, group.translations, strict=True):
            image = np.rint((points / shape @ rotation.T + translation) * shape).astype(int) % shape
            flat = (image[:, 0] * shape[1] + image[:, 1]) * shape[2] + image[:, 2]
            lowest, kept = np.minimum(lowest, flat), kept + (flat == np.arange(count))
        return np.flatnonzero(lowest == np.arange(count)), (1.0 / kept).astype(np.float32)

    @cached_property
    def place(self) -> Int[np.ndarray, " n"]:
        """Index of each reflection in the flat half spectrum."""
        return self.places(self.hkl)[0]

    def places(self, hkl: Miller) -> tuple[Int[np.ndarray, " n"], np.ndarray]:
        """Positions of any Miller indices in the flat half spectrum, and whether the conjugate is stored."""
        wrapped = hkl % self.shape
        mate = wrapped[:, 2] > self.shape[2] // 2
        wrapped = np.where(mate[:, None], -hkl % self.shape, wrapped)
        return np.asarray(np.ravel_multi_index(tuple(wrapped.T), self.half_shape)), mate

    @cached_property
    def _images(self) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """For each operator: flat indices of h R, whether conjugate, and exp(2πi h·t)."""
        turns = np.exp(1j * self.group.phases(self.hkl)).astype(np.complex64)
        images = self.group.equivalents(self.hkl)
        return [(*self.places(image), turn) for image, turn in zip(images, turns, strict=True)]

    def spectrum(self, coefficients: Coefficients) -> Complex[np.ndarray, " m"]:
        """Flat half spectrum containing the coefficients."""
        whole = np.zeros(int(np.prod(self.half_shape)), np.complex64)
        whole[self.place] = coefficients
        return whole

    def density(self, coefficients: Coefficients) -> Map:
        """The map Σ F(h) exp(-2πi h·x) over the full sphere, per grid point; its mean is zero."""
        # The package uses the plus sign to reciprocal space, numpy the minus.
        spectrum = self.spectrum(np.conj(coefficients)).reshape(self.half_shape)
        return np.asarray(fft.irfftn(spectrum, self.shape))

    def coefficients(self, density: Map) -> Coefficients:
        """Structure factors of a map at the grid's reflections, averaged over the group."""
        return self.average(np.conj(np.asarray(fft.rfftn(density))).ravel())

    def average(self, spectrum: Complex[np.ndarray, " m"]) -> Coefficients:
        """Mean over the group of exp(2πi h·t) F(h R) from a flat half spectrum."""
        if self.group.order == 1:
            return spectrum[self.place]
        total = np.zeros(len(self.hkl), np.complex64)
        for place, mate, turn in self._images:
            value = spectrum[place]
            total += np.where(mate, value.conj(), value) * turn
        return total / self.group.order

    def taken(self, other: "Grid", coefficients: Complex[np.ndarray, " m"]) -> Coefficients:
        """Coefficients of another grid of the same cell at this grid's reflections; zero where it lacks
        them."""
        if other is self:
            return coefficients
        known = index_key(other.hkl)
        order = np.argsort(known)
        wanted = index_key(self.hkl)
        found = order[np.clip(np.searchsorted(known[order], wanted), 0, len(known) - 1)]
        return np.where(known[found] == wanted, coefficients[found], 0).astype(np.complex64)

    def mates(self, coefficients: Coefficients) -> list[Coefficients]:
        """exp(2πi h·t) F(h R) of each operator: all equal to F(h) if the group holds."""
        whole = self.spectrum(coefficients)
        return [
            np.where(mate, whole[place].conj(), whole[place]) * turn for place, mate, turn in self._images
        ]

    def shifted(self, coefficients: Coefficients, shift: Vector3) -> Coefficients:
        """Structure factors after all atoms moved by `shift` (fractional)."""
        return (coefficients * np.exp(2j * np.pi * (self.hkl @ shift))).astype(np.complex64)
