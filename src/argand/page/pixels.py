"""Pixels of images for a page: a small image, and all of them in tiles, in a script file beside the page.

A page opened from a disk can neither fetch files nor read the pixels of a picture, but it may load a script.
"""

import base64
import json
import zlib
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image as PictureFile

from argand.errors import InputError
from argand.io.limits import MOST_BYTES, require_file
from argand.page.markup import script_json
from argand.physics.still.spot import block_sum
from argand.typing import Image, Mask

TILE_PX = 256
"""Side of a tile in px. By hand: a window on a screen needs some ten, each unpacked in a millisecond."""
SMALL_PX = 1024
"""Longest side of the small image. By hand: about the width of a page."""
STEPS = 8.0
"""Steps of the small image's numbers for one unit of the root of its counts. The noise of Poisson counts is
half such a unit, so that rounding adds nothing to be seen."""
THUMB_PX = 150
"""Longest side of a thumbnail in px: the width of a column of thumbnails."""
_THUMB_QUALITY = 60
"""Of its JPEG. By hand: 2 to 4 kB for a diffraction image."""
EXACT = 2**53
"""Whole numbers below are exact in a browser, which has no others than float64."""
Shrunk = tuple[np.ndarray, int]
"""A binned image, NaN where no pixel is usable, and its binning."""
_CALL = "argand.beside("
"""Begins a script file; its arguments are JSON."""


def shrink(image: Image, mask: Mask, longest: int = SMALL_PX) -> Shrunk:
    """The image binned to at most `longest` px a side, NaN where no pixel is usable, and the binning.

    Half mean and half maximum of each bin: spots of a few pixels stay visible above the background.
    """
    step = -(-max(image.shape) // longest)
    live = mask & np.isfinite(image) if image.dtype.kind == "f" else mask
    count = block_sum(live, step)
    mean = block_sum(np.where(live, image, 0).astype(np.float32), step) / np.maximum(count, 1)
    pad = [(0, -n % step) for n in image.shape]
    value = np.pad(np.where(live, image, -np.inf).astype(np.float32), pad, constant_values=-np.inf)
    rows = value.reshape(-1, step, value.shape[1]).max(axis=1)
    # Columns one after the other: the largest of a few in a row is slow to find.
    peak = np.maximum.reduce([rows[:, first::step] for first in range(step)])
    with np.errstate(invalid="ignore"):
        return np.where(count > 0, 0.5 * (mean + peak), np.nan), step


def limits_of(small: np.ndarray) -> tuple[float, float]:
    """Counts drawn as nothing and as full: percentiles 1 and, with room above, 99.7, at least one apart.

    By hand, as in the pictures of `predict`: so that spots and hot pixels do not set the scale.
    """
    finite = small[np.isfinite(small)]
    low, high = np.percentile(finite, (1, 99.7)) if finite.size else (0.0, 1.0)
    return float(low), float(low + 1.5 * max(high - low, 1.0))


def small_image(image: Image, mask: Mask, shrunk: Shrunk | None = None) -> dict[str, Any]:
    """The image for a page, `shrunk` as by `shrink` to at most SMALL_PX a side, with a thumbnail.

    Its numbers are `1 + scale * sqrt(counts - low)`, rounded, and 0 where no pixel is usable: the noise of
    counts is even on that scale, so that they take few bytes.
    """
    small, step = shrunk or shrink(image, mask)
    live = np.isfinite(small)
    finite = small[live]
    # Single broken pixels far below zero must not set the scale; a thousandth of them by hand.
    low, high = (float(np.percentile(finite, 0.1)), float(finite.max())) if finite.size else (0.0, 1.0)
    scale = min(STEPS, 65533.0 / np.sqrt(max(high - low, 1.0)))
    code = 1 + np.rint(scale * np.sqrt(np.clip(np.where(live, small, low) - low, 0, None)))
    limits = limits_of(small)
    return {
        "shape": list(image.shape),
        "step": step,
        "low": low,
        "high": high,
        "scale": float(scale),
        "limits": limits,
        "code": squeezed(np.where(live, code, 0).astype(np.uint16)),
        "thumb": thumbnail(small, limits),
    }


def thumbnail(small: np.ndarray, limits: tuple[float, float]) -> str:
    """A picture as a data URL: dark for many counts, on a scale of their root."""
    low, high = limits
    dark = np.sqrt(np.clip((np.nan_to_num(small, nan=low) - low) / (high - low), 0, 1))
    picture = PictureFile.fromarray((255 * (1 - dark)).astype(np.uint8))
    picture.thumbnail((THUMB_PX, THUMB_PX))
    content = BytesIO()
    picture.save(content, format="JPEG", quality=_THUMB_QUALITY, optimize=True)
    return f"data:image/jpeg;base64,{base64.b64encode(content.getvalue()).decode()}"


def tiles_of(image: Image, mask: Mask) -> dict[str, Any]:
    """All pixels of an image with their exact counts, row by row of tiles of TILE_PX px.

    A tile has its `counts`, what to add to them (`base`), and, where not all are usable, its mask as a bit
    for each pixel (`unusable`, most significant bit first).
    """
    slow, fast = image.shape
    starts = ((y, x) for y in range(0, slow, TILE_PX) for x in range(0, fast, TILE_PX))
    places = ((slice(y, y + TILE_PX), slice(x, x + TILE_PX)) for y, x in starts)
    return {
        "shape": [slow, fast],
        "side": TILE_PX,
        "tiles": [_tile(image[place], mask[place]) for place in places],
    }


def _tile(counts: Image, mask: Mask) -> dict[str, Any]:
    numbers, base = _smallest(counts)
    tile: dict[str, Any] = {"counts": squeezed(numbers), "base": base}
    if not mask.all():
        tile["unusable"] = squeezed(np.packbits(~mask))
    return tile


def _smallest(counts: Image) -> tuple[np.ndarray, int]:
    """Counts in the smallest type that holds them exactly, and what was subtracted from them.

    Whole numbers further apart than 2³² become float64.
    """
    if counts.dtype.kind == "f":
        return counts.astype(np.float64 if counts.dtype.itemsize > 4 else np.float32), 0
    low, high = int(counts.min()), int(counts.max())
    kinds = (np.uint8, np.uint16, np.uint32) if abs(low) < EXACT else ()
    for kind in kinds:
        if high - low <= np.iinfo(kind).max:
            # Modular arithmetic of the counts' own width: exact, and without a copy of eight bytes a pixel.
            wide = counts.astype(np.int8) if counts.dtype.kind == "b" else counts
            return (wide - np.array(low).astype(wide.dtype)).astype(kind), low
    return counts.astype(np.float64), 0


def squeezed(values: np.ndarray) -> dict[str, Any]:
    """An array for a script: base64 of gzip of all first bytes of its little-endian numbers, all second, ...

    The higher bytes of counts are runs of zeros that way, and the lower ones noise, of which only the
    frequencies can be used: deflate without a search (Z_RLE) makes them smaller than with one, ten times
    faster.
    """
    width = values.dtype.itemsize
    plain = np.ascontiguousarray(values).astype(values.dtype.newbyteorder("<"), copy=False)
    planes = plain.reshape(-1).view(np.uint8).reshape(-1, width).T
    # 31: 15 bits of window and a gzip header, which browsers unpack.
    packer = zlib.compressobj(1, zlib.DEFLATED, 31, 9, zlib.Z_RLE)
    small = packer.compress(planes.tobytes()) + packer.flush()
    return {"dtype": values.dtype.name, "data": base64.b64encode(small).decode()}


def script_beside(name: str, value: Any) -> str:
    """The text of a script file of this name, which gives a page beside it a value (finite numbers)."""
    return f"{_CALL}{script_json(name)},\n{script_json(value)});\n"


def read_beside(path: Path) -> Any:
    """The value in a script file beside a page; InputError for a file that is anything but such a value.

    A page runs the file, so that whatever else it holds must not be linked.
    """
    if require_file(path) > MOST_BYTES:
        raise InputError(f"{path}: larger than the {MOST_BYTES:,} bytes that argand reads; predict again")
    # As a browser reads it: not decompressed, whatever its first bytes are.
    content = path.read_bytes()
    call, _, rest = content.partition(b"\n")
    if call != f"{_CALL}{script_json(path.name)},".encode() or not rest.endswith(b");\n"):
        raise InputError(f"{path}: damaged (not pixels of this page); predict again with --force")
    try:
        # ASCII alone, as written: what JSON and scripts take for the same.
        return json.loads(rest[:-3].decode("ascii"))
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: damaged ({error}); predict again with --force") from error
