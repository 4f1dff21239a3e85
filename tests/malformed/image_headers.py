"""Headers of images that declare too much or too little, and texts over which a reader may take for ever."""

import struct
from collections.abc import Iterator

import numpy as np

from malformed import damage, good
from malformed.case import EITHER, NO, Made, Must, one_of
from malformed.tiffs import plain_tags, tiff

HUGE = (10**9, 2**31 - 1, 2**32 - 1, 10**7, 10**12)
"""Numbers of pixels along a side."""
VALUES = ("nan", "inf", "-inf", "-1", "0", "1e300", "1e-300", "x", "", "1e9", "9" * 400)
"""In place of a number in a header."""


def _text(ending: str, old: bytes, new: bytes) -> bytes:
    """A good image with one text of its header replaced; its length stays where there is room."""
    blob = good.images()[ending]
    place = blob.index(old)
    return blob[:place] + new + blob[place + len(old) :]


def declared() -> Iterator[tuple[str, str, Must, Made]]:
    def huge(rng: np.random.Generator) -> bytes:
        return str(one_of(rng, HUGE)).encode()

    yield "edf", "edf-huge", NO, lambda rng: _text("edf", b"Dim_1 = 180", b"Dim_1 = " + huge(rng))
    yield (
        "edf",
        "edf-size",
        EITHER,
        lambda rng: (
            _text("edf", b"Size = 144000", b"Size = " + huge(rng))
            if b"Size = 144000" in good.images()["edf"]
            else damage.PAGE
        ),
    )
    yield (
        "edf",
        "edf-negative",
        NO,
        lambda rng: _text(
            "edf", b"Dim_1 = 180", b"Dim_1 = " + one_of(rng, (b"-180", b"0", b"nan", b"1.5", b"x"))
        ),
    )
    yield (
        "edf",
        "edf-kind",
        EITHER,
        lambda rng: _text(
            "edf", b"DataType = ", b"DataType = " + one_of(rng, (b"Object", b"x", b"QuadrupleValue"))
        ),
    )
    yield (
        "cbf",
        "cbf-fast",
        NO,
        lambda rng: _text(
            "cbf", b"X-Binary-Size-Fastest-Dimension: 180", b"X-Binary-Size-Fastest-Dimension: " + huge(rng)
        ),
    )
    yield (
        "cbf",
        "cbf-contradiction",
        NO,
        lambda rng: _text(
            "cbf",
            b"X-Binary-Size-Second-Dimension: 200",
            b"X-Binary-Size-Second-Dimension: " + str(int(rng.integers(201, 900))).encode(),
        ),
    )
    yield (
        "cbf",
        "cbf-elements",
        EITHER,
        lambda rng: _text(
            "cbf",
            b"X-Binary-Number-of-Elements: 36000",
            b"X-Binary-Number-of-Elements: " + one_of(rng, (b"35999", b"0", b"-5", b"999999999999", b"nan")),
        ),
    )
    yield (
        "cbf",
        "cbf-size",
        EITHER,
        lambda rng: _text("cbf", b"X-Binary-Size: ", b"X-Binary-Size: 9" + huge(rng)),
    )
    yield (
        "cbf",
        "cbf-zero",
        NO,
        lambda rng: _text(
            "cbf",
            b"X-Binary-Size-Fastest-Dimension: 180",
            b"X-Binary-Size-Fastest-Dimension: " + one_of(rng, (b"0", b"-180", b"nan")),
        ),
    )
    yield "img", "smv-huge", NO, lambda rng: smv(rng, SIZE1=huge(rng).decode())
    yield "img", "smv-planes", EITHER, lambda rng: smv(rng, SIZE3=one_of(rng, ("0", "-1", "1000000000")))
    yield "img", "smv-zero", NO, lambda rng: smv(rng, SIZE1=one_of(rng, ("0", "-180", "nan", "1.5", "inf")))
    yield (
        "img",
        "smv-header-bytes",
        NO,
        lambda rng: smv(rng, HEADER_BYTES=one_of(rng, ("999999999", "0", "99999999999999999999999"))),
    )
    for key in (
        "WAVELENGTH",
        "DISTANCE",
        "PIXEL_SIZE",
        "BEAM_CENTER_X",
        "TWOTHETA",
        "IMAGE_PEDESTAL",
        "CCD_IMAGE_SATURATION",
    ):
        yield (
            "img",
            f"smv-{key.lower()}",
            EITHER,
            lambda rng, key=key: smv(rng, **{key: one_of(rng, VALUES)}),
        )
    yield "pgm", "pgm-huge", NO, lambda rng: b"P5\n" + huge(rng) + b" " + huge(rng) + b"\n65535\n" + bytes(99)
    yield (
        "pgm",
        "pgm-level",
        EITHER,
        lambda rng: (
            b"P5\n180 200\n" + one_of(rng, (b"0", b"-1", b"nan", huge(rng))) + b"\n" + good.still().tobytes()
        ),
    )
    yield "kcd", "kcd-huge", NO, lambda rng: _text("kcd", b"X dimension = 180", b"X dimension = " + huge(rng))
    yield (
        "kcd",
        "kcd-readouts",
        EITHER,
        lambda rng: _text(
            "kcd", b"readouts = 1", b"readouts = " + one_of(rng, (b"0", b"9", b"1000000000", b"x"))
        ),
    )
    yield "osc", "raxis-sizes", EITHER, lambda rng: _raxis(rng)
    yield "sfrm", "bruker-rows", NO, lambda rng: _bruker(b"NROWS  :", str(one_of(rng, HUGE)).encode())
    yield (
        "sfrm",
        "bruker-columns",
        NO,
        lambda rng: _bruker(b"NCOLS  :", one_of(rng, (b"0", b"-5", b"1e9", b"x"))),
    )
    yield (
        "sfrm",
        "bruker-overflows",
        EITHER,
        lambda rng: _bruker(b"NOVERFL:", str(one_of(rng, HUGE)).encode()),
    )
    yield (
        "sfrm",
        "bruker-header",
        NO,
        lambda rng: _bruker(b"HDRBLKS:", one_of(rng, (b"0", b"99999999", b"-1"))),
    )


def smv(rng: np.random.Generator, **changes: str) -> bytes:
    keys = {"HEADER_BYTES": "1024", "DIM": "2", "BYTE_ORDER": "little_endian", "TYPE": "unsigned_short"}
    keys |= {
        "SIZE1": "180",
        "SIZE2": "200",
        "PIXEL_SIZE": "0.1",
        "BEAM_CENTER_X": "9.0",
        "BEAM_CENTER_Y": "10.0",
    }
    keys |= {"DISTANCE": "100", "WAVELENGTH": "1.0", "OSC_RANGE": "0.1"} | changes
    head = "{\n" + "".join(f"{key}={value};\n" for key, value in keys.items()) + "}\n\f"
    return head.encode().ljust(1024) + good.still().tobytes()


def _raxis(rng: np.random.Generator) -> bytes:
    blob = bytearray(good.images()["osc"])
    for place in rng.integers(0, 5, 2):
        struct.pack_into(
            ">i", blob, 768 + 4 * int(place), int(one_of(rng, (0, -1, 2**31 - 1, -(2**31), 10**9)))
        )
    return bytes(blob)


def _bruker(key: bytes, value: bytes) -> bytes:
    blob = good.images()["sfrm"]
    place = blob.index(key)
    return blob[:place] + (key + value).ljust(80)[:80] + blob[place + 80 :]


def filled() -> Iterator[tuple[str, str, Must, Made]]:
    """Texts over which a careless expression takes time that grows with their square or faster."""
    starts = {
        "tif": b"II*\0\x08\0\0\0",
        "cbf": b"###CBF: VERSION 1.5\n",
        "edf": b"{\n",
        "img": b"{\nHEADER_BYTES=512;\n",
        "pgm": b"P5\n",
    }
    starts |= {
        "kcd": b"No = 1\r\n",
        "sfrm": b"FORMAT :        86",
        "none": b"",
        "esperanto": b"ESPERANTO FORMAT   1\r\n",
    }
    fillings = (
        b"#\n",
        b"# ",
        b"#",
        b" ",
        b"a = 1\n",
        b";",
        b"\n",
        b"{",
        b"=",
        b"_array 1 2 3\n",
        b"--CIF-BINARY-FORMAT-SECTION--\n",
    )
    for ending, start in starts.items():
        for number in range(2):
            yield (
                ending,
                f"filled-{ending}-{number}",
                NO,
                lambda rng, start=start: start + one_of(rng, fillings) * int(rng.integers(20_000, 200_000)),
            )
    yield (
        "cbf",
        "cbf-hashes",
        EITHER,
        lambda rng: _text("cbf", b"###CBF", b"###CBF" + one_of(rng, (b"# ", b"#\n", b"\n#")) * 60_000),
    )
    yield (
        "tif",
        "tiff-hashes",
        EITHER,
        lambda rng: (
            tiff(plain_tags(), b"").replace(bytes(3000), b"# " * 1500, 1)[:4096] + good.still().tobytes()
        ),
    )
