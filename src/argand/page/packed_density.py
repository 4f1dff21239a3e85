"""Densities for a page's script: few bytes that keep contours smooth."""

from typing import Any

import numpy as np

from argand.errors import InputError
from argand.page.view import packed

MAX_VOXELS = 64**3
"""By hand: a contour of so many is computed anew in some 20 ms, and they pack into about 300 kB."""
_LEVELS = 1023
"""Steps between the least and the largest value. By hand: with 255, shaded contours show terraces."""


def packed_density(values: np.ndarray, name: str, unit: str, level: float) -> dict[str, Any]:
    """A density [x, y, z] for the script: differences along z of whole numbers; `sigma` is its deviation.

    One of more than MAX_VOXELS voxels is drawn from its low frequencies. Raises InputError if it has no
    finite values.
    """
    values = np.asarray(values, dtype=np.float64)
    if values.ndim != 3 or not values.size or not np.isfinite(values).all():
        raise InputError(f"{name}: not a grid of finite values in three directions")
    sigma = float(values.std())
    small = coarser(values, MAX_VOXELS)
    low, high = float(small.min()), float(small.max())
    step = (high - low) / _LEVELS or 1.0
    whole = np.rint((small - low) / step).astype(np.int16)
    return {
        "name": name,
        "unit": unit,
        "level": float(level),
        "low": low,
        "step": step,
        "sigma": sigma,
        "mean": float(values.mean()),
        "values": packed(np.diff(whole, axis=2, prepend=np.int16(0))),
    }


def coarser(values: np.ndarray, most: int) -> np.ndarray:
    """The same periodic function on a grid of at most `most` points: its Fourier terms that fit there."""
    factor = (most / values.size) ** (1 / 3)
    if factor >= 1:
        return values
    shape = [max(4, int(factor * size)) for size in values.shape]
    terms = np.fft.fftn(values)
    for axis, size in enumerate(shape):
        # Terms of both signs up to the highest that the coarser grid tells apart.
        kept = [h % values.shape[axis] for h in (*range((size + 1) // 2), *range(-(size // 2), 0))]
        terms = np.take(terms, kept, axis=axis)
    return np.fft.ifftn(terms).real * (np.prod(shape) / values.size)
