"""Esperanto images, which CrysAlis exports.

Lines of 256 bytes, with their number in the first; then pixels of 32 bits, or packed as in TY6 (as read by
fabio).
"""

import numpy as np

from argand.io.header import Header, Stack
from argand.io.limits import image_size
from argand.io.oxford import named_header
from argand.io.oxford_ty6 import bitfield_image

_ESPERANTO = {
    "pixel": ("drealpixelsizex", "drealpixelsizey"),
    "centre": ("dxorigininpix", "dyorigininpix"),
    "distance": "ddistanceinmm",
    "wavelength": "dalpha12",
    "arm": "dth_s",
    "omega": ("dom_s", "dom_e"),
    "limit": "loverflowthreshold",
}
_WORDS = {
    "IMAGE": ("lnx", "lny", "lbx", "lby", "spixelformat"),
    "SPECIAL_CCD_2": ("", "", "", "", "loverflowthreshold"),
    "PIXELSIZE": ("drealpixelsizex", "drealpixelsizey"),
    "STARTANGLESINDEG": ("dom_s", "dth_s"),
    "ENDANGLESINDEG": ("dom_e", "dth_e"),
    "GONIOMODEL_1": ("", "", "", "", "", "dxorigininpix", "dyorigininpix", "", "", "ddistanceinmm"),
    "WAVELENGTH": ("dalpha1", "dalpha2", "dalpha12"),
}
"""Names of the words of a line, by its first word (CrysAlis, the header's own names)."""
_LINE, _MOST_LINES = 256, 1000
"""Bytes of a line, and most lines of a header: there are 25."""


def esperanto_stack(blob: bytes) -> Stack:
    """The image in the bytes of a file; ValueError if truncated or damaged."""
    first = blob[:_LINE].decode("latin-1").split()
    count = int(first[5]) if len(first) > 5 and first[5].isdecimal() else 0
    if not 1 <= count <= _MOST_LINES or len(blob) < count * _LINE:
        raise ValueError("truncated or damaged: incomplete header")
    keys = _keys(blob[: count * _LINE].decode("latin-1"))
    shape, begin = (int(keys["lny"]), int(keys["lnx"])), count * _LINE
    if keys["spixelformat"] == "AGI_BITFIELD":
        try:
            image = bitfield_image(blob, begin, shape)
        except IndexError as error:
            raise ValueError("truncated or damaged") from error
    elif keys["spixelformat"] == "4BYTE_LONG":
        image = np.frombuffer(blob, "<i4", image_size(shape), begin).reshape(shape)
    else:
        raise ValueError(f"Esperanto pixels as {keys['spixelformat']} cannot be read")
    return Stack(1, lambda index: image, _header(keys))


def _keys(text: str) -> dict[str, str]:
    """The words of the lines used, by name; ValueError if the image size is missing."""
    found: dict[str, str] = {}
    for at in range(0, len(text), _LINE):
        key, *words = text[at : at + _LINE].split() or [""]
        named = zip(_WORDS.get(key, ()), words, strict=False)
        found |= {name: word.strip('"') for name, word in named if name}
    if "spixelformat" not in found:
        raise ValueError("the header does not state the size of the image: truncated?")
    return found


def _header(keys: dict[str, str]) -> Header:
    return named_header(keys, _ESPERANTO, "Esperanto")
