"""Usable pixels of an image."""

from functools import lru_cache

import numpy as np

from argand.physics.still.panel import PANELS
from argand.typing import Image, Mask

_MARKERS = (2**16 - 1, 2**32 - 1)
"""Largest numbers of 16 and 32 bits, with which Dectris detectors mark bad pixels: a program that copies
them into a wider type keeps them, above all counts."""
_FLOAT_LIMIT = 4294967040.0
"""Largest 32-bit float below 2**32: larger values were 32-bit markers."""
LARGEST = 2**53
"""Above all 64-bit counts: integers up to here are exact in double precision."""
_NEGATIVE_MARKERS = (-1.0, -2.0)
"""Marks of gaps and bad pixels (Dectris) in images converted to floats."""


def usable_pixels(data: Image, saturation: float | None = None) -> Mask:
    """True for measured pixels: not in a gap, not marked bad, not saturated, finite.

    Detectors mark gaps and bad pixels with negative numbers in signed images and with the largest
    number in unsigned ones, which remains the largest value after conversion to a wider type.
    In images of floats negative numbers are counts minus a background, unless -1 and -2 are the only ones.
    Saturated means at or above `saturation` counts. Gaps that a converter has filled with zeros are
    recognised by the detector's size, and masked if they contain only zeros.

    `data` and the result are [slow, fast].
    """
    usable = _below(data, saturation)
    if data.dtype.kind in "iu" and data.dtype.itemsize > 4:
        usable &= data < data.dtype.type(LARGEST)
    if data.dtype.kind == "i":
        usable &= data >= 0
    elif data.dtype.kind == "f":
        usable &= np.isfinite(data) & ~_float_markers(data)
    marker = _marker(data, usable)
    if marker is not None:
        usable &= data < marker
    for gap in _gaps(data.shape):
        if not data[gap].any():
            usable[gap] = False
    return usable


def _below(data: Image, saturation: float | None) -> Mask:
    limit = np.inf if saturation is None else saturation
    if data.dtype.kind in "iu":
        largest = np.iinfo(data.dtype).max
        if limit > largest:
            return np.ones(data.shape, bool) if data.dtype.kind == "i" else data < data.dtype.type(largest)
        # Compared as the image's own type: a float limit would convert all pixels first.
        return data < data.dtype.type(np.ceil(limit))
    return data < limit if data.dtype.kind == "f" else np.ones(data.shape, bool)


def _float_markers(data: Image) -> Mask:
    """True where an image of floats has a value that marked a bad pixel when it was an integer."""
    limit = np.float32(_FLOAT_LIMIT)
    # Subtracting a background does not give values as far below zero.
    marked = (data > limit) | (data < -limit)
    negative = data < 0
    values = data[negative]
    return marked | negative if np.isin(values, _NEGATIVE_MARKERS).all() else marked


def _marker(data: Image, usable: Mask) -> int | None:
    """The marker of a narrower type than the image's, if it is the image's largest value."""
    if data.dtype.itemsize <= 2 or data.dtype.kind not in "iuf" or not usable.any():
        return None
    largest = data.max(where=usable, initial=0)
    return next((marker for marker in _MARKERS if largest == marker), None)


@lru_cache(maxsize=16)
def _gaps(shape: tuple[int, int]) -> tuple[tuple[slice, slice], ...]:
    """The gaps of a detector of this many pixels made of Pilatus or Eiger modules; none for others."""
    everything = slice(None)
    for module, gap in sorted({(p.module, p.gap) for p in PANELS.values() if p.module is not None}):
        slow, fast = (_gap_starts(*along) for along in zip(shape, module, gap, strict=True))
        if slow is not None and fast is not None:
            rows = [(slice(start, start + gap[0]), everything) for start in slow]
            return (*rows, *((everything, slice(start, start + gap[1])) for start in fast))
    return ()


def _gap_starts(pixels: int, module: int, gap: int) -> list[int] | None:
    modules, rest = divmod(pixels + gap, module + gap)
    return [module + i * (module + gap) for i in range(modules - 1)] if rest == 0 and modules > 0 else None
