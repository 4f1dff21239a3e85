"""The hundred pairs that are shipped, packed so that they take less than 2 MB.

Patterns lose the columns that Friedel's law restores, and are stored as the logarithm of the intensity in
254 steps: a relative error of 5 % at most where they span 11 decades. Shapes are exact.
"""

from pathlib import Path
from typing import Any

import numpy as np

from argand.errors import ConfigError, InputError
from argand.io.hdf5_file import written_hdf5
from argand.io.hdf5_links import opened
from argand.io.resource import system_data

SAMPLE = system_data("molmnist", "sample.h5")
_SCALARS = ("fibril", "variant", "split", "source", "twist_deg_per_nm", "rotation_deg", "energy_kt")
_LEVELS = 254
"""Steps of the logarithm: codes 1 to 255 of a byte, 0 standing for what was not measured."""


class SamplePairs:
    """Pairs in memory, with the interface of a stored data set."""

    def __init__(self, columns: dict[str, np.ndarray]) -> None:
        self.columns = columns

    def __getitem__(self, row: int) -> dict[str, np.ndarray]:
        return {name: np.asarray(values[row]) for name, values in self.columns.items()}

    name = "sample"

    @property
    def names(self) -> tuple[str, ...]:
        """The arrays that there are."""
        return tuple(self.columns)

    def column(self, name: str) -> np.ndarray:
        """One array of all pairs; ConfigError for a name that is not there."""
        if name not in self.columns:
            raise ConfigError(f"the sample has no '{name}'; there are {', '.join(self.columns)}")
        return self.columns[name]


def read_sample(path: Path = SAMPLE) -> SamplePairs:
    """The shipped pairs; InputError where the file is missing or damaged."""
    try:
        with opened(path) as file:
            columns: dict[str, Any] = {name: np.asarray(file[name]) for name in (*_SCALARS, "shape")}
            low, high = (float(np.asarray(file.attrs[name])) for name in ("log_low", "log_high"))
            columns["pattern"] = unpack(np.asarray(file["pattern"]), low, high)
    except (OSError, KeyError) as error:
        raise InputError(f"{path}: the sample is missing or damaged; install argand again") from error
    return SamplePairs(columns)


def pack(pattern: np.ndarray) -> tuple[np.ndarray, float, float]:
    """Codes [n, size, size // 2 + 1] of patterns with an even side, and the logarithms of codes 1 and 255."""
    half = pattern[:, :, : pattern.shape[-1] // 2 + 1]
    there = half > 0
    logs = np.log(np.where(there, half, 1.0))
    low, high = float(logs[there].min()), float(logs[there].max())
    codes = 1 + np.rint((logs - low) / (high - low) * _LEVELS)
    return np.where(there, codes, 0).astype(np.uint8), low, high


def unpack(codes: np.ndarray, low: float, high: float) -> np.ndarray:
    """Patterns [n, size, size] from their codes; 0 is a pixel that was not measured.

    The inverse of `pack`.
    """
    half = np.where(codes > 0, np.exp(low + (codes - 1.0) / _LEVELS * (high - low)), 0.0).astype(np.float32)
    size, known = codes.shape[1:]
    full = np.zeros((len(codes), size, size), np.float32)
    full[:, :, :known] = half
    # Friedel: I(-q) = I(q); with q = 0 in pixel n / 2 the mate of pixel i is n - i.
    rows, columns = -np.arange(size) % size, -np.arange(known, size) % size
    full[:, :, known:] = half[:, rows][:, :, columns]
    return full


def write_sample(path: Path, columns: dict[str, np.ndarray]) -> Path:
    """Write pairs in the shipped form, in one move."""
    codes, low, high = pack(columns["pattern"])
    with written_hdf5(path) as file:
        for name, values in (("pattern", codes), ("shape", columns["shape"])):
            shuffle = values.dtype.itemsize > 1
            chunks = (1, *values.shape[1:])
            file.create_dataset(
                name, data=values, chunks=chunks, shuffle=shuffle, compression="gzip", compression_opts=9
            )
        for name in _SCALARS:
            file.create_dataset(name, data=columns[name])
        file.attrs["log_low"], file.attrs["log_high"] = low, high
    return path
