"""The beam centre from the lattice of a still's Bragg spots, for an unknown cell.

Every spot is a reciprocal-lattice vector, and the lattice has a node at the beam centre. If the assumed
centre is wrong, all vectors are shifted by the same vector (nearly: the Ewald sphere is curved). The direct
lattice is found independently of the shift (argand.physics.still.basis), and its phases give the shift up to
a lattice vector. A least-squares fit of lattice, centre and tilt to the spots then distinguishes the
candidates by the curvature of the sphere.
"""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float

from argand.physics.still.basis import find_basis
from argand.physics.still.detector import BeamGeometry
from argand.physics.still.lattice_refinement import (
    OUTLIER,
    Candidates,
    Prior,
    fit_candidates,
    index_and_fit,
    placed,
)
from argand.physics.still.primitive import primitive_transform
from argand.typing import Matrix3, Miller, Points2

GROWTH = ((0.45, 24), (1.0, 5))
"""Share of the spots, from low angles on, and number of origins in each round of comparison.

Set by hand; only the final answers are benchmarked (`benchmarks/geometry_simulated.py`,
`benchmarks/geometry_real.py`).
"""
RIVALS = 48
"""Largest number of other origins that the best one is compared with.

Set by hand, a bound on time; only the final answers are benchmarked (`benchmarks/geometry_simulated.py`,
`benchmarks/geometry_real.py`).
"""


@dataclass(frozen=True)
class LatticeFit:
    """A lattice fitted to spots, and the geometry that it implies.

    `covariance` is that of (fast, slow) px, (pitch, yaw) rad, `indexed` the number of spots that the lattice
    explains, `rms_px` their residual, `margin` the difference in chi² between the best origin and the next
    one, and `rival_px` the centre of the latter (None without a rival). `stretch` is the ratio of the fitted
    to the given distance, and `stretch_sigma` its standard deviation; `chance` is the share of random spots
    that would be explained. `basis` has the primitive reciprocal vectors as columns (1/Å), at the fitted
    distance, and `basis_covariance` is that of its elements row by row, including the uncertainty of the
    distance (both None for a planar net, which has no third vector); `explained` marks the spots on the
    lattice.
    """

    geometry: BeamGeometry
    basis: Matrix3 | None
    basis_covariance: Float[np.ndarray, "9 9"] | None
    explained: Bool[np.ndarray, " n"]
    covariance: Float[np.ndarray, "4 4"]
    indexed: int
    offered: int
    rms_px: float
    margin: float
    rival_px: tuple[float, float] | None
    stretch: float
    stretch_sigma: float
    chance: float


def fit_lattice(px: Points2, geometry: BeamGeometry, prior: Prior, most: int = 400) -> LatticeFit | None:
    """Find the lattice of spots at `px` (strongest first) and refine the geometry with it.

    Returns None for fewer than 12 spots, without a significant lattice, or if the fit fails.

    `px` [n, 2] is (fast, slow), integer = pixel edge. The bounds of 400 spots (to find a lattice) and 500 (to
    compare origins) are set by hand, for speed.
    """
    # Set by hand: fewer spots hardly outnumber the nine parameters of a lattice and those of the detector.
    if len(px) < 12:
        return None
    q = geometry.q_from_px(px[:most])
    basis = find_basis(q)
    # Weak spots may belong to other crystals or be noise.
    if basis is None and len(q) > most // 2:
        basis = find_basis(q[: most // 2])
    if basis is None:
        return None
    rows, phase = basis
    found = _any_origin(px[:500], geometry, prior, np.linalg.inv(rows), phase)
    return _best_origin(px, geometry, prior, found) if found is not None else None


def origin_candidates(
    basis: Matrix3, phase: np.ndarray, geometry: BeamGeometry, prior: Prior, most: int = 24
) -> Miller:
    """Index shifts that bring the lattice's origin to within four times the prior's scale of the start.

    A shift of the centre moves all q across the beam, so the origin must lie near the plane q_z = 0.
    `basis` has the reciprocal vectors as columns; the lattice has a node at q = basis @ phase.
    """
    rows = np.linalg.inv(basis)
    px_per_q = geometry.wavelength * geometry.distance_mm / geometry.pixel_size_mm[0]
    window = 4.0 * prior.centre_px / px_per_q
    # The search window in indices: the prior's across the beam, 0.01 1/Å along it; at most 25 either way, set
    # by hand, for memory.
    reach = np.ceil(np.linalg.norm(rows, axis=1) * (window + 0.01)).astype(int) + 1
    reach = np.minimum(reach, 25)
    shifts = np.stack(np.meshgrid(*[np.arange(-n, n + 1) for n in reach], indexing="ij"), -1).reshape(-1, 3)
    offset = (shifts + phase) @ basis.T
    across = np.hypot(offset[:, 0], offset[:, 1]) * px_per_q
    # 0.002 and 0.008 1/Å, set by hand: distance of an unrefined basis's origin from the plane, and four times
    # that.
    cost = (across / prior.centre_px) ** 2 + (offset[:, 2] / 0.002) ** 2
    inside = (across < 4.0 * prior.centre_px + 2.0) & (np.abs(offset[:, 2]) < 0.008)
    order = np.flatnonzero(inside)[np.argsort(cost[inside])][:most]
    return shifts[order]


def _any_origin(
    px: Points2, geometry: BeamGeometry, prior: Prior, basis: Matrix3, phase: np.ndarray
) -> Candidates | None:
    """The lattice with one of its nodes as origin, at the geometry that explains most spots.

    An unknown tilt bends the lattice by some per cent at high angles, where spots would get wrong indices:
    low angles are fitted first.
    """
    origins = origin_candidates(basis, phase, geometry, prior)
    if len(origins) == 0:
        return None
    angle = np.linalg.norm(geometry.q_from_px(px), axis=1)
    bases = np.repeat(basis[None], len(origins), axis=0)
    offset = (origins + phase) @ basis.T
    px_per_q = geometry.wavelength * geometry.distance_mm / np.asarray(geometry.pixel_size_mm)
    # q seen from a wrong centre = true q + offset, hence the true centre lies at +offset.
    centre = np.asarray(geometry.beam_centre_px) + offset[:, :2] * px_per_q
    rest = np.tile([geometry.pitch, geometry.yaw, 0.0], (len(origins), 1))
    place = np.concatenate([centre, rest], axis=1)
    fits = None
    for share, most in GROWTH:
        # Set by hand: if there are few spots, all are needed.
        near = px[angle <= np.quantile(angle, share)] if len(px) * share > 30 else px
        kept = slice(None) if fits is None else np.argsort(fits.cost)[:most]
        fits = index_and_fit(near, geometry, prior, place[kept], bases[kept], rough=fits is None)
        place, bases = fits.place, fits.basis
    assert fits is not None
    return fits.take(int(np.argmin(fits.cost)))


def _best_origin(px: Points2, geometry: BeamGeometry, prior: Prior, found: Candidates) -> LatticeFit | None:
    """Try the other nodes as origin of an indexed lattice.

    A node on the Ewald sphere fits as well as the true origin if the beam is turned to it: centre and tilt
    change together, and only their prior distinguishes the origins.
    """
    for _ in range(2):
        rivals = _with_other_origins(px[:500], geometry, prior, found)
        order = np.argsort(rivals.cost)
        found = rivals.take(int(order[0]))
    final = index_and_fit(px, geometry, prior, found.place, found.basis)
    # Set by hand: a weight of 0.2 is a spot at three standard deviations; fewer than ten spots do not make a
    # lattice.
    explained = final.weight[0] > 0.2
    indexed = int(np.count_nonzero(explained))
    if indexed < 10:
        return None
    margin, rival_px = np.inf, None
    if len(order) > 1:
        margin = float(rivals.cost[order[1]] - rivals.cost[order[0]])
        rival_px = (float(rivals.place[order[1], 0]), float(rivals.place[order[1], 1]))
    covariance = np.linalg.inv(final.normal[0])
    stretch = float(np.exp(final.place[0, 4]))
    # Volume of the ellipsoid about a node in which a spot is not an outlier, over that of the reciprocal
    # cell.
    reach = 4.0 / 3.0 * np.pi * OUTLIER**1.5 * final.scales[0] ** 2 * final.scales[1]
    change = primitive_transform(_indices(px[explained], placed(geometry, final.place[0]), final.basis[0]))
    wider = np.kron(np.eye(3), change.T)
    return LatticeFit(
        replace(placed(geometry, final.place[0]), distance_mm=geometry.distance_mm),
        final.basis[0] @ change,
        wider @ covariance[:9, :9] @ wider.T,
        explained,
        covariance[9:13, 9:13],
        indexed,
        len(px),
        float(final.rms_px[0]),
        margin,
        rival_px,
        stretch,
        stretch * float(np.sqrt(covariance[13, 13])),
        min(1.0, float(reach) / abs(float(np.linalg.det(final.basis[0])))),
    )


def _indices(px: Points2, geometry: BeamGeometry, basis: Matrix3) -> Miller:
    """Indices of the nodes nearest to the spots."""
    return np.rint(geometry.q_from_px(px) @ np.linalg.inv(basis).T).astype(int)


def _with_other_origins(px: Points2, geometry: BeamGeometry, prior: Prior, found: Candidates) -> Candidates:
    """Fits of one lattice with each node as origin that the prior allows, starting with its own."""
    place, basis = found.place[0], found.basis[0]
    now = placed(geometry, place)
    turns = now.q_from_px(px) @ np.linalg.inv(basis).T
    hkl = np.rint(turns)
    # Set by hand, here and in `index_and_fit`: a quarter of an index, half-way to ambiguity.
    close = np.abs(turns - hkl).max(axis=1) < 0.25
    mm_per_q = now.wavelength * now.distance_mm
    apart = np.subtract(geometry.beam_centre_px, now.beam_centre_px) * now.pixel_size_mm / mm_per_q
    start_index = np.linalg.solve(basis, np.array([*apart, 0.0]))
    shifts = np.vstack([np.zeros((1, 3)), origin_candidates(basis, -start_index, geometry, prior, RIVALS)])
    shifts = np.unique(shifts, axis=0)
    beside = (shifts @ basis.T)[:, :2]
    places = np.tile(place, (len(shifts), 1))
    places[:, :2] += beside * mm_per_q / np.asarray(now.pixel_size_mm)
    # The beam turns towards the node; the detector stays where it is, and so does the crystal.
    places[:, 2] += beside[:, 1] * now.wavelength
    places[:, 3] -= beside[:, 0] * now.wavelength
    indices = hkl[None] - shifts[:, None, :]
    bases = np.stack(
        [
            np.linalg.lstsq(index[close], placed(geometry, there).q_from_px(px[close]), rcond=None)[0].T
            for index, there in zip(indices, places, strict=True)
        ]
    )
    return fit_candidates(
        px, indices, geometry, prior, places, bases, np.tile(close, (len(shifts), 1)), rough=False
    )
