"""Detectors on an arm that is swung out: geometries to start from, and the lattice found about one."""

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
"""Arm angle in degrees beyond which a detector is outside what the networks were trained on. By hand: they
saw tilts within 3°."""
SWUNG_PRIOR = Prior(6.0, np.radians(0.3))
"""What an arm's angle and the header's centre are taken to be known to. By hand: the arm of one real sweep is
off by 0.1 degrees, which moves its centre by 2 px, and headers are off by up to 6 px."""
CLEARLY = 0.4
"""Distance of the network's answer from a start, over that from the next one, up to which it decides between
them. By hand: so far outside of its training it is wrong by tens of px, and starts are hundreds apart."""


@dataclass(frozen=True)
class Swung:
    """The start that was chosen, and the lattice found from it (None without one)."""

    start: BeamGeometry
    lattice: LatticeFit | None


def is_swung(frame: Frame) -> bool:
    """Whether the header, or the user, says that the detector's arm is out."""
    return abs(frame.two_theta_deg) > SWUNG_LIMIT_DEG


def swung_starts(frame: Frame, nominal: BeamGeometry) -> Iterator[BeamGeometry]:
    """Geometries that an arm's angle may mean: about either axis, either way, with either kind of centre.

    The header's centre (the middle without one) is the foot of the perpendicular, to which the distance then
    belongs, or the beam centre itself.
    """
    angle = float(np.radians(abs(frame.two_theta_deg)))
    stated = frame.header_beam_centre_px or nominal.beam_centre_px
    for pitch, yaw in ((0.0, angle), (0.0, -angle), (angle, 0.0), (-angle, 0.0)):
        yield BeamGeometry.from_poni(
            stated, nominal.distance_mm, nominal.wavelength, nominal.pixel_size_mm, pitch, yaw
        )
        yield replace(nominal.with_centre(stated), pitch=pitch, yaw=yaw)


def try_swung(spots: Spots, frame: Frame, nominal: BeamGeometry, network: tuple[float, float]) -> Swung:
    """The lattice of a swung-out detector's spots about the start that the network's answer is nearest to.

    The lattice itself does not say which way the arm is out: nodes for the beam are everywhere on the sphere.
    Without a lattice, or where the network does not decide between the starts, there is none.
    """
    starts = list(swung_starts(frame, nominal))
    apart = np.array([np.hypot(*np.subtract(start.beam_centre_px, network)) for start in starts])
    # Where the header's centre is taken for the beam's, the four ways of the arm share it.
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
