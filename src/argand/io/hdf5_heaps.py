"""Heaps of HDF5 files, in which texts of any length lie: a damaged one has libhdf5 turn in a circle for ever.

A collection begins with `GCOL`, its version, three zeros and its size. Objects follow: number, uses, four
zeros, size, and the content up to a multiple of eight bytes. Number 0 is what is left of the collection; its
size counts its own header. (HDF5 File Format Specification 3.0, III.E.) libhdf5 goes on by that size, and
does not go on where it is zero.
"""

import mmap
import struct
from pathlib import Path

_BEGIN = b"GCOL\x01\0\0\0"
_HEADER = struct.Struct("<HHIQ")
_MOST_BYTES = 2**26
"""Of a file that is searched for heaps: it takes some 10 ms. By hand: masters, sets and answers are smaller,
and so is nearly all that is damaged or forged."""


def require_heaps(path: str | Path) -> None:
    """Raise OSError for a file whose heaps libhdf5 would not come to the end of."""
    file = Path(path)
    if not file.is_file() or not len(_BEGIN) <= file.stat().st_size <= _MOST_BYTES:
        return
    with file.open("rb") as opened, mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as content:
        begin = content.find(_BEGIN)
        while begin >= 0:
            if not _ends(content, begin):
                raise OSError(f"a heap at byte {begin} is damaged")
            begin = content.find(_BEGIN, begin + len(_BEGIN))


def _ends(content: mmap.mmap, begin: int) -> bool:
    """Whether the objects of a collection lead to its end."""
    start = begin + len(_BEGIN) + 8
    if start > len(content):
        return True  # libhdf5 sees that it is cut off
    (size,) = struct.unpack_from("<Q", content, start - 8)
    end = min(begin + size, len(content))
    at = start
    while at + _HEADER.size <= end:
        number, _, _, length = _HEADER.unpack_from(content, at)
        step = _HEADER.size + -(-length // 8) * 8 if number else length
        if not step:
            return False
        at += step
    return True
