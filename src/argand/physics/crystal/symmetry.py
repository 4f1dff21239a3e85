"""Space groups as arrays: operators, absences, merging in the Laue group, allowed grids and sites."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, cast

import gemmi
import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.fft import next_fast_len

from argand.physics.crystal.space_group_symbol import find_operations
from argand.typing import Matrix3, Miller, Points3, Vector3

_DENOMINATOR = 24
"""Translations of space groups are multiples of 1/24; gemmi stores them, and rotations, this way
(`Op.DEN`)."""
_MOST_OPERATORS = 1000
"""Most operators of a listed group. Set by hand: the largest space groups have 192 in usual cells."""
_OFFSET = 1 << 20
"""Offset for packing Miller indices, which are far smaller than half of it.

Three indices of 20 bits each fit into one 64-bit number.
"""


@dataclass(frozen=True)
class Group:
    """All operators of a space group in one setting: x' = rotation @ x + translation, centrings included."""

    name: str
    rotations: Int[np.ndarray, "n 3 3"]
    translations: Float[np.ndarray, "n 3"]
    centrings: Float[np.ndarray, "m 3"]

    @classmethod
    def from_name(cls, name: str, cell: tuple[float, ...] | None = None) -> "Group":
        """The group of a Hermann-Mauguin or Hall symbol or a number, parsed by `find_operations`.

        The angles of the `cell` (Å and degrees) choose between hexagonal and rhombohedral axes. Raises
        ConfigError for an unknown symbol.
        """
        return cls.from_operations(*find_operations(name, cell))

    @classmethod
    def from_operations(cls, operations: Any, name: str = "") -> "Group":
        """The group of gemmi operators."""
        pairs = list(operations)
        rotations = np.array([op.rot for op in pairs]) // _DENOMINATOR
        translations = np.array([op.tran for op in pairs]) / _DENOMINATOR
        centrings = np.array([list(shift) for shift in operations.cen_ops]) / _DENOMINATOR
        return cls(name, rotations, translations % 1.0, centrings)

    @cached_property
    def lattice(self) -> "Group":
        """The group of the lattice translations alone."""
        count = len(self.centrings)
        name = f"{self.name} without symmetry"
        return Group(name, np.tile(np.eye(3, dtype=int), (count, 1, 1)), self.centrings, self.centrings)

    @cached_property
    def generating(self) -> tuple[Int[np.ndarray, "m 3 3"], Float[np.ndarray, "m 3"], bool]:
        """Operators that generate all others with the centrings and an inversion at the origin, and whether
        there is one.

        Sums over all operators are sums over these times `lattice_factor` and, with the inversion, twice
        their real parts.
        """
        inverted = (self.rotations == -np.eye(3, dtype=int)).all((1, 2))
        shifts = self.translations[inverted][:, None] - self.centrings[None]
        centred = bool((np.abs(shifts - np.rint(shifts)) < 1e-6).all(-1).any())
        kept: list[int] = []
        for number, rotation in enumerate(self.rotations):
            known = self.rotations[kept]
            same = (known == rotation).all((1, 2)) | (centred & (known == -rotation).all((1, 2)))
            if not same.any():
                kept.append(number)
        return self.rotations[kept], self.translations[kept], centred

    def lattice_factor(self, hkl: Miller) -> Float[np.ndarray, " n"]:
        """Σ exp(2πi h·c) over the centrings c: their number, or 0 where the lattice forbids a reflection."""
        return np.cos(2 * np.pi * (hkl @ self.centrings.T)).sum(1)

    @property
    def order(self) -> int:
        """Number of operators in the cell."""
        return len(self.rotations)

    @property
    def centring_letter(self) -> str:
        """P, A, B, C, I, F or R, from the lattice translations."""
        return str(self._operations().find_centering())

    def images(self, frac: Points3) -> Float[np.ndarray, "n_ops n 3"]:
        """Images of fractional positions under each operator."""
        return np.einsum("oij,nj->oni", self.rotations, frac) + self.translations[:, None]

    def equivalents(self, hkl: Miller) -> Int[np.ndarray, "n_ops n 3"]:
        """Indices h R of each operator, for which F(h) = exp(2πi h·t) F(h R)."""
        return np.einsum("ni,oij->onj", hkl, self.rotations)

    def phases(self, hkl: Miller) -> Float[np.ndarray, "n_ops n"]:
        """2π h·t of each operator, in radians."""
        return 2 * np.pi * np.einsum("ni,oi->on", hkl, self.translations)

    def absent(self, hkl: Miller) -> Bool[np.ndarray, " n"]:
        """Which reflections are systematically absent: h R = h while h·t is not an integer."""
        return np.asarray(self._operations().systematic_absences(hkl.astype(np.int32)))

    def epsilon(self, hkl: Miller) -> Float[np.ndarray, " n"]:
        """Factor epsilon by which the mean intensity is enhanced; the centring, common to all, is left
        out."""
        factors = self._operations().epsilon_factor_without_centering_array(hkl.astype(np.int32))
        return np.asarray(factors, float)

    def _operations(self) -> gemmi.GroupOps:
        """gemmi's operators, rebuilt each time (0.01 to 0.5 ms): they cannot be sent to another process."""
        operations = []
        for rotation, translation in zip(self.rotations, self.translations, strict=True):
            operation = gemmi.Op()
            operation.rot = (rotation * _DENOMINATOR).tolist()
            operation.tran = np.rint(translation * _DENOMINATOR).astype(int).tolist()
            operations.append(operation)
        return gemmi.GroupOps(operations)

    def representative(self, hkl: Miller) -> Miller:
        """One index for each set of equivalents in the Laue group, the same for the whole set."""
        # Centrings repeat each rotation, and an inversion centre gives each with both signs.
        laue = np.unique(np.concatenate([self.rotations, -self.rotations]), axis=0)
        images = np.einsum("ni,oij->onj", hkl, laue)
        best = np.argmax(index_key(images), axis=0)
        return np.take_along_axis(images, best[None, :, None], 0)[0]

    def keeps(self, orthogonalisation: Matrix3, tolerance: float = 0.02) -> bool:
        """Whether every rotation preserves the cell's metric, within a fraction of its squared lengths.

        The default tolerance is set by hand: 2 % is 1 % of a length, or half a degree of an angle of 90.
        """
        metric = orthogonalisation.T @ orthogonalisation
        images = np.einsum("oji,jk,okl->oil", self.rotations, metric, self.rotations)
        scale = np.sqrt(np.outer(np.diag(metric), np.diag(metric)))
        return bool((np.abs(images - metric) <= tolerance * scale).all())

    def polar_axes(self) -> Bool[np.ndarray, " 3"]:
        """Which axes are polar, so that the origin is free along them: all rotations keep their direction."""
        mean = self.rotations.mean(0)
        return np.abs(np.diag(mean)) > 1e-6

    def site(
        self, position: Vector3, orthogonalisation: Matrix3, tolerance: float = 0.5
    ) -> tuple[Matrix3, Vector3, int]:
        """Projector onto the shifts that a site allows, its exact position, and the operators of its site
        symmetry.

        `position` is fractional; an operator belongs to the site symmetry if the image is within `tolerance`
        Å of it.

        The default tolerance is set by hand: half of the shortest bond.
        """
        images = self.rotations @ position + self.translations
        shifts = np.rint(position - images)
        keep = np.linalg.norm((images + shifts - position) @ orthogonalisation.T, axis=1) < tolerance
        place = (images + shifts)[keep].mean(0)
        return self.rotations[keep].mean(0), place, int(keep.sum())


def complete_group(listed: Sequence[gemmi.Op]) -> gemmi.GroupOps:
    """The space group of some operators, with missing ones added; ValueError if they do not form one."""
    if len(listed) > _MOST_OPERATORS:
        raise ValueError(f"{len(listed)} symmetry operators are not those of a space group")
    every = {one.triplet(): one for one in (gemmi.Op("x,y,z"), *(one.wrap() for one in listed))}
    for operator in every.values():
        turned = np.array(operator.rot)
        if (turned % _DENOMINATOR).any() or abs(operator.det_rot()) != _DENOMINATOR**3:
            raise ValueError(f"'{operator.triplet()}' is not a symmetry operator")
    found = gemmi.GroupOps(list(every.values()))
    try:
        found.add_missing_elements()
    except RuntimeError as error:
        raise ValueError("the symmetry operators do not form a group") from error
    return found


def index_key(hkl: Int[np.ndarray, "*n 3"]) -> Int[np.ndarray, "*n"]:
    """A unique integer for each index."""
    shifted = np.asarray(hkl, np.int64) + _OFFSET // 2
    return (shifted[..., 0] * _OFFSET + shifted[..., 1]) * _OFFSET + shifted[..., 2]


def half_sphere(orthogonalisation: Matrix3, d_min: float) -> Miller:
    """All indices except 000 with d >= d_min (Å) and l >= 0; those with l = 0 have both signs.

    `orthogonalisation` has a, b, c in Å as columns.
    """
    lengths = np.linalg.norm(orthogonalisation, axis=0)
    most = np.floor(lengths / d_min).astype(int)
    axes = [np.arange(-most[0], most[0] + 1), np.arange(-most[1], most[1] + 1), np.arange(most[2] + 1)]
    hkl = np.stack(np.meshgrid(*axes, indexing="ij"), -1).reshape(-1, 3)
    squared = inverse_d_squared(hkl, orthogonalisation)
    return hkl[(squared > 0) & (squared <= d_min**-2 * (1 + 1e-9))]


def inverse_d_squared(hkl: Miller, orthogonalisation: Matrix3) -> Float[np.ndarray, " n"]:
    """1/d² of each reflection in 1/Å²."""
    return ((hkl @ np.linalg.inv(orthogonalisation)) ** 2).sum(1)


def grid_shape(group: Group, orthogonalisation: Matrix3, hkl: Miller, spacing: float) -> tuple[int, int, int]:
    """Grid points along a, b and c: at most `spacing` Å apart, enough for all indices, invariant under the
    group.

    All numbers are even and have no prime factor above 5.
    """
    lengths = np.linalg.norm(orthogonalisation, axis=0)
    need = np.maximum(2 * np.abs(hkl).max(0) + 2, np.ceil(lengths / spacing)).astype(int)
    step = np.array([_common_step(group.translations[:, axis]) for axis in range(3)])
    mixed = (group.rotations != 0).any(0)
    # Axes mixed by operators, even through a third one, need the same number of points.
    mixed = np.linalg.matrix_power((mixed | mixed.T).astype(int), 3) > 0
    for axis in range(3):
        partners = np.flatnonzero(mixed[axis])
        need[partners], step[partners] = need[partners].max(), np.lcm.reduce(step[partners])
    first, second, third = (_smooth(int(n), int(s)) for n, s in zip(need, step, strict=True))
    return first, second, third


def _common_step(shifts: Float[np.ndarray, " n"]) -> int:
    """The smallest even number for which all shifts are multiples of its inverse."""
    twentyfourths = np.rint(shifts * _DENOMINATOR).astype(int)
    return int(np.lcm(2, _DENOMINATOR // np.gcd.reduce(np.append(twentyfourths, _DENOMINATOR))))


def _smooth(least: int, step: int) -> int:
    """The smallest multiple of `step`, at least `least`, with no prime factors other than 2, 3 and 5."""
    return step * cast(int, next_fast_len(-(-least // step), real=True))
