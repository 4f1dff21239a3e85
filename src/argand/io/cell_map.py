"""Maps of a whole cell of any shape, with its size in Å if the file gives it."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from argand.errors import InputError
from argand.io.intensities import CellParameters
from argand.io.map import read_array, read_ccp4

Box = Float[np.ndarray, "x y z"]


@dataclass(frozen=True)
class CellMap:
    """Values [x, y, z] on the grid of a cell, and the cell (a, b, c in Å, angles in degrees) if known."""

    values: Box
    cell: CellParameters | None


def is_cube(shape: tuple[int, ...], cell: CellParameters | None) -> bool:
    """Whether all sides have equal numbers of voxels, and a known cell is cubic."""
    if len(set(shape)) != 1:
        return False
    if cell is None:
        return True
    a, b, c, *angles = cell
    return bool(np.allclose([b, c], a, rtol=1e-4) and np.allclose(angles, 90.0, atol=1e-2))


def read_cell_map(path: Path) -> CellMap:
    """The map of an .npy file, without a cell, or of a CCP4 file (.map, .ccp4, .mrc, also .gz) with its own.

    Raises InputError for a file that cannot be read or does not contain a three-dimensional map.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such file; check the name")
    values, cell = (read_array(path), None) if path.suffix == ".npy" else read_ccp4(path)
    if values.ndim != 3 or min(values.shape) < 1:
        raise InputError(f"{path}: an array of shape {values.shape}; give a three-dimensional map")
    return CellMap(np.ascontiguousarray(values, np.float32), cell)
