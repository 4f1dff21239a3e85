"""Diffraction images from every common format, as one kind of frame."""

from dataclasses import dataclass

import numpy as np

from argand.typing import Image, Mask


@dataclass
class Frame:
    """One diffraction image with what its header states.

    `data` and `mask` are [slow, fast]; `data` keeps the file's number type and True in `mask` means a
    usable pixel. Lengths in mm, wavelength in Å, angles in degrees as headers state them. Pixel
    coordinates are (fast, slow), 0-based, integer = pixel edge. What a header does not state is None.
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

    @property
    def shape(self) -> tuple[int, int]:
        """Number of pixels (slow, fast)."""
        slow, fast = np.shape(self.data)
        return int(slow), int(fast)
