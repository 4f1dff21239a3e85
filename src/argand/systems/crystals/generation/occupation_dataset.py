"""The structures of a pool that may be learned from, and the arrays that a network takes of them."""

import zlib
from pathlib import Path

import gemmi
import numpy as np

from argand.errors import InputError
from argand.io.arrays import write_arrays
from argand.physics.crystal.structure import Structure
from argand.systems.crystals.database.dataset import load_structures
from argand.systems.crystals.database.fingerprint_index import formula_of
from argand.systems.crystals.generation.local_environment import (
    LARGEST,
    LocalEnvironment,
    fits,
    local_environment,
)
from argand.systems.crystals.generation.packed_rows import Arrays, unpacked_rows

PACKED = "cells.safetensors"
"""Name of the arrays in the folder of a run."""
HELD_OUT = 20
"""One formula in so many is held out, with all its structures. By hand, a twentieth; shipped weights and
prototypes were made with it, and benchmarks/crystals_samples.py tests with what is held out."""


def is_held_out(structure: Structure) -> bool:
    """Whether structures of this one's reduced formula are kept from all training."""
    return zlib.crc32(hashed_formula(structure).encode()) % HELD_OUT == 0


def hashed_formula(structure: Structure) -> str:
    """The reduced formula in the order of atomic numbers, such as `O3 Ti1 Sr1`.

    Shipped weights and indices were made with this choice, so that it stays whatever formulas look like.
    """
    numbers, counts = formula_of(structure)
    return " ".join(f"{gemmi.Element(z).name}{count}" for z, count in zip(numbers, counts, strict=True))


def pack(source: str, out: Path) -> int:
    """Write the local environments of all structures of a source that fit, in one move; how many there are.

    InputError where none of them may be learned from.
    """
    found: list[LocalEnvironment] = []
    held_out: list[bool] = []
    for _, structure in load_structures(source).named("pack"):
        if fits(structure):
            found.append(local_environment(structure))
            held_out.append(is_held_out(structure))
    if not found or all(held_out):
        raise InputError(f"{source}: holds no structures of at most {LARGEST} atoms to learn from")
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


def unpacked(path: Path) -> tuple[Arrays, np.ndarray, np.ndarray]:
    """The arrays that `pack` wrote, the rows to learn from, and those held out."""
    return unpacked_rows(path, "packed structures", "occupation")
