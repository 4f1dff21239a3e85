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
UNDISPUTED = 0.6
"""Spots that a lattice about another start may explain, over those of the best, where their centres differ.
By hand."""


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
    """The lattice of a swung-out detector's spots; without one, the start nearest to the network's answer."""
    starts = list(swung_starts(frame, nominal))
    fits = [believable(fit_lattice(spots.px, start, SWUNG_PRIOR)) for start in starts]
    found = sorted(
        ((fit, start) for fit, start in zip(fits, starts, strict=True) if fit is not None),
        key=lambda pair: -pair[0].indexed,
    )
    if found and not any(_disputes(fit, found[0][0]) for fit, _ in found[1:]):
        return Swung(found[0][1], found[0][0])
    apart = [np.hypot(*np.subtract(start.beam_centre_px, network)) for start in starts]
    return Swung(starts[int(np.argmin(apart))], None)


def _disputes(fit: LatticeFit, best: LatticeFit) -> bool:
    """Whether a fit says another centre than the best one and explains nearly as much."""
    apart = np.hypot(*np.subtract(fit.geometry.beam_centre_px, best.geometry.beam_centre_px))
    # 3 px, by hand: of fits of one lattice from two starts.
    return bool(apart > 3.0 and fit.indexed > UNDISPUTED * best.indexed)
