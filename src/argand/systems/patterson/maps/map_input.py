"""One map as it is given: an array, a file or an item of a data set, with its cell where that is known."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from argand.errors import ConfigError, InputError
from argand.io.cell_map import Box, is_cube, read_cell_map
from argand.io.reflections import CellParameters
from argand.systems.patterson.maps.origin import require_origin

SMALLEST, LARGEST = 0.01, 10.0
"""Å of a voxel. By hand: maps of atoms have some tenths of an Å."""


@dataclass(frozen=True)
class MapInput:
    """A map [x, y, z] with its origin at index 0, its cell (Å, degrees) where known, and the number of atoms.

    `atoms` is known for items of simulated data sets.
    """

    values: Box
    cell: CellParameters | None = None
    atoms: int | None = None

    @classmethod
    def of(cls, given: Any, *, centred: bool = False) -> "MapInput":
        """An array, the name of a file, or an item of a data set; `centred`: with the origin in the middle.

        Raises InputError for what cannot be read.
        """
        if isinstance(given, str | Path):
            read = read_cell_map(Path(given))
            return cls(_origin_first(read.values, centred), read.cell)
        if isinstance(given, Mapping):
            if "patterson" not in given:
                raise InputError("an item without 'patterson'; give an item of a data set of this system")
            count = len(given["positions"]) if "positions" in given else None
            return cls(_origin_first(np.asarray(given["patterson"]), centred), None, count)
        return cls(_origin_first(np.asarray(given), centred))

    def known_cell(self, voxel: float | None = None, formula: str | None = None) -> CellParameters | None:
        """The cell, None where the size is not known; `voxel` in Å gives it for maps without one.

        A cube with 1 Å voxels counts as one of unknown size, unless a `formula` of its contents is given.
        Raises ConfigError for a voxel size that cannot be.
        """
        shape = self.values.shape
        if voxel is not None:
            require_voxel(voxel)
            a, b, c = (voxel * side for side in shape)
            return a, b, c, 90.0, 90.0, 90.0
        unsized = self.cell is not None and np.allclose(self.cell, (*shape, 90, 90, 90), rtol=1e-4)
        return None if unsized and is_cube(shape, self.cell) and formula is None else self.cell


def require_voxel(voxel: float) -> None:
    """ConfigError for a voxel size that no map of atoms has."""
    if not SMALLEST <= voxel <= LARGEST:
        raise ConfigError(f"--voxel {voxel:g}: atoms are resolved by voxels of {SMALLEST:g} to {LARGEST:g} Å")


def require_cube(patterson: np.ndarray) -> np.ndarray:
    """The map as float32; InputError unless it is a finite cube with its origin, the highest point, first."""
    if patterson.ndim != 3 or len(set(patterson.shape)) != 1 or patterson.shape[0] < 8:
        raise InputError(
            f"a map of shape {patterson.shape}; "
            "give a cube of 8 voxels or more along each side, or the cell in Å"
        )
    if not np.isfinite(patterson).all():
        raise InputError("the map has values that are not finite; remove them")
    require_origin(patterson)
    return patterson.astype(np.float32)


def _origin_first(values: np.ndarray, centred: bool) -> Box:
    if values.ndim != 3:
        raise InputError(f"an array of shape {values.shape}; give a map in three dimensions")
    return np.fft.ifftshift(values) if centred else values
