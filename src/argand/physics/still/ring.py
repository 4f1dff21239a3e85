"""Beam centre, tilt and, with a calibrant, distance from sharp rings: powder, ice, calibrants.

Each ring's position is measured in azimuthal sectors; all rings have one centre and tilt. A tilt acts like a
shift that grows with the square of the radius, so it requires rings of several radii and a detector that is
large compared with its distance; otherwise zero tilt is assumed.
"""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float

from argand.physics.still.calibrant import Calibrant, assign_rings
from argand.physics.still.detector import BeamGeometry
from argand.physics.still.lattice_refinement import Prior
from argand.physics.still.ring_position import find_positions
from argand.physics.still.ring_profile import SECTORS, Cells, mirrored_centres, sharpest
from argand.physics.still.ring_solution import Points, Solution, changed, free_columns, radii, solve
from argand.physics.still.ring_trust import covariance_of, disagreement, tilt_is_measured

PASSES = 5
"""Number of rounds of measuring positions and fitting. By hand: each starts from the previous answer."""
MIRRORED = 8
"""Centres of symmetry that are tried in addition to those about the start. By hand; each costs a
millisecond."""
REACH = 3.0
"""Largest distance of a position from its ring, in cells; twice that in the first round. By hand."""
STRAY, LEAST_SHARP = (0.6, 0.25), 0.5
"""Largest scatter of a ring's positions, in its standard deviations and in the width of the search window,
and least share of the rings within it. By hand: positions from noise, spots and rings about another centre
fill the window, with a robust standard deviation of 0.7 times its half-width."""


@dataclass(frozen=True)
class RingFit:
    """Geometry from the rings, the covariance of (fast, slow) px and (pitch, yaw) rad, and the quality of
    fit.

    `rings` and `positions` are those used, `scatter_px` the median scatter of a ring's positions.
    `tilt_measured` is false if the rings do not determine the tilt: then it is zero, and the covariance
    includes an unknown one. `doubt` says why the fit is not trusted, empty if it is. With a calibrant,
    `distance_mm` is the fitted distance (also that of the geometry) with its standard deviation, or
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
        """The same fit in px, if it was made on cells of `factor` px."""
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
    """Centre, tilt and, with a `powder` of known spacings, the distance from the significant rings.

    `counts` and `live` are per cell the counts and the number (or share) of live pixels; `geometry` and
    `prior` are in cells. Without `search` the start must be within some cells already. Returns None for
    fewer than two sharp rings.
    """
    cells = Cells.of(counts, live)
    if not len(cells.fast):
        return None
    start = geometry
    if search:
        start = sharpest(cells, geometry, prior, mirrored_centres(counts, live, MIRRORED))
    settled = _settled(cells, start, prior)
    if settled is None:
        return None
    points, widths, solution = settled
    sharp = _are_sharp(points, solution, widths, REACH)
    elsewhere = sum(_is_circle(points, solution, int(k)) for k in np.flatnonzero(~sharp))
    # One circle that does not fit may be the rim of a beamstop.
    if np.count_nonzero(sharp) < max(2.0, LEAST_SHARP * len(sharp)) or elsewhere > 1:
        covariance = np.diag([prior.centre_px**2] * 2 + [prior.tilt**2] * 2)
        return RingFit(geometry, covariance, len(sharp), 0, doubt="they have no common centre")
    points, widths = points.where(sharp[points.ring]), widths[sharp]
    if powder is None:
        return _concluded(points, solution.geometry, prior, np.full(len(widths), np.nan))
    return _calibrated(points, widths, solution.geometry, prior, powder)


def _settled(cells: Cells, start: BeamGeometry, prior: Prior) -> tuple[Points, np.ndarray, Solution] | None:
    """Points, widths of the rings and their fit, repeated until convergence; None for less than two rings."""
    points = solution = widths = None
    for reach in np.linspace(2.0 * REACH, REACH, PASSES):
        measured = _measure(cells, start, float(reach))
        if measured is None:
            return None
        points, widths = measured
        solution = solve(points, start, True, prior.tilt, np.full(len(widths), np.nan))
        found = solution.geometry
        step = np.hypot(*np.subtract(found.beam_centre_px, start.beam_centre_px))
        turn = np.hypot(found.pitch - start.pitch, found.yaw - start.yaw)
        start = found
        # Set by hand: a fiftieth of a cell and 0.006 degrees.
        if step < 0.02 and turn < 1e-4:
            break
    assert points is not None
    assert solution is not None
    assert widths is not None
    return points, widths, solution


def _calibrated(
    points: Points, widths: np.ndarray, geometry: BeamGeometry, prior: Prior, powder: Calibrant
) -> RingFit:
    """The fit with the distance free and the assigned rings at the calibrant's d-spacings."""
    pixel = geometry.pixel_size_mm[0]
    radius = radii(points.px, geometry) * pixel
    mean = np.array([np.median(radius[points.ring == k]) for k in range(len(widths))])
    found = assign_rings(mean, widths * pixel, powder, geometry.wavelength, geometry.distance_mm, pixel)
    if isinstance(found, str):
        return replace(_concluded(points, geometry, prior, np.full(len(widths), np.nan)), mismatch=found)
    # The leverage of a tilt is R² / distance: at another distance the same ellipses imply another tilt.
    stretch = found.distance_mm / geometry.distance_mm
    turn = np.array([geometry.pitch, geometry.yaw]) * (stretch - 1.0)
    start = changed(geometry, np.array([0.0, 0.0, *turn, np.log(stretch)]))
    return _concluded(points, start, prior, np.where(found.order >= 0, found.tangents[found.order], np.nan))


def _are_sharp(points: Points, fit: Solution, widths: np.ndarray, reach: float) -> Bool[np.ndarray, " k"]:
    """Which rings have positions that agree, rather than fill the search window."""
    residual = np.abs(fit.residual)
    scatter = np.array([1.4826 * np.median(residual[points.ring == k]) for k in range(len(widths))])
    return scatter < np.minimum(STRAY[0] * widths, STRAY[1] * (reach + widths))


def _is_circle(points: Points, fit: Solution, ring: int) -> bool:
    """Whether the positions of a ring that does not fit agree about another centre."""
    residual = fit.residual[points.ring == ring]
    azimuth = points.sector[points.ring == ring] * (2 * np.pi / SECTORS)
    harmonic = np.column_stack([np.ones(len(azimuth)), np.cos(azimuth), np.sin(azimuth)])
    own = residual - harmonic @ np.linalg.lstsq(harmonic, residual, rcond=None)[0]
    # Set by hand: a quarter of the circumference, and a third of the misfit about the common centre.
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
    hit = np.asarray(np.isfinite(px).all(axis=1))
    points = Points(px, found.sigma, found.ring, found.sector)
    return points.where(hit), found.width[np.unique(found.ring[hit])]


def _concluded(points: Points, start: BeamGeometry, prior: Prior, tangents: np.ndarray) -> RingFit:
    """The fit with its uncertainty, the decision about the tilt, and its doubt."""
    tilted = solve(points, start, True, prior.tilt, tangents)
    level = replace(tilted.geometry, pitch=0.0, yaw=0.0)
    covariance = covariance_of(points, tilted, free_columns(tangents, True), prior.tilt)
    measured = tilt_is_measured(points, tilted, covariance)
    upright = None if measured else solve(points, level, False, prior.tilt, tangents)
    chosen = upright or tilted
    if upright:
        # The centre for zero tilt may be off by the effect of a true tilt.
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
        disagreement(points, chosen, covariance, tangents),
        distance if known else None,
        distance * float(np.sqrt(covariance[4, 4])) if known else None,
    )
