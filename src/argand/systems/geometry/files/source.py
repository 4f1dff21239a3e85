"""The image of an answer: what the predictor takes for one, and how it is read again."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from argand.errors import InputError
from argand.io.image import Frame, read_frame, with_overrides
from argand.io.mask import LARGEST
from argand.typing import Mask

Source = str | Path | np.ndarray | Frame | Mapping[str, np.ndarray]
"""An image: a file, an array [slow, fast], a frame, or a sample of a simulated data set."""

LIVE_SHARE = 0.95
"""Least live share of a usable pixel of a simulated sample. By hand: a pixel that has lost a twentieth of its
area to a gap would pass for a dark one."""
_NEEDED = ("image", "live", "shape", "pixel_size_mm", "distance_mm", "wavelength")


def read_source(
    source: Source,
    index: int = 0,
    geometry: str | Path | None = None,
    *,
    wavelength: float | None = None,
    distance_mm: float | None = None,
    pixel_size_mm: float | tuple[float, float] | None = None,
    mask: Mask | str | Path | None = None,
    two_theta_deg: float | None = None,
) -> Frame:
    """The frame of a source (image number `index` of a file), with these values in place of the header's.

    Arguments as of `Predictor.predict`. Raises InputError for a file that cannot be read, an array that is
    not an image, and a mapping that is not a sample of a data set.
    """
    if isinstance(source, Frame):
        frame = source
    elif isinstance(source, np.ndarray):
        frame = _array_frame(source)
    elif isinstance(source, Mapping):
        frame = sample_frame(source, "sample", index)
    else:
        frame = read_frame(source, index, geometry)
    if isinstance(pixel_size_mm, int | float):
        pixel_size_mm = (float(pixel_size_mm), float(pixel_size_mm))
    return with_overrides(
        frame,
        wavelength=wavelength,
        distance_mm=distance_mm,
        pixel_size_mm=pixel_size_mm,
        mask=mask,
        two_theta_deg=two_theta_deg,
    )


def _array_frame(image: np.ndarray) -> Frame:
    if image.ndim != 2:
        raise InputError(f"an array of {image.ndim} dimensions is not an image; give one frame [slow, fast]")
    return Frame("array", 0, image, (image >= 0) & (image < LARGEST))


def sample_frame(sample: Mapping[str, Any], name: str, index: int) -> Frame:
    """A simulated sample as a frame; its header states everything but the beam centre.

    `sample` is what `Geometry.simulate` and the items of a data set are: counts `image` and live share `live`
    of the pixels [slow, fast], of which the first `shape` are used, `pixel_size_mm` [2], `distance_mm` and
    `wavelength` (Å). Raises InputError where one of them is missing.
    """
    missing = [key for key in _NEEDED if key not in sample]
    if missing:
        raise InputError(f"not a sample of geometry, it has no '{missing[0]}'; give an item of its data set")
    slow, fast = np.asarray(sample["shape"]).astype(int)
    pixel = np.asarray(sample["pixel_size_mm"], float)
    return Frame(
        name,
        index,
        np.asarray(sample["image"])[:slow, :fast].astype(np.int32),
        np.asarray(sample["live"])[:slow, :fast] > LIVE_SHARE,
        pixel_size_mm=(float(pixel[0]), float(pixel[1])),
        distance_mm=float(sample["distance_mm"]),
        wavelength=float(sample["wavelength"]),
        detector="simulated",
    )
