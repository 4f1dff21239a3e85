"""The arrays of one answer, as `predict` stores them, read again."""

from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
from jaxtyping import Bool, Float

from argand.errors import InputError
from argand.io.hdf5_links import opened
from argand.io.limits import MOST_PIXELS, require_at_most


@dataclass(frozen=True)
class StoredAnswer:
    """Shape, its deviation and the true shape where known, of one side; pattern and live pixels of one."""

    shape: Float[np.ndarray, "slow fast"]
    shape_sd: Float[np.ndarray, "slow fast"]
    pattern: Float[np.ndarray, "q_slow q_fast"]
    live: Bool[np.ndarray, "q_slow q_fast"]
    true_shape: Float[np.ndarray, "slow fast"] | None = None


def read_answer(path: Path) -> StoredAnswer:
    """The arrays of an answer; InputError for a file that is damaged, or keeps them elsewhere."""
    try:
        with opened(path) as file:
            names = (
                "shape",
                "shape_sd",
                "pattern",
                "live",
                *(["true_shape"] if "true_shape" in file else []),
            )
            arrays = {name: _square(path, file, name) for name in names}
    except (OSError, RuntimeError, ValueError, KeyError, TypeError) as error:
        told = " ".join(str(error).split())
        raise InputError(f"{path}: damaged ({told}); predict again with --force") from error
    arrays["live"] = arrays["live"] != 0
    sides = {len(values) for name, values in arrays.items() if "shape" in name}
    if len(sides) > 1 or arrays["pattern"].shape != arrays["live"].shape:
        raise InputError(f"{path}: its arrays are of different sizes; predict again with --force")
    return StoredAnswer(**arrays)


def _square(path: Path, file: h5py.File, name: str) -> np.ndarray:
    """Real numbers, as many rows as columns, that are stored in this very file."""
    stored = file[name] if isinstance(file.get(name, getlink=True), h5py.HardLink) else None
    if not isinstance(stored, h5py.Dataset) or stored.external or stored.is_virtual:
        raise InputError(f"{path}: '{name}' is not stored in it; predict again with --force")
    side = stored.shape[0] if len(stored.shape) == 2 else 0
    if not side or stored.shape != (side, side) or stored.dtype.kind not in "fiub":
        raise InputError(f"{path}: '{name}' is not a square array of numbers; predict again with --force")
    require_at_most(path, "pixels", side * side, MOST_PIXELS)
    values = np.asarray(stored)
    values = values if values.dtype.kind == "f" else values.astype(float)
    if not np.isfinite(values).all():
        raise InputError(f"{path}: '{name}' has values that are not numbers; predict again with --force")
    return values
