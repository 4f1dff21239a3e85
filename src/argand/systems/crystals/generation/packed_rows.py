"""Rows of arrays that networks which draw crystals learn from, in a file of a run."""

from functools import cache
from pathlib import Path

import numpy as np

from argand.io.arrays import read_arrays

Arrays = dict[str, np.ndarray]


@cache
def unpacked_rows(path: Path, what: str, preset: str) -> tuple[Arrays, np.ndarray, np.ndarray]:
    """The arrays packed for the training of a preset, the rows to learn from, and those held out.

    InputError, which tells `what` is missing, where the file has none.
    """
    arrays = read_arrays(path, what, f"`argand crystals train {preset}`")
    return arrays, np.flatnonzero(~arrays["held_out"]), np.flatnonzero(arrays["held_out"])
