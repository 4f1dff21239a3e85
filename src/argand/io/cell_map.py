"""Maps of a whole cell of any shape, with its size in Å where the file tells it."""

from dataclasses import dataclass
from pathlib import Path

import gemmi
import numpy as np
from jaxtyping import Float

from argand.errors import InputError
from argand.io.map import CCP4_SUFFIXES
from argand.io.reflections import CellParameters

Box = Float[np.ndarray, "x y z"]


@dataclass(frozen=True)
class CellMap:
    """Values [x, y, z] on the grid of a cell, and the cell (a, b, c in Å, angles in degrees) where it is
    known."""

    values: Box
    cell: CellParameters | None


def is_cube(shape: tuple[int, ...], cell: CellParameters | None) -> bool:
    """Whether all sides have as many voxels, and, where a cell is known, its edges are alike and square."""
    if len(set(shape)) != 1:
        return False
    if cell is None:
        return True
    a, b, c, *angles = cell
    return bool(np.allclose([b, c], a, rtol=1e-4) and np.allclose(angles, 90.0, atol=1e-2))


def read_cell_map(path: Path) -> CellMap:
    """The map of an .npy file, without a cell, or of a CCP4 file (.map, .ccp4, .mrc, also .gz) with its own.

    Raises InputError for a file that cannot be read or holds no map in three dimensions.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such file; check the name")
    values, cell = (_array(path), None) if path.suffix == ".npy" else _ccp4(path)
    if values.ndim != 3 or min(values.shape) < 1:
        raise InputError(f"{path}: an array of shape {values.shape}; give a map in three dimensions")
    return CellMap(np.ascontiguousarray(values, np.float32), cell)


def _array(path: Path) -> np.ndarray:
    try:
        values = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise InputError(f"{path}: no array in it ({error}); write it with numpy.save") from error
    if values.dtype.kind not in "fiu":
        raise InputError(f"{path}: an array of {values.dtype}; give real numbers")
    return values


def _ccp4(path: Path) -> tuple[np.ndarray, CellParameters]:
    bare = path.with_suffix("") if path.suffix == ".gz" else path
    if bare.suffix not in CCP4_SUFFIXES:
        raise InputError(f"{path}: not a kind of map that is known; give .npy, .map, .ccp4 or .mrc")
    try:
        ccp4 = gemmi.read_ccp4_map(str(path))
        ccp4.setup(0.0)
    except (RuntimeError, ValueError, OSError) as error:
        raise InputError(f"{path}: not a whole CCP4 map ({error}); write it again") from error
    cell = ccp4.grid.unit_cell
    return np.array(ccp4.grid, copy=True), (cell.a, cell.b, cell.c, cell.alpha, cell.beta, cell.gamma)
