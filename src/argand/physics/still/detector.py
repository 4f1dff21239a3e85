"""Flat area detectors: laboratory positions of pixels, and intersections of rays with the detector.

Laboratory frame: the sample at the origin, the beam along +z, x along the detector's fast axis and y
along its slow axis when the detector is not tilted (right-handed: fast x slow = beam). Pitch turns
the detector about +x, yaw about +y, yaw applied last; both pivot where the direct beam meets the
detector, so that beam centre and tilt are independent of each other.

Pixel coordinates are (fast, slow), 0-based, integer = pixel edge: a pixel's centre is at +0.5.
"""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from argand.typing import Matrix3, Values


def tilt_rotation(pitch: float, yaw: float) -> Matrix3:
    """Rotation of the detector axes by `pitch` about +x, then `yaw` about +y; radians, right-handed."""
    cp, sp, cy, sy = np.cos(pitch), np.sin(pitch), np.cos(yaw), np.sin(yaw)
    about_x = np.array([[1.0, 0.0, 0.0], [0.0, cp, -sp], [0.0, sp, cp]])
    about_y = np.array([[cy, 0.0, sy], [0.0, 1.0, 0.0], [-sy, 0.0, cy]])
    # Pitch is about the laboratory's x and comes first, so it stands on the right.
    return about_y @ about_x


@dataclass(frozen=True)
class BeamGeometry:
    """Position and orientation of a flat detector relative to sample and beam.

    `distance_mm` runs along the beam from the sample to the pivot. `beam_centre_px` is where the
    direct beam meets the detector, `poni_px` the foot of the perpendicular from the sample; both are
    (fast, slow) with integer = pixel edge. `pixel_size_mm` is (fast, slow). Angles in radians.
    """

    beam_centre_px: tuple[float, float]
    distance_mm: float
    wavelength: float
    pixel_size_mm: tuple[float, float]
    pitch: float = 0.0
    yaw: float = 0.0

    @property
    def axes(self) -> Matrix3:
        """Columns are the unit vectors of fast axis, slow axis and detector normal."""
        return tilt_rotation(self.pitch, self.yaw)

    @property
    def tilt(self) -> float:
        """Angle between the beam and the detector normal, radians."""
        return float(np.arccos(np.clip(self.axes[2, 2], -1.0, 1.0)))

    @property
    def perpendicular_distance_mm(self) -> float:
        """Distance from the sample to the detector plane."""
        return float(self.distance_mm * self.axes[2, 2])

    @property
    def poni_px(self) -> tuple[float, float]:
        """Point of normal incidence: foot of the perpendicular from the sample, (fast, slow) px."""
        axes = self.axes
        fast = self.beam_centre_px[0] - self.distance_mm * axes[2, 0] / self.pixel_size_mm[0]
        slow = self.beam_centre_px[1] - self.distance_mm * axes[2, 1] / self.pixel_size_mm[1]
        return float(fast), float(slow)

    @classmethod
    def from_poni(
        cls,
        poni_px: tuple[float, float],
        perpendicular_distance_mm: float,
        wavelength: float,
        pixel_size_mm: tuple[float, float],
        pitch: float = 0.0,
        yaw: float = 0.0,
    ) -> "BeamGeometry":
        """A geometry from the point of normal incidence and the shortest distance."""
        axes = tilt_rotation(pitch, yaw)
        distance_mm = perpendicular_distance_mm / axes[2, 2]
        fast = poni_px[0] + distance_mm * axes[2, 0] / pixel_size_mm[0]
        slow = poni_px[1] + distance_mm * axes[2, 1] / pixel_size_mm[1]
        return cls((float(fast), float(slow)), float(distance_mm), wavelength, pixel_size_mm, pitch, yaw)

    def with_centre(self, beam_centre_px: tuple[float, float]) -> "BeamGeometry":
        """The same detector with another beam centre."""
        return replace(self, beam_centre_px=(float(beam_centre_px[0]), float(beam_centre_px[1])))

    def lab_from_px(self, px: Float[np.ndarray, "*n 2"]) -> Float[np.ndarray, "*n 3"]:
        """Laboratory position in mm of detector points (fast, slow) px."""
        offset_mm = (px - np.asarray(self.beam_centre_px)) * np.asarray(self.pixel_size_mm)
        return offset_mm @ self.axes[:, :2].T + np.array([0.0, 0.0, self.distance_mm])

    def px_from_direction(self, direction: Float[np.ndarray, "*n 3"]) -> Float[np.ndarray, "*n 2"]:
        """Intersection of rays from the sample with the detector, (fast, slow) px; NaN for rays that miss it.

        `direction` [..., 3] in the laboratory, of any length.
        """
        axes = self.axes
        along_normal = direction @ axes[:, 2]
        # Rays parallel to the detector (up to rounding) or pointing away never meet it.
        scale = np.where(along_normal > 1e-9, self.perpendicular_distance_mm, np.nan) / np.where(
            along_normal > 1e-9, along_normal, 1.0
        )
        hit = direction * scale[..., None] - np.array([0.0, 0.0, self.distance_mm])
        return (hit @ axes[:, :2]) / np.asarray(self.pixel_size_mm) + np.asarray(self.beam_centre_px)

    def q_from_px(self, px: Float[np.ndarray, "*n 2"]) -> Float[np.ndarray, "*n 3"]:
        """Scattering vector (s1 - s0)/wavelength in 1/Å of detector points; |q| = 1/d."""
        lab = self.lab_from_px(px)
        unit = lab / np.linalg.norm(lab, axis=-1, keepdims=True)
        return (unit - np.array([0.0, 0.0, 1.0])) / self.wavelength

    def two_theta(self, px: Float[np.ndarray, "*n 2"]) -> Values:
        """Scattering angle of detector points, radians."""
        lab = self.lab_from_px(px)
        return np.arctan2(np.hypot(lab[..., 0], lab[..., 1]), lab[..., 2])

    def pixel_centres(self, shape: tuple[int, int]) -> Float[np.ndarray, "slow fast 2"]:
        """(fast, slow) coordinates of every pixel centre of an image of `shape` (slow, fast)."""
        slow, fast = np.mgrid[: shape[0], : shape[1]] + 0.5
        return np.stack([fast, slow], axis=-1)
