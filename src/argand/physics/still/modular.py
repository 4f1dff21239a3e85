"""Detectors of many flat panels: their positions in the laboratory, and their common motion.

The laboratory is that of `detector`: sample at the origin, beam along +z, x to the right and y down when
looking along the beam. A panel is given by the outer corner of its first pixel and two vectors, each one
pixel long.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float

from argand.errors import InputError
from argand.physics.still.detector import BeamGeometry, tilt_rotation
from argand.typing import Matrix3, Vector3

Triple = tuple[float, float, float]


@dataclass(frozen=True)
class RigidMotion:
    """x -> R x + t of points in mm: a rotation about the sample (the origin), then a shift."""

    rotation: Matrix3
    shift_mm: Vector3

    @classmethod
    def to_geometry(cls, plane: BeamGeometry, found: BeamGeometry) -> "RigidMotion":
        """The motion of a detector from its upright `plane` to the geometry `found`.

        Both have the same pixels. The point that the beam hits in `found` moves to its distance along the
        beam, and the detector turns about that point.
        """
        rotation = tilt_rotation(found.pitch, found.yaw)
        pivot = plane.lab_from_px(np.asarray(found.beam_centre_px))
        return cls(rotation, np.array([0.0, 0.0, found.distance_mm]) - rotation @ pivot)

    @classmethod
    def between(cls, before: "PlanePanel", after: "PlanePanel") -> "RigidMotion":
        """The motion of a panel from one position to another."""
        rotation = after.axes @ before.axes.T
        return cls(rotation, np.asarray(after.origin_mm) - rotation @ np.asarray(before.origin_mm))

    def position(self, point_mm: Float[np.ndarray, "*n 3"]) -> Float[np.ndarray, "*n 3"]:
        """Positions of points after the motion."""
        return point_mm @ self.rotation.T + self.shift_mm

    def direction(self, vector: Float[np.ndarray, "*n 3"]) -> Float[np.ndarray, "*n 3"]:
        """Directions of vectors after the motion."""
        return vector @ self.rotation.T


@dataclass(frozen=True)
class PlanePanel:
    """One flat panel: corner of its first pixel in mm, steps of one pixel in mm, `shape` (slow, fast).

    Its pixels are in the raw array of a frame at the indices `leading` of all axes before the last two,
    starting at `first` (slow, fast) in these.
    """

    name: str
    origin_mm: Triple
    fast_mm: Triple
    slow_mm: Triple
    shape: tuple[int, int]
    first: tuple[int, int] = (0, 0)
    leading: tuple[int, ...] = ()

    @classmethod
    def at(
        cls,
        name: str,
        frame_mm: Float[np.ndarray, "3 3"],
        shape: tuple[int, int],
        first: tuple[int, int] = (0, 0),
        leading: tuple[int, ...] = (),
    ) -> "PlanePanel":
        """A panel whose origin, fast and slow vector are the rows of `frame_mm`."""
        origin, fast, slow = ((float(x), float(y), float(z)) for x, y, z in frame_mm)
        return cls(name, origin, fast, slow, shape, first, leading)

    @property
    def frame(self) -> Float[np.ndarray, "3 3"]:
        """Rows are origin, fast and slow vector, mm."""
        return np.array([self.origin_mm, self.fast_mm, self.slow_mm])

    @property
    def normal(self) -> Vector3:
        """Fast x slow: its length is the area of a pixel, mm²."""
        return np.cross(self.fast_mm, self.slow_mm)

    @property
    def axes(self) -> Matrix3:
        """Columns are unit vectors along fast, in the panel across fast, and along the normal."""
        fast = np.asarray(self.fast_mm) / np.linalg.norm(self.fast_mm)
        normal = self.normal / np.linalg.norm(self.normal)
        return np.column_stack([fast, np.cross(normal, fast), normal])

    def lab_from_px(self, px: Float[np.ndarray, "*n 2"]) -> Float[np.ndarray, "*n 3"]:
        """Laboratory position in mm of points (fast, slow) px, integer = pixel edge."""
        return np.asarray(self.origin_mm) + px @ self.frame[1:]

    def px_from_direction(self, direction: Float[np.ndarray, "*n 3"]) -> Float[np.ndarray, "*n 2"]:
        """Intersection of rays from the sample with the panel's plane, (fast, slow) px; NaN for none."""
        origin, fast, slow = self.frame
        # direction * length = origin + f fast + s slow, solved for f, s and 1 / length.
        inverse = np.linalg.inv(np.column_stack([fast, slow, origin]))
        f, s, one = np.moveaxis(direction @ inverse.T, -1, 0)
        # Set by hand: rays nearly parallel to the panel, or pointing away, never meet it.
        one = np.where(one > 1e-9 * np.linalg.norm(direction, axis=-1), one, np.nan)
        return np.stack([f / one, s / one], axis=-1)

    def moved(self, motion: RigidMotion) -> "PlanePanel":
        """The panel after a motion."""
        frame = motion.direction(self.frame)
        frame[0] += motion.shift_mm
        return self.at(self.name, frame, self.shape, self.first, self.leading)

    def corners_mm(self) -> Float[np.ndarray, "4 3"]:
        """The four outer corners, mm."""
        slow, fast = self.shape
        return self.lab_from_px(np.array([(0.0, 0.0), (fast, 0.0), (0.0, slow), (fast, slow)]))

    def middle_mm(self) -> Vector3:
        """The middle of the panel, mm."""
        return self.lab_from_px(np.array(self.shape[::-1]) / 2.0)


@dataclass(frozen=True)
class PanelSet:
    """The panels of one detector."""

    panels: tuple[PlanePanel, ...]

    @cached_property
    def distance_mm(self) -> float:
        """Distance of the detector along the beam: of the middle of the panel nearest to the beam."""
        middles = np.array([panel.middle_mm() for panel in self.panels])
        return float(middles[np.argmin(np.hypot(middles[:, 0], middles[:, 1])), 2])

    @cached_property
    def pixel_size_mm(self) -> float:
        """Side of a square pixel of equal area, the median over the panels."""
        return float(np.median([np.sqrt(np.linalg.norm(panel.normal)) for panel in self.panels]))

    @property
    def size(self) -> str:
        """Number of panels and their pixels (slow x fast), in words."""
        slow, fast = self.panels[0].shape
        return f"{len(self.panels)} panels of {slow} x {fast} px"

    def moved(self, motion: RigidMotion) -> "PanelSet":
        """All panels after one motion."""
        return PanelSet(tuple(panel.moved(motion) for panel in self.panels))

    def at_distance(self, distance_mm: float) -> "PanelSet":
        """The panels shifted along the beam to the given `distance_mm`."""
        shift = np.array([0.0, 0.0, distance_mm - self.distance_mm])
        return self.moved(RigidMotion(np.eye(3), shift))

    def beam_position(self) -> tuple[str, tuple[float, float]] | None:
        """Name of the panel that the direct beam hits and where, (fast, slow) px; None if it hits none."""
        for panel in self.panels:
            fast, slow = panel.px_from_direction(np.array([0.0, 0.0, 1.0]))
            if 0 <= fast <= panel.shape[1] and 0 <= slow <= panel.shape[0]:
                return panel.name, (float(fast), float(slow))
        return None

    def raw_axes(self) -> int:
        """Number of axes of the raw array of one frame; InputError if panels disagree."""
        axes = {len(panel.leading) + 2 for panel in self.panels}
        if len(axes) > 1:
            raise InputError("the panels of this geometry are in arrays of different numbers of axes")
        return axes.pop()

    def places(self, raw_shape: tuple[int, ...]) -> list[tuple[slice, slice]]:
        """Rows and columns of each panel in a raw frame with all axes but the last flattened into one.

        Raises InputError for a frame of another shape.
        """
        found = []
        for panel in self.panels:
            last = [first + n for first, n in zip(panel.first, panel.shape, strict=True)]
            inside = len(panel.leading) == len(raw_shape) - 2 and all(
                end <= n for end, n in zip((*(i + 1 for i in panel.leading), *last), raw_shape, strict=True)
            )
            if not inside:
                sizes = " x ".join(map(str, raw_shape))
                raise InputError(
                    f"panel {panel.name} of the geometry is outside the image of {sizes} px; is "
                    "the geometry that of another detector?"
                )
            # Rows of all planes before the panel's own.
            plane = int(np.ravel_multi_index(panel.leading, raw_shape[:-2])) if panel.leading else 0
            start = plane * raw_shape[-2] + panel.first[0]
            rows = slice(start, start + panel.shape[0])
            found.append((rows, slice(panel.first[1], panel.first[1] + panel.shape[1])))
        return found
