"""How far to trust rings: covariance, jackknife, whether they determine the tilt, whether they agree."""

import numpy as np
from jaxtyping import Float, Int

from argand.physics.still.ring_profile import SECTORS
from argand.physics.still.ring_solution import Points, Solution, free_columns, radii

BLOCKS = 12
"""Blocks of neighbouring sectors that the jackknife leaves out in turn, 30 degrees each. By hand: texture and
absorption change over tens of degrees, and neighbouring sectors have similar errors."""
COMMON_ERROR = 0.02
"""Common error of all positions in cells: distortion, flat field, sensor. By
hand; benchmarks/geometry_rings.py prints errors over stated errors."""
TILT_KNOWN, TILT_REJECTED, TILT_USABLE = np.radians(0.15), 4.0, np.radians(0.5)
"""A tilt is measured if both angles are known to the first value, or if zero is rejected by the second number
of standard deviations and both are known to the third. By hand: detectors at beamlines are upright within 0.5
degrees."""
SMALL_ANGLE, LEVER = 0.1, 1.0
"""Least tan(2 theta) of the outermost ring, and least shift of that ring in cells by a tilt (of at least
TILT_USABLE), for a tilt to be fitted. By hand: several errors of a position, and at small angles detectors
are not known well enough to attribute a fraction of a cell at the rim to a tilt."""
SETS_SIGMA = 5.0
"""Largest difference between sets of rings in joint standard deviations. By hand."""


def covariance_of(
    points: Points, fit: Solution, free: Int[np.ndarray, " f"], tilt_prior: float
) -> Float[np.ndarray, "5 5"]:
    """Covariance of (fast, slow, pitch, yaw, log distance), zero for parameters not among the `free` columns.

    That of the fit times its chi², or the variances of the jackknife over blocks of sectors or over rings if
    they are larger; plus errors that all positions have in common. `tilt_prior` in radians.
    """
    prior = np.full(fit.design.shape[1], 1e-12)
    prior[2:4] = tilt_prior**-2.0
    strength = np.diag(prior[free])
    normal = fit.normal(free)
    own = np.linalg.inv(normal + strength) * max(fit.chi2, 1.0)
    variance = np.maximum(_jackknife(points.sector * BLOCKS // SECTORS, fit, free, strength), np.diag(own))
    if points.ring.max() >= 3:
        variance = np.maximum(variance, _jackknife(points.ring, fit, free, strength))
    larger = np.sqrt(variance / np.diag(own))
    scaled = larger[:, None] * own * larger[None, :]
    # An error common to all positions counts as one measurement, distributed as theirs are.
    common = np.linalg.inv(normal / fit.weight.sum() / COMMON_ERROR**2 + strength)
    total = np.zeros((5, 5))
    wanted = np.flatnonzero(free < 5)
    total[np.ix_(free[wanted], free[wanted])] = (scaled + common)[np.ix_(wanted, wanted)]
    return total


def _jackknife(block: np.ndarray, fit: Solution, free: np.ndarray, strength: np.ndarray) -> np.ndarray:
    """Jackknife variances of the free parameters, leaving out one block of points at a time."""
    part = fit.design[:, free]
    changes = []
    for b in np.unique(block):
        kept = (block != b).astype(float)
        # Radii of omitted rings have no equation.
        normal = fit.normal(free, kept) + strength + 1e-9 * np.eye(len(free))
        changes.append(-np.linalg.solve(normal, part.T @ (fit.weight * kept * fit.residual)))
    spread = np.asarray(changes) - np.mean(changes, axis=0)
    return (len(changes) - 1) / len(changes) * (spread**2).sum(axis=0)


def tilt_is_measured(points: Points, fit: Solution, covariance: Float[np.ndarray, "5 5"]) -> bool:
    """Whether the rings determine the tilt: it moves them enough, and is known well or not zero."""
    geometry = fit.geometry
    farthest = float(radii(points.px, geometry).max())
    tangent = farthest * geometry.pixel_size_mm[0] / geometry.distance_mm
    if tangent < SMALL_ANGLE or farthest * tangent * np.tan(max(geometry.tilt, TILT_USABLE)) < LEVER:
        return False
    sigma = np.sqrt(np.diag(covariance)[2:4])
    tilt = np.array([geometry.pitch, geometry.yaw])
    rejected = tilt @ np.linalg.solve(covariance[2:4, 2:4], tilt) > TILT_REJECTED**2
    return bool(sigma.max() < TILT_KNOWN or (rejected and sigma.max() < TILT_USABLE))


def disagreement(
    points: Points, fit: Solution, covariance: Float[np.ndarray, "5 5"], tangents: Float[np.ndarray, " k"]
) -> str:
    """The sets of rings or sectors that give another centre than the others; empty if none does."""
    rings = len(tangents)
    quadrant = points.sector * 4 // SECTORS
    sets = {
        "inner and outer rings": points.ring < rings // 2,
        "every other ring and the rest": points.ring % 2 == 0,
        "opposite quadrants and the others": quadrant % 2 == 0,
    }
    free = free_columns(tangents, False)
    own = np.linalg.inv(fit.normal(free) + 1e-9 * np.eye(len(free)))[:2, :2]
    inflation = max(1.0, float(np.trace(covariance[:2, :2]) / np.trace(own)))
    worst = ""
    limit = SETS_SIGMA
    for name, chosen in sets.items():
        (one, c1, j1), (two, c2, j2) = (_set_centre(fit, free, kept) for kept in (chosen, ~chosen))
        apart, lever = one - two, j1 - j2
        joint = inflation * (c1 + c2) + lever @ covariance[2:4, 2:4] @ lever.T
        ratio = float(np.sqrt(apart @ np.linalg.solve(joint, apart)))
        if ratio > limit:
            worst, limit = f"{name} differ by {np.hypot(*apart):.1f} px, {ratio:.0f} sigma", ratio
    return worst


def _set_centre(fit: Solution, free: np.ndarray, kept: np.ndarray) -> tuple[np.ndarray, ...]:
    """Change of the centre by some of the points, its covariance, and its derivatives by the tilt."""
    normal = fit.normal(free, kept) + 1e-9 * np.eye(len(free))
    part = fit.design[:, free].T * (fit.weight * kept)
    change = -np.linalg.solve(normal, part @ fit.residual)
    lever = -np.linalg.solve(normal, part @ fit.design[:, 2:4])
    return change[:2], np.linalg.inv(normal)[:2, :2], lever[:2]
