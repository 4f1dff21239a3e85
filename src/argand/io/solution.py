"""Writers of atoms and maps in common formats, XYZ and CCP4, each through a temporary file."""

from collections.abc import Sequence
from pathlib import Path

import gemmi
import numpy as np

from argand.io.atomic import write_bytes, write_lines
from argand.physics.crystal.symmetry import Group
from argand.physics.phasing.fourier import Map
from argand.typing import Points3

_HEADER_WORDS, _SYMMETRY_BYTES = 256, 24
"""Number of four-byte words in a CCP4 map header, and the index of the one with the number of bytes of
symmetry operations (NSYMBT; the CCP4 map format)."""


def write_ccp4(path: Path, density: Map, cell: Sequence[float], group: Group) -> None:
    """Write a map of the whole cell, x slowest, readable by Coot, PyMOL, VESTA and gemmi.

    `density` is [x, y, z], `cell` a, b, c in Å and angles in degrees; a group without a name is written as P
    1.
    """
    target = gemmi.Ccp4Map()
    target.grid = gemmi.FloatGrid(np.ascontiguousarray(density, np.float32))
    target.grid.set_unit_cell(gemmi.UnitCell(*cell))
    target.grid.spacegroup = gemmi.find_spacegroup_by_name(group.name) or gemmi.SpaceGroup("P 1")
    target.update_ccp4_header()
    words = _HEADER_WORDS + target.header_i32(_SYMMETRY_BYTES) // 4
    header = np.array([target.header_i32(word) for word in range(1, words + 1)], "<i4")
    # Written here, since gemmi only accepts UTF-8 names.
    write_bytes(path, header.tobytes() + np.asarray(target.grid.array, "<f4").tobytes(order="F"))


def write_xyz(path: Path, comment: str, elements: Sequence[str], places: Points3) -> None:
    """Write atoms at Cartesian positions in Å, or in another unit of length named in the comment."""
    lines = [str(len(elements)), comment]
    for element, (x, y, z) in zip(elements, places, strict=True):
        lines.append(f"{element:<2} {x:12.5f} {y:12.5f} {z:12.5f}")
    write_lines(path, lines)
