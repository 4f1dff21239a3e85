"""EDF images (ESRF data format): blocks of a header of `Key = value ;` lines between braces, and pixels.

Keys and number types as listed by the ESRF ("EDF format", SaxsKeywords) and written by fabio and pyFAI.
"""

import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from argand.errors import InputError
from argand.io.header import Stack, edf_header
from argand.io.limits import MOST_FRAMES, image_size, unpacked_bytes

_MOST_HEADER = 2**18
"""Bytes of a header, as in fabio."""
_END = re.compile(rb"}\r?\n")
_BLANK = b" \t\r\n\v\f\0"
_TYPES = {
    **dict.fromkeys(("signedbyte", "signed8"), "i1"),
    **dict.fromkeys(("unsignedbyte", "unsigned8"), "u1"),
    **dict.fromkeys(("signedshort", "signed16"), "i2"),
    **dict.fromkeys(("unsignedshort", "unsigned16", "unsignedshortinteger"), "u2"),
    **dict.fromkeys(("signedinteger", "signed32", "signedlong"), "i4"),
    **dict.fromkeys(("unsignedinteger", "unsigned32", "unsignedlong"), "u4"),
    "signed64": "i8",
    "unsigned64": "u8",
    **dict.fromkeys(("floatvalue", "float", "floatieee32", "float32"), "f4"),
    **dict.fromkeys(("double", "doublevalue", "floatieee64", "doubleieee64"), "f8"),
}
"""Pixel types by name, in lower case."""


@dataclass(frozen=True)
class _Block:
    """Location of one image: its keys in upper case, and the bytes from `begin` to `end`."""

    keys: Mapping[str, str]
    begin: int
    end: int
    stated: Mapping[str, str] = field(default_factory=dict)
    """The keys as written in the file."""

    @property
    def dtype(self) -> np.dtype:
        """Pixel type."""
        name = self.keys.get("DATATYPE", "UnsignedShort")
        if name.lower() not in _TYPES:
            raise ValueError(f"EDF pixels of type {name} cannot be read")
        order = ">" if "high" in self.keys.get("BYTEORDER", "").lower() else "<"
        return np.dtype(_TYPES[name.lower()]).newbyteorder(order)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape, with slow and fast last."""
        sides = {int(key[4:]): _whole(value) for key, value in self.keys.items() if _is_side(key)}
        return tuple(sides.get(axis, 1) for axis in range(max(sides, default=0), 0, -1))

    @property
    def size(self) -> int:
        """Bytes of the unpacked pixels."""
        return image_size(self.shape) * self.dtype.itemsize

    @property
    def compression(self) -> str:
        """Compression of the pixels; empty if there is none."""
        name = self.keys.get("COMPRESSION", "").upper()
        return "" if name.startswith("NO") else name


def edf_stack(blob: bytes) -> Stack:
    """The images in the bytes of an EDF file.

    Raises ValueError for a truncated or damaged file, for pixels of an unsupported kind, and for pixels in
    another file.
    """
    blocks = _blocks(blob)
    return Stack(len(blocks), lambda index: _image(blob, blocks[index]), edf_header(blocks[0].stated))


def _blocks(blob: bytes) -> list[_Block]:
    found: list[_Block] = []
    general: dict[str, str] = {}
    at = 0
    while blob[at : at + 512].strip(_BLANK):
        stated, begin = _header(blob, at)
        keys = {key.upper(): value for key, value in (general | stated).items()}
        if "EDF_DATAFORMATVERSION" in keys and not found and not general:
            own = ("SIZE", "IMAGE", "HEADERID")
            general = {k: v for k, v in stated.items() if not k.startswith("EDF_") and k.upper() not in own}
            at = begin + _length(keys, 0)
            continue
        block = _Block(keys, begin, begin, general | stated)
        end = begin + _length(keys, 0 if block.compression else block.size)
        if end > len(blob) or (end - begin < block.size and not block.compression):
            raise ValueError(f"truncated: {min(end, len(blob)) - begin} of {block.size} bytes of pixels")
        found.append(_Block(keys, begin, end, general | stated))
        if len(found) > MOST_FRAMES:
            raise ValueError(f"more than {MOST_FRAMES:,} images in one file")
        at = end
    if not found:
        raise ValueError("an EDF file without an image")
    return found


def _header(blob: bytes, at: int) -> tuple[dict[str, str], int]:
    """The keys of the header that begins at a byte, and the first byte after it."""
    start = blob.find(b"{", at, at + 512)
    end = _END.search(blob, start, start + _MOST_HEADER)
    if start < 0 or blob[at:start].strip(_BLANK) or end is None:
        raise ValueError("damaged or truncated: a header without end")
    keys: dict[str, str] = {}
    for line in blob[start + 1 : end.start()].split(b";"):
        key, equals, value = line.decode("latin-1").partition("=")
        if equals:
            keys[key.strip(_BLANK.decode())] = value.strip(_BLANK.decode())
    if "EDF_BinaryFileName" in keys:
        raise ValueError("the pixels are in another file; write them into one EDF file")
    return keys, end.end()


def _length(keys: Mapping[str, str], otherwise: int) -> int:
    """Bytes of a block after its header."""
    length = _whole(keys.get("EDF_BINARYSIZE") or keys.get("SIZE") or str(otherwise))
    if length < 0:
        raise ValueError(f"states {length} bytes of pixels")
    return length


def _whole(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        return int(float(text))


def _is_side(key: str) -> bool:
    return key.startswith("DIM_") and key[4:].isdecimal() and len(key) < 6


def _image(blob: bytes, block: _Block) -> np.ndarray:
    raw: bytes | memoryview = memoryview(blob)[block.begin : block.end]
    if block.compression:
        raw = _unpacked(bytes(raw), block)
    if len(raw) < block.size:
        raise ValueError(f"truncated: {len(raw)} of {block.size} bytes of pixels")
    return np.frombuffer(raw, block.dtype, image_size(block.shape)).reshape(block.shape)


def _unpacked(raw: bytes, block: _Block) -> bytes:
    if raw.startswith((b"\x1f\x8b", b"BZh")):
        try:
            return unpacked_bytes(raw, "its pixels", block.size)
        except InputError as error:
            raise ValueError(str(error)) from error
    if "Z" not in block.compression or "OFFSET" in block.compression:
        raise ValueError(f"EDF compression {block.compression} cannot be read; write it uncompressed")
    return zlib.decompressobj().decompress(raw, block.size)
