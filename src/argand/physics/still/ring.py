"""The beam centre, the tilt and with a calibrant the distance from sharp rings: powder, ice, calibrants.

Each ring's position is measured sector by sector of azimuth; all rings share centre and tilt. A tilt acts
like a shift that grows with the square of the radius, so it takes rings of several radii and a detector that
is large for its distance. Where it has no such lever, zero tilt stands.
"""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from argand.physics.still.calibrant import Calibrant, assign_rings
from argand.physics.still.detector import BeamGeometry
from argand.physics.still.lattice_refinement import Prior
from argand.physics.still.ring_position import find_positions
from argand.physics.still.ring_profile import SECTORS, Cells, mirrored_centres, sharpest
from argand.physics.still.ring_solution import Points, Solution, changed, free_columns, radii, solve

PASSES = 5
"""How often positions are measured and fitted. By hand: each measures about the answer of the one before."""
MIRRORED = 8
"""Centres of symmetry that are tried beside those about the start. By hand; each costs a millisecond."""
REACH = 3.0
"""How far a position may stray from its ring, in cells; twice that in the first pass. By hand."""
STRAY, LEAST_SHARP = (0.6, 0.25), 0.5
"""Largest scatter of a ring's positions, in its standard deviations and in the width of the window in which
they are looked for, and least share of the rings that must keep it. By hand: places of noise, spots and of
rings about another centre fill the window, with a robust standard deviation of 0.7 times its half-width."""
BLOCKS = 12
"""Blocks of neighbouring sectors that the jackknife leaves out in turn, 30 degrees each. By hand: texture and
absorption change over tens of degrees, and neighbouring sectors err alike."""
COMMON_ERROR = 0.02
"""Error in cells that positions have in common, for all their number: distortion, flat field, sensor. By hand;
benchmarks/geometry_rings.py prints errors over stated errors."""
TILT_KNOWN, TILT_REJECTED, TILT_USABLE = np.radians(0.15), 4.0, np.radians(0.5)
"""A tilt is measured where both angles are known to the first, or where zero is rejected by so many standard
deviations and both are known to the last. By hand: detectors at beamlines are upright within 0.5 degrees."""
SMALL_ANGLE, LEVER = 0.1, 1.0
"""tan(2 theta) of the outermost ring below which, and cells that a tilt (of TILT_USABLE or more) must move
that ring by without which, zero tilt stands. By hand: several errors of a position, and at small angles no
detector is known so well that a fraction of a cell at its rim would be the tilt's."""
SETS_SIGMA = 5.0
"""By how many of their joint standard deviations sets of rings may differ. By hand."""


@dataclass(frozen=True)
class RingFit:
    """Geometry from the rings, the covariance of (fast, slow) px and (pitch, yaw) rad, and how well they fit.

    `rings` and `positions` are those used, `scatter_px` the median scatter of a ring's positions.
    `tilt_measured` is false where the rings have no lever for a tilt: then the geometry has none, and the
    covariance that of an unknown one. `doubt` says why the fit is no answer, empty if it is one. With a
    calibrant, `distance_mm` is the fitted one (the geometry's too) with its standard deviation, or
    `mismatch` says why there is none.
    """

    geometry: BeamGeometry
    covariance: Float[np.ndarray, "4 4"]
    rings: int
    positions: int = 0
    scatter_px: float = 0.0
    tilt_measured: bool = True
    doubt: str = ""
    distance_mm: float | None = None
    distance_sigma_mm: float | None = None
    mismatch: str = ""

    def scaled(self, factor: float) -> "RingFit":
        """The same fit in px, where it was made on cells of `factor` px."""
        fast, slow = self.geometry.beam_centre_px
        pixel = self.geometry.pixel_size_mm
        scale = np.diag([factor, factor, 1.0, 1.0])
        return replace(
            self,
            geometry=replace(
                self.geometry,
                beam_centre_px=(fast * factor, slow * factor),
                pixel_size_mm=(pixel[0] / factor, pixel[1] / factor),
            ),
            covariance=scale @ self.covariance @ scale,
            scatter_px=self.scatter_px * factor,
        )


def fit_rings(
    counts: Float[np.ndarray, "slow fast"],
    live: Float[np.ndarray, "slow fast"],
    geometry: BeamGeometry,
    prior: Prior,
    search: bool = True,
    powder: Calibrant | None = None,
) -> RingFit | None:
    """Centre, tilt and, with a `powder` of known spacings, the distance from the rings that stand out.

    `counts` and `live` are per cell the counts and the number (or share) of live pixels; `geometry` and
    `prior` are in cells. Without `search` the start must be within some cells already. Returns None where
    fewer than two sharp rings are seen.
    """
    cells = Cells.of(counts, live)
    if not len(cells.fast):
        return None
    current = geometry
    if search:
        current = sharpest(cells, geometry, prior, mirrored_centres(counts, live, MIRRORED))
    points = solution = widths = None
    # By hand, in cells: how far a start may be off, then how far a position may stray from its ring.
    for reach in np.linspace(2.0 * REACH, REACH, PASSES):
        measured = _measure(cells, current, float(reach))
        if measured is None:
            return None
        points, widths = measured
        solution = solve(points, current, True, prior.tilt, np.full(len(widths), np.nan))
        step = np.hypot(*np.subtract(solution.geometry.beam_centre_px, current.beam_centre_px))
        turn = np.hypot(solution.geometry.pitch - current.pitch, solution.geometry.yaw - current.yaw)
        current = solution.geometry
        # By hand: a fiftieth of a cell and 0.006 degrees.
        if step < 0.02 and turn < 1e-4:
            break
    assert points is not None
    assert solution is not None
    assert widths is not None
    sharp = _are_sharp(points, solution, widths, REACH)
    elsewhere = sum(_is_circle(points, solution, k) for k in np.flatnonzero(~sharp))
    # One circle that is no ring of these may be the rim of a stop.
    if np.count_nonzero(sharp) < max(2.0, LEAST_SHARP * len(sharp)) or elsewhere > 1:
        covariance = np.diag([prior.centre_px**2] * 2 + [prior.tilt**2] * 2)
        return RingFit(geometry, covariance, len(sharp), 0, doubt="they have no common centre")
    points, widths = points.where(sharp[points.ring]), widths[sharp]
    rings = len(widths)
    unknown = np.full(rings, np.nan)
    if powder is None:
        return _concluded(points, solution.geometry, prior, unknown)
    pixel = geometry.pixel_size_mm[0]
    radius = radii(points.px, solution.geometry) * pixel
    mean = np.array([np.median(radius[points.ring == k]) for k in range(rings)])
    found = assign_rings(mean, widths * pixel, powder, geometry.wavelength, geometry.distance_mm, pixel)
    if isinstance(found, str):
        return replace(_concluded(points, solution.geometry, prior, unknown), mismatch=found)
    # The lever of a tilt is R² / distance: with another distance the same ellipses are of another tilt.
    stretch = found.distance_mm / geometry.distance_mm
    start = changed(solution.geometry, np.array([0, 0, *_tilts(solution) * (stretch - 1), np.log(stretch)]))
    tangents = np.where(found.order >= 0, found.tangents[found.order], np.nan)
    return _concluded(points, start, prior, tangents)


def _tilts(fit: Solution) -> np.ndarray:
    return np.array([fit.geometry.pitch, fit.geometry.yaw])


def _are_sharp(points: Points, fit: Solution, widths: np.ndarray, reach: float) -> np.ndarray:
    """Which rings have positions that agree, rather than fill the window they are looked for in."""
    residual = np.abs(fit.residual)
    scatter = np.array([1.4826 * np.median(residual[points.ring == k]) for k in range(len(widths))])
    return scatter < np.minimum(STRAY[0] * widths, STRAY[1] * (reach + widths))


def _is_circle(points: Points, fit: Solution, ring: int) -> bool:
    """Whether the positions of a ring that does not fit agree about a centre of its own."""
    residual = fit.residual[points.ring == ring]
    azimuth = points.sector[points.ring == ring] * (2 * np.pi / SECTORS)
    harmonic = np.column_stack([np.ones(len(azimuth)), np.cos(azimuth), np.sin(azimuth)])
    own = residual - harmonic @ np.linalg.lstsq(harmonic, residual, rcond=None)[0]
    # By hand: a quarter of the circumference, and a third of what is left without a centre of its own.
    return bool(len(own) > SECTORS // 4 and np.median(np.abs(own)) < np.median(np.abs(residual)) / 3)


def _measure(cells: Cells, geometry: BeamGeometry, reach: float) -> tuple[Points, np.ndarray] | None:
    """Points on the sharp rings as seen from a geometry, and the rings' widths; None for fewer than two."""
    found = find_positions(cells.polar(geometry), reach)
    if found is None or len(found.mean_radius) < 2:
        return None
    tangent = found.radius * geometry.pixel_size_mm[0] / geometry.distance_mm
    direction = np.column_stack(
        [tangent * np.cos(found.azimuth), tangent * np.sin(found.azimuth), np.ones(len(tangent))]
    )
    px = geometry.px_from_direction(direction)
    hit = np.isfinite(px).all(axis=1)
    points = Points(px, found.sigma, found.ring, found.sector)
    return points.where(hit), found.width[np.unique(found.ring[hit])]


def _concluded(
    points: Points, start: BeamGeometry, prior: Prior, tangents: np.ndarray
) -> RingFit:
    """The fit with its uncertainty, its decision about the tilt, and what speaks against it."""
    tilted = solve(points, start, True, prior.tilt, tangents)
    level = replace(tilted.geometry, pitch=0.0, yaw=0.0)
    covariance = _covariance(points, tilted, free_columns(tangents, True), prior.tilt)
    measured = _tilt_is_measured(points, tilted, covariance)
    upright = None if measured else solve(points, level, False, prior.tilt, tangents)
    chosen = upright or tilted
    if upright:
        # The centre of zero tilt may be off by what the tilt, if there is one, does to it.
        apart = np.zeros(5)
        apart[:2] = np.subtract(upright.geometry.beam_centre_px, tilted.geometry.beam_centre_px)
        covariance = covariance + np.outer(apart, apart)
    known, distance = bool(np.isfinite(tangents).any()), chosen.geometry.distance_mm
    return RingFit(
        chosen.geometry,
        covariance[:4, :4],
        len(tangents),
        len(points.px),
        float(np.median(np.sqrt(chosen.scatter[points.ring] ** 2 + points.sigma**2))),
        measured,
        _disagreement(points, chosen, covariance, tangents),
        distance if known else None,
        distance * float(np.sqrt(covariance[4, 4])) if known else None,
    )


def _covariance(points: Points, fit: Solution, free: np.ndarray, tilt_prior: float) -> np.ndarray:
    """Covariance of the five numbers: of the fit or the jackknife, and of errors in common."""
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
    # An error that all positions have in common counts as one measurement, spread as theirs are.
    common = np.linalg.inv(normal / fit.weight.sum() / COMMON_ERROR**2 + strength)
    total = np.zeros((5, 5))
    wanted = np.flatnonzero(free < 5)
    total[np.ix_(free[wanted], free[wanted])] = (scaled + common)[np.ix_(wanted, wanted)]
    return total


def _jackknife(block: np.ndarray, fit: Solution, free: np.ndarray, strength: np.ndarray) -> np.ndarray:
    """Variances of the free numbers from leaving out one block of points after the other."""
    part = fit.design[:, free]
    changes = []
    for b in np.unique(block):
        kept = (block != b).astype(float)
        # Radii of rings that are left out have no equation.
        normal = fit.normal(free, kept) + strength + 1e-9 * np.eye(len(free))
        changes.append(-np.linalg.solve(normal, part.T @ (fit.weight * kept * fit.residual)))
    spread = np.asarray(changes) - np.mean(changes, axis=0)
    return (len(changes) - 1) / len(changes) * (spread**2).sum(axis=0)


def _tilt_is_measured(points: Points, fit: Solution, covariance: np.ndarray) -> bool:
    """Whether the rings tell a tilt: they have a lever, and know it well or reject that there is none."""
    geometry = fit.geometry
    farthest = float(radii(points.px, geometry).max())
    tangent = farthest * geometry.pixel_size_mm[0] / geometry.distance_mm
    if tangent < SMALL_ANGLE or farthest * tangent * np.tan(max(geometry.tilt, TILT_USABLE)) < LEVER:
        return False
    sigma = np.sqrt(np.diag(covariance)[2:4])
    tilt = _tilts(fit)
    rejected = tilt @ np.linalg.solve(covariance[2:4, 2:4], tilt) > TILT_REJECTED**2
    return bool(sigma.max() < TILT_KNOWN or (rejected and sigma.max() < TILT_USABLE))


def _disagreement(points: Points, fit: Solution, covariance: np.ndarray, tangents: np.ndarray) -> str:
    """Which sets of rings or sectors give another centre than the others; empty if none does."""
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
            worst, limit = f"{name} differ by {np.hypot(*apart):.1f} px, {ratio:.0f} of their sigma", ratio
    return worst


def _set_centre(fit: Solution, free: np.ndarray, kept: np.ndarray) -> tuple[np.ndarray, ...]:
    """Change of the centre that some of the points ask for, its covariance, its derivatives by the tilt."""
    normal = fit.normal(free, kept) + 1e-9 * np.eye(len(free))
    part = fit.design[:, free].T * (fit.weight * kept)
    change = -np.linalg.solve(normal, part @ fit.residual)
    lever = -np.linalg.solve(normal, part @ fit.design[:, 2:4])
    return change[:2], np.linalg.inv(normal)[:2, :2], lever[:2]
