"""What every Patterson map has: a peak at its origin, above all else."""

import numpy as np
from jaxtyping import Float

from argand.errors import InputError

_LARGEST = 1e15
"""Of a map's values, in size. By hand: single precision still holds squares of their sums over a map."""
_FLAT = 1e-6
"""Range of values, over the largest, below which a map is the same everywhere: rounding of single
precision."""


def require_origin(patterson: Float[np.ndarray, "x y z"]) -> None:
    """InputError for a map that is constant, far too large, or not highest at its first voxel."""
    highest, lowest = float(patterson.max()), float(patterson.min())
    if max(highest, -lowest) > _LARGEST:
        raise InputError(f"the map has values of up to {max(highest, -lowest):.2g}; scale it to less")
    if patterson.flat[0] < highest * (1 - 1e-6) or highest <= 0:
        raise InputError("the map is not highest at its first voxel; put its origin there (ifftshift)")
    if highest - lowest <= _FLAT * highest:
        raise InputError("the map is the same everywhere; no atoms are in it")
