"""Low-order Fourier coefficients of point atoms: indices, values and derivatives."""

import numpy as np
from jaxtyping import Complex, Float, Int

from argand.typing import Matrix3

Indices = Int[np.ndarray, "hkl 3"]
Places = Float[np.ndarray, "atom 3"]

_ANYWHERE = 1.0
"""Å; positional uncertainty of an atom not constrained by any coefficient.

Set by hand: about a bond length, beyond which it would be another site.
"""
_TOGETHER = 200
"""Number of atoms beyond which positional errors are treated as independent: the joint matrix grows as its
square.

Set by hand, a bound on time (0.4 million elements at 200 atoms).
"""
_TIE = 1e-5
"""Vectors with lengths that differ by less than this fraction of the longest are equal, and ordered by index.

Set by hand: far above the rounding of a lattice in single precision (1e-7), far below the spacing of shells.
"""


def shortest_hkl(lattice: Matrix3, count: int) -> Int[np.ndarray, "count 3"]:
    """Miller indices of the `count` shortest reciprocal vectors of a half sphere, shortest first.

    One of h and -h is given, and 000 is excluded. Equal lengths are ordered by index, so that the list is a
    function of the lattice alone.
    """
    volume = abs(np.linalg.det(lattice))
    lengths = np.linalg.norm(lattice, axis=1)
    inverse = np.linalg.inv(lattice).T
    # A sphere of radius r holds about 4π/3 r³ V vectors; 2.5 times as many for two halves and a margin.
    reach = (2.5 * (count + 2) * 3 / (4 * np.pi * volume)) ** (1 / 3)
    while True:
        bounds = np.floor(reach * lengths).astype(int)
        hkl = half_box(bounds)
        square = np.sum((hkl @ inverse) ** 2, axis=1)
        inside = square <= reach**2
        if inside.sum() >= count:
            break
        # Half as many again.
        reach *= 1.15
    hkl, square = hkl[inside], square[inside]
    rank = np.round(np.sqrt(square) / (_TIE * reach))
    order = np.lexsort((hkl[:, 2], hkl[:, 1], hkl[:, 0], rank))
    return hkl[order[:count]]


def half_box(bounds: Int[np.ndarray, "3"]) -> Indices:
    """All indices within plus and minus the bounds, one of each pair h and -h, without 000."""
    axes = [np.arange(-b, b + 1) for b in bounds]
    hkl = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
    # The middle of the list is 000, and the list is antisymmetric about it.
    return hkl[len(hkl) // 2 + 1 :]


def waves(hkl: Indices, frac: Places) -> Complex[np.ndarray, "hkl atom"]:
    """exp(2 pi i h·x) for each index and atom."""
    angles = (2 * np.pi) * (hkl @ frac.T)
    return np.cos(angles) + 1j * np.sin(angles)


def single_waves(hkl: Indices, frac: Places) -> Complex[np.ndarray, "hkl atom"]:
    """The same in single precision, several times faster."""
    turns = hkl.astype(float) @ frac.T
    turns -= np.rint(turns)
    angles = (2 * np.pi) * turns.astype(np.float32)
    wave = np.empty(angles.shape, np.complex64)
    wave.real, wave.imag = np.cos(angles), np.sin(angles)
    return wave


def wave_sums(
    hkl: Indices, frac: Places, weights: Float[np.ndarray, " atom"] | None = None
) -> Complex[np.ndarray, " hkl"]:
    """Sums of the waves over all atoms, with weight 1 or `weights`, by one matrix product for a box of
    indices.

    Waves are products of those along the three axes, so that few of them are computed.
    """
    low, high = hkl.min(axis=0), hkl.max(axis=0)
    first, second, third = (
        np.exp(2j * np.pi * np.outer(np.arange(low[i], high[i] + 1), frac[:, i])) for i in range(3)
    )
    if weights is not None:
        first = first * weights
    plane = (second[:, None] * third[None]).reshape(-1, len(frac))
    h, k, l = (hkl - low).T  # noqa: E741  the field's letter
    return (first @ plane.T)[h, k * len(third) + l]


def coefficients(
    hkl: Indices, frac: Places, weights: Float[np.ndarray, "atom channel"]
) -> Complex[np.ndarray, "hkl channel"]:
    """F(h) = Σ w exp(2 pi i h·x) for each channel of weights."""
    return waves(hkl, frac) @ weights


def place_spread(lattice: Matrix3, hkl: Indices, frac: Places, noise: float) -> Float[np.ndarray, " atom"]:
    """Standard deviation in Å of each atom's position, for coefficients of unit weights and errors of
    `noise`.

    Linear propagation of errors over all atoms together, at most 1 Å along an axis; in cells of more than 200
    atoms, for each atom alone.

    `noise` is the standard deviation of a complex coefficient; `lattice` has its vectors in Å as rows.
    """
    count = len(frac)
    slopes = 2 * np.pi * hkl @ np.linalg.inv(lattice).T
    if count > _TOGETHER:
        alone = slopes.T @ slopes * (2 / noise**2) + np.eye(3) / _ANYWHERE**2
        return np.full(count, np.sqrt(np.trace(np.linalg.inv(alone))))
    wave = waves(hkl, frac)
    normal = np.empty((count, 3, count, 3))
    for i in range(3):
        for j in range(i + 1):
            product = np.real(np.conj(wave.T) @ (wave * (slopes[:, i] * slopes[:, j])[:, None]))
            normal[:, i, :, j] = normal[:, j, :, i] = product
    # The error has two parts, real and imaginary; the last term is the prior without any coefficient.
    precision = normal.reshape(3 * count, -1) * (2 / noise**2) + np.eye(3 * count) / _ANYWHERE**2
    variance = np.diag(np.linalg.inv(precision)).reshape(count, 3).sum(1)
    return np.sqrt(np.maximum(variance, 0.0))
