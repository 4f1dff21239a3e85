"""The low-order Fourier coefficients of point atoms: which there are, their values and slopes."""

import numpy as np
from jaxtyping import Complex, Float, Int

from argand.typing import Matrix3

Indices = Int[np.ndarray, "hkl 3"]
Places = Float[np.ndarray, "atom 3"]

_ANYWHERE = 1.0
"""Å; how far an atom that no coefficient holds is taken to be from its place."""
_TIE = 1e-5
"""Lengths of vectors that differ by less than this share of the longest are equal, and ordered by index."""


def shortest_hkl(lattice: Matrix3, count: int) -> Int[np.ndarray, "count 3"]:
    """Miller indices of the `count` shortest reciprocal vectors of a half sphere, shortest first.

    One of h and -h is given, never 000. Equal lengths are ordered by index, so that the list is a function
    of the lattice alone.
    """
    volume = abs(np.linalg.det(lattice))
    lengths = np.linalg.norm(lattice, axis=1)
    inverse = np.linalg.inv(lattice).T
    reach = (2.5 * (count + 2) * 3 / (4 * np.pi * volume)) ** (1 / 3)
    while True:
        bounds = np.floor(reach * lengths).astype(int)
        hkl = half_box(bounds)
        square = np.sum((hkl @ inverse) ** 2, axis=1)
        inside = square <= reach**2
        if inside.sum() >= count:
            break
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
    """exp(2 pi i h·x) of each index and atom."""
    angles = (2 * np.pi) * (hkl @ frac.T)
    return np.cos(angles) + 1j * np.sin(angles)


def coefficients(
    hkl: Indices, frac: Places, weights: Float[np.ndarray, "atom channel"]
) -> Complex[np.ndarray, "hkl channel"]:
    """F(h) = Σ w exp(2 pi i h·x) of each channel of weights."""
    return waves(hkl, frac) @ weights


def place_spread(lattice: Matrix3, hkl: Indices, frac: Places, noise: float) -> Float[np.ndarray, " atom"]:
    """Standard deviation in Å of each atom's place, for coefficients of unit weights and errors of `noise`.

    Linear propagation of errors over all atoms together, at most 1 Å along an axis.
    """
    count = len(frac)
    wave = waves(hkl, frac)
    slopes = 2 * np.pi * hkl @ np.linalg.inv(lattice).T
    normal = np.empty((count, 3, count, 3))
    for i in range(3):
        for j in range(i + 1):
            product = np.real(np.conj(wave.T) @ (wave * (slopes[:, i] * slopes[:, j])[:, None]))
            normal[:, i, :, j] = normal[:, j, :, i] = product
    # The error has two parts, real and imaginary; the last term is what is known without any coefficient.
    precision = normal.reshape(3 * count, -1) * (2 / noise**2) + np.eye(3 * count) / _ANYWHERE**2
    variance = np.diag(np.linalg.inv(precision)).reshape(count, 3).sum(1)
    return np.sqrt(np.maximum(variance, 0.0))
