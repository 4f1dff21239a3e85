"""Detectors on an arm that is swung out: starting geometries, and the lattice found from one."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from argand.io.image import Frame
from argand.physics.still.detector import BeamGeometry
from argand.physics.still.lattice import LatticeFit, fit_lattice
from argand.physics.still.lattice_refinement import Prior
from argand.physics.still.spot import Spots
from argand.systems.geometry.refine.lattice import believable

SWUNG_LIMIT_DEG = 5.0
"""Arm angle in degrees above which a detector is outside the training range of the networks. By hand: they
were trained with tilts within 3°."""
SWUNG_PRIOR = Prior(6.0, np.radians(0.3))
"""Assumed uncertainty of the arm's angle and of the header's centre. By hand: the arm of one real sweep is
off by 0.1 degrees, which moves its centre by 2 px, and headers are off by up to 6 px."""
CLEARLY = 0.4
"""Largest ratio of the distances of the network's answer from the nearest and the next start at which it
decides between them. By hand: so far outside its training it is wrong by tens of px; starts are hundreds
apart."""


@dataclass(frozen=True)
class Swung:
    """The chosen start, and the lattice found from it (None without one)."""

    start: BeamGeometry
    lattice: LatticeFit | None


def is_swung(frame: Frame) -> bool:
    """Whether the detector's arm is swung out, according to the header or the user."""
    return abs(frame.two_theta_deg) > SWUNG_LIMIT_DEG


def swung_starts(frame: Frame, nominal: BeamGeometry) -> Iterator[BeamGeometry]:
    """Possible geometries for an arm's angle: about either axis, in either direction, with either kind of
    centre.

    The header's centre (the middle without one) is the point of normal incidence, at the given distance, or
    the beam centre itself.
    """
    angle = float(np.radians(abs(frame.two_theta_deg)))
    stated = frame.header_beam_centre_px or nominal.beam_centre_px
    for pitch, yaw in ((0.0, angle), (0.0, -angle), (angle, 0.0), (-angle, 0.0)):
        yield BeamGeometry.from_poni(
            stated, nominal.distance_mm, nominal.wavelength, nominal.pixel_size_mm, pitch, yaw
        )
        yield replace(nominal.with_centre(stated), pitch=pitch, yaw=yaw)


def try_swung(spots: Spots, frame: Frame, nominal: BeamGeometry, network: tuple[float, float]) -> Swung:
    """The lattice of a swung-out detector's spots, from the start nearest to the network's answer.

    The lattice does not determine the direction of the arm: nodes for the beam are everywhere on the sphere.
    None without a lattice, or if the network does not decide between the starts.
    """
    starts = list(swung_starts(frame, nominal))
    apart = np.array([np.hypot(*np.subtract(start.beam_centre_px, network)) for start in starts])
    # If the header's centre is taken as the beam centre, the four directions of the arm share it.
    near = np.isclose(apart, apart.min())
    nearest = starts[int(np.argmin(apart))]
    if near.all() or apart.min() > CLEARLY * apart[~near].min():
        return Swung(nearest, None)
    fits = [
        (believable(fit_lattice(spots.px, start, SWUNG_PRIOR)), start)
        for start, is_near in zip(starts, near, strict=True)
        if is_near
    ]
    found = [(fit, start) for fit, start in fits if fit is not None]
    if not found:
        return Swung(nearest, None)
    fit, start = max(found, key=lambda pair: pair[0].indexed)
    return Swung(start, fit)
