"""Checks of CCP4 map headers, which gemmi trusts even if damaged.

The layout: https://www.ccp4.ac.uk/html/maplib.html, and Cheng et al., J. Struct. Biol. 192, 146 (2015). Words
are counted from 1, four bytes each.
"""

import numpy as np

from argand.errors import InputError
from argand.io.limits import MOST_VOXELS, require_at_most

_LENGTH = 1024
"""Bytes of a header."""
_WIDTHS = {0: 1, 1: 2, 2: 4, 6: 2}
"""Bytes of a value by the mode of a map; 3 and 4 are complex numbers, which densities are not."""
_MOST_SYMMETRY = 2**20
"""Most bytes of symmetry records between header and values; 192 operators take 15,360."""
_FARTHEST = 10**6
"""Largest offset of the first point of a map, in grid points. Set by hand: maps start within a few cells of
the origin."""
_LONGEST = 1e5
"""Longest cell edge in Å. Set by hand: the largest cells, of viruses, have some 2000 Å."""


def require_ccp4(blob: bytes, source: str) -> None:
    """InputError if a file's bytes are not a CCP4 map, or its header is inconsistent with itself or the
    file."""
    if len(blob) < _LENGTH or blob[208:212] != b"MAP ":
        raise InputError(f"{source}: not a whole CCP4 map, its header is missing; write it again")
    # The machine stamp: 0x11 means big-endian numbers, 0x44 little-endian ones.
    order = ">" if blob[212] == 0x11 else "<"
    words = np.frombuffer(blob, f"{order}i4", 24)
    sides, mode, starts, sampling, axes = words[:3], int(words[3]), words[4:7], words[7:10], words[16:19]
    for what, numbers in {"points": sides, "samplings of the cell": sampling}.items():
        if (numbers < 1).any():
            _refuse(source, f"its {what} are {_listed(numbers)}")
        require_at_most(source, what, float(np.prod(numbers.astype(float))), MOST_VOXELS)
    if sorted(axes.tolist()) != [1, 2, 3]:
        _refuse(source, f"the order of its axes is {_listed(axes)}")
    if (np.abs(starts.astype(float)) > _FARTHEST).any():
        _refuse(source, f"it starts at point {_listed(starts)}")
    if mode not in _WIDTHS:
        _refuse(source, f"its mode {mode} does not stand for real numbers")
    cell = np.frombuffer(blob, f"{order}f4", 6, 40)
    is_cell = ((cell > 0) & (cell < [_LONGEST] * 3 + [180.0] * 3)).all()
    if not is_cell:
        _refuse(source, f"{' '.join(f'{value:g}' for value in cell)} is not a cell")
    symmetry = int(words[23])
    if not 0 <= symmetry <= _MOST_SYMMETRY:
        _refuse(source, f"it declares {symmetry} bytes of symmetry")
    if len(blob) < _LENGTH + symmetry + _WIDTHS[mode] * int(np.prod(sides.astype(int))):
        _refuse(source, f"it is shorter than its {_listed(sides)} points")


def _listed(numbers: np.ndarray) -> str:
    return " ".join(map(str, numbers.tolist()))


def _refuse(source: str, why: str) -> None:
    raise InputError(f"{source}: not a whole CCP4 map, {why}; write it again")
