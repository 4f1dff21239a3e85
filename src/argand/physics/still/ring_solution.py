"""Centre, tilt and distance from positions on rings, by robust least squares."""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float, Int

from argand.physics.still.detector import BeamGeometry

STEPS = np.array([0.01, 0.01, 1e-5, 1e-5, 1e-5])
"""Steps of the numerical derivatives: px, px, radians, radians, logarithm of the distance. Set by hand:
truncation and rounding errors are both far below what a Gauss-Newton step needs."""
LONGEST = np.array([3.0, 3.0, 0.02, 0.02, 0.05])
"""Longest change in one Gauss-Newton step, in the same units. By hand, the range of validity of a linearised
ring."""
ROUNDS = 12
"""Gauss-Newton steps with new weights. Set by hand, a bound on time."""
OUTLIER = 4.685
"""Cut-off of Tukey's biweight in normalised residuals: the usual value, 95 % efficient for normal errors."""
LEAST_ERROR = 0.02
"""Least error of a position, in cells. By hand: the effect of pixels on a ring that crosses them."""


@dataclass(frozen=True)
class Points:
    """Points on rings: positions in cells, errors from counts (cells), numbers of ring and sector."""

    px: Float[np.ndarray, "n 2"]
    sigma: Float[np.ndarray, " n"]
    ring: Int[np.ndarray, " n"]
    sector: Int[np.ndarray, " n"]

    def where(self, kept: Bool[np.ndarray, " n"]) -> "Points":
        """Some of the points; rings are renumbered."""
        _, ring = np.unique(self.ring[kept], return_inverse=True)
        return Points(self.px[kept], self.sigma[kept], ring, self.sector[kept])


@dataclass(frozen=True)
class Solution:
    """A fit of (fast, slow, pitch, yaw, log distance), the linear system there, and its residuals.

    `design` [n, 5 + rings] holds derivatives of the residuals (cells), `weight` the inverse variances
    including robust weights, `scatter` each ring's standard deviation beyond its counts.
    """

    geometry: BeamGeometry
    design: Float[np.ndarray, "n p"]
    residual: Float[np.ndarray, " n"]
    weight: Float[np.ndarray, " n"]
    robust: Float[np.ndarray, " n"]
    scatter: Float[np.ndarray, " k"]

    def normal(self, free: Int[np.ndarray, " f"], kept: np.ndarray | None = None) -> np.ndarray:
        """Normal matrix of the `free` columns for the `kept` points."""
        weight = self.weight if kept is None else self.weight * kept
        part = self.design[:, free]
        return part.T @ (weight[:, None] * part)

    @property
    def chi2(self) -> float:
        """Mean squared normalised residual of the points without outliers; about one."""
        freedom = max(float(self.robust.sum()) - self.design.shape[1], 1.0)
        return float((self.weight * self.residual**2).sum() / freedom)


def radii(px: Float[np.ndarray, "n 2"], geometry: BeamGeometry) -> Float[np.ndarray, " n"]:
    """Radius of points, in cells, on an untilted detector: distance times tan(2 theta)."""
    lab = geometry.lab_from_px(px)
    return np.hypot(lab[:, 0], lab[:, 1]) / lab[:, 2] * geometry.distance_mm / geometry.pixel_size_mm[0]


def changed(geometry: BeamGeometry, change: Float[np.ndarray, "5"]) -> BeamGeometry:
    """Geometry with (fast, slow, pitch, yaw, logarithm of the distance) changed."""
    fast, slow = np.asarray(geometry.beam_centre_px) + change[:2]
    return replace(
        geometry.with_centre((fast, slow)),
        pitch=geometry.pitch + float(change[2]),
        yaw=geometry.yaw + float(change[3]),
        distance_mm=geometry.distance_mm * float(np.exp(change[4])),
    )


def solve(
    points: Points,
    start: BeamGeometry,
    tilt: bool,
    tilt_prior: float,
    tangents: Float[np.ndarray, " k"],
) -> Solution:
    """Fit the points: each ring's radius is free, or given by tan(2 theta) in `tangents` (NaN: free).

    If any is given, the distance is fitted. Without `tilt` that of the start is kept. `tilt_prior` is
    the standard deviation of each angle about zero, in radians.
    """
    rings = len(tangents)
    free = free_columns(tangents, tilt)
    geometry, mean = start, _ring_medians(radii(points.px, start), points.ring, rings)
    strength = np.zeros(5 + rings)
    strength[2:4] = tilt_prior**-2.0
    scatter = np.zeros(rings)
    for turn in range(ROUNDS):
        residual, design = _linearised(points, geometry, mean, tangents)
        # The first steps use the scatter about a start that may be inaccurate.
        scatter = _scatter(residual, points, rings)
        sigma2 = points.sigma**2 + scatter[points.ring] ** 2 + LEAST_ERROR**2
        robust = _biweight(residual / np.sqrt(sigma2))
        weight = robust / sigma2
        part = design[:, free]
        pull = np.zeros(5 + rings)
        pull[2:4] = -np.array([geometry.pitch, geometry.yaw]) * strength[2:4]
        normal = part.T @ (weight[:, None] * part) + np.diag(strength[free] + 1e-9)
        change = np.zeros(5 + rings)
        change[free] = np.linalg.solve(normal, pull[free] - part.T @ (weight * residual))
        step = np.clip(change[:5], -LONGEST, LONGEST)
        geometry, mean = changed(geometry, step), mean + change[5:]
        # Set by hand: a thousandth of a cell and 0.0006 degrees, both below any attainable accuracy.
        if turn > 2 and np.hypot(*step[:2]) < 1e-3 and np.abs(step[2:]).max() < 1e-5:
            break
    residual, design = _linearised(points, geometry, mean, tangents)
    sigma2 = points.sigma**2 + scatter[points.ring] ** 2 + LEAST_ERROR**2
    robust = _biweight(residual / np.sqrt(sigma2))
    return Solution(geometry, design, residual, robust / sigma2, robust, scatter)


def free_columns(tangents: Float[np.ndarray, " k"], tilt: bool) -> Int[np.ndarray, " f"]:
    """Columns of a design that are fitted: centre, tilt, distance if a ring is known, radii of the others."""
    unknown = np.flatnonzero(np.isnan(tangents)) + 5
    distance = [4] if len(unknown) < len(tangents) else []
    return np.array([0, 1, *([2, 3] if tilt else []), *distance, *unknown])


def _linearised(
    points: Points, geometry: BeamGeometry, mean: np.ndarray, tangents: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Residuals (cells) and their derivatives with respect to the five parameters and the radii."""

    def misfit(at: BeamGeometry) -> np.ndarray:
        known = (at.distance_mm / at.pixel_size_mm[0]) * tangents
        return radii(points.px, at) - np.where(np.isnan(known), mean, known)[points.ring]

    residual = misfit(geometry)
    columns = []
    for i, step in enumerate(STEPS):
        change = np.zeros(5)
        change[i] = step
        columns.append((misfit(changed(geometry, change)) - misfit(changed(geometry, -change))) / (2 * step))
    own = -(points.ring[:, None] == np.arange(len(mean))[None]).astype(float)
    return residual, np.column_stack([*columns, own])


def _ring_medians(values: np.ndarray, ring: np.ndarray, rings: int) -> np.ndarray:
    return np.array([np.median(values[ring == k]) for k in range(rings)])


def _scatter(residual: np.ndarray, points: Points, rings: int) -> np.ndarray:
    """Robust standard deviation of each ring's residuals beyond their errors from counts."""
    # 1.4826 times the median deviation is the standard deviation of normal errors.
    total = 1.4826 * _ring_medians(np.abs(residual), points.ring, rings)
    counts = _ring_medians(points.sigma, points.ring, rings)
    return np.sqrt(np.maximum(total**2 - counts**2, 0.0))


def _biweight(normalised: np.ndarray) -> np.ndarray:
    """Tukey's weights."""
    return np.where(np.abs(normalised) < OUTLIER, (1.0 - (normalised / OUTLIER) ** 2) ** 2, 0.0)
