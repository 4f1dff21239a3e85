"""Diffraction images of every common format, as one kind of frame."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from argand.errors import InputError
from argand.io.expt import ExptImages
from argand.io.formats import load_image, open_stack
from argand.io.header import SWUNG_OUT_DEG, Stack
from argand.io.inputs import expand_inputs, inputs_with_models
from argand.io.limits import MOST_PIXELS, require_at_most
from argand.io.mask import usable_pixels
from argand.io.moment import later
from argand.io.panel_geometry import read_panels
from argand.io.panel_model import PanelModel
from argand.io.selection import selected, split_selection
from argand.physics.still.modular import PanelSet
from argand.physics.still.projection import plane_of
from argand.typing import Image, Mask

__all__ = [
    "Frame",
    "expand_inputs",
    "inputs_with_models",
    "load_mask",
    "read_frame",
    "read_frames",
    "split_selection",
    "with_model",
    "with_overrides",
]


UNUSED_MASK = "it is not used"
"""End of the note on a mask in the file with another shape than its images."""

Geometry = PanelSet | str | Path
"""The positions of a detector's panels: the panels themselves, or a file with them."""


@dataclass
class Frame:
    """One diffraction image with the values of its header.

    `data` and `mask` are [slow, fast]; `data` keeps the file's number type and True in `mask` means a
    usable pixel. Lengths in mm, wavelength in Å, angles in degrees as headers state them. Pixel
    coordinates are (fast, slow), 0-based, integer = pixel edge. Values that a header does not state are None.
    `pedestal` is the number of counts for zero photons; it is not subtracted from `data`.
    A frame of a detector of many `panels` is the raw array with all axes but the last flattened
    into one; `raw_shape` is its original shape, `panel_file` the geometry file of the panels. Its pixel size,
    distance and centre are those of the plane that the panels are projected to.
    `time` is when the image was measured (ISO 8601, the header's zone), for a stack counted from its
    first image in steps of `frame_time_s`.
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
    panels: PanelSet | None = None
    raw_shape: tuple[int, ...] = ()
    panel_file: str | None = None
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
    two_theta_deg: float | None = None,
    geometry: Geometry | None = None,
    indices: Sequence[int] | None = None,
) -> Iterator[Frame]:
    """All images of a file, one by one; `file#3`, `file#0-9` or `indices` selects some, counted from 0.

    The current `model` of the images replaces the values of the header, and those of the caller
    replace both; `mask` (see `load_mask`) is combined with the file's own. `geometry` gives the
    positions of the panels: panels, or a file as of `read_panels`. Raises InputError for a
    file that is not an image, or a mask, model or geometry of another shape.
    """
    path, wanted = split_selection(str(path))
    wanted = wanted if indices is None else indices
    allowed = None if mask is None else load_mask(mask)
    if geometry is None and model is not None:
        geometry = model.panels
    stack = open_stack(path, _axes(path, geometry, wanted))
    try:
        for index in selected(path, wanted, stack.count):
            frame = _frame(path, stack, index, geometry)
            frame = frame if model is None else with_model(frame, model)
            frame = with_overrides(frame, wavelength, distance_mm, pixel_size_mm, two_theta_deg=two_theta_deg)
            yield frame if allowed is None else _masked(frame, allowed, _name(mask))
    finally:
        stack.close()


def read_frame(path: str | Path, index: int = 0, geometry: Geometry | None = None) -> Frame:
    """Image number `index` of a file; InputError for a file that is not an image or has fewer images.

    `geometry` as in `read_frames`.
    """
    path = str(path)
    stack = open_stack(path, _axes(path, geometry, [index]))
    try:
        return _frame(path, stack, index, geometry)
    finally:
        stack.close()


def with_model(frame: Frame, model: ExptImages) -> Frame:
    """The frame with wavelength, distance, pixel size and beam centre of its current model.

    The model's tilt is kept as the angle of a detector arm if it is large enough to be one. Raises InputError
    for a model of another shape than the image.
    """
    if frame.panels is not None:
        return replace(frame, wavelength=model.geometry.wavelength)
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
    two_theta_deg: float | None = None,
) -> Frame:
    """The frame with the caller's values (Å, mm, (fast, slow) mm, degrees) instead of the header's.

    `mask` is a file or an array for `load_mask`, and is combined with the frame's own mask. Raises InputError
    for a mask of another shape than the image.
    """
    stated = {"wavelength": wavelength, "distance_mm": distance_mm, "pixel_size_mm": pixel_size_mm}
    stated["two_theta_deg"] = two_theta_deg
    if frame.panels is not None:
        if pixel_size_mm is not None:
            raise InputError(f"{frame.path}: the panels state the pixel size; leave out --pixel-size")
        if distance_mm is not None:
            frame = with_panels(frame, frame.panels.at_distance(distance_mm))
    frame = replace(frame, **{key: value for key, value in stated.items() if value is not None})
    return frame if mask is None else _masked(frame, load_mask(mask), _name(mask))


def load_mask(mask: Mask | str | Path) -> Mask:
    """A mask, True = usable, from an array or a file in any image format or that of fit2d.

    True or False in it mean usable or not. Numbers follow pyFAI, fit2d and Dectris: zero is usable,
    anything else is masked. An HDF5 file gives its `pixel_mask`. Several images in a file are those of
    panels, and stacked vertically.
    """
    if not isinstance(mask, np.ndarray):
        path = str(mask)
        stack = open_stack(path, axes=2)
        try:
            mask = stack.mask if stack.mask is not None else _stacked(path, stack)
        finally:
            stack.close()
    return mask if mask.dtype == bool else mask == 0


def _stacked(path: str, stack: Stack) -> np.ndarray:
    """All images of a mask's file, stacked vertically."""
    first = load_image(path, stack, 0)
    require_at_most(path, "pixels of a mask", stack.count * first.size, MOST_PIXELS)
    images = [first, *(load_image(path, stack, index) for index in range(1, stack.count))]
    if any(image.shape != first.shape for image in images):
        raise InputError(f"{path}: the images of this mask are of different sizes; give one file for each")
    return np.concatenate(images)


def _axes(path: str, geometry: Geometry | None, wanted: Sequence[int] | None) -> int | None:
    """Number of axes of a frame that the panels require; None without panels."""
    if geometry is None:
        return None
    return _panel_model(geometry, path, wanted[0] if wanted else 0).panels.raw_axes()


def _panel_model(geometry: Geometry, path: str, index: int) -> PanelModel:
    return PanelModel(geometry) if isinstance(geometry, PanelSet) else read_panels(geometry, path, index)


def _frame(path: str, stack: Stack, index: int, geometry: Geometry | None = None) -> Frame:
    model = None if stack.panels is None else PanelModel(stack.panels)
    if geometry is not None:
        model = _panel_model(geometry, path, index)
    data = load_image(path, stack, index, model.panels.raw_axes() if model else 2)
    raw_shape, data = data.shape, data.reshape(-1, data.shape[-1])
    mask = usable_pixels(data, stack.header.saturation)
    header = stack.header
    if stack.mask is not None and stack.mask.shape == data.shape:
        mask &= stack.mask
    elif stack.mask is not None:
        shapes = f"the file's pixel mask has {_size(stack.mask.shape)} pixels, its images {_size(data.shape)}"
        header = replace(header, notes=(*header.notes, f"{shapes}: {UNUSED_MASK}"))
    header = replace(header, time=later(header.time, index * header.frame_time_s))
    frame = Frame(path, index, data, mask, **vars(header))
    if model is None:
        return frame
    file = None if geometry is None or isinstance(geometry, PanelSet) else str(geometry)
    frame = replace(
        frame,
        mask=mask & model.usable(raw_shape),
        wavelength=model.wavelength or frame.wavelength,
        two_theta_deg=0.0,
        notes=(*frame.notes, *model.notes),
        raw_shape=raw_shape,
        panel_file=file,
    )
    return with_panels(frame, model.panels)


def with_panels(frame: Frame, panels: PanelSet) -> Frame:
    """A raw frame with other positions of its panels."""
    plane = plane_of(panels)
    return replace(
        frame,
        panels=panels,
        pixel_size_mm=(plane.pixel_size_mm, plane.pixel_size_mm),
        distance_mm=plane.distance_mm,
        header_beam_centre_px=plane.beam_px,
    )


def _masked(frame: Frame, allowed: Mask, name: str) -> Frame:
    if frame.panels is not None and allowed.shape == frame.raw_shape:
        allowed = allowed.reshape(frame.shape)
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
