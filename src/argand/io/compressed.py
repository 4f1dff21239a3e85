"""Arrays as compressed bytes, for files of named arrays, which have no compression of their own."""

import lzma

import numpy as np
from jaxtyping import UInt8


def compressed(values: np.ndarray) -> UInt8[np.ndarray, " byte"]:
    """The values of an array in C order, compressed (LZMA)."""
    return np.frombuffer(lzma.compress(np.ascontiguousarray(values).tobytes(), preset=9), np.uint8)


def restored(stored: UInt8[np.ndarray, " byte"], dtype: type[np.generic]) -> np.ndarray:
    """The flat values from the output of `compressed`; ValueError for anything else."""
    try:
        return np.frombuffer(lzma.decompress(stored.tobytes()), dtype)
    except lzma.LZMAError as error:
        raise ValueError("compressed values cannot be read") from error
