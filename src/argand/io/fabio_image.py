"""Formats that fabio reads: told by their first bytes, and their headers by what each of them documents.

fabio, which loads the readers of all its formats, is imported once a file needs it.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from argand.io import kappaccd, mar345, raxis
from argand.io.bruker import bruker_header
from argand.io.header import Header, Stack
from argand.io.kappaccd import kappaccd_header
from argand.io.mar345 import mar345_header, mar345_mask
from argand.io.oxford import esperanto_header, oxford_header
from argand.io.raxis import raxis_header
from argand.typing import Mask


def _nothing_stated(keys: Mapping[str, Any], shape: tuple[int, int]) -> Header:
    return Header()


@dataclass(frozen=True)
class _Format:
    """How a format begins, the name of fabio's reader, and what is made of its header.

    `check` refuses with ValueError the files of which fabio's reader would make a wrong image.
    """

    start: re.Pattern[bytes]
    reader: str
    header: Callable[[Mapping[str, Any], tuple[int, int]], Header] = _nothing_stated
    mask: Callable[[tuple[int, int]], Mask] | None = None
    check: Callable[[bytes], None] | None = None


def _begins(pattern: bytes) -> re.Pattern[bytes]:
    return re.compile(pattern, re.DOTALL)


_FORMATS = (
    _Format(_begins(rb"FORMAT\s*:\s*100"), "bruker100image", bruker_header),
    _Format(_begins(rb"FORMAT\s*:\s*86"), "brukerimage", bruker_header),
    # The marker 1234, in either order of its bytes, and the maker's name behind the sixteen words.
    _Format(
        _begins(rb"(?:\xd2\x04\0\0|\0\0\x04\xd2).{60,188}mar research"),
        "mar345image",
        mar345_header,
        mar345_mask,
        mar345.check_whole,
    ),
    _Format(_begins(rb"R-?AXIS|RAPID"), "raxisimage", raxis_header, check=raxis.check_whole),
    _Format(_begins(rb"OD SAPPHIRE"), "oxdimage", oxford_header),
    _Format(_begins(rb"ESPERANTO FORMAT"), "esperantoimage", esperanto_header),
    _Format(_begins(rb"No.{0,4000}X dimension"), "kcdimage", kappaccd_header, check=kappaccd.check_whole),
    _Format(_begins(rb"IM.{62}\s*\["), "hipicimage"),
    _Format(_begins(rb".{208}MAP "), "mrcimage"),
    _Format(_begins(rb"\0\0\0\x03"), "dm3image"),
    _Format(_begins(rb"ADEPT"), "geimage"),
    _Format(_begins(rb"\\\$FFF_START"), "fit2dimage"),
    _Format(_begins(rb"P5\s"), "pnmimage"),
    _Format(_begins(rb".{2996}\x67\x45\x23\x01"), "speimage"),
    _Format(_begins(rb"M\0\0\0A\0\0\0S\0\0\0K"), "fit2dmaskimage"),
)


def fabio_stack(blob: bytes) -> Callable[[bytes], Stack] | None:
    """What reads the images in the bytes of a file; None where they are of no format of this list."""
    found = next((form for form in _FORMATS if form.start.match(blob)), None)
    return None if found is None else partial(_stack, found)


def read_with(reader: Any, blob: bytes, index: int | None = None) -> Any:
    """fabio's image object `reader` with the bytes of a file, or image `index` of it, read into it."""
    from fabio.fabioutils import BytesIO as LockedBytes

    return reader.read(LockedBytes(blob), index)


def _stack(form: _Format, blob: bytes) -> Stack:
    if form.check:
        form.check(blob)
    image = _image(form, blob, 0)
    mask = form.mask(image.data.shape) if form.mask else None
    header = form.header(image.header, image.data.shape)
    # SPE files say in their header how many images they hold.
    count = int(image.header.get("num_frames", image.nframes))
    return Stack(count, lambda index: (_image(form, blob, index) if index else image).data, header, mask)


def _image(form: _Format, blob: bytes, index: int) -> Any:
    from fabio.fabioformats import factory

    reader = factory(form.reader)
    if form.reader == "raxisimage":
        reader.endianness = raxis.byte_order(blob)
    image = read_with(reader, blob, index)
    if image is None or image.data is None:
        raise ValueError("no image in it: truncated?")
    return image
