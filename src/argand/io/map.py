"""Maps on a cube of voxels: .npy and CCP4 (.map, .ccp4, .mrc), also gzipped; crystal maps at any points."""

from pathlib import Path
from tempfile import NamedTemporaryFile

import gemmi
import numpy as np
from jaxtyping import Float

from argand.errors import InputError
from argand.io.atomic import written
from argand.io.ccp4_header import require_ccp4
from argand.io.intensities import CellParameters
from argand.io.limits import MOST_VOXELS, read_bytes
from argand.io.npy_array import parse_npy
from argand.io.plain_name import plain_name
from argand.io.solution import write_ccp4
from argand.physics.crystal.symmetry import Group
from argand.typing import Vector3

Cube = Float[np.ndarray, "box box box"]
Box = Float[np.ndarray, "x y z"]
CCP4_SUFFIXES = (".map", ".ccp4", ".mrc")


def read_map(path: Path) -> Cube:
    """The map as float32 [x, y, z]; InputError if the file cannot be read or is not a cube."""
    if not path.is_file():
        raise InputError(f"{path}: no such file; check the name")
    values = read_array(path) if path.suffix == ".npy" else read_ccp4(path)[0]
    if values.ndim != 3 or len(set(values.shape)) != 1:
        raise InputError(f"{path}: a map of shape {values.shape}; give a cube of voxels")
    return np.ascontiguousarray(values, np.float32)


def read_array(path: Path) -> np.ndarray:
    """Real array of an .npy file, of any shape; InputError if invalid."""
    return parse_npy(read_bytes(path), str(path), MOST_VOXELS)


def read_ccp4(path: Path) -> tuple[np.ndarray, CellParameters]:
    """Values [x, y, z] of a complete CCP4 map, also gzipped, and its cell; InputError if invalid."""
    bare = path.with_suffix("") if path.suffix == ".gz" else path
    if bare.suffix not in CCP4_SUFFIXES:
        raise InputError(f"{path}: unknown map format; give .npy, .map, .ccp4 or .mrc")
    ccp4 = _whole(path)
    cell = ccp4.grid.unit_cell
    return np.array(ccp4.grid, copy=True), (cell.a, cell.b, cell.c, cell.alpha, cell.beta, cell.gamma)


def _whole(path: Path) -> gemmi.Ccp4Map:
    """gemmi's map of the whole cell, after checking the header, which gemmi trusts."""
    blob = read_bytes(path)
    require_ccp4(blob, str(path))
    try:
        ccp4 = _read_plain(path, blob)
        ccp4.setup(0.0)
    except (RuntimeError, ValueError) as error:
        raise InputError(f"{path}: not a whole CCP4 map ({error}); write it again") from error
    return ccp4


def _read_plain(path: Path, blob: bytes) -> gemmi.Ccp4Map:
    """gemmi's map of a file with these bytes, plain or compressed: gemmi itself unpacks without limit."""
    if path.stat().st_size == len(blob) and path.suffix.lower() != ".gz":
        with plain_name(path) as name:
            return gemmi.read_ccp4_map(name)
    with NamedTemporaryFile(suffix=".ccp4") as plain:
        plain.write(blob)
        plain.flush()
        return gemmi.read_ccp4_map(plain.name)


def write_map(path: Path, values: Cube, side: float | None = None) -> Path:
    """Write a CCP4 map (or .npy) of a cubic P1 cell of this side in Å, by default 1 Å per voxel."""
    if path.suffix == ".npy":
        with written(path) as temporary, temporary.open("wb") as file:
            np.save(file, values.astype(np.float32))
        return path
    length = side or float(len(values))
    write_ccp4(path, values.astype(np.float32), (length, length, length, 90, 90, 90), Group.from_name("P 1"))
    return path


def sample_map(path: Path, corner: Vector3, step: float, shape: tuple[int, int, int]) -> Box:
    """A crystal's CCP4 map at points of a box: `corner` and `step` in Å along Cartesian x, y, z.

    The map is periodic; values between its points are interpolated linearly.

    Raises InputError for a file that is not a complete CCP4 map.
    """
    ccp4 = _whole(path)
    values = np.zeros(shape, np.float32)
    places = gemmi.Transform()
    places.mat.fromlist((step * np.eye(3)).tolist())
    places.vec.fromlist(list(map(float, corner)))
    ccp4.grid.interpolate_values(values, places)
    return values
