"""Images whose headers ask for too much, contradict themselves or never end, and bombs."""

import struct
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from malformed import damage, good
from malformed.case import Case, Content, Must
from malformed.rows import BESIDE, IMAGE

EITHER, NO = "answered or refused", "refused"
Made = Callable[[np.random.Generator], Content]
HUGE = (10**9, 2**31 - 1, 2**32 - 1, 10**7, 10**12)
"""Numbers of pixels along a side."""
VALUES = ("nan", "inf", "-inf", "-1", "0", "1e300", "1e-300", "x", "", "1e9", "9" * 400)
"""In place of a number in a header."""


def cases() -> Iterator[Case]:
    """All of them."""
    tables = (_tiffs(), _arrays(), _declared(), _text_headers(), _contents(), _bombs())
    for ending, name, must, make in (row for table in tables for row in table):
        file = f"bad.{ending}"
        argv = tuple(file if word == "X" else word for word in IMAGE)
        yield Case(f"image-{name}", "image", "geometry", argv, _named(file, make), must)
    for name, must, make in _masks():
        beside = {"good.npy": good.images()["npy"]}
        argv = (*BESIDE, "--mask", "mask.npy")
        yield Case(f"mask-{name}", "image", "geometry", argv, _named("mask.npy", make, beside), must)
    for number, end in enumerate(_SELECTIONS):
        argv = ("geometry", "predict", f"good.npy{end}", *IMAGE[3:])
        files = _named("good.npy", lambda rng: good.images()["npy"])
        yield Case(f"selection-{number}", "selection", "geometry", argv, files, NO)


_SELECTIONS = ("#0-199999999", "#1-0", "#5", "#0-1", "#99999999999999999999", "#-1", "#0-", "#", "##0", "#1e3")
_SELECTIONS += ("#0-99999999999999999999", "#" + "9" * 5000, "#0,1", "#a")


def _named(file: str, make: Made, beside: dict[str, Content] | None = None):
    return lambda rng: {**(beside or {}), file: make(rng)}


def _any(rng: np.random.Generator, values):
    return values[int(rng.integers(len(values)))]


def tiff(tags: dict[int, tuple[int, int]], data: bytes = b"", after: int = 0) -> bytes:
    """A TIFF of one directory, from tag -> (kind, value); its data are at byte 4096, `after` its successor."""
    rows = b"".join(struct.pack("<HHII", tag, kind, 1, value & 0xFFFFFFFF) for tag, (kind, value) in sorted(tags.items()))
    head = struct.pack("<2sHIH", b"II", 42, 8, len(tags)) + rows + struct.pack("<I", after)
    return head.ljust(4096, b"\0") + data


def plain_tags(fast: int = 180, slow: int = 200, bits: int = 16, length: int = 72_000) -> dict[int, tuple[int, int]]:
    """Tags of an uncompressed grey image."""
    tags = {256: (4, fast), 257: (4, slow), 258: (3, bits), 259: (3, 1), 262: (3, 1), 273: (4, 4096)}
    return tags | {277: (3, 1), 278: (4, slow), 279: (4, length)}


def _tiffs() -> Iterator[tuple[str, str, Must, Made]]:
    data = good.still().tobytes()

    def with_tags(**changes: int):
        return plain_tags() | {int(tag[1:]): (4, value) for tag, value in changes.items()}

    yield "tif", "tiff-self", EITHER, lambda rng: tiff(plain_tags(), data, after=8)
    yield "tif", "tiff-self-packed", EITHER, lambda rng: tiff(with_tags(t259=8, t279=200), zlib.compress(data)[:200], after=8)
    yield "tif", "tiff-two-loops", EITHER, lambda rng: _two_directories(data)
    yield "tif", "tiff-wide", NO, lambda rng: tiff(with_tags(t256=_any(rng, HUGE[:3])), data)
    yield "tif", "tiff-large", NO, lambda rng: tiff(with_tags(t256=60_000 + int(rng.integers(9999)), t257=60_000), data)
    yield "tif", "tiff-zero", NO, lambda rng: tiff(with_tags(t256=0), data)
    yield "tif", "tiff-bits", EITHER, lambda rng: tiff(with_tags(t258=_any(rng, (0, 7, 4096, 65535))), data)
    yield "tif", "tiff-far", NO, lambda rng: tiff(with_tags(t273=2**31 + int(rng.integers(2**30))), data)
    yield "tif", "tiff-compression", EITHER, lambda rng: tiff(with_tags(t259=_any(rng, (0, 2, 3, 4, 5, 6, 7, 32773, 9999))), data)
    yield "tif", "tiff-directory-far", NO, lambda rng: b"II*\0" + struct.pack("<I", 2**32 - 1 - int(rng.integers(999)))
    yield "tif", "tiff-many-tags", EITHER, lambda rng: b"II*\0\x08\0\0\0\xff\xff" + rng.bytes(12 * 65535)
    yield "tif", "tiff-count", EITHER, lambda rng: _counted(data, int(_any(rng, HUGE[:3])))
    yield "tif", "tiff-tiles", EITHER, lambda rng: tiff(with_tags(t322=_any(rng, (0, 1, 10**9)), t323=0, t324=4096, t325=72_000), data)
    yield "tif", "tiff-deflate-bomb", NO, lambda rng: _packed_tiff(30_000 + int(rng.integers(9000)))
    yield "tif", "tiff-big", EITHER, lambda rng: struct.pack("<2sHHHQQ", b"II", 43, 8, 0, 16, 2**60) + bytes(100)
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
        struct.pack_into("<i", blob, 1024 + place, int(_any(rng, (0, -1, 2**31 - 1, -(2**31), 1))))
    return bytes(blob)


def npy_header(text: str, data: bytes = bytes(1000), length: int | None = None) -> bytes:
    """A .npy file of version 1 with any text as its header."""
    raw = text.encode("latin-1")
    return b"\x93NUMPY\x01\0" + struct.pack("<H", len(raw) if length is None else length) + raw + data


def _npy(shape: object, descr: str = "'<u2'", order: str = "False") -> bytes:
    return npy_header(f"{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}, }}\n")


def _arrays() -> Iterator[tuple[str, str, Must, Made]]:
    yield "npy", "npy-huge", NO, lambda rng: _npy((int(_any(rng, HUGE)), 10**9))
    yield "npy", "npy-wide", NO, lambda rng: _npy((int(rng.integers(70_000, 90_000)), 60_000))
    yield "npy", "npy-stack", NO, lambda rng: _npy((10**9, 200, 180))
    yield "npy", "npy-negative", NO, lambda rng: _npy((-int(rng.integers(1, 99)), 10))
    yield "npy", "npy-both-negative", NO, lambda rng: _npy((-10, -10))
    yield "npy", "npy-empty-axis", NO, lambda rng: _npy(_any(rng, ((0, 10), (10, 0), (0, 10, 10), ())))
    yield "npy", "npy-objects", NO, lambda rng: _npy((10, 10), "'|O'")
    yield "npy", "npy-kinds", NO, lambda rng: _npy((10, 10), _any(rng, ("'<c16'", "'<U5'", "'|S3'", "'<M8[s]'", "'|V8'", "[('a', '<u2')]")))
    yield "npy", "npy-no-kind", NO, lambda rng: _npy((10, 10), _any(rng, ("'<u3'", "'nonsense'", "5", "None", "[[]]")))
    yield "npy", "npy-text-shape", NO, lambda rng: _npy(_any(rng, ("'ab'", "(1.5, 2)", "None", "(10, 'a')", "{1: 2}")))
    yield "npy", "npy-deep", NO, lambda rng: npy_header("(" * int(rng.integers(9_000, 60_000)))
    yield "npy", "npy-deep-closed", NO, lambda rng: npy_header("[" * 900 + "]" * 900)
    yield "npy", "npy-signs", NO, lambda rng: npy_header("{'shape': (" + "-" * int(rng.integers(5_000, 60_000)) + "1, 1)}")
    yield "npy", "npy-header-length", NO, lambda rng: npy_header("{}", length=65535)
    yield "npy", "npy-version", NO, lambda rng: b"\x93NUMPY" + bytes([int(rng.integers(2, 255)), 0]) + b"\xff\xff\xff\xff" + bytes(99)
    yield "npy", "npy-digits", NO, lambda rng: _npy("(" + "9" * int(rng.integers(5000, 30_000)) + ", 2)")


def _text(ending: str, old: bytes, new: bytes) -> bytes:
    """A good image with one text of its header replaced; its length stays where there is room."""
    blob = good.images()[ending]
    place = blob.index(old)
    return blob[:place] + new + blob[place + len(old) :]


def _declared() -> Iterator[tuple[str, str, Must, Made]]:
    def huge(rng: np.random.Generator) -> bytes:
        return str(_any(rng, HUGE)).encode()

    yield "edf", "edf-huge", NO, lambda rng: _text("edf", b"Dim_1 = 180", b"Dim_1 = " + huge(rng))
    yield "edf", "edf-size", EITHER, lambda rng: _text("edf", b"Size = 144000", b"Size = " + huge(rng)) if b"Size = 144000" in good.images()["edf"] else damage.PAGE
    yield "edf", "edf-negative", NO, lambda rng: _text("edf", b"Dim_1 = 180", b"Dim_1 = " + _any(rng, (b"-180", b"0", b"nan", b"1.5", b"x")))
    yield "edf", "edf-kind", EITHER, lambda rng: _text("edf", b"DataType = ", b"DataType = " + _any(rng, (b"Object", b"x", b"QuadrupleValue")))
    yield "cbf", "cbf-fast", NO, lambda rng: _text("cbf", b"X-Binary-Size-Fastest-Dimension: 180", b"X-Binary-Size-Fastest-Dimension: " + huge(rng))
    yield "cbf", "cbf-contradiction", NO, lambda rng: _text("cbf", b"X-Binary-Size-Second-Dimension: 200", b"X-Binary-Size-Second-Dimension: " + str(int(rng.integers(201, 900))).encode())
    yield "cbf", "cbf-elements", EITHER, lambda rng: _text("cbf", b"X-Binary-Number-of-Elements: 36000", b"X-Binary-Number-of-Elements: " + _any(rng, (b"35999", b"0", b"-5", b"999999999999", b"nan")))
    yield "cbf", "cbf-size", EITHER, lambda rng: _text("cbf", b"X-Binary-Size: ", b"X-Binary-Size: 9" + huge(rng))
    yield "cbf", "cbf-zero", NO, lambda rng: _text("cbf", b"X-Binary-Size-Fastest-Dimension: 180", b"X-Binary-Size-Fastest-Dimension: " + _any(rng, (b"0", b"-180", b"nan")))
    yield "img", "smv-huge", NO, lambda rng: _smv(rng, SIZE1=huge(rng).decode())
    yield "img", "smv-planes", EITHER, lambda rng: _smv(rng, SIZE3=_any(rng, ("0", "-1", "1000000000")))
    yield "img", "smv-zero", NO, lambda rng: _smv(rng, SIZE1=_any(rng, ("0", "-180", "nan", "1.5", "inf")))
    yield "img", "smv-header-bytes", NO, lambda rng: _smv(rng, HEADER_BYTES=_any(rng, ("999999999", "0", "99999999999999999999999")))
    for key in ("WAVELENGTH", "DISTANCE", "PIXEL_SIZE", "BEAM_CENTER_X", "TWOTHETA", "IMAGE_PEDESTAL", "CCD_IMAGE_SATURATION"):
        yield "img", f"smv-{key.lower()}", EITHER, lambda rng, key=key: _smv(rng, **{key: _any(rng, VALUES)})
    yield "pgm", "pgm-huge", NO, lambda rng: b"P5\n" + huge(rng) + b" " + huge(rng) + b"\n65535\n" + bytes(99)
    yield "pgm", "pgm-level", EITHER, lambda rng: b"P5\n180 200\n" + _any(rng, (b"0", b"-1", b"nan", huge(rng))) + b"\n" + good.still().tobytes()
    yield "kcd", "kcd-huge", NO, lambda rng: _text("kcd", b"X dimension = 180", b"X dimension = " + huge(rng))
    yield "kcd", "kcd-readouts", EITHER, lambda rng: _text("kcd", b"readouts = 1", b"readouts = " + _any(rng, (b"0", b"9", b"1000000000", b"x")))
    yield "osc", "raxis-sizes", EITHER, lambda rng: _raxis(rng)
    yield "sfrm", "bruker-rows", NO, lambda rng: _bruker(b"NROWS  :", str(_any(rng, HUGE)).encode())
    yield "sfrm", "bruker-columns", NO, lambda rng: _bruker(b"NCOLS  :", _any(rng, (b"0", b"-5", b"1e9", b"x")))
    yield "sfrm", "bruker-overflows", EITHER, lambda rng: _bruker(b"NOVERFL:", str(_any(rng, HUGE)).encode())
    yield "sfrm", "bruker-header", NO, lambda rng: _bruker(b"HDRBLKS:", _any(rng, (b"0", b"99999999", b"-1")))


def _smv(rng: np.random.Generator, **changes: str) -> bytes:
    keys = {"HEADER_BYTES": "1024", "DIM": "2", "BYTE_ORDER": "little_endian", "TYPE": "unsigned_short"}
    keys |= {"SIZE1": "180", "SIZE2": "200", "PIXEL_SIZE": "0.1", "BEAM_CENTER_X": "9.0", "BEAM_CENTER_Y": "10.0"}
    keys |= {"DISTANCE": "100", "WAVELENGTH": "1.0", "OSC_RANGE": "0.1"} | changes
    head = "{\n" + "".join(f"{key}={value};\n" for key, value in keys.items()) + "}\n\f"
    return head.encode().ljust(1024) + good.still().tobytes()


def _raxis(rng: np.random.Generator) -> bytes:
    blob = bytearray(good.images()["osc"])
    for place in rng.integers(0, 5, 2):
        struct.pack_into(">i", blob, 768 + 4 * int(place), int(_any(rng, (0, -1, 2**31 - 1, -(2**31), 10**9))))
    return bytes(blob)


def _bruker(key: bytes, value: bytes) -> bytes:
    blob = good.images()["sfrm"]
    place = blob.index(key)
    return blob[:place] + (key + value).ljust(80)[:80] + blob[place + 80 :]


def _text_headers() -> Iterator[tuple[str, str, Must, Made]]:
    """Texts over which a careless expression takes time that grows with their square or faster."""
    starts = {"tif": b"II*\0\x08\0\0\0", "cbf": b"###CBF: VERSION 1.5\n", "edf": b"{\n", "img": b"{\nHEADER_BYTES=512;\n", "pgm": b"P5\n"}
    starts |= {"kcd": b"No = 1\r\n", "sfrm": b"FORMAT :        86", "none": b"", "esperanto": b"ESPERANTO FORMAT   1\r\n"}
    fillings = (b"#\n", b"# ", b"#", b" ", b"a = 1\n", b";", b"\n", b"{", b"=", b"_array 1 2 3\n", b"--CIF-BINARY-FORMAT-SECTION--\n")
    for ending, start in starts.items():
        for number in range(2):
            yield ending, f"filled-{ending}-{number}", NO, lambda rng, start=start: start + _any(rng, fillings) * int(rng.integers(20_000, 200_000))
    yield "cbf", "cbf-hashes", EITHER, lambda rng: _text("cbf", b"###CBF", b"###CBF" + _any(rng, (b"# ", b"#\n", b"\n#")) * 60_000)
    yield "tif", "tiff-hashes", EITHER, lambda rng: tiff(plain_tags(), b"").replace(bytes(3000), b"# " * 1500, 1)[:4096] + good.still().tobytes()


def _contents() -> Iterator[tuple[str, str, Must, Made]]:
    """Numbers that are no counts, or no picture of anything."""
    shape = good.SHAPE

    def filled(value: float, kind: str = "f4") -> Made:
        return lambda rng: good.array(np.full(shape, value, kind))

    for name, value in {"nan": np.nan, "inf": np.inf, "minus-inf": -np.inf, "huge": 3e38}.items():
        yield "npy", f"all-{name}", EITHER, filled(value)
    for name, value, kind in (("zero", 0, "u2"), ("negative", -5, "i4"), ("largest", 2**32 - 1, "u4"), ("true", 1, "?"), ("float16", 7, "f2"), ("largest-64", 2**64 - 1, "u8")):
        yield "npy", f"all-{name}", EITHER, filled(value, kind)
    yield "npy", "some-nan", EITHER, lambda rng: good.array(np.where(rng.random(shape) < 0.3, np.nan, good.still().astype("f4")))
    yield "npy", "some-inf", EITHER, lambda rng: good.array(np.where(rng.random(shape) < 0.01, np.inf, good.still().astype("f8")))
    yield "npy", "one-huge", EITHER, lambda rng: good.array(np.where(rng.random(shape) < 1e-4, 1e308, good.still().astype("f8")))
    for name, size in (("pixel", (1, 1)), ("two", (2, 2)), ("line", (1, 500)), ("column", (500, 1)), ("strip", (3, 90_000)), ("small", (9, 7))):
        yield "npy", f"shape-{name}", EITHER, lambda rng, size=size: good.array(rng.poisson(5, size).astype(np.uint16))
    yield "npy", "no-frames", NO, lambda rng: good.array(np.zeros((0, *shape), np.uint16))
    yield "npy", "five-axes", NO, lambda rng: good.array(np.zeros((2, 2, 2, 20, 20), np.uint16))
    yield "npy", "noise", EITHER, lambda rng: good.array(rng.integers(0, 65536, shape).astype(np.uint16))


def _bombs() -> Iterator[tuple[str, str, Must, Made]]:
    for ending in ("npy", "cbf", "tif", "edf", "img"):
        yield f"{ending}.bz2", f"bomb-bz2-{ending}", NO, lambda rng, e=ending: damage.bz2_bomb(good.images()[e], bytes(1024), int(rng.integers(50, 70)))
    for ending in ("cbf", "tif"):
        yield f"{ending}.gz", f"bomb-gz-{ending}", NO, lambda rng, e=ending: damage.gzip_bomb(good.images()[e], b"#\n", int(rng.integers(50, 70)))
    yield "cbf.bz2", "bomb-twice", NO, lambda rng: damage.bz2_bomb(damage.bz2_bomb(b"", bytes(64), 3), bytes(64), 60)
    yield "img.gz", "bomb-smv", NO, lambda rng: damage.gzip_bomb(_smv(rng, SIZE1="60000", SIZE2="30000"), bytes(64), 56)


def _masks() -> Iterator[tuple[str, Must, Made]]:
    yield "other-shape", NO, lambda rng: good.array(np.zeros((int(rng.integers(1, 190)), 180), np.uint8))
    yield "huge", NO, lambda rng: _npy((10**9, int(rng.integers(10**6))))
    yield "all", EITHER, lambda rng: good.array(np.ones(good.SHAPE, np.uint8))
    yield "nan", EITHER, lambda rng: good.array(np.full(good.SHAPE, np.nan, np.float32))
    yield "text", NO, lambda rng: good.array(np.full(good.SHAPE, "ab"))
    yield "stack", NO, lambda rng: good.array(np.zeros((50, 20, 20), np.uint8))
    yield "complex", NO, lambda rng: good.array(np.zeros(good.SHAPE, np.complex64))


def link_to(target: str) -> Callable[[Path], None]:
    """What makes a symbolic link to a place."""
    return lambda path: path.symlink_to(target)
