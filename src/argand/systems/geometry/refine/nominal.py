"""The geometry that a frame states, checked, and the sum of several frames of one geometry."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from argand.errors import InputError
from argand.io.image import Frame
from argand.physics.still.detector import BeamGeometry


def nominal_geometry(frame: Frame) -> BeamGeometry:
    """The detector as the file describes it, with the beam in its middle: the header's centre is not used.

    Raises InputError if a number is missing or impossible, all pixels are masked, or a side has < 64 px.
    """
    _check_numbers(frame)
    if not frame.mask.any():
        raise InputError(f"{frame.path}: every pixel is masked; check the file or the mask")
    if min(frame.data.shape) < 64:
        raise InputError(
            f"{frame.path}: an image of {frame.data.shape} px is too small; at least 64 px a side are needed"
        )
    assert frame.wavelength
    assert frame.distance_mm
    assert frame.pixel_size_mm
    middle = (frame.data.shape[1] / 2, frame.data.shape[0] / 2)
    return BeamGeometry(middle, frame.distance_mm, frame.wavelength, frame.pixel_size_mm)


def _check_numbers(frame: Frame) -> None:
    """Raise InputError if a number is missing, or so small or large that it must be in another unit."""
    pixel, arm = frame.pixel_size_mm, frame.two_theta_deg
    if not abs(arm) <= 180.0:
        raise InputError(f"{frame.path}: a detector arm at {arm:g} degrees is impossible; give --two-theta")
    # By hand, beyond everything that exists: electrons (0.02 Å) to soft X-rays, 5 mm to 100 m, pixels of 4 µm
    # to some mm when binned. Lengths in m or µm are outside; wavelengths in nm are not.
    numbers = (
        ("wavelength", frame.wavelength, 0.01, 10.0, "Å"),
        ("distance", frame.distance_mm, 5.0, 1e5, "mm"),
        ("pixel size", pixel and min(pixel), 0.004, 4.0, "mm"),
        ("pixel size", pixel and max(pixel), 0.004, 4.0, "mm"),
    )
    missing = list(dict.fromkeys(name for name, value, *_ in numbers if not value))
    if missing:
        options = " ".join("--" + name.replace(" ", "-") for name in missing)
        raise InputError(f"{frame.path}: the file does not state {', '.join(missing)}; give {options}")
    for name, value, low, high, unit in numbers:
        if value and not low <= value <= high:
            raise InputError(
                f"{frame.path}: a {name} of {value:g} {unit} is not between {low:g} and {high:g} {unit}"
            )


def sum_frames(frames: Sequence[Frame]) -> Frame:
    """Sum of several frames; a pixel must be usable in all. Raises InputError for mixed shapes.

    Frames are taken one by one, so that `frames` may read them when they are needed.
    """
    first = frames[0]
    total, usable = np.zeros(first.shape, np.float32), np.ones(first.shape, bool)
    notes: dict[str, None] = {}
    for frame in frames:
        notes |= dict.fromkeys(frame.notes)
        if frame.shape != first.shape:
            raise InputError("frames of different shapes cannot be pooled; predict them separately")
        total += np.where(frame.mask, frame.data, 0).astype(np.float32)
        usable &= frame.mask
    return replace(first, path="pooled", data=total, mask=usable, notes=tuple(notes))
