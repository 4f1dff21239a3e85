"""Packed CBF images: pixels come out as two independent encoders put them in, broken ones are refused."""

import hashlib
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from fabio.compression import compPCK

from argand.errors import InputError
from argand.io.cbf_packed import unpacked
from argand.io.image import read_frame

ELEMENTS = {
    "u1": "unsigned 8-bit integer",
    "i2": "signed 16-bit integer",
    "u2": "unsigned 16-bit integer",
    "i4": "signed 32-bit integer",
    "u4": "unsigned 32-bit integer",
}
WIDTHS = {1: [0, 4, 5, 6, 7, 8, 16, 65], 2: [0, *range(3, 17), 65]}


def wrapped(value: int, bits: int) -> int:
    """The value as a signed number of so many bits holds it."""
    return (value + (1 << bits - 1)) % (1 << bits) - (1 << bits - 1)


def differences(image: np.ndarray, flat: bool) -> Iterator[int]:
    """Pixel by pixel what is stored, written out from the published description."""
    bits, fast = 8 * image.dtype.itemsize, image.shape[1]
    pixels, before = image.tolist(), 0
    for r, row in enumerate(pixels):
        for c, pixel in enumerate(row):
            above = pixels[r - 1]
            if flat or (r == 0 and c == 0):
                mean = before
            elif r == 0:
                mean = row[c - 1]
            elif c == 0:
                mean = wrapped(above[0] + above[1], bits) + 1 >> 1
            elif c == fast - 1:
                mean = wrapped(row[c - 1] + above[c], bits) + 1 >> 1
            else:
                mean = wrapped(row[c - 1] + sum(above[c - 1 : c + 2]), bits) + 2 >> 2
            yield wrapped(pixel - mean, bits)
            before = pixel


def packed(image: np.ndarray, version: int = 1, flat: bool = False) -> bytes:
    """The binary section, in blocks of random lengths."""
    bits, values = 8 * image.dtype.itemsize, list(differences(image, flat))
    stream, length, place = 0, 0, 0
    random = np.random.default_rng(0)
    pieces = []
    while place < len(values):
        power = min(int(random.integers(0, 8)), (len(values) - place).bit_length() - 1)
        block = values[place : place + (1 << power)]
        code = next(
            code
            for code, width in enumerate(WIDTHS[version])
            if all(
                value == 0 if width == 0 else -(1 << width - 1) <= value < 1 << width - 1 for value in block
            )
        )
        width = WIDTHS[version][code]
        width = bits if width == 65 and not flat else width
        pieces += [(code << 3 | power, 5 + version), *((value, width) for value in block)]
        place += len(block)
    for value, width in pieces:
        stream |= (value & (1 << min(width, bits)) - 1 if width else 0) << length
        length += width
    return len(values).to_bytes(8, "little") + bytes(24) + stream.to_bytes(length // 8 + 1, "little")


def still(dtype: str, shape: tuple[int, int]) -> np.ndarray:
    """Counts with bright, dead and, where the type has them, marked pixels."""
    random = np.random.default_rng(4)
    image = random.poisson(20, shape).astype(dtype)
    spots = random.random(shape) < 0.03
    image[spots] = random.integers(0, np.iinfo(dtype).max, spots.sum(), dtype)
    if np.dtype(dtype).kind == "i":
        image[random.random(shape) < 0.02] = -1
    return image


@pytest.mark.parametrize("dtype", ELEMENTS)
@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("flat", [False, True])
@pytest.mark.parametrize("shape", [(40, 31), (9, 50), (50, 3), (1, 7)])
def test_pixels_come_out_as_they_were_packed(
    dtype: str, version: int, flat: bool, shape: tuple[int, int]
) -> None:
    image = still(dtype, shape)
    found = unpacked(memoryview(packed(image, version, flat)), shape, np.dtype(dtype), version, flat)
    assert np.array_equal(found, image)
    assert found.dtype == image.dtype


@pytest.mark.parametrize(
    ("version", "flat", "blocks"),
    [
        (
            1,
            False,
            "1308a39cb4dafa03b40ec191425d10d655988b57450400c08cbb2205c76660a57cbd3bbbfbb87b01306a69f3672950ef"
            "ae29eb0aebdfd34420192500",
        ),
        (
            2,
            False,
            "1b10463969b5d90fd03a04470a7541aaae02b9f8aa88000038e3ae8a82633340a5fc7a7776f771f70260a5a5cd9fa540"
            "bd3b4b595758ff9e2602095102",
        ),
        (
            1,
            True,
            "1308a39cb4dafa10215b7191a1db117e42a0307f8a080000000000c0e9eeff0f000000604cad982fe88c6a6573b47bbc"
            "c187c8cdb9afd8dde1e5e9af12548401",
        ),
    ],
)
def test_blocks_that_cbflib_wrote_are_read(version: int, flat: bool, blocks: str) -> None:
    """By its cbf_set_integerarray_wdims_fs (version 0.9.6) from this image."""
    image = (np.arange(48) ** 2 % 97).reshape(6, 8).astype(np.int32)
    image[2, 3], image[4, 5] = 70_000, -1
    preface = image.size.to_bytes(8, "little") + bytes(24)
    found = unpacked(memoryview(preface + bytes.fromhex(blocks)), (6, 8), image.dtype, version, flat)
    assert np.array_equal(found, image)


def test_blocks_are_those_of_the_packed_images_of_mar_research() -> None:
    """The same scheme by fabio's encoder: it differs at the ends of rows alone, where here all is zero."""
    image = np.random.default_rng(7).poisson(400, (60, 60)).astype(np.int32)
    image[30, 31] = 20_000
    image[:, :2] = image[:, -2:] = 0
    stream = compPCK(image)
    blocks = stream[stream.index(b"\n", stream.index(b"CCP4 packed image")) + 1 :]
    preface = image.size.to_bytes(8, "little") + bytes(24)
    assert np.array_equal(unpacked(memoryview(preface + blocks), (60, 60), image.dtype, 1, False), image)


def write_cbf(path: Path, image: np.ndarray, binary: bytes, conversion: str, **keys: str) -> Path:
    """A CBF with this binary section, its text as CBFlib writes it."""
    md5 = b64encode(hashlib.md5(binary, usedforsecurity=False).digest()).decode()
    stated = {
        "Content-Transfer-Encoding": "BINARY",
        "X-Binary-Size": len(binary),
        "X-Binary-ID": 1,
        "X-Binary-Element-Type": f'"{ELEMENTS[image.dtype.str[1:]]}"',
        "X-Binary-Element-Byte-Order": "LITTLE_ENDIAN",
        "Content-MD5": md5,
        "X-Binary-Number-of-Elements": image.size,
        "X-Binary-Size-Fastest-Dimension": image.shape[1],
        "X-Binary-Size-Second-Dimension": image.shape[0],
    }
    lines = ["###CBF: VERSION 1.5", "data_image_1", "_array_data.header_convention PILATUS_1.2"]
    lines += [
        "_array_data.header_contents",
        ";",
        "# Pixel_size 80e-6 m x 80e-6 m",
        "# Detector_distance 0.2 m",
    ]
    lines += ["# Wavelength 1.0 A", "# Beam_xy (15.0, 20.0) pixels", ";", "_array_data.data", ";"]
    lines += ["--CIF-BINARY-FORMAT-SECTION--", f"Content-Type: application/octet-stream;{conversion}"]
    lines += [f"{key.replace('_', '-')}: {value}" for key, value in (stated | keys).items()]
    path.write_bytes("\r\n".join([*lines, "", ""]).encode() + b"\x0c\x1a\x04\xd5" + binary)
    return path


@pytest.mark.parametrize(
    ("version", "flat", "conversion"),
    [
        (1, False, '\r\n     conversions="x-CBF_PACKED"'),
        (2, False, ' conversions="X-CBF_PACKED_V2"'),
        (1, True, '\r\n     conversions="x-CBF_PACKED"; "flat"'),
    ],
)
def test_packed_file_is_read_with_its_header(
    tmp_path: Path, version: int, flat: bool, conversion: str
) -> None:
    image = still("i4", (40, 31))
    frame = read_frame(write_cbf(tmp_path / "a.cbf", image, packed(image, version, flat), conversion))
    assert np.array_equal(frame.data, image)
    assert np.array_equal(frame.mask, image >= 0)
    assert (frame.distance_mm, frame.header_beam_centre_px, frame.notes) == (200.0, (15.0, 20.0), ())


@pytest.mark.parametrize("order", ["LITTLE_ENDIAN", "BIG_ENDIAN"])
def test_pixels_without_compression_are_read(tmp_path: Path, order: str) -> None:
    image = still("u2", (40, 31))
    binary = image.astype(">u2" if order.startswith("BIG") else "<u2").tobytes()
    path = write_cbf(tmp_path / "a.cbf", image, binary, "", X_Binary_Element_Byte_Order=order)
    assert np.array_equal(read_frame(path).data, image)


def test_other_forms_are_refused_by_name(tmp_path: Path) -> None:
    image = still("i4", (40, 31))
    canonical = write_cbf(tmp_path / "a.cbf", image, packed(image), ' conversions="x-CBF_CANONICAL"')
    with pytest.raises(InputError, match=r"a\.cbf: .*x-CBF_CANONICAL cannot be read; convert"):
        read_frame(canonical)
    text = write_cbf(tmp_path / "b.cbf", image, b"", "", Content_Transfer_Encoding="BASE64")
    with pytest.raises(InputError, match=r"b\.cbf: .*pixels as BASE64 text cannot be read"):
        read_frame(text)
    three = write_cbf(
        tmp_path / "c.cbf", image, image.tobytes(), "", **{"X-Binary-Size-Third-Dimension": "2"}
    )
    with pytest.raises(InputError, match=r"c\.cbf: .*more than one image"):
        read_frame(three)


def test_packed_pixels_that_end_early_are_refused(tmp_path: Path) -> None:
    image = still("i4", (40, 31))
    whole = packed(image)
    for length in (len(whole) - 3, len(whole) // 2, 32, 10, 0):
        path = write_cbf(tmp_path / "a.cbf", image, whole[:length], ' conversions="x-CBF_PACKED"')
        with pytest.raises(InputError, match=r"a\.cbf: not a readable diffraction image"):
            read_frame(path)
    short = write_cbf(tmp_path / "a.cbf", image[:-1], whole, ' conversions="x-CBF_PACKED"')
    with pytest.raises(InputError, match="number of packed pixels differs from the header"):
        read_frame(short)
