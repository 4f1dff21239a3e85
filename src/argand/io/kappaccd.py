"""Nonius KappaCCD images, as read by fabio; their headers lack a beam centre."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from argand.io.header import Header, Stack, number, pair, positive
from argand.io.limits import image_size

_MOST_HEADER, _LONGEST_LINE = 2**16, 100
"""Most bytes of a header, set by hand (they have about 3000), and of a line of it, as in fabio."""
_MOST_READOUTS = 100
"""Most readouts. Set by hand: frames are read out twice."""


def kappaccd_header(keys: Mapping[str, Any], shape: tuple[int, int]) -> Header:
    """Header of a KappaCCD image: sizes in micrometres, distances in mm, the arm at 2 theta."""

    def value(key: str) -> float | None:
        return number(keys.get(key))

    size = pair(value("pixel X-size (um)"), value("pixel Y-size (um)"))
    first, second = positive(value("Alpha1")), positive(value("Alpha2"))
    # The first line of the doublet is twice as strong.
    wavelength = (2.0 * first + second) / 3.0 if first and second else first
    return Header(
        pixel_size_mm=(size[0] * 1e-3, size[1] * 1e-3) if size else None,
        distance_mm=positive(value("Dx start")),
        wavelength=wavelength,
        detector="KappaCCD",
        two_theta_deg=2.0 * (value("Theta start") or 0.0),
        oscillation_deg=value("Phi scan range") or value("Omega scan range") or 0.0,
    )


def kappaccd_stack(blob: bytes) -> Stack:
    """The image in the bytes of a file: lines of `key = value`, then 16-bit pixels up to the end.

    Counts are sums over the readouts, of which there may be several. Raises ValueError for a file shorter
    than its header and pixels.
    """
    keys, begin = _keys(blob)
    shape = (int(keys["Y dimension"]), int(keys["X dimension"]))
    readouts = int(keys.get("Number of readouts", 1))
    if not 1 <= readouts <= _MOST_READOUTS:
        raise ValueError(f"states {readouts} read-outs of the image")
    pixels = readouts * image_size(shape)
    if len(blob) - 2 * pixels < begin:
        raise ValueError("truncated: pixels and header overlap")
    counts = np.frombuffer(blob, "<u2", pixels, len(blob) - 2 * pixels).reshape(readouts, *shape)
    data = counts.sum(axis=0, dtype=np.int32)
    return Stack(1, lambda index: data, kappaccd_header(keys, shape))


def _keys(blob: bytes) -> tuple[dict[str, str], int]:
    """The header, and the byte at the end of its last line with a value."""
    keys: dict[str, str] = {}
    begin = at = 0
    for line in blob[:_MOST_HEADER].split(b"\n"):
        if len(line) > _LONGEST_LINE or not line.rstrip(b"\r").isascii():
            break
        at += len(line) + 1
        key, equals, value = line.decode("ascii").partition("=")
        if equals:
            keys[key.strip()] = value.strip()
            begin = at - 1
    return keys, begin
