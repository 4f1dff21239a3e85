"""The view of a diffraction image: the whole of it and single pixels, with rings, spots and centres."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from argand.page.markup import address
from argand.page.view import view
from argand.physics.still.detector import BeamGeometry

HEIGHT_PX = 680
"""Height of the view. By hand: with its controls it fits into the window of a laptop."""
CAPTION = (
    "Drag to move, turn the wheel or pinch to zoom; where pixels are large their counts are written in them. "
    "Keys, when the image is chosen: arrows move, + and − zoom, 0 whole image, 1 one pixel on one of the "
    "screen, c beam centre, r rings, s spots, m mask, n and p next and previous image. "
    "× the header's centre, + the predicted one with its ellipse of three standard deviations; "
    "○ spots on the lattice, □ others, ◇ spots where there is no lattice."
)


@dataclass(frozen=True)
class ShownImage:
    """What a view shows; positions are (fast, slow) px, 0-based, integer = pixel edge.

    `small` is a value of `argand.page.pixels.small_image`, or the name of the script beside the page that has
    it; `pixels` the name of the script with all pixels, if there is one.
    """

    small: dict[str, Any] | str
    pixels: str | None = None
    geometry: BeamGeometry | None = None
    """For d and two theta under the pointer, and the rings."""
    trusted: bool = True
    header_px: tuple[float, float] | None = None
    covariance: np.ndarray | None = None
    """Of the predicted centre, px²: the ellipse."""
    rings: Sequence[float] = ()
    """Spacings d in Å of the fixed rings."""
    previous: str | None = None
    """Name of the page of the image before."""
    next: str | None = None


def image_view(label: str, shown: ShownImage, height: int = HEIGHT_PX) -> str:
    """The element of the view; `label` is for those who cannot see it."""
    geometry = shown.geometry
    data: dict[str, Any] = {
        "trusted": shown.trusted,
        "header": shown.header_px,
        "centre": geometry and geometry.beam_centre_px,
        "covariance": None if shown.covariance is None else shown.covariance[:2, :2].tolist(),
        "rings": list(shown.rings),
        "geometry": geometry and _told(geometry),
        "pixels": shown.pixels and _beside(shown.pixels),
        "near": {
            "previous": shown.previous and address(shown.previous),
            "next": shown.next and address(shown.next),
        },
    }
    data |= {"beside": _beside(shown.small)} if isinstance(shown.small, str) else {"image": shown.small}
    return view("image", data, label, CAPTION, height)


def _told(geometry: BeamGeometry) -> dict[str, Any]:
    return {
        "centre": geometry.beam_centre_px,
        "distance": geometry.distance_mm,
        "wavelength": geometry.wavelength,
        "pixel": geometry.pixel_size_mm,
        "pitch": geometry.pitch,
        "yaw": geometry.yaw,
    }


def _beside(name: str) -> dict[str, str]:
    return {"name": name, "address": address(name)}
