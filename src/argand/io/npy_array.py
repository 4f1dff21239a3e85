"""NumPy .npy files of real numbers:
https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html."""

import math
import re
from typing import NamedTuple

import numpy as np

from argand.errors import InputError
from argand.io.limits import require_at_most

MAGIC = b"\x93NUMPY"
"""First bytes of a file."""
_HEADER = re.compile(
    rb"\s*\{'descr': '([<>|=]?[a-zA-Z]\d{1,9})', 'fortran_order': (True|False), "
    rb"'shape': \(([\d, ]{0,200})\),? ?\}\s*"
)
"""The header that numpy writes for an array of numbers. For structured arrays `descr` is a list, which does
not match."""
_LONGEST = 10_000
"""Most bytes of a header; numpy's own limit."""


class NpyHeader(NamedTuple):
    """Offset of the data in bytes, shape, type, and whether the array is in Fortran order."""

    begin: int
    shape: tuple[int, ...]
    dtype: np.dtype
    fortran: bool


def npy_header(blob: bytes, source: str) -> NpyHeader:
    """Parse the header of an array of numbers or booleans from a file's first bytes; InputError if there is
    none."""
    start = 10 if blob[6:7] == b"\x01" else 12
    length = int.from_bytes(blob[8:start], "little")
    if not blob.startswith(MAGIC) or len(blob) < start or length > _LONGEST:
        raise InputError(f"{source}: not a NumPy array; write it with numpy.save")
    found = _HEADER.fullmatch(blob[start : start + length])
    if found is None or found[1].lstrip(b"<>|=")[:1] not in (b"b", b"f", b"i", b"u"):
        raise InputError(f"{source}: not an array of real numbers; write one with numpy.save")
    shape = tuple(int(side[:19]) for side in found[3].replace(b" ", b"").split(b",") if side)
    try:
        dtype = np.dtype(found[1].decode())
    except TypeError as error:
        raise InputError(f"{source}: unknown number type; write it again") from error
    return NpyHeader(start + length, shape, dtype, found[2] == b"True")


def parse_npy(blob: bytes, source: str, most: int) -> np.ndarray:
    """Parse a file's bytes as an array of at most `most` real numbers.

    InputError for anything else, for fewer bytes than the header declares, and for more numbers.
    """
    head = npy_header(blob, source)
    if head.dtype.kind == "b":
        raise InputError(f"{source}: not an array of real numbers; write one with numpy.save")
    count = math.prod(head.shape)
    require_at_most(source, "numbers", count, most)
    try:
        values = np.frombuffer(blob, head.dtype, count, head.begin) if count else np.zeros(0, head.dtype)
    except ValueError as error:
        raise InputError(f"{source}: truncated; write it again") from error
    return values.reshape(head.shape, order="F" if head.fortran else "C")
