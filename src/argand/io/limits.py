"""What a file may ask of this machine: how far it is unpacked, and how much its header may declare.

Readers ask here before they read, unpack or allocate, so that a file of a few kB cannot take all memory. The
limits are those of the largest honest files, which still pass.
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
"""Of one image: 67 million, more than the largest detectors have (Rayonix MX340-HS 7680 x 7680, electron
cameras of 8192 x 8192)."""
MOST_FRAMES = 10**6
"""Images of one file or selection: an hour of a detector at 278 Hz; the largest stacks are split up well
below that."""
MOST_BYTES = 2**30
"""Of one binary file that is read or unpacked into memory: an image of `MOST_PIXELS` in double precision is
half as much, and what is more is kept in HDF5, which is read image by image."""
MOST_TEXT_BYTES = 2**28
"""Of one text file, unpacked: four million lines of reflections of 64 bytes each, or the largest structures
of the PDB."""
MOST_REFLECTIONS = 4 * 10**6
"""Unmerged reflections of one file: a small molecule has at most some 10⁵, a ribosome some 10⁶."""
MOST_ATOMS = 10**6
"""Of one structure that is read: the largest of the PDB have some 2.4 million atoms, those of the COD some
10⁴."""
MOST_VOXELS = 2**26
"""Of one map: a grid of 406 along each side."""

_PIECE = 2**20
"""Bytes that are read at a time."""
_OPENERS: dict[bytes, Callable[[BytesIO], BufferedIOBase]] = {
    b"BZh": lambda raw: bz2.BZ2File(raw),
    b"\x1f\x8b": lambda raw: gzip.GzipFile(fileobj=raw),
}
"""What unpacks files, by how these begin (bzip2's manual; RFC 1952)."""


def require_at_most(source: str | Path, what: str, count: float, most: int) -> None:
    """InputError where a file declares more of something than argand reads."""
    if not count <= most:  # NaN too
        raise InputError(f"{source}: declares {count:,} {what}; argand reads at most {most:,}; split it")


def image_size(shape: Sequence[int]) -> int:
    """Number of pixels of an image with these sides; ValueError for none and for more than `MOST_PIXELS`."""
    sides = " x ".join(f"{side:.3g}" if abs(side) > MOST_PIXELS else str(side) for side in shape)
    size = math.prod(map(int, shape))
    if min(shape, default=0) < 1:
        raise ValueError(f"states {sides} pixels")
    if size > MOST_PIXELS:
        raise ValueError(f"states {sides} pixels, more than the {MOST_PIXELS:,} that argand reads")
    return size


def is_there(path: str | Path) -> bool:
    """Whether there is something at `path`; names that no file can have name nothing."""
    try:
        return Path(path).exists()
    except (OSError, ValueError):  # too long, no permission, a zero byte
        return False


def require_file(path: str | Path) -> int:
    """The size in bytes of a regular file; InputError for what is none, such as a folder or a pipe."""
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
    """What a file holds, unpacked where it is packed (gzip or bzip2, told by its first bytes).

    Raises InputError for what is no file, cannot be read, is damaged, or is or unpacks to more than `most`
    bytes.
    """
    _require_bytes(path, require_file(path), most)
    try:
        with Path(path).open("rb") as file:
            raw = _read(file, path, most)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({_why(error)}); check the file") from error
    return unpacked_bytes(raw, path, most)


def is_packed(start: bytes) -> bool:
    """Whether bytes that begin so are packed as `unpacked_bytes` knows it."""
    return start.startswith(tuple(_OPENERS))


def unpacked_bytes(raw: bytes, source: str | Path, most: int = MOST_BYTES) -> bytes:
    """The bytes as they were before they were packed; others come back as they are.

    Raises InputError, which names `source`, for packed bytes that are cut short, damaged or too many.
    """
    opener = next((_OPENERS[begin] for begin in _OPENERS if raw.startswith(begin)), None)
    if opener is None:
        return raw
    try:
        return _read(opener(BytesIO(raw)), source, most, "unpacks to")
    except EOFError as error:
        raise InputError(f"{source}: compressed and truncated; copy it again") from error
    except (OSError, zlib.error) as error:
        raise InputError(f"{source}: compressed and damaged ({_why(error)}); copy it again") from error


def _read(file: BufferedIOBase, source: str | Path, most: int, how: str = "holds") -> bytes:
    """The bytes of a file, as they come: to ask for more at once would make room for them."""
    found = BytesIO()
    while part := file.read(_PIECE):
        length = found.tell() + len(part)
        if length > most:
            # The traceback of the error would keep all that was read.
            found.close()
        _require_bytes(source, length, most, how)
        found.write(part)
    return found.getvalue()


def _require_bytes(source: str | Path, length: int, most: int, how: str = "holds") -> None:
    if length > most:
        raise InputError(f"{source}: {how} more than the {most:,} bytes that argand reads; split it")


def _why(error: Exception) -> str:
    """Why, in one line."""
    told = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return " ".join(told.split())
