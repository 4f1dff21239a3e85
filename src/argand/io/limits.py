"""Limits on input files: how far they are decompressed, and how much their headers may declare.

Readers check these before they read, decompress or allocate, so that a file of a few kB cannot fill the
memory. The largest real files still pass.
"""

import bz2
import gzip
import math
import zlib
from collections.abc import Callable, Sequence
from io import BufferedIOBase, BytesIO
from pathlib import Path
from stat import S_ISREG

from argand.errors import InputError

MOST_PIXELS = 2**26
"""Pixels of one image: 67 million, at least as many as the largest detectors (Rayonix MX340-HS 7680 x 7680,
electron cameras 8192 x 8192)."""
MOST_FRAMES = 10**6
"""Images of one file or selection: an hour of a detector at 278 Hz; the largest stacks are split well below
that."""
MOST_BYTES = 2**30
"""Bytes of one binary file that is read or decompressed into memory: an image of `MOST_PIXELS` in double
precision takes half as much, and larger data are stored in HDF5, which is read image by image."""
MOST_TEXT_BYTES = 2**28
"""Bytes of one text file, decompressed: four million reflection lines of 64 bytes each, or the largest
structures of the PDB."""
MOST_REFLECTIONS = 4 * 10**6
"""Unmerged reflections of one file: a small molecule has at most about 10⁵, a ribosome about 10⁶."""
MOST_ATOMS = 10**6
"""Atoms of one structure: the largest of the PDB have about 2.4 million, those of the COD about 10⁴."""
MOST_VOXELS = 2**26
"""Voxels of one map: a grid of 406 along each axis."""

_PIECE = 2**20
"""Bytes read at a time."""
_OPENERS: dict[bytes, Callable[[BytesIO], BufferedIOBase]] = {
    b"BZh": lambda raw: bz2.BZ2File(raw),
    b"\x1f\x8b": lambda raw: gzip.GzipFile(fileobj=raw),
}
"""Decompressors, by the first bytes of a file (bzip2 manual; RFC 1952)."""


def require_at_most(source: str | Path, what: str, count: float, most: int) -> None:
    """InputError if a file declares more than argand reads."""
    if not count <= most:  # NaN too
        raise InputError(f"{source}: declares {count:,} {what}; argand reads at most {most:,}; split it up")


def image_size(shape: Sequence[int]) -> int:
    """Number of pixels of an image with this shape; ValueError for zero and for more than `MOST_PIXELS`."""
    sides = " x ".join(f"{side:.3g}" if abs(side) > MOST_PIXELS else str(side) for side in shape)
    size = math.prod(map(int, shape))
    if min(shape, default=0) < 1:
        raise ValueError(f"declares {sides} pixels")
    if size > MOST_PIXELS:
        raise ValueError(f"declares {sides} pixels, more than the {MOST_PIXELS:,} that argand reads")
    return size


def is_there(path: str | Path) -> bool:
    """Whether `path` exists; False for impossible names."""
    try:
        return Path(path).exists()
    except (OSError, ValueError):  # too long, no permission, a zero byte
        return False


def require_file(path: str | Path) -> int:
    """Size of a regular file in bytes; InputError for anything else, such as a folder or a pipe."""
    try:
        state = Path(path).stat()
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file; check the name") from error
    except (OSError, ValueError) as error:  # ValueError: a name with a zero byte
        raise InputError(f"{path}: cannot be opened ({_why(error)}); check name and permissions") from error
    if not S_ISREG(state.st_mode):
        raise InputError(f"{path}: not a regular file; give a file")
    return state.st_size


def read_bytes(path: str | Path, most: int = MOST_BYTES) -> bytes:
    """Content of a file, decompressed if it is compressed (gzip or bzip2, recognised by its first bytes).

    Raises InputError if it is not a file, cannot be read, is damaged, or is or decompresses to more than
    `most` bytes.
    """
    _require_bytes(path, require_file(path), most)
    try:
        with Path(path).open("rb") as file:
            raw = _read(file, path, most)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({_why(error)}); check the file") from error
    return unpacked_bytes(raw, path, most)


def is_packed(start: bytes) -> bool:
    """Whether bytes that begin like this are compressed in a way that `unpacked_bytes` supports."""
    return start.startswith(tuple(_OPENERS))


def unpacked_bytes(raw: bytes, source: str | Path, most: int = MOST_BYTES) -> bytes:
    """The decompressed bytes; uncompressed ones are returned unchanged.

    Raises InputError, which names `source`, for compressed bytes that are truncated, damaged or too many.
    """
    opener = next((_OPENERS[begin] for begin in _OPENERS if raw.startswith(begin)), None)
    if opener is None:
        return raw
    try:
        return _read(opener(BytesIO(raw)), source, most, "decompresses to")
    except EOFError as error:
        raise InputError(f"{source}: compressed file is truncated; copy it again") from error
    except (OSError, zlib.error) as error:
        raise InputError(f"{source}: compressed file is damaged ({_why(error)}); copy it again") from error


def _read(file: BufferedIOBase, source: str | Path, most: int, how: str = "contains") -> bytes:
    """The bytes of a file, read in pieces: a single large read would allocate memory for all of them."""
    found = BytesIO()
    while part := file.read(_PIECE):
        length = found.tell() + len(part)
        if length > most:
            # The traceback of the error would keep the data in memory.
            found.close()
        _require_bytes(source, length, most, how)
        found.write(part)
    return found.getvalue()


def _require_bytes(source: str | Path, length: int, most: int, how: str = "contains") -> None:
    if length > most:
        raise InputError(f"{source}: {how} more than the {most:,} bytes that argand reads; split it up")


def _why(error: Exception) -> str:
    """The reason, in one line."""
    told = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return " ".join(told.split())
