"""Rings of constant resolution on a flat detector, by Bragg's law."""

import numpy as np

from argand.physics.still.detector import BeamGeometry
from argand.typing import Points2

RINGS = 5
"""Rings over an image. By hand: more would hide it."""


def ring_spacings(geometry: BeamGeometry, shape: tuple[int, int], count: int = RINGS) -> list[float]:
    """Resolutions d in Å, of two digits, of rings about evenly spaced between the beam and the corners.

    `shape` is (slow, fast) in px. Bragg's law: d = wavelength / (2 sin(two theta / 2)).
    """
    slow, fast = shape
    corners = np.array([(0.0, 0.0), (fast, 0.0), (0.0, slow), (fast, slow)])
    # The tangent is the radius on the detector; 1.5 rad keeps it finite. Of `count` + 0.4 parts, so that the
    # last ring lies inside the corner.
    furthest = np.tan(np.minimum(geometry.two_theta(corners), 1.5)).max()
    angles = np.arctan(furthest * np.arange(1, count + 1) / (count + 0.4))
    return list(dict.fromkeys(float(f"{geometry.wavelength / (2 * np.sin(a / 2)):.2g}") for a in angles))


def ring_px(geometry: BeamGeometry, d: float) -> Points2:
    """Where scattering of spacing d (Å) hits the detector, (fast, slow) px; NaN where it misses it.

    Bragg's law: sin(theta) = wavelength / 2d.
    """
    two_theta = 2 * np.arcsin(min(geometry.wavelength / (2 * d), 1.0))
    azimuth = np.linspace(0, 2 * np.pi, 361)
    along = np.full_like(azimuth, np.cos(two_theta))
    across = np.sin(two_theta)
    direction = np.stack([across * np.cos(azimuth), across * np.sin(azimuth), along], axis=1)
    return geometry.px_from_direction(direction)
