"""CBF images in all their compressions, with both kinds of header (miniCBF text and imgCIF tables)."""

import re
from base64 import b64encode
from dataclasses import replace
from hashlib import md5

import numpy as np

from argand.io.cbf_packed import unpacked
from argand.io.header import Header, Stack, pilatus_header
from argand.io.imgcif import imgcif_header
from argand.io.limits import image_size
from argand.typing import Image

_SECTION = b"--CIF-BINARY-FORMAT-SECTION--"
"""Line that begins a binary section (CBF format)."""
_START = b"\x0c\x1a\x04\xd5"
"""The four bytes before the pixels of a binary section (CBF format)."""
_KEY = re.compile(r"[ \t]*([A-Za-z0-9-]+)[ \t]*[:=]")
_MOST_HEADER, _MOST_SECTION = 2**20, 2**14
"""Most bytes before the binary section, and in its header. Set by hand: imgCIF tables have some 50,000 and
500."""
_LONGEST = 19
"""Digits of a number: more do not fit into 64 bits."""
_PADDING, _SPARE = bytes([1]) * 16, 4096
"""Bytes appended to the differences for counting, longer than the longest of them (15 bytes; CBF format), and
most padding zeros in a section: fabio and Dectris write 4095."""


def cbf_stack(blob: bytes) -> Stack:
    """The image in the bytes of a CBF file.

    Raises ValueError for a truncated file, or pixels in an unsupported form.
    """
    section = blob.find(_SECTION)
    if section < 0:
        raise ValueError("no image data in it: truncated?")
    if section > _MOST_HEADER:
        raise ValueError(f"a header of {section:,} bytes, more than {_MOST_HEADER:,}")
    start = blob.find(_START, section, section + _MOST_SECTION)
    keys = _binary_keys(blob[section : start if start >= 0 else section + _MOST_SECTION])
    encoding = keys.get("content-transfer-encoding", "binary")
    if encoding.lower() != "binary":
        raise ValueError(
            f"CBF with pixels as {encoding} text cannot be read; convert the file to a binary CBF"
        )
    if start < 0:
        raise ValueError("no image data in it: truncated?")
    compressed = _compressed(blob, start + len(_START), keys)
    data = _decoded(compressed, keys)
    header = cbf_header(blob[:section].decode("latin-1"))
    if not _checksum_fits(compressed, keys):
        damaged = "the file's checksum does not match: pixels may be damaged"
        header = replace(header, notes=(*header.notes, damaged))
    return Stack(1, lambda index: data, header)


def cbf_header(text: str) -> Header:
    """Header of a CBF from the text before its pixels; imgCIF tables complete the miniCBF lines."""
    mini, tables = pilatus_header(text), imgcif_header(text)
    stated = {key: value for key, value in vars(mini).items() if value}
    if mini.notes and tables.header_beam_centre_px is not None:
        fast, slow = tables.header_beam_centre_px
        stated["notes"] = (f"{mini.notes[0]}; its axis tables put the beam at {fast:.1f}, {slow:.1f}",)
    return replace(tables, **stated)


def _binary_keys(section: bytes) -> dict[str, str]:
    keys: dict[str, str] = {}
    for line in section.decode("latin-1").splitlines():
        # The compression may follow the content type on its line.
        _, conversion, value = line.partition("conversions")
        if conversion and value.lstrip().startswith("="):
            keys["conversions"] = value
            continue
        found = _KEY.match(line)
        if found:
            keys[found.group(1).lower()] = line[found.end() :].strip('" ;\t\r')
    return keys


def _compressed(blob: bytes, begin: int, keys: dict[str, str]) -> memoryview:
    size = _whole(keys, "x-binary-size")
    if len(blob) < begin + size:
        raise ValueError(f"truncated: {len(blob) - begin} of {size} bytes of pixels")
    return memoryview(blob)[begin : begin + size]


def _decoded(compressed: memoryview, keys: dict[str, str]) -> Image:
    shape = tuple(_whole(keys, f"x-binary-size-{axis}-dimension") for axis in ("second", "fastest"))
    size = image_size(shape)
    if (keys.get("x-binary-size-third-dimension") or "1") != "1":
        raise ValueError("CBF with more than one image in a section cannot be read; write one image per file")
    elements = keys.get("x-binary-number-of-elements")
    if elements and _whole(keys, "x-binary-number-of-elements") != size:
        raise ValueError(f"states {elements} elements for {shape[0]} x {shape[1]} pixels: damaged")
    # Imported here, since fabio loads the readers of all its formats.
    from fabio.cbfimage import DATA_TYPES

    dtype = np.dtype(DATA_TYPES.get(keys.get("x-binary-element-type", ""), "int32"))
    conversion, *flags = re.findall(r"[\w-]+", keys.get("conversions", "")) or ["x-CBF_NONE"]
    match conversion.lower():
        case "x-cbf_byte_offset":
            data = _summed(compressed, size, dtype)
        case "x-cbf_packed" | "x-cbf_packed_v2":
            version = 2 if conversion.lower().endswith("v2") else 1
            data = unpacked(compressed, (shape[0], shape[1]), dtype, version, "flat" in flags)
        case "x-cbf_none":
            big = "big" in keys.get("x-binary-element-byte-order", "").lower()
            data = np.frombuffer(compressed, dtype.newbyteorder(">" if big else "<"), size)
        case _:
            raise ValueError(
                f"CBF compression {conversion} cannot be read; convert the file to byte-offset CBF"
            )
    return np.ascontiguousarray(data, dtype).reshape(shape)


def _summed(compressed: memoryview, size: int, dtype: np.dtype) -> np.ndarray:
    """The pixels from byte-offset differences: single bytes, or longer numbers after an escape.

    ValueError for more or fewer than `size`. fabio reads past a number cut off at the end and ignores surplus
    numbers: single bytes appended show where it stopped.
    """
    from fabio.compression import decByteOffset

    if size > len(compressed):
        raise ValueError(f"truncated: {len(compressed)} bytes for {size} pixels")
    padded = bytes(compressed) + _PADDING
    found = np.asarray(decByteOffset(padded, size=size + _SPARE + len(_PADDING), dtype=dtype.name))
    count = len(found) - len(_PADDING)
    if count < size:
        raise ValueError(f"truncated: {max(count, 0)} of {size} pixels")
    # Some programs pad the section with zeros, which are no differences.
    if count - size >= _SPARE or (found[size:count] != found[size - 1]).any():
        raise ValueError(f"more values than the {size} pixels of its header")
    return found[:size]


def _whole(keys: dict[str, str], name: str) -> int:
    """An integer of the section's header; ValueError if missing or invalid."""
    text = keys.get(name, "")
    if not (text.isdecimal() and len(text) < _LONGEST):
        raise ValueError(f"the header does not state {name}: truncated?")
    return int(text)


def _checksum_fits(compressed: memoryview, keys: dict[str, str]) -> bool:
    stated = keys.get("content-md5")
    return stated is None or b64encode(md5(compressed, usedforsecurity=False).digest()).decode() == stated
