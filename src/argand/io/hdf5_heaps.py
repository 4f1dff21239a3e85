"""Checks of the heaps of HDF5 files (variable-length strings): a damaged one makes libhdf5 loop for ever.

A collection begins with `GCOL`, its version, three zeros and its size. Objects follow: number, reference
count, four zeros, size, and content padded to a multiple of eight bytes. Number 0 is the free space; its size
includes its own header. (HDF5 File Format Specification 3.0, III.E.) libhdf5 advances by that size, and does
not advance if it is zero.
"""

import mmap
import struct
from pathlib import Path

_BEGIN = b"GCOL\x01\0\0\0"
_HEADER = struct.Struct("<HHIQ")
_MOST_BYTES = 2**26
"""Largest file that is searched for heaps, which takes about 10 ms. By hand: masters, data sets and answers
are smaller, and so are nearly all damaged or forged files."""


def require_heaps(path: str | Path) -> None:
    """Raise OSError for a file with a heap on which libhdf5 would loop for ever."""
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
    """Whether a walk over the objects of a collection ends."""
    start = begin + len(_BEGIN) + 8
    if start > len(content):
        return True  # libhdf5 detects that it is truncated
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
