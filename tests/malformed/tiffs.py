"""TIFF files whose directories go round in circles, or ask for too much."""

import struct
import zlib
from collections.abc import Iterator

import numpy as np

from malformed import good
from malformed.case import EITHER, NO, Made, Must, one_of

HUGE = (2**31 - 1, 2**32 - 1, 10**9)
"""Numbers of pixels along a side."""


def tiff(tags: dict[int, tuple[int, int]], data: bytes = b"", after: int = 0) -> bytes:
    """A TIFF of one directory, from tag -> (kind, value); its data at byte 4096, `after` its successor."""
    rows = b"".join(
        struct.pack("<HHII", tag, kind, 1, value & 0xFFFFFFFF) for tag, (kind, value) in sorted(tags.items())
    )
    head = struct.pack("<2sHIH", b"II", 42, 8, len(tags)) + rows + struct.pack("<I", after)
    return head.ljust(4096, b"\0") + data


def plain_tags(
    fast: int = 180, slow: int = 200, bits: int = 16, length: int = 72_000
) -> dict[int, tuple[int, int]]:
    """Tags of an uncompressed grey image."""
    tags = {256: (4, fast), 257: (4, slow), 258: (3, bits), 259: (3, 1), 262: (3, 1), 273: (4, 4096)}
    return tags | {277: (3, 1), 278: (4, slow), 279: (4, length)}


def tiffs() -> Iterator[tuple[str, str, Must, Made]]:
    data = good.still().tobytes()

    def with_tags(**changes: int):
        return plain_tags() | {int(tag[1:]): (4, value) for tag, value in changes.items()}

    yield "tif", "tiff-self", EITHER, lambda rng: tiff(plain_tags(), data, after=8)
    yield (
        "tif",
        "tiff-self-packed",
        EITHER,
        lambda rng: tiff(with_tags(t259=8, t279=200), zlib.compress(data)[:200], after=8),
    )
    yield "tif", "tiff-two-loops", EITHER, lambda rng: _two_directories(data)
    yield "tif", "tiff-wide", NO, lambda rng: tiff(with_tags(t256=one_of(rng, HUGE)), data)
    yield (
        "tif",
        "tiff-large",
        NO,
        lambda rng: tiff(with_tags(t256=60_000 + int(rng.integers(9999)), t257=60_000), data),
    )
    yield "tif", "tiff-zero", NO, lambda rng: tiff(with_tags(t256=0), data)
    yield "tif", "tiff-bits", EITHER, lambda rng: tiff(with_tags(t258=one_of(rng, (0, 7, 4096, 65535))), data)
    yield "tif", "tiff-far", NO, lambda rng: tiff(with_tags(t273=2**31 + int(rng.integers(2**30))), data)
    yield (
        "tif",
        "tiff-compression",
        EITHER,
        lambda rng: tiff(with_tags(t259=one_of(rng, (0, 2, 3, 4, 5, 6, 7, 32773, 9999))), data),
    )
    yield (
        "tif",
        "tiff-directory-far",
        NO,
        lambda rng: b"II*\0" + struct.pack("<I", 2**32 - 1 - int(rng.integers(999))),
    )
    yield "tif", "tiff-many-tags", EITHER, lambda rng: b"II*\0\x08\0\0\0\xff\xff" + rng.bytes(12 * 65535)
    yield "tif", "tiff-count", EITHER, lambda rng: _counted(data, int(one_of(rng, HUGE)))
    yield (
        "tif",
        "tiff-tiles",
        EITHER,
        lambda rng: tiff(with_tags(t322=one_of(rng, (0, 1, 10**9)), t323=0, t324=4096, t325=72_000), data),
    )
    yield "tif", "tiff-deflate-bomb", NO, lambda rng: _packed_tiff(30_000 + int(rng.integers(9000)))
    yield (
        "tif",
        "tiff-big",
        EITHER,
        lambda rng: struct.pack("<2sHHHQQ", b"II", 43, 8, 0, 16, 2**60) + bytes(100),
    )
    yield "mccd", "marccd-words", EITHER, lambda rng: _marccd(rng)


def _two_directories(data: bytes) -> bytes:
    """Two directories, each of which names the other as its successor."""
    first = bytearray(tiff(plain_tags(), data, after=1000))
    count = len(plain_tags())
    first[1000 : 1000 + 2 + 12 * count] = first[8 : 10 + 12 * count]
    first[1002 + 12 * count : 1006 + 12 * count] = struct.pack("<I", 8)
    return bytes(first)


def _counted(data: bytes, count: int) -> bytes:
    """A tag that has so many values."""
    blob = bytearray(tiff(plain_tags(), data))
    struct.pack_into("<I", blob, 10 + 5 * 12 + 4, count)
    return bytes(blob)


def _packed_tiff(side: int) -> bytes:
    """A TIFF of zeros, packed with deflate, of so many pixels a side."""
    packer = zlib.compressobj(9)
    row = bytes(2 * side)
    packed = b"".join(packer.compress(row) for _ in range(side)) + packer.flush()
    tags = plain_tags(side, side, length=len(packed)) | {259: (3, 8)}
    return tiff(tags, packed)


def _marccd(rng: np.random.Generator) -> bytes:
    blob = bytearray(good.images()["mccd"].ljust(5000, b"\0"))
    struct.pack_into("<I", blob, 1024 + 28, 1234)
    for place in (80, 84, 640, 644, 648, 668, 736, 772, 776, 780, 908):
        struct.pack_into("<i", blob, 1024 + place, int(one_of(rng, (0, -1, 2**31 - 1, -(2**31), 1))))
    return bytes(blob)
