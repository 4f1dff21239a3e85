"""The beam centre from sharp rings: powder, ice, calibrants.

About the right centre, and at the right tilt, every ring is equally bright all the way round. Smooth
background tells little, for absorption and air paths make it lopsided by a few per cent, as a shift by
several pixels would; so only rings that stand out of it are used. Their contrast in the radial profile
is maximised first, which a lopsided level cannot fool; then a Gauss-Newton fit of the sectors gives the
last digits and the covariance. On a tilted detector rings are ellipses, which is contained in the
laboratory coordinates of the cells.
"""

from dataclasses import dataclass, replace
from typing import cast

import numpy as np
from jaxtyping import Float
from scipy import ndimage

from argand.physics.still.detector import BeamGeometry
from argand.physics.still.lattice_refinement import Prior

SECTORS = 48
"""Sectors of azimuth that rings are cut into, 7.5 degrees each.

By hand: narrow enough for the first and second harmonic, wide enough to hold counts.
"""
RINGS = 420
"""Rings from the centre to the farthest corner, but none narrower than a cell.

By hand, about one a cell of the networks' canvas.
"""
SYSTEMATIC = 0.02
"""Relative error of a sector that no model here explains (texture of the powder, flat field, air paths).

By hand; `benchmarks/geometry_simulated.py` measures the calibration of the answers.
"""


@dataclass(frozen=True)
class RingFit:
    """Geometry from the rings, the covariance of (fast, slow) px and (pitch, yaw) rad, and how well they fit.

    `chi2` is the mean squared residual of the sectors in units of their expected error, `rings` the
    number of rings used.
    """

    geometry: BeamGeometry
    covariance: Float[np.ndarray, "4 4"]
    chi2: float
    rings: int


@dataclass(frozen=True)
class _Polar:
    """Sums over rings and sectors: counts, live pixels, and the mean radius (px) of each."""

    counts: Float[np.ndarray, "r s"]
    live: Float[np.ndarray, "r s"]
    radius: Float[np.ndarray, "r s"]


def fit_rings(
    counts: Float[np.ndarray, "slow fast"],
    live: Float[np.ndarray, "slow fast"],
    geometry: BeamGeometry,
    prior: Prior,
    search: bool = True,
    rounds: int = 8,
) -> RingFit | None:
    """Refine centre and tilt by the rings that stand out of the background.

    `counts` and `live` are per cell the counts and the number (or share) of live pixels; `geometry` and
    `prior` are in cells. Without `search` the start must be within a ring's width already. Returns None
    where fewer than two sharp rings are seen, or the fit does not settle.

    `rounds` is by hand. The limits of a fit that is kept (0.2 cells, chi² of 10) are too; verdicts as a whole
    are measured (`benchmarks/geometry_simulated.py`, `benchmarks/geometry_real.py`).
    """
    cells = _Cells.of(counts, live, geometry)
    current = _sharpest(cells, geometry, prior) if search else geometry
    if current is None:
        return None
    fit, step = None, np.full(4, np.inf)
    for _ in range(rounds):
        solved = _step(cells.polar(current), current, geometry, prior)
        if solved is None:
            return None
        step, covariance, chi2, rings = solved
        # By hand: at most three cells and about a degree a step, as far as a linearised ring holds.
        current = _moved(current, np.clip(step, [-3, -3, -0.02, -0.02], [3, 3, 0.02, 0.02]))
        fit = RingFit(current, covariance, chi2, rings)
        # By hand: a hundredth of a cell and 0.002 degrees, both far below what is ever known.
        if np.hypot(*step[:2]) < 0.01 and np.hypot(*step[2:]) < 3e-5:
            break
    settled = fit is not None and np.hypot(*step[:2]) < 0.2 and fit.chi2 < 10.0
    return fit if settled else None


def _moved(geometry: BeamGeometry, change: np.ndarray) -> BeamGeometry:
    """Geometry with (fast, slow, pitch, yaw) changed."""
    fast, slow = np.asarray(geometry.beam_centre_px) + change[:2]
    return replace(
        geometry.with_centre((fast, slow)),
        pitch=geometry.pitch + float(change[2]),
        yaw=geometry.yaw + float(change[3]),
    )


@dataclass(frozen=True)
class _Cells:
    """Live cells of an image: their places in cells, counts, live share; and the width of a ring."""

    fast: Float[np.ndarray, " n"]
    slow: Float[np.ndarray, " n"]
    counts: Float[np.ndarray, " n"]
    live: Float[np.ndarray, " n"]
    width: float

    @classmethod
    def of(cls, counts: np.ndarray, live: np.ndarray, geometry: BeamGeometry) -> "_Cells":
        """The cells that have any live pixels."""
        rows, cols = np.nonzero(live > 0)
        far = [
            max(abs(c), abs(n - c)) for c, n in zip(geometry.beam_centre_px, counts.shape[::-1], strict=True)
        ]
        return cls(
            (cols + 0.5).astype(np.float32),
            (rows + 0.5).astype(np.float32),
            counts[rows, cols].astype(np.float32),
            live[rows, cols].astype(np.float32),
            max(1.0, float(np.hypot(far[0], far[1])) / RINGS),
        )

    def seen_from(self, geometry: BeamGeometry) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Laboratory x and y (mm) of each cell, and its radius in cells on an untilted detector."""
        axes = geometry.axes.astype(np.float32)
        fast = (self.fast - np.float32(geometry.beam_centre_px[0])) * np.float32(geometry.pixel_size_mm[0])
        slow = (self.slow - np.float32(geometry.beam_centre_px[1])) * np.float32(geometry.pixel_size_mm[1])
        x = fast * axes[0, 0] + slow * axes[0, 1]
        y = fast * axes[1, 0] + slow * axes[1, 1]
        z = fast * axes[2, 0] + slow * axes[2, 1] + np.float32(geometry.distance_mm)
        scale = np.float32(geometry.distance_mm / geometry.pixel_size_mm[0])
        return x, y, np.sqrt(x * x + y * y) * scale / np.maximum(z, 1.0)

    def profile(self, geometry: BeamGeometry) -> tuple[np.ndarray, np.ndarray]:
        """Mean level of each ring, and its live share."""
        place = self.seen_from(geometry)[2] / np.float32(self.width)
        ring = np.minimum(place, np.float32(RINGS)).astype(np.int32)
        total = np.bincount(ring, self.live, minlength=RINGS + 1)[:RINGS]
        return np.bincount(ring, self.counts, minlength=RINGS + 1)[:RINGS] / np.maximum(total, 1e-9), total

    def polar(self, geometry: BeamGeometry) -> _Polar:
        """Sums over rings of equal scattering angle and sectors of azimuth."""
        x, y, radius = self.seen_from(geometry)
        ring = np.minimum(radius / np.float32(self.width), np.float32(RINGS)).astype(np.int32)
        turn = (np.arctan2(y, x) * np.float32(SECTORS / (2 * np.pi))) % np.float32(SECTORS)
        bins = ring * SECTORS + np.minimum(turn.astype(np.int32), SECTORS - 1)
        size = RINGS * SECTORS

        def total(weights: np.ndarray) -> np.ndarray:
            return np.bincount(bins, weights, minlength=size + SECTORS)[:size].reshape(RINGS, SECTORS)

        weight = total(self.live)
        return _Polar(total(self.counts), weight, total(self.live * radius) / np.maximum(weight, 1e-9))


def _sharpest(cells: _Cells, geometry: BeamGeometry, prior: Prior) -> BeamGeometry | None:
    """Geometry at which the sharp part of the radial profile is strongest; None without sharp rings."""
    from scipy.optimize import minimize  # slow to import, and an image with a lattice needs no rings

    def contrast(change: np.ndarray) -> float:
        mean, total = cells.profile(_moved(geometry, change))
        seen = total > 3.0
        # By hand, in rings: what is wider than 6 is background, and rings of 3 cells or fewer say nothing.
        level = ndimage.gaussian_filter1d(mean * seen, 6.0) / np.maximum(
            ndimage.gaussian_filter1d(seen.astype(float), 6.0), 1e-3
        )
        # The sharp part in units of the level: absorption and decay with angle fall out.
        sharp = (mean - level) * seen / np.sqrt(np.maximum(level, 1.0 / np.maximum(total, 1.0)))
        # By hand: no single ring, such as the rim of a stop, outweighs all others.
        return float(np.minimum(sharp**2 * total, 1e7).sum())

    def cost(change: np.ndarray) -> float:
        pull = np.sum(change[:2] ** 2) / prior.centre_px**2 + np.sum(change[2:] ** 2) / prior.tilt**2
        return pull - contrast(change) / np.sqrt(SECTORS)

    steps = np.array([prior.centre_px, prior.centre_px, prior.tilt, prior.tilt])
    # As wide as what is known beforehand, the start inside of it.
    simplex = np.vstack([np.zeros(4), np.diag(steps)]) - 0.25 * steps
    # 220 calls bound the time; the Gauss-Newton fit that follows gives the last digits.
    options = {"initial_simplex": simplex, "maxfev": 220, "xatol": 1e-3, "fatol": 0.1}
    found = minimize(cost, np.zeros(4), method="Nelder-Mead", options=options)
    best = _moved(geometry, found.x)
    mean, total = cells.profile(best)
    # One broad hump beside the beamstop is not a pattern of rings.
    _, patterns = cast(tuple[np.ndarray, int], ndimage.label(_stands_out(mean, total)))
    return best if patterns >= 2 else None


def _stands_out(mean: np.ndarray, total: np.ndarray) -> np.ndarray:
    """Where a ring's level exceeds its neighbours' by more than noise and three per cent allow."""
    noise = np.sqrt(np.maximum(mean, 1.0 / np.maximum(total, 1e-9)) / np.maximum(total, 1e-9))
    # By hand: 25 rings are wider than any sharp one; 5 σ and 3 % keep noise and slopes out.
    smooth = ndimage.median_filter(mean, 25)
    ring = (mean - smooth > 5.0 * noise + 0.03 * smooth) & (total > 3.0)
    # The rim of the beamstop is no ring.
    ring[:4] = False
    return ring


def _all_round(polar: _Polar) -> np.ndarray:
    """Rings that stand out in most of their sectors, not in a few that hold spots."""
    # By hand: sectors that are mostly gap or shadow are not asked.
    live = polar.live > 0.25 * polar.live.max(axis=1, keepdims=True)
    level = np.where(live & (polar.live > 0), polar.counts / np.maximum(polar.live, 1e-9), np.nan)
    total, seen = (polar.live * live).sum(axis=1), (live & (polar.live > 0)).any(axis=1)
    middle = np.zeros(len(level))
    middle[seen] = np.nanmedian(level[seen], axis=1)
    return _stands_out(middle, total)


def _step(
    polar: _Polar, geometry: BeamGeometry, start: BeamGeometry, prior: Prior
) -> tuple[np.ndarray, np.ndarray, float, int] | None:
    """One Gauss-Newton step of (fast, slow, pitch, yaw), its covariance, chi² and the rings used."""
    # Two rings on either side: a ring's flanks hold what tells its place.
    share = ndimage.maximum_filter1d(_all_round(polar).astype(float), 5)
    full = polar.live.max(axis=1, keepdims=True)
    weight = np.where(polar.live > 0.25 * full, polar.live, 0.0)
    used = (np.count_nonzero(weight, axis=1) >= SECTORS // 4) & (share > 0)
    if used.sum() < 4:
        return None
    robust = np.ones_like(weight)
    level = polar.counts / np.maximum(polar.live, 1e-9)
    solution, covariance, chi2 = np.zeros(6), np.eye(6), 1.0
    # A lopsided level of 10 % is what is known of it beforehand, by hand.
    strength = np.diag([prior.centre_px**-2] * 2 + [prior.tilt**-2] * 2 + [0.1**-2] * 2)
    offset = np.subtract(start.beam_centre_px, geometry.beam_centre_px)
    pull = np.array([*offset, start.pitch - geometry.pitch, start.yaw - geometry.yaw, 0.0, 0.0])
    for _ in range(3):
        kept = weight * robust
        total = np.maximum(kept.sum(axis=1), 1e-9)
        mean, radius = (kept * level).sum(axis=1) / total, (kept * polar.radius).sum(axis=1) / total
        # By hand, in rings: less than the width of any, so that the slope is not that of its noise.
        profile = ndimage.gaussian_filter1d(mean, 0.6)
        slope = np.gradient(profile) / np.maximum(np.gradient(radius), 1e-3)
        variance = chi2 * np.maximum(profile, 0.1 / total)[:, None] / np.maximum(weight, 1e-9)
        variance += (SYSTEMATIC * profile[:, None]) ** 2
        inverse = np.where((weight > 0) & used[:, None], robust / np.maximum(variance, 1e-30), 0.0)
        target = level - mean[:, None] - slope[:, None] * (polar.radius - radius[:, None])
        design = _design(profile, slope, radius, geometry)
        target, design = _remove_ring_means(target, design, inverse)
        normal = np.einsum("prs,rs,qrs->pq", design, inverse, design, optimize=True) + strength
        solution = np.linalg.solve(
            normal, np.einsum("prs,rs,rs->p", design, inverse, target) + strength @ pull
        )
        square = (target - np.einsum("p,prs->rs", solution, design)) ** 2 / np.maximum(variance, 1e-30)
        # Tukey's biweight, which ends at 5 standard deviations (by hand).
        robust = np.where(square < 25.0, (1.0 - np.minimum(square, 25.0) / 25.0) ** 2, 0.0)
        seen = inverse > 0
        # 0.455 is the median of chi² with one degree of freedom; bounds by hand.
        chi2 = float(np.clip(np.median(square[seen]) / 0.455 * chi2, 1.0, 100.0)) if seen.any() else 1.0
        covariance = np.linalg.inv(normal)
    return solution[:4], covariance[:4, :4], chi2, int(used.sum())


def _design(profile: np.ndarray, slope: np.ndarray, radius: np.ndarray, geometry: BeamGeometry) -> np.ndarray:
    """How the level of each sector answers to centre, tilt and a lopsided level: [6, rings, sectors].

    A centre moved by d lowers the radius of a cell by d cos(azimuth); a detector turned by yaw brings
    the side at +fast nearer, which raises its scattering angle; likewise sin and pitch.
    """
    azimuth = (np.arange(SECTORS) + 0.5) * (2 * np.pi / SECTORS)
    cos, sin = np.cos(azimuth)[None], np.sin(azimuth)[None]
    along, level = slope[:, None], profile[:, None]
    lever = (radius**2 / (geometry.distance_mm / geometry.pixel_size_mm[0]))[:, None]
    shift, tilt = [-along * cos, -along * sin], [-along * lever * sin, along * lever * cos]
    columns = [*shift, *tilt, level * cos, level * sin]
    return np.stack([np.broadcast_to(c, (len(profile), SECTORS)) for c in columns])


def _remove_ring_means(
    target: np.ndarray, design: np.ndarray, inverse: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Project out the level of each ring, which is free."""
    total = np.maximum(inverse.sum(axis=1, keepdims=True), 1e-30)
    target = target - (inverse * target).sum(axis=1, keepdims=True) / total
    design = design - (inverse * design).sum(axis=2, keepdims=True) / total
    return target, design
