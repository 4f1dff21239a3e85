"""Maps whose headers lie, and maps of nothing."""

import struct
from collections.abc import Iterator
from functools import partial

import numpy as np

from malformed import damage, good
from malformed.case import EITHER, NO, Case, Content, Made, Must, one_of
from malformed.images import npy_of
from malformed.rows import MAP

WORDS = {
    "columns": 0,
    "rows": 1,
    "sections": 2,
    "mode": 3,
    "start": 4,
    "sampling-x": 7,
    "sampling-y": 8,
    "cell-a": 10,
    "cell-alpha": 13,
    "axes": 16,
    "space-group": 22,
    "symmetry-bytes": 23,
    "stamp": 53,
    "labels": 55,
}
"""Numbers of the words of a CCP4 header (CCP4, "The CCP4 map file format"), from 0."""
WHOLE = (0, -1, 1, 10**9, 2**31 - 1, -(2**31), 7)
REAL = (0.0, -5.0, np.nan, np.inf, 1e9, 1e-9, 1e38)


def cases() -> Iterator[Case]:
    """All of them."""
    for ending, name, must, make in (*_headers(), *_arrays(), *_bombs()):
        file = f"bad.{ending}"
        argv = tuple(file if word == "X" else word for word in MAP)
        yield Case(f"map-{name}", "map", "patterson", argv, partial(_file, file, make), must)
    for number, voxel in enumerate(("nan", "inf", "-1", "0", "1e9", "1e-9")):
        argv = ("patterson", "predict", "good.npy", "--voxel", voxel, "--time-limit", "1", "--json")
        yield Case(
            f"map-voxel-{number}",
            "option",
            "patterson",
            argv,
            lambda rng: {"good.npy": good.array(good.cube())},
            NO,
        )


def _file(file: str, make: Made, rng: np.random.Generator) -> dict[str, Content]:
    return {file: make(rng)}


def _ccp4() -> bytes:
    return damage.made_by(lambda path: good.ccp4_map(path, good.cube()), ".map")


def _headers() -> Iterator[tuple[str, str, Must, Made]]:
    for name, word in WORDS.items():
        for again in range(2):
            yield "map", f"ccp4-{name}-{again}", EITHER, partial(_with_word, word)
    yield "ccp4", "ccp4-axes-same", NO, lambda rng: with_words({16: 1, 17: 1, 18: int(rng.integers(1, 4))})
    yield "ccp4", "ccp4-sampling-zero", NO, lambda rng: with_words({7: 0, 8: 0, 9: 0})
    yield (
        "mrc",
        "ccp4-large",
        NO,
        lambda rng: with_words({0: 2000 + int(rng.integers(999)), 1: 2000, 2: 2000}),
    )
    yield "map", "ccp4-large-cell", EITHER, lambda rng: with_words({7: 30_000, 8: 30_000, 9: 30_000})
    yield "map", "ccp4-huge-cell", EITHER, lambda rng: with_words(dict.fromkeys((10, 11, 12), 1000000000.0))


def _with_word(word: int, rng: np.random.Generator) -> bytes:
    values = REAL if 10 <= word < 16 else WHOLE
    return with_words({word: values[int(rng.integers(len(values)))]})


def with_words(words: dict[int, float]) -> bytes:
    blob = bytearray(_ccp4())
    for word, value in words.items():
        struct.pack_into("<i" if isinstance(value, int) else "<f", blob, 4 * word, value)
    return bytes(blob)


def _arrays() -> Iterator[tuple[str, str, Must, Made]]:
    side = (16, 16, 16)
    yield "npy", "npy-huge", NO, lambda rng: npy_of((one_of(rng, (10**9, 10**6, 5000)),) * 3, "'<f4'")
    yield "npy", "npy-large", NO, lambda rng: npy_of((900 + int(rng.integers(300)),) * 3, "'<f8'")
    for name, value in {
        "nan": np.nan,
        "inf": np.inf,
        "zero": 0.0,
        "constant": 7.5,
        "minus": -1.0,
        "large": 3e38,
        "tiny": 1e-44,
    }.items():
        yield "npy", f"all-{name}", NO, lambda rng, value=value: good.array(np.full(side, value, np.float32))
    yield "npy", "one-nan", NO, lambda rng: good.array(_with_one(rng, np.nan))
    yield "npy", "one-inf", NO, lambda rng: good.array(_with_one(rng, np.inf))
    yield "npy", "one-huge", EITHER, lambda rng: good.array(_with_one(rng, 1e38))
    yield "npy", "noise", EITHER, lambda rng: good.array(rng.normal(size=side).astype(np.float32))
    yield (
        "npy",
        "nearly-constant",
        EITHER,
        lambda rng: good.array((1 + 1e-7 * rng.random(side)).astype(np.float32)),
    )
    for name, shape in (
        ("point", (1, 1, 1)),
        ("two", (2, 2, 2)),
        ("three", (3, 3, 3)),
        ("plate", (16, 16, 1)),
        ("flat", (16, 16)),
        ("four", (2, 4, 4, 4)),
        ("empty", (0, 0, 0)),
        ("uneven", (16, 16, 9)),
    ):
        yield (
            "npy",
            f"shape-{name}",
            EITHER,
            lambda rng, shape=shape: good.array(rng.random(shape).astype(np.float32)),
        )
    yield "npy", "objects", NO, lambda rng: npy_of(side, "'|O'")
    yield "npy", "kinds", NO, lambda rng: good.array(np.zeros(side, one_of(rng, ("c8", "U4", "S3", "M8[s]"))))
    yield "npy", "bool", EITHER, lambda rng: good.array(rng.random(side) < 0.1)


def _with_one(rng: np.random.Generator, value: float) -> np.ndarray:
    values = good.cube().copy()
    values[tuple(rng.integers(1, 15, 3))] = value
    return values


def _bombs() -> Iterator[tuple[str, str, Must, Made]]:
    yield "map.gz", "bomb-gz", NO, lambda rng: damage.gzip_bomb(_ccp4(), bytes(64), int(rng.integers(50, 64)))
    yield (
        "npy.gz",
        "bomb-npy",
        NO,
        lambda rng: damage.gzip_bomb(npy_of((1000, 1000, 1000), "'<f4'"), bytes(64), 60),
    )
