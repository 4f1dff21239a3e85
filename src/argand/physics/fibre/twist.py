"""Twist of a fibre: rotation of its cross-sections along the axis."""

import numpy as np
from jaxtyping import Float

from argand.typing import Matrix3, Points3

Sections = Float[np.ndarray, "section point 2"]
Angles = Float[np.ndarray, " section"]

DEG_PER_NM = float(np.degrees(10.0))
"""Degrees per nm in one radian per Å."""


def section_angles(points: Sections, reference: Sections) -> Angles:
    """Angle (rad, continuous along the axis) that rotates each section's reference onto it by least squares.

    Sections are compared about their centres (Kabsch, Acta Cryst. A32, 922, 1976, in the plane).

    `points` and `reference` [section, point, 2] in Å, the same atoms in the same order.
    """
    now = points - points.mean(1, keepdims=True)
    then = reference - reference.mean(1, keepdims=True)
    overlap = ((now[..., 0] + 1j * now[..., 1]) * (then[..., 0] - 1j * then[..., 1])).sum(1)
    return np.unwrap(np.angle(overlap))


def twist_rate(height: Angles, angle: Angles) -> float:
    """Slope of angle against height by least squares, in rad/Å; positive is right-handed."""
    away = height - height.mean()
    return float(away @ (angle - angle.mean()) / (away @ away))


def twisted(points: Points3, rate: float) -> Points3:
    """Points rotated about the z axis by `rate` (rad/Å) times their height."""
    angle = rate * points[:, 2]
    cos, sin = np.cos(angle), np.sin(angle)
    x, y, z = points.T
    return np.stack([cos * x - sin * y, sin * x + cos * y, z], 1)


def superposition(points: Points3, reference: Points3) -> tuple[Matrix3, Float[np.ndarray, "3"]]:
    """Rotation R and shift t for which `points @ R.T + t` is closest to `reference` (Kabsch)."""
    here, there = points.mean(0), reference.mean(0)
    u, _, vt = np.linalg.svd((points - here).T @ (reference - there))
    # Without it the best orthogonal matrix may be a reflection.
    flip = np.diag([1.0, 1.0, np.sign(np.linalg.det(vt.T @ u.T))])
    rotation = vt.T @ flip @ u.T
    return rotation, there - rotation @ here
