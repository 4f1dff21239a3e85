"""The image of an answer for its page: small with its spots, and all its pixels, each in a script file."""

from pathlib import Path
from typing import Any

import numpy as np

from argand.io.atomic import write_text
from argand.io.image import Frame
from argand.page.pixels import Shrunk, script_beside, small_image, squeezed, tiles_of
from argand.runs.record import Record
from argand.systems.geometry.refine.prediction import FoundSpots


def zoom_files(
    name: str, frame: Frame, found: FoundSpots | None, shrunk: Shrunk, pixels: bool
) -> dict[str, tuple[str, Any]]:
    """Name and value of `NAME.image.js` and, with all `pixels`, `NAME.pixels.js`, by the key of a record.

    `shrunk` is the flat `frame` as by `shrink`.
    """
    small = small_image(frame.data, frame.mask, shrunk)
    if found is not None:
        small["spots"] = _spots(found)
    files: dict[str, tuple[str, Any]] = {"image": (f"{name}.image.js", small)}
    if pixels:
        files["pixels"] = (f"{name}.pixels.js", tiles_of(frame.data, frame.mask))
    return files


def write_zoom(folder: Path, files: dict[str, tuple[str, Any]]) -> Record:
    """Write such files; returns their names by key."""
    for name, value in files.values():
        write_text(folder / name, script_beside(name, value))
    return {key: name for key, (name, _) in files.items()}


def _spots(found: FoundSpots) -> dict[str, Any]:
    """Positions as float32 [n, 2] and, with a lattice, whether each is indexed, as uint8 [n]."""
    spots: dict[str, Any] = {"px": squeezed(found.px.astype(np.float32))}
    if found.indexed is not None:
        spots["indexed"] = squeezed(found.indexed.astype(np.uint8))
    return spots
