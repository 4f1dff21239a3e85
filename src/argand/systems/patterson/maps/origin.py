"""What every Patterson map has: a peak at its origin, above all else."""

import numpy as np
from jaxtyping import Float

from argand.errors import InputError

_SMALLEST, _LARGEST = 1e-15, 1e15
"""Of a map's highest value. By hand: single precision still holds squares of sums over such maps."""
_FLAT = 1e-4
"""Range of values beyond the origin, over the highest, below which no vectors between atoms are there. By
hand: N equal atoms have peaks of a share 1 / N, and no map of thousands is solved."""
_PEAK = 2
"""Voxels to each side that are left to the peak at the origin; by hand."""


def require_origin(patterson: Float[np.ndarray, "x y z"]) -> None:
    """InputError for a map that is not highest at its first voxel, or is the same everywhere beyond.

    Also for values that are too large, or too small, for single precision.
    """
    highest, lowest = float(patterson.max()), float(patterson.min())
    if patterson.flat[0] < highest * (1 - 1e-6) or highest <= 0:
        raise InputError("the map is not highest at its first voxel; put its origin there (ifftshift)")
    if not _SMALLEST <= highest <= _LARGEST or -lowest > _LARGEST:
        raise InputError(f"the map has values from {lowest:.2g} to {highest:.2g}; scale it to about 1")
    far = [np.minimum(np.arange(side), side - np.arange(side)) > _PEAK for side in patterson.shape]
    beyond = patterson[far[0][:, None, None] | far[1][:, None] | far[2]]
    if not beyond.size or np.ptp(beyond) <= _FLAT * highest:
        raise InputError("the map is the same everywhere but at its origin; no two atoms are in it")
