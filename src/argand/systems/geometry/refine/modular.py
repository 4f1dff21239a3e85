"""Answers for detectors of panels: assembled, predicted as one flat image, moved, and repeated.

The image is assembled with the panels at their given positions. The answer gives the motion of the whole
detector; if the panels are not in one plane, the image was slightly wrong, and is assembled again.
"""

import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from argand.io.beam_geometry import geometry_from_vectors
from argand.io.image import Frame
from argand.physics.still.detector import BeamGeometry
from argand.physics.still.modular import PanelSet, RigidMotion
from argand.physics.still.projection import (
    LEAST_LIVE,
    VirtualPlane,
    assemble,
    plane_of,
    projection_error_px,
)
from argand.systems.geometry.refine.prediction import FoundSpots, Prediction

SETTLED_PX = 0.1
"""Accepted error of the assembled image, in px. By hand: below the uncertainty of a centre."""
MOST_TIMES = 8
"""Most rounds of assembling. By hand: on a cylinder each round leaves about a third of the error, flat
detectors need one or two."""


def answer_panels(frame: Frame, answer: Callable[[Frame], Prediction]) -> Prediction:
    """The answer for a raw frame with `panels`; `answer` gives that for a flat frame.

    Positions are in px of the plane that the panels' own geometry gives, where the header's centre is the
    beam. Raises InputError if no panel faces the sample.
    """
    began = time.perf_counter()
    assert frame.panels is not None
    panels, error = frame.panels, np.inf
    for _ in range(MOST_TIMES):
        plane = plane_of(panels)
        found = answer(assembled(frame, panels))
        motion = _motion(plane, found)
        error = projection_error_px(panels, plane, motion)
        panels = panels.moved(motion)
        if error < SETTLED_PX:
            break
    answered = _in_first_plane(found, frame.panels, panels)
    answered = replace(answered, seconds=time.perf_counter() - began)
    if error < SETTLED_PX:
        return answered
    reason = f"the positions of the panels do not converge: {error:.1f} px after {MOST_TIMES} rounds"
    return replace(answered, trusted=False, reason=reason if answered.trusted else answered.reason)


def flat_image(frame: Frame) -> Frame:
    """The image of a frame for display: itself, or its panels assembled at their given positions."""
    return frame if frame.panels is None else assembled(frame, frame.panels)


def assembled(frame: Frame, panels: PanelSet) -> Frame:
    """The flat image of a raw frame with the positions `panels`; the frame's own positions are dropped."""
    plane = plane_of(panels)
    # Frames of one geometry begin with the same panels.
    again = panels == frame.panels
    data, live = assemble(frame.data, frame.mask, frame.raw_shape, panels, plane, again)
    return replace(
        frame,
        data=data,
        mask=live > LEAST_LIVE,
        pixel_size_mm=(plane.pixel_size_mm, plane.pixel_size_mm),
        distance_mm=plane.distance_mm,
        # By construction of the plane it is at the expected beam: not a header that may be misread.
        header_beam_centre_px=None,
        two_theta_deg=0.0,
        panels=None,
        raw_shape=data.shape,
    )


def _motion(plane: VirtualPlane, found: Prediction) -> RigidMotion:
    assert found.geometry is not None
    upright = plane.geometry(found.geometry.wavelength)
    tilted = found.geometry
    if not found.tilt_measured:
        tilted = replace(tilted, pitch=0.0, yaw=0.0)
    return RigidMotion.to_geometry(upright, tilted)


def _in_first_plane(found: Prediction, given: PanelSet, moved: PanelSet) -> Prediction:
    """The last answer in px of the plane of the given panels."""
    assert found.geometry is not None
    first = plane_of(given)
    geometry = plane_geometry(given, moved, found.geometry.wavelength)
    return replace(
        found,
        shape=first.shape,
        geometry=geometry,
        header_beam_centre_px=first.beam_px,
        network_centre_px=_shifted(found.network_centre_px, found.geometry, geometry),
        fitted_distance_mm=found.fitted_distance_mm
        and found.fitted_distance_mm + geometry.distance_mm - found.geometry.distance_mm,
        panels=given,
        found=found.found and _spots_moved(found.found, found.geometry, geometry),
    )


def plane_geometry(given: PanelSet, moved: PanelSet, wavelength: float) -> BeamGeometry:
    """The plane of the given panels, after the motion from `given` to `moved`, as a flat detector.

    Raises InputError if the beam does not hit it.
    """
    motion = RigidMotion.between(given.panels[0], moved.panels[0])
    upright = plane_of(given).geometry(wavelength)
    corner = motion.position(upright.lab_from_px(np.zeros(2)))
    vectors = np.array([*motion.rotation[:, :2].T, (0.0, 0.0, 1.0)])
    return geometry_from_vectors("the moved panels", corner, vectors, wavelength, upright.pixel_size_mm)


def _spots_moved(spots: FoundSpots, old: BeamGeometry, new: BeamGeometry) -> FoundSpots:
    """Spots seen in the plane `old` where the same rays meet the plane `new`."""
    return replace(spots, px=new.px_from_direction(old.lab_from_px(spots.px)))


def _shifted(
    px: tuple[float, float] | None, old: BeamGeometry, new: BeamGeometry
) -> tuple[float, float] | None:
    """A position near the beam centre in px of the plane in which this centre is `new`."""
    if px is None:
        return None
    fast, slow = np.add(px, np.subtract(new.beam_centre_px, old.beam_centre_px))
    return float(fast), float(slow)
