"""Panels in space assembled to one flat image: central projection through the sample.

Directions are kept, so rings, spots and lattice on the upright plane are those of a flat detector there. The
sum of the counts is kept: the counts of each pixel are distributed bilinearly over the four nearest pixels of
the plane, which keeps centroids, and its solid angle in the same way. The image is the ratio of the two.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Float

from argand.errors import InputError
from argand.physics.still.detector import BeamGeometry
from argand.physics.still.modular import PanelSet, PlanePanel, RigidMotion
from argand.typing import Image, Mask

STEEPEST = 1.2
"""Largest tan(2 theta) of the plane: 50 degrees. By hand: a detector around the sample does not fit on a
plane, and pixels beyond would be stretched more than threefold."""
STRETCH = 1.6
"""Length of a pixel in pixels of the plane above which it is subdivided. Between two that are s apart, the
interpolation gives s (2 - s) of a pixel's counts: 0.64, above LEAST_LIVE."""
LEAST_LIVE = 0.5
"""Least share of a pixel of the plane that panels must cover. By hand: half of those at an edge."""
MARGIN_PX = 2
"""Empty pixels around the panels, for the interpolation."""
_AHEAD_MM = 1e-6
"""Least distance behind the sample of what a ray can hit. By hand: far less than any pixel."""


@dataclass(frozen=True)
class VirtualPlane:
    """An upright plane: distance and pixel size in mm, shape (slow, fast), and beam position in px."""

    distance_mm: float
    pixel_size_mm: float
    shape: tuple[int, int]
    beam_px: tuple[float, float]

    def geometry(self, wavelength: float) -> BeamGeometry:
        """The plane as an untilted flat detector."""
        pixel = (self.pixel_size_mm, self.pixel_size_mm)
        return BeamGeometry(self.beam_px, self.distance_mm, wavelength, pixel)

    def px_from_lab(self, lab_mm: Float[np.ndarray, "*n 3"]) -> Float[np.ndarray, "*n 2"]:
        """Projection of laboratory points to the plane, (fast, slow) px; NaN beside and behind the sample."""
        ahead = lab_mm[..., 2:] > _AHEAD_MM
        slope = lab_mm[..., :2] / np.where(ahead, lab_mm[..., 2:], np.nan)
        return slope * (self.distance_mm / self.pixel_size_mm) + np.asarray(self.beam_px)


def plane_of(panels: PanelSet) -> VirtualPlane:
    """The upright plane at the panels' distance on which all fit; InputError if none faces the sample."""
    distance, pixel = panels.distance_mm, panels.pixel_size_mm
    corners = np.concatenate([panel.corners_mm() for panel in panels.panels])
    ahead = corners[corners[:, 2] > _AHEAD_MM]
    if not len(ahead) or distance <= 0:
        raise InputError("no panel is downstream of the sample; check distances and directions")
    slope = np.clip(ahead[:, :2] / ahead[:, 2:], -STEEPEST, STEEPEST)
    low, high = slope.min(axis=0) * distance / pixel, slope.max(axis=0) * distance / pixel
    first = np.floor(low) - MARGIN_PX
    fast, slow = (int(n) for n in np.ceil(high) - first + MARGIN_PX)
    return VirtualPlane(distance, pixel, (slow, fast), (float(-first[0]), float(-first[1])))


@dataclass(frozen=True)
class _Share:
    """Positions of one part of all pixels of a panel, in a window of the plane.

    `index` is that of the first of four pixels in the window, `right` and `below` the distances to its
    centre, `area` how many pixels of the plane are covered; `inside` is False beyond the plane.
    """

    window: tuple[slice, slice]
    index: np.ndarray
    right: np.ndarray
    below: np.ndarray
    area: np.ndarray
    inside: np.ndarray

    def add(self, image: np.ndarray, value: np.ndarray, kept: np.ndarray) -> None:
        """Add the `kept` ones of the pixels' values to the image, in place."""
        target = image[self.window]
        index, right, below = self.index[kept], self.right[kept], self.below[kept]
        value = value[kept]
        for step, part in (
            (0, (1 - right) * (1 - below)),
            (1, right * (1 - below)),
            (target.shape[1], (1 - right) * below),
            (target.shape[1] + 1, right * below),
        ):
            target += np.bincount(index + step, value * part, target.size).reshape(target.shape)


def assemble(
    data: Image,
    mask: Mask,
    raw_shape: tuple[int, ...],
    panels: PanelSet,
    plane: VirtualPlane,
    again: bool = False,
) -> tuple[Float[np.ndarray, "down right"], Float[np.ndarray, "down right"]]:
    """Counts per pixel of the plane, and the fraction of it covered by usable pixels (both float32).

    `data` and `mask` are a raw frame of `raw_shape` with all axes but the last flattened into one. With
    `again`, everything that does not depend on the counts is kept for the next frame (17 bytes per pixel).
    Raises InputError if the panels do not fit the frame.
    """
    counts, live = np.zeros(plane.shape), np.zeros(plane.shape)
    every = _kept_shares(panels, plane) if again else (_shares(panel, plane) for panel in panels.panels)
    for place, shares in zip(panels.places(raw_shape), every, strict=True):
        usable = mask[place].ravel()
        value = np.where(usable, data[place].ravel(), 0) / max(len(shares), 1)
        for share in shares:
            kept = share.inside & usable
            share.add(counts, value, kept)
            share.add(live, share.area, kept)
    # Set by hand: less than a thousandth is rounding.
    density = np.where(live > 1e-3, counts / np.maximum(live, 1e-3), 0)
    return density.astype(np.float32), live.astype(np.float32)


@lru_cache(maxsize=1)
def _kept_shares(panels: PanelSet, plane: VirtualPlane) -> list[list[_Share]]:
    return [_shares(panel, plane) for panel in panels.panels]


def _shares(panel: PlanePanel, plane: VirtualPlane) -> list[_Share]:
    """The parts of a panel's pixels; empty if the panel is out of reach."""
    middle = panel.middle_mm()
    reach = np.linalg.norm(panel.corners_mm() - middle, axis=1).max()
    if np.hypot(middle[0], middle[1]) - reach > STEEPEST * (middle[2] + reach):
        return []
    parts = int(np.ceil(_stretch(panel, plane) / STRETCH))
    offsets = (np.arange(parts) + 0.5) / parts
    return [_share(panel, plane, (f, s), parts) for f in offsets for s in offsets]


def _stretch(panel: PlanePanel, plane: VirtualPlane) -> float:
    """Longest side of a projected pixel at the panel's corners within reach, px of the plane; 1 at least."""
    corners = panel.corners_mm()
    reach = np.hypot(corners[:, 0], corners[:, 1]) < STEEPEST * corners[:, 2]
    here = corners[reach]
    sides = [plane.px_from_lab(here + step) - plane.px_from_lab(here) for step in panel.frame[1:]]
    return float(np.max(np.linalg.norm(sides, axis=-1), initial=1.0))


def projected_area(panel: PlanePanel, lab_mm: np.ndarray, plane: VirtualPlane) -> np.ndarray:
    """Pixels of the plane that a pixel of the panel at `lab_mm` [..., 3] covers, seen from the sample.

    An area dA with normal n at r covers dA |n·r| D²/z³ of the plane at D: equal solid angles.
    """
    facing = np.abs(lab_mm @ panel.normal)
    return facing * (plane.distance_mm / plane.pixel_size_mm) ** 2 / lab_mm[..., 2] ** 3


def _share(panel: PlanePanel, plane: VirtualPlane, offset: tuple[float, float], parts: int) -> _Share:
    lab = panel.lab_from_px(pixel_grid(panel.shape, offset)).reshape(-1, 3)
    inside = np.hypot(lab[:, 0], lab[:, 1]) < STEEPEST * lab[:, 2]
    lab[~inside] = (0.0, 0.0, plane.distance_mm)
    # The first of the four pixels has its centre before the point.
    px = plane.px_from_lab(lab) - 0.5
    first = np.floor(px).astype(np.int32)
    rest = (px - first).astype(np.float32)
    inside &= np.all((first >= 0) & (first < np.array(plane.shape[::-1]) - 1), axis=1)
    low, high = (edge(first, axis=0, where=inside[:, None], initial=start) for edge, start in _EDGES)
    low, high = np.minimum(low, high + 1), high + 2
    window = (slice(int(low[1]), int(high[1])), slice(int(low[0]), int(high[0])))
    index = (first[:, 1] - low[1]) * (high[0] - low[0]) + first[:, 0] - low[0]
    area = (projected_area(panel, lab, plane) / parts**2).astype(np.float32)
    return _Share(window, index, rest[:, 0], rest[:, 1], area, inside)


_EDGES = ((np.min, 2**30), (np.max, -1))
"""Smallest and largest pixel inside, and the values that mean none."""


def pixel_grid(shape: tuple[int, int], offset: tuple[float, float] = (0.5, 0.5)) -> np.ndarray:
    """(fast, slow) px of a point of every pixel [slow, fast, 2], by default its centre."""
    slow, fast = np.meshgrid(np.arange(shape[0]) + offset[1], np.arange(shape[1]) + offset[0], indexing="ij")
    return np.stack([fast, slow], axis=-1)


def projection_error_px(panels: PanelSet, plane: VirtualPlane, motion: RigidMotion) -> float:
    """Largest error, after `motion`, of an image assembled before it, px of the plane.

    Zero for panels in one upright plane; otherwise rays go through the wrong point of the sample.
    """
    corners = np.concatenate([panel.corners_mm() for panel in panels.panels])
    corners = corners[np.hypot(corners[:, 0], corners[:, 1]) < STEEPEST * corners[:, 2]]
    on_plane = corners * (plane.distance_mm / corners[:, 2:])
    apart = plane.px_from_lab(motion.position(corners)) - plane.px_from_lab(motion.position(on_plane))
    return float(np.max(np.linalg.norm(apart, axis=1), initial=0.0))
