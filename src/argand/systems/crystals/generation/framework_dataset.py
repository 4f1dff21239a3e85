"""The structures of a pool as frameworks, and the arrays that a network learns them from."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from argand.errors import InputError
from argand.io.arrays import write_arrays
from argand.systems.crystals.database.dataset import load_structures
from argand.systems.crystals.generation.framework import MOST_SITES, Framework, framework
from argand.systems.crystals.generation.occupation_dataset import is_held_out
from argand.systems.crystals.generation.packed_rows import Arrays, unpacked_rows
from argand.systems.crystals.generation.structure_templates import ROOMIEST

PACKED = "frameworks.safetensors"
"""Name of the arrays in the folder of a run."""
ABSENT = 255
"""Stands for no orbit where letters are padded; their numbers end at 26."""


def pack(source: str, out: Path) -> int:
    """Write the frameworks of all dense structures of up to 20 atoms of a source, in one move; how many.

    InputError where none of them may be learned from.
    """
    found: list[Framework] = []
    held_out: list[bool] = []
    for _, structure in load_structures(source).named("pack"):
        if len(structure) > MOST_SITES or structure.volume > ROOMIEST * len(structure):
            continue
        one = framework(structure)
        if one is not None:
            found.append(one)
            held_out.append(is_held_out(structure))
    if not found or all(held_out):
        raise InputError(f"{source}: holds no structures of at most {MOST_SITES} atoms to learn from")
    write_arrays(out, arrays_of(found) | {"held_out": np.array(held_out)})
    return len(found)


def arrays_of(frameworks: Sequence[Framework]) -> Arrays:
    """Frameworks padded to `MOST_SITES` orbits, one row each."""
    count = len(frameworks)
    letters = np.full((count, MOST_SITES), ABSENT, np.uint8)
    elements = np.zeros((count, MOST_SITES), np.uint8)
    places = np.zeros((count, MOST_SITES, 3), np.uint8)
    for row, one in enumerate(frameworks):
        orbits = len(one.letters)
        letters[row, :orbits], elements[row, :orbits] = one.letters, one.elements
        places[row, :orbits] = one.places
    return {
        "group": np.array([one.group for one in frameworks], np.uint8),
        "letters": letters,
        "elements": elements,
        "places": places,
        "cell": np.array([one.cell for one in frameworks], np.float32),
    }


def unpacked(path: Path) -> tuple[Arrays, np.ndarray, np.ndarray]:
    """The arrays that `pack` wrote, the rows to learn from, and those held out."""
    return unpacked_rows(path, "packed frameworks", "frameworks")
