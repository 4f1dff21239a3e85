"""TIFF images (TIFF 6.0, Adobe 1992, and BigTIFF): their directories and uncompressed pixels.

Compressed ones are read by Pillow, after their directories are checked.
"""

import io
import struct
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from argand.io.header import Header, Stack
from argand.io.limits import MOST_FRAMES, image_size

STARTS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
"""First bytes of a file: byte order, and TIFF or BigTIFF."""
_KINDS = {1: "u1", 2: "S1", 3: "u2", 4: "u4", 5: "u8", 6: "i1", 7: "u1", 8: "i2", 9: "i4", 10: "i8"}
_KINDS |= {11: "f4", 12: "f8", 13: "u4", 16: "u8", 17: "i8", 18: "u8"}
"""Types of values; a fraction, of two numbers, is treated as eight bytes."""
_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _COLOURS = 256, 257, 258, 259, 262
"""Tags of an image directory (TIFF 6.0)."""
_STRIPS, _SAMPLES, _ROWS, _FORMAT = 273, 277, 278, 339
"""As before."""
_FORMATS = {1: "u", 2: "i", 3: "f", 4: "u"}
"""Number type by the sample format tag."""
_GREY = (0, 1)
"""Photometric tags of pixels that are counts."""
_MOST_ENTRIES = 2**12
"""Most entries of a directory: cameras write some dozens."""


@dataclass(frozen=True)
class _Entry:
    """One or more values of a directory: type, number, and first byte."""

    dtype: np.dtype
    count: int
    place: int


@dataclass(frozen=True)
class _Page:
    """One directory of a file, that is, one image."""

    blob: bytes
    entries: Mapping[int, _Entry]

    def values(self, tag: int, default: int | None = None) -> list[int]:
        """The numbers of a tag; ValueError if it is missing without a default."""
        entry = self.entries.get(tag)
        if entry is None and default is None:
            raise ValueError(f"a TIFF directory without tag {tag}: truncated?")
        if entry is None or not entry.count:
            return [default or 0]
        return np.frombuffer(self.blob, entry.dtype, entry.count, entry.place).astype(np.int64).tolist()

    @property
    def shape(self) -> tuple[int, int]:
        """Pixels (slow, fast)."""
        return self.values(_HEIGHT)[0], self.values(_WIDTH)[0]

    @property
    def is_compressed(self) -> bool:
        """Whether the pixels are compressed, tiled, or smaller than a byte, and so read by Pillow."""
        plain = _STRIPS in self.entries and self.values(_COMPRESSION, 1) == [1]
        return not plain or self.values(_BITS, 1)[0] not in (8, 16, 32, 64)

    def check(self) -> None:
        """Raise ValueError for a colour picture, and for too many pixels."""
        samples, colours = self.values(_SAMPLES, 1)[0], self.values(_COLOURS, 1)[0]
        if samples != 1 or colours not in _GREY:
            size = " x ".join(map(str, self.shape))
            raise ValueError(f"a colour picture of {size} pixels, not counts")
        image_size(self.shape)

    def image(self, order: str) -> np.ndarray:
        """The uncompressed pixels."""
        bits, kind = self.values(_BITS, 1)[0], self.values(_FORMAT, 4)[0]
        if kind not in _FORMATS or (kind == 3 and bits not in (16, 32, 64)):
            raise ValueError(f"TIFF pixels of {bits} bits and format {kind} cannot be read")
        dtype = np.dtype(f"{order}{_FORMATS[kind]}{bits // 8}")
        slow, fast = self.shape
        rows = min(self.values(_ROWS, slow)[0], slow)
        strips = self.values(_STRIPS)
        if rows < 1 or len(strips) < -(-slow // rows):
            raise ValueError("truncated: strips are missing")
        parts = []
        for first, place in zip(range(0, slow, rows), strips, strict=False):
            count = min(rows, slow - first) * fast
            if not 0 < place <= len(self.blob) - count * dtype.itemsize:
                raise ValueError("truncated: its pixels are beyond the end of the file")
            parts.append(np.frombuffer(self.blob, dtype, count, place))
        return (parts[0] if len(parts) == 1 else np.concatenate(parts)).reshape(slow, fast)


def tiff_stack(blob: bytes, header: Header) -> Stack:
    """The images in the bytes of a TIFF; ValueError if it is truncated, damaged or coloured."""
    order = "<" if blob[:2] == b"II" else ">"
    pages = _pages(blob, order)
    if not pages:
        raise ValueError("no image in this TIFF: truncated?")

    def load(index: int) -> np.ndarray:
        pages[index].check()
        return _by_pillow(blob, index) if pages[index].is_compressed else pages[index].image(order)

    pages[0].check()
    return Stack(len(pages), load, header)


def _by_pillow(blob: bytes, index: int) -> np.ndarray:
    from PIL import Image as Pillow

    with Pillow.open(io.BytesIO(blob), formats=["TIFF"]) as pages:
        pages.seek(index)
        return np.asarray(pages)


def _pages(blob: bytes, order: str) -> list[_Page]:
    """The directories of a file in their order; ValueError if they form a cycle."""
    big = blob[2:4] in (b"+\0", b"\0+")
    found: dict[int, _Page] = {}
    try:
        (at,) = struct.unpack_from(f"{order}Q" if big else f"{order}I", blob, 8 if big else 4)
        while at:
            if at in found:
                raise ValueError("damaged: its directories form a cycle")
            if len(found) >= MOST_FRAMES:
                raise ValueError(f"more than {MOST_FRAMES:,} images in one file")
            found[at], at = _page(blob, at, order, big)
    except struct.error as error:
        raise ValueError("truncated: a directory is beyond the end of the file") from error
    return list(found.values())


def _page(blob: bytes, at: int, order: str, big: bool) -> tuple[_Page, int]:
    """The directory at a byte, and the start of the next one (0: none)."""
    count_form, entry_form, next_form = ("Q", "HHQ", "Q") if big else ("H", "HHI", "I")
    (count,) = struct.unpack_from(order + count_form, blob, at)
    if count > _MOST_ENTRIES:
        raise ValueError(f"damaged: a directory of {count} entries")
    at += struct.calcsize(order + count_form)
    inline = 8 if big else 4
    entries: dict[int, _Entry] = {}
    total = 0
    for _ in range(count):
        tag, kind, number = struct.unpack_from(order + entry_form, blob, at)
        at += struct.calcsize(order + entry_form)
        dtype = np.dtype(order + _KINDS.get(kind, "u1"))
        place = at
        if number * dtype.itemsize > inline:
            (place,) = struct.unpack_from(order + next_form, blob, at)
            total += number * dtype.itemsize
        at += inline
        # Entries share no bytes, so that together they are smaller than the file.
        if total > len(blob) or place + number * dtype.itemsize > len(blob):
            raise ValueError(f"damaged: tag {tag} of a directory is beyond the end of the file")
        entries.setdefault(tag, _Entry(dtype, number, place))
    (following,) = struct.unpack_from(order + next_form, blob, at)
    return _Page(blob, entries), following
