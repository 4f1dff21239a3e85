"""Digests of what an answer depends on: unchanged answers are kept on resume, others are computed again."""

from dataclasses import fields, is_dataclass
from hashlib import sha256
from json import dumps
from pathlib import Path
from typing import Any

import numpy as np

from argand import __version__
from argand.io.limits import require_file

ASKED = "asked"
"""Key of a record with the digest of what its answer depends on; failures have none."""


def file_digest(path: Path | str) -> str:
    """SHA-256 of a file's content, e.g. of weights; InputError for a device or pipe, which may not end."""
    require_file(path)
    return sha256(Path(path).read_bytes()).hexdigest()


def digest(settings: Any, file: str | Path | None = None) -> str:
    """Digest of the settings, argand's version, and the file's name, size and modification time.

    16 hexadecimal digits; settings may contain numbers, text, paths, arrays, lists, dicts and dataclasses.
    Files that it refers to, such as the data files of an HDF5 master, are ignored: they grow during a
    measurement.
    """
    whole = [__version__, _plain(settings)]
    if file is not None:
        whole += [str(file), *_stamp(Path(file))]
    return sha256(dumps(whole, sort_keys=True).encode()).hexdigest()[:16]


def _stamp(file: Path) -> list[int]:
    """Size and modification time (ns) of a file; empty if it does not exist."""
    try:
        state = file.stat()
    except OSError:
        return []
    return [state.st_size, state.st_mtime_ns]


def _plain(value: Any) -> Any:
    """The value as numbers, text, lists and dicts; an array by its content, a file by its `_stamp`."""
    if isinstance(value, np.ndarray):
        head = f"{value.dtype} {value.shape} "
        return head + sha256(np.ascontiguousarray(value).tobytes()).hexdigest()
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, Path):
        return [str(value), *_stamp(value)]
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)
