"""The structures of a pool that may be learned from, and the arrays that a network takes of them."""

import zlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import numpy as np
import pyarrow as pa
from pyarrow import ArrowException, parquet

from argand.errors import InputError
from argand.io.arrays import read_arrays, write_arrays
from argand.physics.structure import Structure, wrapped
from argand.progress import ProgressDisplay
from argand.systems.crystals.surroundings import LARGEST, Surroundings, fits, surroundings

PACKED = "cells.safetensors"
"""Name of the arrays in the folder of a run."""
HELD_OUT = 20
"""One formula in so many is held out, with all its structures."""
_COLUMNS = ("material_id", "formula", "n_atoms", "lattice", "species", "frac_coords")
_LISTS = ("lattice", "species", "frac_coords")
_ROWS = 1024

Arrays = dict[str, np.ndarray]


def is_held_out(formula: str) -> bool:
    """Whether structures of this reduced formula are kept from all training."""
    return zlib.crc32(formula.encode()) % HELD_OUT == 0


def pool_structures(path: Path, largest: int = LARGEST) -> Iterator[tuple[str, Structure]]:
    """Names and structures of a parquet file's rows of up to `largest` atoms that belong to no benchmark.

    The rows are taken as they are. InputError where the file is none or lacks a column.
    """
    try:
        table = parquet.read_table(path)
    except (OSError, ArrowException) as error:
        raise InputError(f"{path}: not a parquet file that can be read") from error
    missing = [name for name in _COLUMNS if name not in table.column_names]
    if missing:
        raise InputError(f"{path}: has no column {', '.join(missing)}")
    wanted = table["n_atoms"].to_numpy() <= largest
    if "bench" in table.column_names:
        wanted &= np.array([name == "" for name in table["bench"].to_pylist()])
    done, total = 0, max(int(wanted.sum()), 1)
    with ProgressDisplay("read", "structures") as display:
        for batch in table.select(_COLUMNS).filter(pa.array(wanted)).to_batches(_ROWS):
            for row in batch.to_pylist():
                arrays = [np.array(row[name], float) for name in _LISTS]
                lattice, places = arrays[0].reshape(3, 3), wrapped(arrays[2].reshape(-1, 3))
                yield row["material_id"], Structure(lattice, arrays[1].astype(np.uint8), places)
                done += 1
                display.update(done / total, done)


def pack(pool: Path, out: Path) -> int:
    """Write the surroundings of all structures that fit, in one move; how many there are."""
    found: list[Surroundings] = []
    held_out: list[bool] = []
    for _, structure in pool_structures(pool):
        if fits(structure):
            found.append(surroundings(structure))
            held_out.append(is_held_out(structure.formula))
    if not found or all(held_out):
        raise InputError(f"{pool}: holds no structures of at most {LARGEST} atoms to learn from")
    arrays = {
        "species": np.stack([one.species for one in found]),
        "kinds": np.stack([one.kinds for one in found]),
        "neighbours": np.stack([one.neighbours for one in found]),
        "distance": np.stack([one.distance for one in found]).astype(np.float16),
        "log_scale": np.array([one.log_scale for one in found], np.float32),
        "held_out": np.array(held_out),
    }
    write_arrays(out, arrays)
    return len(found)


@cache
def unpacked(path: Path) -> tuple[Arrays, np.ndarray, np.ndarray]:
    """The arrays that `pack` wrote, the rows to learn from, and those held out."""
    arrays = read_arrays(path, "packed structures", "`argand crystals train-occupation`")
    return arrays, np.flatnonzero(~arrays["held_out"]), np.flatnonzero(arrays["held_out"])
