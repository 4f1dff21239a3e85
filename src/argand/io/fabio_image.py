"""Formats read by fabio: recognised by their first bytes, with headers parsed as documented for each.

fabio, which loads the readers of all its formats, is imported only when a file needs it.
"""

import re
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from argand.io import bruker, mar345, oxford, raxis
from argand.io.bruker import bruker_header
from argand.io.esperanto import esperanto_stack
from argand.io.header import Header, Stack
from argand.io.kappaccd import kappaccd_stack
from argand.io.limits import MOST_PIXELS, image_size
from argand.io.mar345 import mar345_header, mar345_mask
from argand.io.oxford import oxford_header
from argand.io.raxis import raxis_header
from argand.typing import Mask


def _nothing_stated(keys: Mapping[str, Any], shape: tuple[int, int]) -> Header:
    return Header()


@dataclass(frozen=True)
class _Format:
    """First bytes of a format, the name of fabio's reader, and the parser of its header.

    `check` raises ValueError for files that fabio would read wrongly.
    """

    start: re.Pattern[bytes]
    reader: str
    header: Callable[[Mapping[str, Any], tuple[int, int]], Header] = _nothing_stated
    mask: Callable[[tuple[int, int]], Mask] | None = None
    check: Callable[[bytes], None] | None = None


_MOST_BYTES = 4 * MOST_PIXELS + 2**20
"""Largest file read with fabio in bytes: the largest image, with 32 bits per pixel, plus its header."""
_MASK_SIDES = 16
"""Byte offset of the sides in a fit2d mask (fabio)."""


def _check_mask(blob: bytes) -> None:
    image_size(struct.unpack_from("<2i", blob, _MASK_SIDES))


def _begins(pattern: bytes) -> re.Pattern[bytes]:
    return re.compile(pattern, re.DOTALL)


_FORMATS = (
    _Format(_begins(rb"FORMAT\s{0,9}:\s{0,9}100"), "bruker100image", bruker_header, check=bruker.check_whole),
    _Format(_begins(rb"FORMAT\s{0,9}:\s{0,9}86"), "brukerimage", bruker_header, check=bruker.check_whole),
    # The marker 1234, in either byte order, and the manufacturer's name after the sixteen words.
    _Format(
        _begins(rb"(?:\xd2\x04\0\0|\0\0\x04\xd2).{60,188}mar research"),
        "mar345image",
        mar345_header,
        mar345_mask,
        mar345.check_whole,
    ),
    _Format(_begins(rb"R-?AXIS|RAPID"), "raxisimage", raxis_header, check=raxis.check_whole),
    _Format(_begins(rb"OD SAPPHIRE"), "oxdimage", oxford_header, check=oxford.check_whole),
    _Format(_begins(rb"\0\0\0\x03"), "dm3image"),
    _Format(_begins(rb"\\\$FFF_START"), "fit2dimage"),
    _Format(_begins(rb"M\0\0\0A\0\0\0S\0\0\0K"), "fit2dmaskimage", check=_check_mask),
)
_NATIVE = (
    (_begins(rb"ESPERANTO FORMAT"), esperanto_stack),
    (_begins(rb"No.{0,4000}X dimension"), kappaccd_stack),
)
"""Formats of these read without fabio."""


def fabio_stack(blob: bytes) -> Callable[[bytes], Stack] | None:
    """The reader for the images in the bytes of a file; None for formats not in this list."""
    native = next((reader for start, reader in _NATIVE if start.match(blob)), None)
    found = next((form for form in _FORMATS if form.start.match(blob)), None)
    return native or (None if found is None else partial(_stack, found))


def read_with(reader: Any, blob: bytes) -> Any:
    """fabio's image object `reader`, loaded from the bytes of a file."""
    from fabio.fabioutils import BytesIO as LockedBytes

    return reader.read(LockedBytes(blob))


def _stack(form: _Format, blob: bytes) -> Stack:
    if len(blob) > _MOST_BYTES:
        raise ValueError(f"{len(blob):,} bytes, more than an image of {MOST_PIXELS:,} pixels has")
    if form.check:
        form.check(blob)
    image = _image(form, blob)
    mask = form.mask(image.data.shape) if form.mask else None
    return Stack(1, lambda index: image.data, form.header(image.header, image.data.shape), mask)


def _image(form: _Format, blob: bytes) -> Any:
    from fabio.fabioformats import factory

    reader = factory(form.reader)
    if form.reader == "raxisimage":
        reader.endianness = raxis.byte_order(blob)
    image = read_with(reader, blob)
    if image is None or image.data is None:
        raise ValueError("no image in it: truncated?")
    return image
