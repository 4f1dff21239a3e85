"""Headers of mar345 image plates, as read by fabio (marXperts, "mar345_formats").

fabio scales the binary words to mm, degrees and Å; the text lines after them give the centre in px.
"""

import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from argand.io.cbf_packed import packed_blocks
from argand.io.header import Header, number, pair, positive
from argand.typing import Mask

_LITTLE = b"\xd2\x04"
"""First bytes of a little-endian file: the marker 1234."""

_MOST_PIXELS = 2**24
"""Most pixels of an image: the plate has at most 3450 x 3450 (marXperts)."""


def mar345_header(keys: Mapping[str, Any], shape: tuple[int, int]) -> Header:
    """Header of a mar345 image."""
    return Header(
        pixel_size_mm=pair(*(positive(number(keys.get(f"Pixel{side}"))) for side in ("Length", "Height"))),
        distance_mm=positive(number(keys.get("Distance"))),
        wavelength=positive(number(keys.get("Wavelength"))),
        header_beam_centre_px=pair(number(keys.get("CENTER_X")), number(keys.get("CENTER_Y"))),
        detector="mar345",
        two_theta_deg=number(keys.get("TwoTheta")) or 0.0,
        oscillation_deg=(number(keys.get("EndPhi")) or 0.0) - (number(keys.get("StartPhi")) or 0.0),
    )


def mar345_mask(shape: tuple[int, int]) -> Mask:
    """True on the disc covered by the plate's spiral scan; the corners of the square around it are zeros."""
    slow, fast = (np.arange(size) + 0.5 - size / 2 for size in shape)
    return np.hypot(slow[:, None], fast[None, :]) < min(shape) / 2


def check_whole(blob: bytes) -> None:
    """Raise ValueError for a truncated or damaged file.

    fabio's decoder trusts the numbers in a file: it fills in missing data, and writes beyond its memory if
    they are wrong.
    """
    order = "<" if blob[:2] == _LITTLE else ">"
    words = np.frombuffer(blob, f"{order}i4", 6)
    fast, high, size = int(words[1]), int(words[2]), int(words[5])
    packed = re.search(rb"\nCCP4 packed image( V2)?, X: {0,9}(\d{1,9}), Y: {0,9}(\d{1,9})\n", blob)
    if packed is None:
        raise ValueError("it has no packed pixels: a spiral scan, or truncated?")
    if not 0 < size <= _MOST_PIXELS:
        raise ValueError(f"states {size} pixels")
    if fast < 1 or size % fast or (int(packed.group(2)), int(packed.group(3))) != (fast, size // fast):
        raise ValueError("its header and its packed pixels state different sizes")
    # Pairs of a pixel's index, from 1, and its count, in records of eight.
    records = -(-high // 8) * 64
    if high < 0 or records > packed.start():
        raise ValueError("its table of high counts is inconsistent")
    table = np.frombuffer(blob, f"{order}i4", 2 * high, packed.start() - records)
    if high and not (table[::2].min() >= 0 and table[::2].max() <= size):
        raise ValueError("its table of high counts is damaged")
    _, counts, _ = packed_blocks(blob[packed.end() :], size, 2 if packed.group(1) else 1, 32)
    if counts.sum() != size:
        raise ValueError("there are more packed pixels than the image has")
