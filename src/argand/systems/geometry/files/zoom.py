"""The image of an answer for its page: small with its spots, and all its pixels, each in a script file."""

from pathlib import Path
from typing import Any

import numpy as np

from argand.io.atomic import write_text
from argand.io.image import Frame
from argand.page.pixels import script_beside, small_image, squeezed, tiles_of
from argand.runs.record import Record
from argand.systems.geometry.refine.prediction import FoundSpots, Prediction


def write_zoom(folder: Path, name: str, frame: Frame, prediction: Prediction, pixels: bool) -> Record:
    """Write `NAME.image.js` and, if all `pixels` are wanted, `NAME.pixels.js`; returns their names by key."""
    small = small_image(frame.data, frame.mask)
    if prediction.found is not None:
        small["spots"] = _spots(prediction.found)
    files: dict[str, tuple[str, Any]] = {"image": (f"{name}.image.js", small)}
    if pixels:
        files["pixels"] = (f"{name}.pixels.js", tiles_of(frame.data, frame.mask))
    for file, value in files.values():
        write_text(folder / file, script_beside(file, value))
    return {key: file for key, (file, _) in files.items()}


def _spots(found: FoundSpots) -> dict[str, Any]:
    """Positions as float32 [n, 2] and, with a lattice, whether each is indexed, as uint8 [n]."""
    spots: dict[str, Any] = {"px": squeezed(found.px.astype(np.float32))}
    if found.indexed is not None:
        spots["indexed"] = squeezed(found.indexed.astype(np.uint8))
    return spots
