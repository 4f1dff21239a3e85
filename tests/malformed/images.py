"""Images whose headers ask for too much, contradict themselves or never end, and bombs."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from malformed import damage, good
from malformed.case import EITHER, NO, Case, Content, Made, Must, one_of
from malformed.image_headers import declared, filled, smv
from malformed.rows import BESIDE, IMAGE
from malformed.tiffs import HUGE, tiffs


def cases() -> Iterator[Case]:
    """All of them."""
    tables = (tiffs(), _arrays(), declared(), filled(), _contents(), _bombs())
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


_SELECTIONS = (
    "#0-199999999",
    "#1-0",
    "#5",
    "#0-1",
    "#99999999999999999999",
    "#-1",
    "#0-",
    "#",
    "##0",
    "#1e3",
)
_SELECTIONS += ("#0-99999999999999999999", "#" + "9" * 5000, "#0,1", "#a")


def _named(file: str, make: Made, beside: dict[str, Content] | None = None):
    return lambda rng: {**(beside or {}), file: make(rng)}


def npy_header(text: str, data: bytes = bytes(1000), length: int | None = None) -> bytes:
    """A .npy file of version 1 with any text as its header."""
    raw = text.encode("latin-1")
    return b"\x93NUMPY\x01\0" + np.uint16(len(raw) if length is None else length) + raw + data


def npy_of(shape: object, descr: str = "'<u2'", order: str = "False") -> bytes:
    return npy_header(f"{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}, }}\n")


def _arrays() -> Iterator[tuple[str, str, Must, Made]]:
    yield "npy", "npy-huge", NO, lambda rng: npy_of((int(one_of(rng, HUGE)), 10**9))
    yield "npy", "npy-wide", NO, lambda rng: npy_of((int(rng.integers(70_000, 90_000)), 60_000))
    yield "npy", "npy-stack", NO, lambda rng: npy_of((10**9, 200, 180))
    yield "npy", "npy-negative", NO, lambda rng: npy_of((-int(rng.integers(1, 99)), 10))
    yield "npy", "npy-both-negative", NO, lambda rng: npy_of((-10, -10))
    yield "npy", "npy-empty-axis", NO, lambda rng: npy_of(one_of(rng, ((0, 10), (10, 0), (0, 10, 10), ())))
    yield "npy", "npy-objects", NO, lambda rng: npy_of((10, 10), "'|O'")
    yield (
        "npy",
        "npy-kinds",
        NO,
        lambda rng: npy_of(
            (10, 10), one_of(rng, ("'<c16'", "'<U5'", "'|S3'", "'<M8[s]'", "'|V8'", "[('a', '<u2')]"))
        ),
    )
    yield (
        "npy",
        "npy-no-kind",
        NO,
        lambda rng: npy_of((10, 10), one_of(rng, ("'<u3'", "'nonsense'", "5", "None", "[[]]"))),
    )
    yield (
        "npy",
        "npy-text-shape",
        NO,
        lambda rng: npy_of(one_of(rng, ("'ab'", "(1.5, 2)", "None", "(10, 'a')", "{1: 2}"))),
    )
    yield "npy", "npy-deep", NO, lambda rng: npy_header("(" * int(rng.integers(9_000, 60_000)))
    yield "npy", "npy-deep-closed", NO, lambda rng: npy_header("[" * 900 + "]" * 900)
    yield (
        "npy",
        "npy-signs",
        NO,
        lambda rng: npy_header("{'shape': (" + "-" * int(rng.integers(5_000, 60_000)) + "1, 1)}"),
    )
    yield "npy", "npy-header-length", NO, lambda rng: npy_header("{}", length=65535)
    yield (
        "npy",
        "npy-version",
        NO,
        lambda rng: b"\x93NUMPY" + bytes([int(rng.integers(2, 255)), 0]) + b"\xff\xff\xff\xff" + bytes(99),
    )
    yield "npy", "npy-digits", NO, lambda rng: npy_of("(" + "9" * int(rng.integers(5000, 30_000)) + ", 2)")


def _contents() -> Iterator[tuple[str, str, Must, Made]]:
    """Numbers that are no counts, or no picture of anything."""
    shape = good.SHAPE

    def filled(value: float, kind: str = "f4") -> Made:
        return lambda rng: good.array(np.full(shape, value, kind))

    for name, value in {"nan": np.nan, "inf": np.inf, "minus-inf": -np.inf, "huge": 3e38}.items():
        yield "npy", f"all-{name}", EITHER, filled(value)
    for name, value, kind in (
        ("zero", 0, "u2"),
        ("negative", -5, "i4"),
        ("largest", 2**32 - 1, "u4"),
        ("true", 1, "?"),
        ("float16", 7, "f2"),
        ("largest-64", 2**64 - 1, "u8"),
    ):
        yield "npy", f"all-{name}", EITHER, filled(value, kind)
    yield (
        "npy",
        "some-nan",
        EITHER,
        lambda rng: good.array(np.where(rng.random(shape) < 0.3, np.nan, good.still().astype("f4"))),
    )
    yield (
        "npy",
        "some-inf",
        EITHER,
        lambda rng: good.array(np.where(rng.random(shape) < 0.01, np.inf, good.still().astype("f8"))),
    )
    yield (
        "npy",
        "one-huge",
        EITHER,
        lambda rng: good.array(np.where(rng.random(shape) < 1e-4, 1e308, good.still().astype("f8"))),
    )
    for name, size in (
        ("pixel", (1, 1)),
        ("two", (2, 2)),
        ("line", (1, 500)),
        ("column", (500, 1)),
        ("strip", (3, 90_000)),
        ("small", (9, 7)),
    ):
        yield (
            "npy",
            f"shape-{name}",
            EITHER,
            lambda rng, size=size: good.array(rng.poisson(5, size).astype(np.uint16)),
        )
    yield "npy", "no-frames", NO, lambda rng: good.array(np.zeros((0, *shape), np.uint16))
    yield "npy", "five-axes", NO, lambda rng: good.array(np.zeros((2, 2, 2, 20, 20), np.uint16))
    yield "npy", "noise", EITHER, lambda rng: good.array(rng.integers(0, 65536, shape).astype(np.uint16))


def _bombs() -> Iterator[tuple[str, str, Must, Made]]:
    for ending in ("npy", "cbf", "tif", "edf", "img"):
        yield (
            f"{ending}.bz2",
            f"bomb-bz2-{ending}",
            NO,
            lambda rng, e=ending: damage.bz2_bomb(good.images()[e], bytes(1024), int(rng.integers(50, 70))),
        )
    for ending in ("cbf", "tif"):
        yield (
            f"{ending}.gz",
            f"bomb-gz-{ending}",
            NO,
            lambda rng, e=ending: damage.gzip_bomb(good.images()[e], b"#\n", int(rng.integers(50, 70))),
        )
    yield (
        "cbf.bz2",
        "bomb-twice",
        NO,
        lambda rng: damage.bz2_bomb(damage.bz2_bomb(b"", bytes(64), 3), bytes(64), 60),
    )
    yield (
        "img.gz",
        "bomb-smv",
        NO,
        lambda rng: damage.gzip_bomb(smv(rng, SIZE1="60000", SIZE2="30000"), bytes(64), 56),
    )


def _masks() -> Iterator[tuple[str, Must, Made]]:
    yield "other-shape", NO, lambda rng: good.array(np.zeros((int(rng.integers(1, 190)), 180), np.uint8))
    yield "huge", NO, lambda rng: npy_of((10**9, int(rng.integers(10**6))))
    yield "all", EITHER, lambda rng: good.array(np.ones(good.SHAPE, np.uint8))
    yield "nan", EITHER, lambda rng: good.array(np.full(good.SHAPE, np.nan, np.float32))
    yield "text", NO, lambda rng: good.array(np.full(good.SHAPE, "ab"))
    yield "stack", NO, lambda rng: good.array(np.zeros((50, 20, 20), np.uint8))
    yield "complex", NO, lambda rng: good.array(np.zeros(good.SHAPE, np.complex64))


def link_to(target: str) -> Callable[[Path], None]:
    """What makes a symbolic link to a place."""
    return lambda path: path.symlink_to(target)
