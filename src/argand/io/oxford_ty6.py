"""Oxford Diffraction images with TY6 pixels, written by CrysAlis for HyPix detectors and not supported by
fabio.

After the header come the number of packed bytes, these bytes, and for each line of the image the position of
its first byte. A line is its first pixel and then differences: blocks of two times eight, and single ones for
the rest. A block begins with a byte with the bits per number of each half in its half bytes; the numbers are
stored with an offset of the most negative value of that many bits. A single number is a byte minus 127.
Numbers of 127 and 128 are replaced by the 16 and 32 bits that follow (for a block, after its packed bits).
Layout as read by dxtbx.
"""

import re
from dataclasses import replace

import numpy as np

from argand.io.header import Stack
from argand.io.limits import image_size
from argand.io.oxford import oxford_header
from argand.typing import Image

_SPECIAL, _GONIOMETER = 768, 1536
"""First bytes of these sections: after 256 of text and 512, and 768 more (Oxford Diffraction)."""
_LIMIT, _DETECTOR, _PIXEL = 472, 548, 568
"""Bytes of the special section: the overflow threshold, the kind of detector and the sizes of a pixel."""
_CURVED = (12, 14)
"""Detector types with two or three panels at 38 degrees to each other (HyPix-Arc; dxtbx)."""
_START, _END, _STEP, _WAVELENGTH, _CENTRE, _DISTANCE = 284, 324, 368, 584, 664, 712
"""Byte offsets in the goniometer section: angles in steps, radians per step, and as named."""
_SHORT, _LONG = 127, 128
"""Numbers replaced by the 16 and the 32 bits that follow, see above."""


def is_ty6(blob: bytes) -> bool:
    """Whether the bytes of a file are an Oxford Diffraction image with TY6 pixels."""
    return re.match(rb"OD SAPPHIRE[^\n]*\nCOMPRESSION= *TY6", blob) is not None


def ty6_stack(blob: bytes) -> Stack:
    """The image in the bytes of such a file; ValueError if truncated or damaged."""
    text = blob[:256].decode("latin-1")
    size = {name: int(value) for name, value in re.findall(r"(NX|NY|NHEADER)= *(\d{1,9})", text)}
    try:
        image = bitfield_image(blob, size["NHEADER"], (size["NY"], size["NX"]))
        keys = _keys(blob)
    except (IndexError, KeyError) as error:
        raise ValueError("truncated or damaged") from error
    header = oxford_header(keys, image.shape)
    if int.from_bytes(blob[_SPECIAL + _DETECTOR :][:4], "little") in _CURVED:
        curved = "the header names a detector with inclined panels: it is treated as flat"
        header = replace(header, notes=(*header.notes, curved))
    return Stack(1, lambda index: image, header)


def _keys(blob: bytes) -> dict[str, float]:
    """The header's numbers under fabio's names."""

    def values(kind: str, count: int, place: int) -> np.ndarray:
        return np.frombuffer(blob, kind, count, place)

    pixel = values("<f8", 2, _SPECIAL + _PIXEL)
    centre = values("<f8", 2, _GONIOMETER + _CENTRE)
    step = np.degrees(np.nan_to_num(values("<f8", 2, _GONIOMETER + _STEP)))
    omega, theta = values("<i4", 2, _GONIOMETER + _START) * step
    return {
        "Real pixel size x (mm)": float(pixel[0]),
        "Real pixel size y (mm)": float(pixel[1]),
        "Overflow threshold": float(values("<i4", 1, _SPECIAL + _LIMIT)[0]),
        "Omega start in deg": float(omega),
        "Omega end in deg": float(values("<i4", 1, _GONIOMETER + _END)[0] * step[0]),
        "Theta start in deg": float(theta),
        "Wavelength alpha": float(values("<f8", 1, _GONIOMETER + _WAVELENGTH)[0]),
        "Beam center x": float(centre[0]),
        "Beam center y": float(centre[1]),
        "Distance in mm": float(values("<f8", 1, _GONIOMETER + _DISTANCE)[0]),
    }


def bitfield_image(blob: bytes, begin: int, shape: tuple[int, int]) -> Image:
    """The image with packed bytes from a position on; all lines are read in parallel, one number at a time.

    Raises ValueError or IndexError for truncated or damaged bytes.
    """
    image_size(shape)
    length = int.from_bytes(blob[begin : begin + 4], "little")
    packed = blob[begin + 4 : begin + 4 + length]
    lines = _Lines(packed, np.frombuffer(blob, "<u4", shape[0], begin + 4 + length))
    image = np.zeros(shape, np.int32)
    image[:, 0] = lines.single()
    blocks = (shape[1] - 1) // 16
    for first in range(1, 1 + 16 * blocks, 16):
        image[:, first : first + 16] = lines.block()
        for column in range(first, first + 16):
            image[:, column] = lines.whole(image[:, column]) + image[:, column - 1]
    for column in range(1 + 16 * blocks, shape[1]):
        image[:, column] = lines.single() + image[:, column - 1]
    return image


class _Lines:
    """The packed bytes and the current position of each line of the image."""

    def __init__(self, packed: bytes, places: np.ndarray) -> None:
        # Any eight bytes as one number: an array with overlapping elements.
        self.words = np.ndarray((len(packed) + 1,), "<u8", packed + bytes(8), strides=(1,))
        self.places = places.astype(np.int64)

    def byte(self) -> np.ndarray:
        """The next byte of each line."""
        values = self.words[self.places].astype(np.uint8)
        self.places += 1
        return values

    def single(self) -> np.ndarray:
        """The next single number of each line."""
        return self.whole(self.byte().astype(np.int32) - _SHORT)

    def whole(self, values: np.ndarray) -> np.ndarray:
        """The values, with those that did not fit read from the following bytes."""
        short, long = values == _SHORT, values >= _LONG
        words = self.words[self.places]
        in_short = words.astype(np.uint16).view(np.int16)
        in_long = words.astype(np.uint32).view(np.int32)
        self.places += 2 * short + 4 * long
        return np.where(long, in_long, np.where(short, in_short, values))

    def block(self) -> np.ndarray:
        """The next sixteen numbers of each line, before filling in those that did not fit."""
        kinds = self.byte()
        halves = []
        for bits in (kinds & 15, kinds >> 4):
            if bits.max() > 8:
                raise ValueError("damaged: numbers of more than 8 bits")
            wide = bits.astype(np.uint64)[:, None]
            words = self.words[self.places][:, None]
            numbers = words >> (wide * np.arange(8, dtype=np.uint64)) & (
                (np.uint64(1) << wide) - np.uint64(1)
            )
            below = np.where(bits > 1, (1 << np.maximum(bits.astype(np.int64) - 1, 0)) - 1, 0)
            halves.append(numbers.astype(np.int64) - below[:, None])
            self.places += bits
        return np.hstack(halves)
