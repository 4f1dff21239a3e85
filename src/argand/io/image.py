"""Diffraction images from every common format, as one kind of frame."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from argand.errors import InputError
from argand.io.expt import ExptImages
from argand.io.formats import load_image, open_stack
from argand.io.header import SWUNG_OUT_DEG, Stack
from argand.io.inputs import expand_inputs, inputs_with_models
from argand.io.mask import usable_pixels
from argand.io.moment import later
from argand.typing import Image, Mask

__all__ = [
    "Frame",
    "expand_inputs",
    "inputs_with_models",
    "load_mask",
    "read_frame",
    "read_frames",
    "with_model",
    "with_overrides",
]


@dataclass
class Frame:
    """One diffraction image with what its header states.

    `data` and `mask` are [slow, fast]; `data` keeps the file's number type and True in `mask` means a
    usable pixel. Lengths in mm, wavelength in Å, angles in degrees as headers state them. Pixel
    coordinates are (fast, slow), 0-based, integer = pixel edge. What a header does not state is None.
    `pedestal` is the number of counts that stands for no photons; it is not subtracted from `data`.
    `time` is when the image was measured (ISO 8601, the header's zone), that of a stack counted on from its
    first image by `frame_time_s`.
    """

    path: str
    index: int
    data: Image
    mask: Mask
    pixel_size_mm: tuple[float, float] | None = None
    distance_mm: float | None = None
    wavelength: float | None = None
    header_beam_centre_px: tuple[float, float] | None = None
    detector: str = ""
    two_theta_deg: float = 0.0
    oscillation_deg: float = 0.0
    saturation: float | None = None
    pedestal: float = 0.0
    notes: tuple[str, ...] = ()
    time: str | None = None
    frame_time_s: float = 0.0

    @property
    def shape(self) -> tuple[int, int]:
        """Number of pixels (slow, fast)."""
        slow, fast = np.shape(self.data)
        return int(slow), int(fast)


def read_frames(
    path: str | Path,
    *,
    wavelength: float | None = None,
    distance_mm: float | None = None,
    pixel_size_mm: tuple[float, float] | None = None,
    mask: Mask | str | Path | None = None,
    model: ExptImages | None = None,
    indices: Sequence[int] | None = None,
) -> Iterator[Frame]:
    """All images of a file, one by one; `file#3`, `file#0-9` or `indices` selects some, counted from 0.

    The current `model` of the images replaces what the header states, and what the caller states
    replaces both; `mask` (see `load_mask`) is combined with the file's own. Raises InputError for a
    file that is no image, or a mask or model of another shape.
    """
    path, wanted = split_selection(str(path))
    wanted = wanted if indices is None else indices
    allowed = None if mask is None else load_mask(mask)
    stack = open_stack(path)
    try:
        for index in range(stack.count) if wanted is None else wanted:
            frame = _frame(path, stack, index)
            frame = frame if model is None else with_model(frame, model)
            frame = with_overrides(frame, wavelength, distance_mm, pixel_size_mm)
            yield frame if allowed is None else _masked(frame, allowed, _name(mask))
    finally:
        stack.close()


def read_frame(path: str | Path, index: int = 0) -> Frame:
    """Image number `index` of a file; InputError for a file that is no image or has fewer images."""
    path = str(path)
    stack = open_stack(path)
    try:
        return _frame(path, stack, index)
    finally:
        stack.close()


def with_model(frame: Frame, model: ExptImages) -> Frame:
    """The frame with wavelength, distance, pixel size and beam centre of its current model.

    The model's tilt is kept as the angle of the detector's arm where it is one. Raises InputError for a
    model of another shape than the image.
    """
    if model.shape != frame.shape:
        raise InputError(
            f"{frame.path}: the detector of the .expt has {_size(model.shape)} pixels (slow x fast) but the "
            f"image has {_size(frame.shape)}; give the .expt of this image"
        )
    geometry = model.geometry
    swing = float(np.degrees(geometry.tilt))
    return replace(
        frame,
        wavelength=geometry.wavelength,
        distance_mm=geometry.distance_mm,
        pixel_size_mm=geometry.pixel_size_mm,
        header_beam_centre_px=geometry.beam_centre_px,
        two_theta_deg=frame.two_theta_deg or (round(swing, 4) if swing >= SWUNG_OUT_DEG else 0.0),
    )


def with_overrides(
    frame: Frame,
    wavelength: float | None = None,
    distance_mm: float | None = None,
    pixel_size_mm: tuple[float, float] | None = None,
    mask: Mask | str | Path | None = None,
) -> Frame:
    """The frame with the caller's values (Å, mm, (fast, slow) mm) in place of the header's.

    `mask` is a file or an array as `load_mask` takes it, and narrows the frame's own mask. Raises
    InputError for a mask of another shape than the image.
    """
    stated = {"wavelength": wavelength, "distance_mm": distance_mm, "pixel_size_mm": pixel_size_mm}
    frame = replace(frame, **{key: value for key, value in stated.items() if value is not None})
    return frame if mask is None else _masked(frame, load_mask(mask), _name(mask))


def load_mask(mask: Mask | str | Path) -> Mask:
    """A mask, True = usable, from an array or a file in any image format or fit2d's.

    True or False in it mean usable or not. Numbers follow pyFAI, fit2d and Dectris: zero is usable,
    anything else is masked. An HDF5 file gives its `pixel_mask`.
    """
    if not isinstance(mask, np.ndarray):
        path = str(mask)
        stack = open_stack(path)
        try:
            mask = stack.mask if stack.mask is not None else load_image(path, stack, 0)
        finally:
            stack.close()
    return mask if mask.dtype == bool else mask == 0


def split_selection(path: str) -> tuple[str, list[int] | None]:
    """A file name and the image numbers behind its `#`; None when it has none, or is itself a file."""
    match = re.fullmatch(r"(.+)#(\d+)(?:-(\d+))?", path)
    if match is None or Path(path).exists():
        return path, None
    first = int(match.group(2))
    return match.group(1), list(range(first, int(match.group(3) or first) + 1))


def _frame(path: str, stack: Stack, index: int) -> Frame:
    data = load_image(path, stack, index)
    mask = usable_pixels(data, stack.header.saturation)
    header = stack.header
    if stack.mask is not None and stack.mask.shape == data.shape:
        mask &= stack.mask
    elif stack.mask is not None:
        unused = "the file's pixel mask is of another shape than its images and is not used"
        header = replace(header, notes=(*header.notes, unused))
    header = replace(header, time=later(header.time, index * header.frame_time_s))
    return Frame(path, index, data, mask, **vars(header))


def _masked(frame: Frame, allowed: Mask, name: str) -> Frame:
    if allowed.shape != frame.shape:
        raise InputError(
            f"{frame.path}: {name} has {_size(allowed.shape)} pixels (slow x fast) but the image has "
            f"{_size(frame.shape)}; make the mask from an image of this detector"
        )
    return replace(frame, mask=frame.mask & allowed)


def _name(mask: object) -> str:
    return "the mask" if isinstance(mask, np.ndarray) else f"the mask {mask}"


def _size(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))
