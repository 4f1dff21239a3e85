"""Named arrays in one safetensors file."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save

from argand.errors import InputError
from argand.io.atomic import make_folder, write_bytes


def write_arrays(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Write the arrays to `path` atomically, creating its folder if needed."""
    make_folder(path.parent)
    write_bytes(path, save(dict(arrays)))


def read_arrays(path: Path, what: str, maker: str) -> dict[str, np.ndarray]:
    """The arrays of a file; InputError, which says `what` is expected and which `maker` writes it, if there
    are none."""
    if not path.is_file():
        raise InputError(f"{path}: no such file; {maker} writes {what}")
    try:
        return load_file(path)
    except (OSError, SafetensorError) as error:
        raise InputError(f"{path}: not {what}, which {maker} writes") from error
