"""CBF images in their compressions, and both kinds of header (miniCBF text and imgCIF tables)."""

import re
from base64 import b64encode
from dataclasses import replace
from hashlib import md5

import numpy as np

from argand.io.cbf_packed import unpacked
from argand.io.header import Header, Stack, pilatus_header
from argand.io.imgcif import imgcif_header
from argand.typing import Image

_SECTION = b"--CIF-BINARY-FORMAT-SECTION--"
"""Line that begins a binary section (CBF format)."""
_START = b"\x0c\x1a\x04\xd5"
"""The four bytes that stand before the pixels of a binary section (CBF format)."""


def cbf_stack(blob: bytes) -> Stack:
    """The image in the bytes of a CBF file.

    Raises ValueError for a file that is cut short, or whose pixels are in a form that is not read.
    """
    section = blob.find(_SECTION)
    if section < 0:
        raise ValueError("no image data in it: truncated?")
    start = blob.find(_START, section)
    keys = _binary_keys(blob[section:start] if start >= 0 else blob[section:])
    encoding = keys.get("content-transfer-encoding", "binary")
    if encoding.lower() != "binary":
        raise ValueError(
            f"CBF with pixels as {encoding} text cannot be read: convert the file to a binary CBF"
        )
    if start < 0:
        raise ValueError("no image data in it: truncated?")
    compressed = _compressed(blob, start + len(_START), keys)
    data = _decoded(compressed, keys)
    header = cbf_header(blob[:section].decode("latin-1"))
    if not _checksum_fits(compressed, keys):
        damaged = "the file's checksum does not fit: pixels may be damaged"
        header = replace(header, notes=(*header.notes, damaged))
    return Stack(1, lambda index: data, header)


def cbf_header(text: str) -> Header:
    """Header of a CBF from the text before its pixels; what the miniCBF lines lack, imgCIF tables fill."""
    mini, tables = pilatus_header(text), imgcif_header(text)
    stated = {key: value for key, value in vars(mini).items() if value}
    if mini.notes and tables.header_beam_centre_px is not None:
        fast, slow = tables.header_beam_centre_px
        stated["notes"] = (f"{mini.notes[0]}; its axis tables put the beam at {fast:.1f}, {slow:.1f}",)
    return replace(tables, **stated)


def _binary_keys(section: bytes) -> dict[str, str]:
    text = section.decode("latin-1")
    found = re.findall(r"^\s*([A-Za-z0-9-]+)\s*[:=]\s*(.*?)\s*$", text, re.MULTILINE)
    # A word of the compression may follow the content type on its line.
    conversion = re.search(r"conversions\s*=(.*)$", text, re.MULTILINE)
    keys = {key.lower(): value.strip('" ;') for key, value in found}
    return keys | ({"conversions": conversion.group(1)} if conversion else {})


def _compressed(blob: bytes, begin: int, keys: dict[str, str]) -> memoryview:
    size = int(keys["x-binary-size"])
    if len(blob) < begin + size:
        raise ValueError(f"truncated: {len(blob) - begin} of {size} bytes of pixels")
    return memoryview(blob)[begin : begin + size]


def _decoded(compressed: memoryview, keys: dict[str, str]) -> Image:
    # fabio loads the readers of all its formats; what reads no CBF does not wait for them.
    from fabio.cbfimage import DATA_TYPES
    from fabio.compression import decByteOffset

    shape = int(keys["x-binary-size-second-dimension"]), int(keys["x-binary-size-fastest-dimension"])
    if int(keys.get("x-binary-size-third-dimension") or 1) > 1:
        raise ValueError("CBF with more than one image in a section cannot be read: write one image a file")
    dtype = np.dtype(DATA_TYPES.get(keys.get("x-binary-element-type", ""), "int32"))
    conversion, *flags = re.findall(r"[\w-]+", keys.get("conversions", "")) or ["x-CBF_NONE"]
    match conversion.lower():
        case "x-cbf_byte_offset":
            data = decByteOffset(bytes(compressed), size=shape[0] * shape[1], dtype=dtype.name)
        case "x-cbf_packed" | "x-cbf_packed_v2":
            version = 2 if conversion.lower().endswith("v2") else 1
            data = unpacked(compressed, shape, dtype, version, "flat" in flags)
        case "x-cbf_none":
            big = "big" in keys.get("x-binary-element-byte-order", "").lower()
            data = np.frombuffer(compressed, dtype.newbyteorder(">" if big else "<"), shape[0] * shape[1])
        case _:
            raise ValueError(
                f"CBF compression {conversion} cannot be read: convert the file to byte-offset CBF"
            )
    return np.ascontiguousarray(data, dtype).reshape(shape)


def _checksum_fits(compressed: memoryview, keys: dict[str, str]) -> bool:
    stated = keys.get("content-md5")
    return stated is None or b64encode(md5(compressed, usedforsecurity=False).digest()).decode() == stated
