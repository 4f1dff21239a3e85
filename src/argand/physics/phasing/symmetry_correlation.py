"""Agreement of structure factors without symmetry with an operator, for every position of its symmetry
element.

A density invariant under an operator (R, t) has F(h) = exp(2πi h·t) F(hR). For an unknown origin, shifted by
s, this becomes F(h) F*(hR) = exp(2πi h·w) |F(h) F(hR)| with w = t - (I - R) s. So one Fourier transform for
each rotation, the correlation of the density with its rotated copy,

    C_R(w) = Σ F(h) F*(hR) exp(-2πi h·w) / Σ |F(h) F(hR)|,

gives the answer for all translations and origins, and the score of any space group with rotations R_i and
translations t_i is a mean of C_{R_i}(t_i - (I - R_i) s), looked up. It is 1 if the symmetry is exact.
"""

from functools import cached_property

import numpy as np
from jaxtyping import Float, Int
from scipy import fft

from argand.physics.crystal.symmetry import Group, grid_shape, index_key
from argand.physics.phasing.fourier import Coefficients, Map
from argand.typing import Matrix3, Miller, Vector3

_SPACING = 0.25
"""Grid spacing of the maps in Å. Set by hand: fine compared with peaks as wide as d_min."""
_TWELFTHS = 12
"""Axes have a multiple of this many points, so that all translations except eighths fall on points."""
_WHOLE_ORDER = 16
"""Groups of this many operators are searched with a part of them. Set by hand, for speed."""
_BEST_PLACES = 20
"""Positions in such a group that are tested with all operators. Set by hand, for speed."""


class SymmetryCorrelation:
    """The maps C_R of one set of structure factors for the rotations of a Laue group.

    `hkl` is a half sphere as from `half_sphere`, closed under the group's rotations up to Friedel mates;
    `laue` has these rotations and the lattice translations.
    """

    def __init__(
        self,
        hkl: Miller,
        coefficients: Coefficients,
        laue: Group,
        orthogonalisation: Matrix3,
        spacing: float = _SPACING,
    ) -> None:
        self.hkl, self.coefficients, self.laue = hkl, coefficients, laue
        fine = Group("", laue.rotations, np.full((laue.order, 3), 1 / _TWELFTHS), laue.centrings)
        self.shape = grid_shape(fine, orthogonalisation, hkl, spacing)
        self._maps: dict[bytes, Float[np.ndarray, " m"]] = {}
        self._order = np.argsort(index_key(hkl))
        self._key = index_key(hkl)[self._order]

    def rotated(self, rotation: Int[np.ndarray, "3 3"]) -> Coefficients:
        """F(hR) of each reflection; 0 if neither it nor its mate is known."""
        image = self.hkl @ rotation
        below = (image[:, 2] < 0)[:, None]
        wanted = index_key(np.where(below, -image, image))
        place = self._order[np.clip(np.searchsorted(self._key, wanted), 0, len(wanted) - 1)]
        value = np.where(index_key(self.hkl)[place] == wanted, self.coefficients[place], 0)
        return np.where(below[:, 0], value.conj(), value)

    def map(self, rotation: Int[np.ndarray, "3 3"]) -> Map:
        """C_R(w) for w on the grid of the cell."""
        key = np.asarray(rotation, np.int8).tobytes()
        if key not in self._maps:
            product = self.coefficients * self.rotated(rotation).conj()
            # Reflections with l = 0 are listed with both signs.
            weight = np.where(self.hkl[:, 2] > 0, 2.0, 1.0)
            norm = float((weight * np.abs(product)).sum())
            x, y, z = (self.hkl % self.shape).T
            spectrum = np.zeros((*self.shape[:2], self.shape[2] // 2 + 1), np.complex64)
            spectrum[x, y, z] = product.conj() / max(norm, 1e-20)
            whole = fft.irfftn(spectrum, self.shape, norm="forward")
            self._maps[key] = np.asarray(whole, np.float32).ravel()
        return self._maps[key].reshape(self.shape)

    def scores(self, group: Group, shifts: Float[np.ndarray, "n 3"]) -> Float[np.ndarray, "n_ops n"]:
        """C of each operator except the identity (`operators`), after each shift of the atoms.

        Evaluated at the nearest grid points.
        """
        rotations, translations = operators(group)
        found = np.empty((len(rotations), len(shifts)), np.float32)
        for row, (rotation, translation) in enumerate(zip(rotations, translations, strict=True)):
            offset = translation - shifts + shifts @ rotation.T
            point = np.rint(offset * self.shape).astype(int) % self.shape
            found[row] = self.map(rotation)[tuple(point.T)]
        return found

    def best_shift(self, group: Group) -> tuple[Vector3, Float[np.ndarray, " n_ops"]]:
        """The shift of all atoms for best agreement with the group, and each operator's C there.

        Best by the mean over all operators except the identity; empty and no shift if there is no other.
        """
        rotations, translations = operators(group)
        if not len(rotations):
            return np.zeros(3), np.zeros(0)
        chosen = np.arange(len(rotations))
        if len(rotations) >= _WHOLE_ORDER:
            chosen = _generators(rotations)
        points = self._points(group)
        total = np.zeros(len(points), np.float32)
        for row in chosen:
            total += self._looked_up(rotations[row], translations[row], points)
        count = min(_BEST_PLACES, len(points))
        places = points[np.argpartition(-total, count - 1)[:count]] / np.array(self.shape)
        values = self.scores(group, places)
        best = int(np.argmax(values.mean(0)))
        return places[best], values[:, best]

    def _looked_up(
        self, rotation: Int[np.ndarray, "3 3"], translation: Vector3, points: Int[np.ndarray, "n 3"]
    ) -> Float[np.ndarray, " n"]:
        """C_R(t - (I - R) s) for grid points s."""
        difference = np.eye(3, dtype=int) - rotation
        fixed = np.rint(translation * self.shape).astype(int)
        flat = np.zeros(len(points), np.int64)
        for axis in range(3):
            size, step = self.shape[axis], self._strides[axis]
            # Axes mixed by a rotation have equal numbers of points.
            flat += (fixed[axis] - points @ difference[axis]) % size * step
        return self.map(rotation).ravel()[flat]

    @property
    def _strides(self) -> tuple[int, int, int]:
        return self.shape[1] * self.shape[2], self.shape[2], 1

    @cached_property
    def _halves(self) -> list[bool]:
        """Whether half a cell along each axis is an origin shift that leaves all rotations invariant."""
        shifts = (np.eye(3, dtype=int) - self.laue.rotations) @ np.eye(3, dtype=int)
        return [bool((shifts[:, :, axis] % 2 == 0).all()) for axis in range(3)]

    def _points(self, group: Group) -> Int[np.ndarray, "n 3"]:
        """Grid points that contain each origin once: none along polar axes, half a cell or a whole cell."""
        polar = group.polar_axes()
        sizes = [
            1 if polar[axis] else size // 2 if self._halves[axis] else size
            for axis, size in enumerate(self.shape)
        ]
        return np.stack(np.meshgrid(*map(np.arange, sizes), indexing="ij"), -1).reshape(-1, 3)


def operators(group: Group) -> tuple[Int[np.ndarray, "n 3 3"], Float[np.ndarray, "n 3"]]:
    """Rotations and translations of a group except the identity, one of those that differ by a centring."""
    keys = [np.asarray(rotation, np.int8).tobytes() for rotation in group.rotations]
    first = sorted({key: place for place, key in reversed(list(enumerate(keys)))}.values())
    kept = [place for place in first if not (group.rotations[place] == np.eye(3)).all()]
    return group.rotations[kept], group.translations[kept]


def _generators(rotations: Int[np.ndarray, "n 3 3"]) -> Int[np.ndarray, " m"]:
    """Indices of a few rotations that generate all others."""
    chosen: list[int] = []
    known = {np.eye(3, dtype=int).tobytes()}
    for number, rotation in enumerate(rotations):
        if np.asarray(rotation, int).tobytes() in known:
            continue
        chosen.append(number)
        known = _closure([np.asarray(rotations[one], int) for one in chosen])
    return np.array(chosen)


def _closure(generators: list[np.ndarray]) -> set[bytes]:
    """All products of matrices that generate a finite group."""
    found, new = {np.eye(3, dtype=int).tobytes()}, [np.eye(3, dtype=int)]
    while new:
        products = [one @ generator for one in new for generator in generators]
        new = []
        for product in products:
            if product.tobytes() not in found:
                found.add(product.tobytes())
                new.append(product)
    return found
