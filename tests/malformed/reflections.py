"""Reflections whose indices and numbers cannot be, and texts without end."""

import struct
from collections.abc import Iterator
from functools import partial

import numpy as np

from malformed import damage, good, rows
from malformed.case import EITHER, NO, Case, Content, Made, Must, one_of
from malformed.rows import SOLVE


def cases() -> Iterator[Case]:
    """All of them."""
    for ending, name, must, make in (*_indices(), *_values(), *_lengths(), *_mtz(), *_texts()):
        file = f"bad.{ending}"
        argv = tuple(file if word == "X" else word for word in SOLVE)
        yield Case(
            f"reflections-{name}", "reflections", "patterson", argv, partial(one_file, file, make), must
        )


def one_file(file: str, make: Made, rng: np.random.Generator) -> dict[str, Content]:
    return {file: make(rng)}


def hkl() -> bytes:
    """Good reflections."""
    return good.text(good.DATA / "measured" / "nacl.hkl.gz")


def lines(found: list[tuple[object, ...]]) -> bytes:
    """Lines of fixed width, as far as the numbers fit."""
    text = "".join(f"{h!s:>4}{k!s:>4}{el!s:>4}{value!s:>8}{sigma!s:>8}\n" for h, k, el, value, sigma in found)
    return text.encode()


def _changed(rng: np.random.Generator, *changes: dict[int, object]) -> bytes:
    """Good reflections, of which one at random has other numbers at these places for each of the changes."""
    found: list[tuple[object, ...]] = list(rows.columns(hkl()))
    for change in changes:
        where = int(rng.integers(len(found)))
        row = list(found[where])
        for place, value in change.items():
            row[place] = value
        found[where] = tuple(row)
    return lines(found)


def _indices() -> Iterator[tuple[str, str, Must, Made]]:
    yield "hkl", "stray", EITHER, lambda rng: _changed(rng, {0: int(rng.integers(900, 999))})
    yield "hkl", "stray-all", EITHER, lambda rng: _changed(rng, {0: 999, 1: 999, 2: 999})
    yield (
        "hkl",
        "strays",
        EITHER,
        lambda rng: _changed(rng, *({int(rng.integers(3)): int(rng.integers(300, 999))} for _ in range(5))),
    )
    yield "hkl", "index-nan", EITHER, lambda rng: _changed(rng, {0: "nan"})
    yield "hkl", "index-inf", EITHER, lambda rng: _changed(rng, {1: one_of(rng, ("inf", "-inf"))})
    yield "hkl", "index-half", EITHER, lambda rng: _changed(rng, {2: "1.5"})
    free = b"1 0 0 100 1\n2 0 0 100 1\n3 0 0 50 1\n4 0 0 20 1\n"
    for name, index in (
        ("huge", "999999999"),
        ("beyond", "99999999999999999999"),
        ("power", "1e300"),
        ("infinite", "inf"),
        ("none", "nan"),
    ):
        yield (
            "hkl",
            f"free-{name}",
            EITHER,
            lambda rng, index=index: b"h k l F2 sig\n" + free * 9 + f"{index} 0 0 5 1\n".encode(),
        )
        yield (
            "cif",
            f"refln-{name}",
            EITHER,
            lambda rng, index=index: rows.reflection_cif(hkl()) + f"{index} 0 0 5 1\n".encode(),
        )
        yield (
            "HKL",
            f"xds-{name}",
            EITHER,
            lambda rng, index=index: rows.xds_ascii(hkl()).replace(
                b"!END_OF_DATA", f"{index} 0 0 5 1 9 9 1 .1 100 50 0\n!END_OF_DATA".encode()
            ),
        )
    yield "hkl", "all-origin", NO, lambda rng: lines([(0, 0, 0, 5.0, 1.0)] * 50)
    yield "hkl", "one-row", EITHER, lambda rng: lines([(h, 0, 0, 50.0, 1.0) for h in range(1, 40)])


def _values() -> Iterator[tuple[str, str, Must, Made]]:
    found = rows.columns(hkl())
    for name, value in {
        "zero": "0.0",
        "one": "1.0",
        "minus": "-5.0",
        "nan": "nan",
        "inf": "inf",
        "power": "1e300",
    }.items():
        must = EITHER if name in ("one",) else NO
        yield (
            "hkl",
            f"all-{name}",
            must,
            lambda rng, value=value: lines([(*row[:3], value, "1.00") for row in found]),
        )
        yield "hkl", f"some-{name}", EITHER, lambda rng, value=value: _changed(rng, {3: value}, {3: value})
        yield (
            "hkl",
            f"sigma-{name}",
            EITHER,
            lambda rng, value=value: lines([(*row[:4], value) for row in found]),
        )
    yield (
        "hkl",
        "noise",
        NO,
        lambda rng: lines([(*row[:3], f"{rng.exponential(100):.2f}", "1.00") for row in found]),
    )
    yield "hkl", "stars", EITHER, lambda rng: _changed(rng, {3: "********"}, {4: "********"})


def _lengths() -> Iterator[tuple[str, str, Must, Made]]:
    row = b"   1   0   0  100.00    1.00\n"
    yield (
        "hkl.gz",
        "bomb",
        NO,
        lambda rng: damage.gzip_bomb(hkl(), row + b"\n" * 3, int(rng.integers(50, 64))),
    )
    yield (
        "hkl.gz",
        "bomb-blank",
        NO,
        lambda rng: damage.gzip_bomb(hkl(), one_of(rng, (b" \n", b"\n\n", b"  ")), 60),
    )
    yield "hkl.gz", "ten-million", EITHER, lambda rng: damage.gzip_bomb(b"", row[:-1] + b" \n  ", 5)
    yield (
        "cif.gz",
        "bomb-cif",
        NO,
        lambda rng: damage.gzip_bomb(rows.reflection_cif(hkl()), b"1 0 0 5 1\n  \n  \n", 60),
    )
    yield "hkl", "single", NO, lambda rng: row
    yield "hkl", "blank", NO, lambda rng: one_of(rng, (b"\n", b" ", b"\t")) * 50_000
    yield "hkl", "remarks", NO, lambda rng: one_of(rng, (b"# ", b"#\n", b"! \n", b"REM \n")) * 50_000
    yield "hkl", "names", NO, lambda rng: b"h k l " * 20_000


def _mtz() -> Iterator[tuple[str, str, Must, Made]]:
    for again in range(3):
        yield (
            "mtz",
            f"mtz-offset-{again}",
            NO,
            lambda rng: _with_offset(int(one_of(rng, (0, -1, 2**31 - 1, 1, 19, 10**8)))),
        )
    for name, old, new in (
        ("columns", b"NCOL ", b"NCOL 999999999 1 0"),
        ("no-columns", b"NCOL ", b"NCOL 0 0 0"),
        ("minus", b"NCOL ", b"NCOL -5 -5 0"),
        ("reflections", b"NCOL ", b"NCOL 5 2000000000 0"),
        ("cell", b"CELL ", b"CELL 0 0 0 0 0 0"),
        ("cell-nan", b"CELL ", b"CELL nan nan nan 90 90 90"),
        ("cell-huge", b"CELL ", b"CELL 1e9 1e9 1e9 90 90 90"),
        ("symmetry", b"SYMM ", b"SYMM X*Y, nonsense, 9"),
        ("syminf", b"SYMINF ", b"SYMINF 999999 9 P 999 'X' X"),
        ("batches", b"NDIF ", b"NDIF 999999999"),
        ("no-end", b"END ", b"ENX "),
    ):
        yield "mtz", f"mtz-{name}", EITHER, partial(_with_record, old, new)
    yield "mtz", "mtz-short", NO, lambda rng: b"MTZ " + rng.bytes(int(rng.integers(0, 200)))


def _good_mtz() -> bytes:
    return damage.made_by(partial(rows.mtz, hkl()), ".mtz")


def _with_offset(value: int) -> bytes:
    blob = bytearray(_good_mtz())
    struct.pack_into("<i", blob, 4, value)
    return bytes(blob)


def _with_record(old: bytes, new: bytes, rng: np.random.Generator) -> bytes:
    blob = _good_mtz()
    place = blob.find(old)
    return blob if place < 0 else blob[:place] + new.ljust(80)[:80] + blob[place + 80 :]


def _texts() -> Iterator[tuple[str, str, Must, Made]]:
    yield "m90", "jana-filled", NO, lambda rng: b"data ref\n" + one_of(rng, (b"#\n", b" ", b"a ")) * 50_000
    yield "fcf", "fcf-open", NO, lambda rng: b"data_x\n_a '" + b"' '" * 100_000
    yield (
        "HKL",
        "xds-header",
        EITHER,
        lambda rng: rows.xds_ascii(hkl()).replace(
            b"!NUMBER_OF_ITEMS_IN_EACH_DATA_RECORD=12",
            b"!NUMBER_OF_ITEMS_IN_EACH_DATA_RECORD=" + one_of(rng, (b"0", b"-1", b"999999999", b"x")),
        ),
    )
    yield (
        "HKL",
        "xds-cell",
        EITHER,
        lambda rng: rows.xds_ascii(hkl()).replace(
            b"     5.640", one_of(rng, (b"       0.0", b"       nan", b"       1e9", b"      -5.0")), 1
        ),
    )
    yield (
        "HKL",
        "xds-group",
        EITHER,
        lambda rng: rows.xds_ascii(hkl()).replace(
            b"=  225", one_of(rng, (b"=  0", b"=  -1", b"= 99999", b"= x"))
        ),
    )
