"""Real numbers of NumPy's .npy files: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html."""

import math
import re

import numpy as np

from argand.errors import InputError
from argand.io.limits import require_at_most

_MAGIC = b"\x93NUMPY"
_HEADER = re.compile(
    rb"\s*\{'descr': '([<>|=]?[a-zA-Z]\d{1,9})', 'fortran_order': (True|False), "
    rb"'shape': \(([\d, ]{0,200})\),? ?\}\s*"
)
"""What numpy writes of an array of numbers. Of an array of records `descr` is a list, and does not match."""
_LONGEST = 10_000
"""Bytes of a header; numpy's own limit."""


def parse_npy(blob: bytes, source: str, most: int) -> np.ndarray:
    """The array of a file's bytes, of at most so many real numbers.

    InputError for what is no such array, for fewer bytes than its header declares, and for more numbers.
    """
    start = 10 if blob[6:7] == b"\x01" else 12
    length = int.from_bytes(blob[8:start], "little")
    if not blob.startswith(_MAGIC) or len(blob) < start or length > _LONGEST:
        raise InputError(f"{source}: no array in it; write it with numpy.save")
    found = _HEADER.fullmatch(blob[start : start + length])
    if found is None or found[1].lstrip(b"<>|=")[:1] not in (b"f", b"i", b"u"):
        raise InputError(f"{source}: no array of real numbers in it; write one with numpy.save")
    shape = tuple(int(side[:19]) for side in found[3].replace(b" ", b"").split(b",") if side)
    count = math.prod(shape)
    require_at_most(source, "numbers", count, most)
    try:
        dtype = np.dtype(found[1].decode())
        values = np.frombuffer(blob, dtype, count, start + length) if count else np.zeros(0, dtype)
    except (TypeError, ValueError) as error:
        raise InputError(f"{source}: cut short, or of no type of numbers; write it again") from error
    return values.reshape(shape, order="F" if found[2] == b"True" else "C")
