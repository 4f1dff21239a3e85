"""Files of uncompressed consecutive images: read from the file, one image at a time.

MRC (Cheng et al. 2015, J. Struct. Biol. 192, 146), GE (APS, "GE file format"), Princeton SPE (Princeton
Instruments, "SPE 3.0 file format"), HiPic (Hamamatsu) and binary PGM (Netpbm). Only the pixels of these are
read.
"""

import re
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from argand.io.header import Header, Stack
from argand.io.limits import MOST_FRAMES, image_size

HEAD = 2**14
"""Bytes from a file's start that contain its layout: an SPE header has 4100, one of .npy 10,000."""
_MRC_MODES = {0: "i1", 1: "i2", 2: "f4", 6: "u2", 12: "f2"}
"""Pixel types by MRC mode; 3 and 4 are complex numbers."""
_SPE_TYPES = {0: "<f4", 1: "<i4", 2: "<i2", 3: "<u2", 8: "<u4"}
"""Pixel types by SPE number."""
_SPE_BEGIN, _MRC_BEGIN, _HIPIC_BEGIN = 4100, 1024, 64
"""Byte at which the pixels, or data before them, begin (sources above)."""
_GE_SIZES, _SPE_SIDES, _SPE_TYPE, _SPE_COUNT, _MRC_STAMP = 12, (656, 42), 108, 1446, 212
"""Byte offsets of the sizes in a GE header, of the slow and fast side, type and number of images in SPE, and
of the byte order in MRC (the same sources)."""


@dataclass(frozen=True)
class RawImages:
    """Layout of images in a file: `count` of a shape with slow and fast last, from byte `begin` on."""

    count: int
    shape: tuple[int, ...]
    dtype: np.dtype
    begin: int

    def stack(self, source: bytes | Path, header: Header | None = None) -> Stack:
        """The images in the bytes of a file, or in the file at a path.

        Raises ValueError for invalid or too large sizes, and for a truncated file.
        """
        pixels = image_size(self.shape)
        if not 1 <= self.count <= MOST_FRAMES:
            raise ValueError(f"states {self.count} images; argand reads 1 to {MOST_FRAMES:,} per file")
        size = pixels * self.dtype.itemsize
        there = (source.stat().st_size if isinstance(source, Path) else len(source)) - self.begin
        if self.begin < 0 or there < self.count * size:
            raise ValueError(f"truncated: {there} of {self.count * size} bytes of pixels")

        def load(index: int) -> np.ndarray:
            at = self.begin + index * size
            raw = _part(source, at, size) if isinstance(source, Path) else memoryview(source)[at : at + size]
            return np.frombuffer(raw, self.dtype, pixels).reshape(self.shape)

        return Stack(self.count, load, header or Header())


def _part(path: Path, begin: int, size: int) -> bytes:
    with path.open("rb") as file:
        file.seek(begin)
        return file.read(size)


def raw_images(head: bytes) -> RawImages | None:
    """Layout of the images in a file with this beginning (`HEAD` bytes, or all); None for other formats.

    Raises ValueError for truncated or unsupported headers.
    """
    for start, reader in _FORMATS:
        if start.match(head):
            try:
                return reader(head)
            except struct.error as error:
                raise ValueError("truncated: incomplete header") from error
    return None


def _mrc(head: bytes) -> RawImages:
    order = ">" if head[_MRC_STAMP : _MRC_STAMP + 2] == b"\x11\x11" else "<"
    fast, slow, count, mode = struct.unpack_from(f"{order}4i", head)
    (extended,) = struct.unpack_from(f"{order}i", head, 92)
    if mode not in _MRC_MODES or extended < 0:
        raise ValueError(f"an MRC file of mode {mode} cannot be read; write its images as integers or floats")
    return RawImages(count, (slow, fast), np.dtype(order + _MRC_MODES[mode]), _MRC_BEGIN + extended)


def _ge(head: bytes) -> RawImages:
    standard, _, user, count, slow, fast, bits = struct.unpack_from("<IHIHHHH", head, _GE_SIZES)
    if bits not in (8, 16, 32):
        raise ValueError(f"pixels of {bits} bits cannot be read")
    return RawImages(count, (slow, fast), np.dtype(f"<u{bits // 8}"), standard + user)


def _spe(head: bytes) -> RawImages:
    slow, fast = (struct.unpack_from("<H", head, place)[0] for place in _SPE_SIDES)
    (kind,), (count,) = struct.unpack_from("<h", head, _SPE_TYPE), struct.unpack_from("<i", head, _SPE_COUNT)
    if kind not in _SPE_TYPES:
        raise ValueError(f"SPE pixels of type {kind} cannot be read")
    return RawImages(count, (slow, fast), np.dtype(_SPE_TYPES[kind]), _SPE_BEGIN)


def _hipic(head: bytes) -> RawImages:
    comment, fast, slow = struct.unpack_from("<3H", head, 2)
    return RawImages(1, (slow, fast), np.dtype("<u2"), _HIPIC_BEGIN + comment)


def _pgm(head: bytes) -> RawImages:
    # Comment lines may appear between the numbers; after the last one comes one character, or the end of the
    # line.
    word = rb"(?:\s|#[^\n]{0,200}\n){1,200}(\d{1,9})"
    found = re.match(rb"P5" + 3 * word + rb"(?:[ \t\r]{0,9}\n|\s)", head)
    if found is None:
        raise ValueError("a PGM without width, height and largest number")
    fast, slow, most = (int(found.group(n)) for n in (1, 2, 3))
    kind = "u1" if most < 2**8 else ">u2" if most < 2**16 else ">u4"
    return RawImages(1, (slow, fast), np.dtype(kind), found.end())


_FORMATS: tuple[tuple[re.Pattern[bytes], Callable[[bytes], RawImages]], ...] = (
    (re.compile(rb".{208}MAP ", re.DOTALL), _mrc),
    (re.compile(rb"ADEPT"), _ge),
    (re.compile(rb".{2996}\x67\x45\x23\x01", re.DOTALL), _spe),
    (re.compile(rb"IM.{62}\s*\[", re.DOTALL), _hipic),
    (re.compile(rb"P5\s"), _pgm),
)
"""First bytes of each format, and its reader."""
