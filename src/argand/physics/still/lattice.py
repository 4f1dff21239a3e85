"""The beam centre from the lattice of a still's Bragg spots, without knowing the cell.

Every spot is a reciprocal-lattice vector, and the lattice has a node at the beam centre. If the assumed
centre is wrong, all vectors are shifted alike (nearly: the Ewald sphere is curved). The direct lattice is
found blind to the shift (argand.physics.still.basis), and its phases say what the shift is, up to a lattice
vector. A least-squares fit of lattice, centre and tilt to the spots then tells the candidates apart, for
it knows the sphere's curvature.
"""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float

from argand.physics.still.basis import find_basis
from argand.physics.still.detector import BeamGeometry
from argand.typing import Matrix3, Miller, Points2

PARAMETERS = 14
"""Nine of the lattice, two of the centre, two of the tilt, one of the distance."""
ROUNDS = 8
"""Gauss-Newton steps of a fit.

By hand, a bound on time; only the answers as a whole are measured (`benchmarks/geometry_simulated.py`,
`benchmarks/geometry_real.py`).
"""
LONGEST = np.array([20.0, 20.0, 0.02, 0.02, 0.02])
"""Longest change in one step: centre in px, tilt in radians, logarithm of the distance.

By hand: bounds that keep linearised steps from running away.
"""
SMALL_TURN = 1e-6
"""Step of the numerical derivatives of the detector's axes by its tilt, in radians.

By hand: errors of the step (1e-6) and of rounding (1e-10) are both far below what a step needs.
"""
GROWTH = ((0.45, 24), (1.0, 5))
"""Share of the spots, from low angles on, and number of origins in each round that compares them.

By hand; only the answers as a whole are measured (`benchmarks/geometry_simulated.py`,
`benchmarks/geometry_real.py`).
"""
RIVALS = 48
"""Number of other origins that the best one must beat, at most.

By hand, a bound on time; only the answers as a whole are measured (`benchmarks/geometry_simulated.py`,
`benchmarks/geometry_real.py`).
"""
FREEDOM = 4.0
"""Degrees of freedom of Student's t, the prior of the centre: networks are sometimes far off.

By hand, as in the loss that the network is trained with; `benchmarks/geometry_simulated.py` measures
calibration.
"""
OUTLIER = 16.0
"""Normalised square beyond which a spot is an outlier.

Four standard deviations; Tukey's biweight with the usual 4.685 is 22. By hand; only the answers as a whole
are measured (`benchmarks/geometry_simulated.py`, `benchmarks/geometry_real.py`).
"""


@dataclass(frozen=True)
class LatticeFit:
    """A lattice fitted to spots, and the geometry that it implies.

    `covariance` is that of (fast, slow) px, (pitch, yaw) rad, `indexed` the number of spots that the
    lattice explains, `rms_px` their residual, `margin` by how much (in units of chi²) the best
    position of the origin beats the next one, and `rival_px` where the centre would then be (None without
    a rival). `stretch` is the distance that fits best over the one that was given, and `stretch_sigma`
    its standard deviation; `chance` is the share of random spots that would count as explained as well.
    """

    geometry: BeamGeometry
    basis: Matrix3
    covariance: Float[np.ndarray, "4 4"]
    indexed: int
    offered: int
    rms_px: float
    margin: float
    rival_px: tuple[float, float] | None
    stretch: float
    stretch_sigma: float
    chance: float


@dataclass(frozen=True)
class Prior:
    """What is known beforehand: scales of centre (px, both axes), tilt (rad) and distance (relative).

    The default of the distance, 1 %, is by hand.
    """

    centre_px: float
    tilt: float
    distance: float = 0.01


def fit_lattice(px: Points2, geometry: BeamGeometry, prior: Prior, most: int = 400) -> LatticeFit | None:
    """Find the lattice of spots at `px` (strongest first) and refine the geometry with it.

    Returns None where fewer than 12 spots, no lattice that stands out, or no fit is found.

    `px` [n, 2] is (fast, slow), integer = pixel edge. The bounds of 400 spots (to find a lattice) and 500 (to
    compare origins) are by hand, for speed.
    """
    # By hand: fewer spots hardly outnumber the nine numbers of a lattice and those of the detector.
    if len(px) < 12:
        return None
    q = geometry.q_from_px(px[:most])
    basis = find_basis(q)
    # Weak spots may belong to other crystals, or be none.
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
    # Across the beam the window, along it 0.01 1/Å, in indices; at most 25 either way, by hand, for memory.
    reach = np.ceil(np.linalg.norm(rows, axis=1) * (window + 0.01)).astype(int) + 1
    reach = np.minimum(reach, 25)
    shifts = np.stack(np.meshgrid(*[np.arange(-n, n + 1) for n in reach], indexing="ij"), -1).reshape(-1, 3)
    offset = (shifts + phase) @ basis.T
    across = np.hypot(offset[:, 0], offset[:, 1]) * px_per_q
    # 0.002 and 0.008 1/Å, by hand: how far the origin of a basis that is not yet refined is off the plane,
    # and four times that.
    cost = (across / prior.centre_px) ** 2 + (offset[:, 2] / 0.002) ** 2
    inside = (across < 4.0 * prior.centre_px + 2.0) & (np.abs(offset[:, 2]) < 0.008)
    order = np.flatnonzero(inside)[np.argsort(cost[inside])][:most]
    return shifts[order]


@dataclass(frozen=True)
class _Candidates:
    """Fits of several origins at once: places (px, rad, log), bases, costs, normal matrices."""

    place: Float[np.ndarray, "c 5"]
    basis: Float[np.ndarray, "c 3 3"]
    cost: Float[np.ndarray, " c"]
    normal: Float[np.ndarray, "c p p"]
    weight: Float[np.ndarray, "c n"]
    rms_px: Float[np.ndarray, " c"]
    scales: Float[np.ndarray, " 2"]

    def take(self, number: int) -> "_Candidates":
        """One of them alone."""
        one = slice(number, number + 1)
        fits = (self.place[one], self.basis[one], self.cost[one], self.normal[one])
        return _Candidates(*fits, self.weight[one], self.rms_px[one], self.scales)


def _any_origin(
    px: Points2, geometry: BeamGeometry, prior: Prior, basis: Matrix3, phase: np.ndarray
) -> _Candidates | None:
    """The lattice with one of its nodes for its origin, at a geometry that explains most spots.

    A tilt that is not yet known bends the lattice by some per cent at high angles, where spots would be
    given wrong indices: low angles come first.
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
        # By hand: few spots are all needed.
        near = px[angle <= np.quantile(angle, share)] if len(px) * share > 30 else px
        kept = slice(None) if fits is None else np.argsort(fits.cost)[:most]
        fits = _index_and_fit(near, geometry, prior, place[kept], bases[kept], rough=fits is None)
        place, bases = fits.place, fits.basis
    assert fits is not None
    return fits.take(int(np.argmin(fits.cost)))


def _best_origin(px: Points2, geometry: BeamGeometry, prior: Prior, found: _Candidates) -> LatticeFit | None:
    """Try the other nodes for the origin of a lattice whose spots have their indices.

    A node on the Ewald sphere serves as well as the true origin, if the beam is turned to it: centre
    and tilt change together, and only what is known of them beforehand tells.
    """
    for _ in range(2):
        rivals = _with_other_origins(px[:500], geometry, prior, found)
        order = np.argsort(rivals.cost)
        found = rivals.take(int(order[0]))
    final = _index_and_fit(px, geometry, prior, found.place, found.basis)
    # By hand: a weight of 0.2 is a spot at three standard deviations; fewer than ten spots are no lattice.
    indexed = int(np.count_nonzero(final.weight[0] > 0.2))
    if indexed < 10:
        return None
    margin, rival_px = np.inf, None
    if len(order) > 1:
        margin = float(rivals.cost[order[1]] - rivals.cost[order[0]])
        rival_px = (float(rivals.place[order[1], 0]), float(rivals.place[order[1], 1]))
    covariance = np.linalg.inv(final.normal[0])
    stretch = float(np.exp(final.place[0, 4]))
    # Volume of the ellipsoid about a node in which a spot is no outlier, over that of the reciprocal cell.
    reach = 4.0 / 3.0 * np.pi * OUTLIER**1.5 * final.scales[0] ** 2 * final.scales[1]
    return LatticeFit(
        replace(_placed(geometry, final.place[0]), distance_mm=geometry.distance_mm),
        final.basis[0],
        covariance[9:13, 9:13],
        indexed,
        len(px),
        float(final.rms_px[0]),
        margin,
        rival_px,
        stretch,
        stretch * float(np.sqrt(covariance[13, 13])),
        min(1.0, reach / abs(float(np.linalg.det(final.basis[0])))),
    )


def _with_other_origins(px: Points2, geometry: BeamGeometry, prior: Prior, found: _Candidates) -> _Candidates:
    """Fits of one lattice with each node for the origin that the prior allows, itself first."""
    place, basis = found.place[0], found.basis[0]
    now = _placed(geometry, place)
    turns = now.q_from_px(px) @ np.linalg.inv(basis).T
    hkl = np.rint(turns)
    # By hand, here and in `_index_and_fit`: a quarter of an index, half of the way to belonging elsewhere.
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
            np.linalg.lstsq(index[close], _placed(geometry, there).q_from_px(px[close]), rcond=None)[0].T
            for index, there in zip(indices, places, strict=True)
        ]
    )
    return _fit(px, indices, geometry, prior, places, bases, np.tile(close, (len(shifts), 1)), rough=False)


def _index_and_fit(
    px: Points2,
    geometry: BeamGeometry,
    prior: Prior,
    place: Float[np.ndarray, "c 5"],
    basis: Float[np.ndarray, "c 3 3"],
    rough: bool = False,
) -> _Candidates:
    """Give all spots the indices nearest to their q in each candidate's lattice, and fit again."""
    inverse = np.linalg.inv(basis)
    turns = np.stack([_placed(geometry, p).q_from_px(px) @ m.T for p, m in zip(place, inverse, strict=True)])
    hkl = np.rint(turns)
    close = np.abs(turns - hkl).max(axis=2) < 0.25
    return _fit(px, hkl, geometry, prior, place, basis, close, rough)


def _placed(geometry: BeamGeometry, place: np.ndarray) -> BeamGeometry:
    """The geometry with another centre (fast, slow) px, tilt (pitch, yaw) rad and log of the stretch."""
    fast, slow, pitch, yaw, stretch = (float(value) for value in place)
    distance = geometry.distance_mm * float(np.exp(stretch))
    return replace(geometry, beam_centre_px=(fast, slow), pitch=pitch, yaw=yaw, distance_mm=distance)


def _fit(
    px: Points2,
    hkl: Float[np.ndarray, "c n 3"],
    geometry: BeamGeometry,
    prior: Prior,
    place: Float[np.ndarray, "c 5"],
    basis: Float[np.ndarray, "c 3 3"],
    close: Bool[np.ndarray, "c n"],
    rough: bool,
) -> _Candidates:
    """Robust Gauss-Newton on q(px; centre, tilt, distance) = basis @ hkl for several candidates at once.

    Residuals lie in the tangent plane of the Ewald sphere (where a spot is) and along its normal (how
    far its node is from the sphere); each kind has its own scale, taken from the data. Spots that are
    not `close` to a node count as outliers; a `rough` start is given wide scales in its first step.
    """
    px_per_q = geometry.wavelength * geometry.distance_mm / geometry.pixel_size_mm[0]
    # By hand: 1.5 px, and 3e-3 1/Å off the sphere, wider than a start that is worth a fit leaves.
    scales = np.array([1.5 / px_per_q, 3e-3]) if rough else None
    fits = _improve(px, hkl, geometry, prior, place, basis, close, scales)
    for _ in range(ROUNDS - 1):
        fits = _improve(px, hkl, geometry, prior, fits.place, fits.basis, close)
    return fits


def _improve(
    px: Points2,
    hkl: Float[np.ndarray, "c n 3"],
    geometry: BeamGeometry,
    prior: Prior,
    place: Float[np.ndarray, "c 5"],
    basis: Float[np.ndarray, "c 3 3"],
    close: Bool[np.ndarray, "c n"],
    scales: Float[np.ndarray, " 2"] | None = None,
) -> _Candidates:
    """One Gauss-Newton step; costs, weights and residuals are those before it."""
    px_per_q = geometry.wavelength * geometry.distance_mm / geometry.pixel_size_mm[0]
    q, slopes = _q_and_slopes(px, geometry, place)
    misfit = _misfit(q, basis, hkl, geometry.wavelength)
    if scales is None:
        scales = _scales(misfit, close, px_per_q)
    square = misfit.across2 / scales[0] ** 2 + misfit.along**2 / scales[1] ** 2
    square = np.where(close, square, OUTLIER)
    weight = np.maximum(1.0 - square / OUTLIER, 0.0) ** 2
    normal, step = _normal_equations(misfit, slopes, hkl, weight, scales)
    pull = np.array([*geometry.beam_centre_px, geometry.pitch, geometry.yaw, 0.0]) - place
    known, strength = _prior(pull, prior)
    normal[:, range(9, 14), range(9, 14)] += strength
    # An index that is zero throughout says nothing of its axis: a prior of 0.1/Å keeps that harmless.
    normal[:, range(9), range(9)] += 1e2
    step[:, 9:] += strength * pull
    cost = _robust_cost(square) + known
    change = _solve(normal, step)
    # Two directions across the normal: half of the square is that along one axis.
    rms = np.sqrt((weight * misfit.across2).sum(1) / np.maximum(weight.sum(1), 1e-9) / 2) * px_per_q
    basis = basis + change[:, :9].reshape(-1, 3, 3)
    place = place + np.clip(change[:, 9:], -LONGEST, LONGEST)
    return _Candidates(place, basis, cost, normal, weight, rms, scales)


def _solve(normal: Float[np.ndarray, "c p p"], step: Float[np.ndarray, "c p"]) -> Float[np.ndarray, "c p"]:
    """Solution of the normal equations; what the spots do not determine stays as it is."""
    size = np.sqrt(np.diagonal(normal, axis1=1, axis2=2))
    scaled = normal / (size[:, :, None] * size[:, None, :]) + 1e-12 * np.eye(normal.shape[-1])
    return np.linalg.solve(scaled, (step / size)[..., None])[..., 0] / size


def _prior(
    pull: Float[np.ndarray, "c 5"], prior: Prior
) -> tuple[Float[np.ndarray, " c"], Float[np.ndarray, "c 5"]]:
    """Cost of being `pull` away from the start, and the strength that pulls back on each parameter.

    Tilt and distance are Gaussian; the centre follows Student's t in two dimensions.
    """
    reach = np.sum(pull[:, :2] ** 2, axis=1) / prior.centre_px**2
    centre = (FREEDOM + 2.0) / (FREEDOM + reach) / prior.centre_px**2
    rest = np.array([prior.tilt**-2, prior.tilt**-2, prior.distance**-2])
    strength = np.column_stack([centre, centre, np.tile(rest, (len(pull), 1))])
    cost = (FREEDOM + 2.0) * np.log1p(reach / FREEDOM) + pull[:, 2:] ** 2 @ rest
    return cost, strength


@dataclass(frozen=True)
class _Misfit:
    """q minus lattice node, the sphere's normal there, the misfit along it and the square across it."""

    residual: Float[np.ndarray, "c n 3"]
    direction: Float[np.ndarray, "c n 3"]
    along: Float[np.ndarray, "c n"]
    across2: Float[np.ndarray, "c n"]


def _misfit(q: np.ndarray, basis: np.ndarray, hkl: np.ndarray, wavelength: float) -> _Misfit:
    direction = q + np.array([0.0, 0.0, 1.0 / wavelength])
    direction *= wavelength
    residual = q - np.einsum("cij,cnj->cni", basis, hkl)
    along = np.einsum("cni,cni->cn", residual, direction)
    across2 = np.maximum(np.sum(residual**2, axis=-1) - along**2, 0.0)
    return _Misfit(residual, direction, along, across2)


def _scales(misfit: _Misfit, close: np.ndarray, px_per_q: float) -> Float[np.ndarray, " 2"]:
    """Spread of the residuals across and along, from their medians; floors of 0.05 px and 1e-4/Å (by hand).

    Origins are compared by cost, so all candidates share the scales of the best one: of those that
    explain about as many spots as any, the one that explains them best.
    """
    explained = close.sum(axis=1)
    across = np.full(len(close), np.inf)
    # By hand. Below, the median of a length in two dimensions is 1.18 σ, and 1.48 makes σ of the median of
    # one.
    for i in np.flatnonzero(explained >= max(1.0, 0.8 * explained.max())):
        across[i] = np.sqrt(np.median(misfit.across2[i, close[i]])) / 1.18
    best = int(np.argmin(across))
    if not close[best].any():
        return np.array([1.5 / px_per_q, 3e-3])
    along = 1.48 * np.median(np.abs(misfit.along[best, close[best]]))
    return np.array([max(across[best], 0.05 / px_per_q), max(along, 1e-4)])


def _q_and_slopes(px: Points2, geometry: BeamGeometry, place: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """q [c, n, 3] of the spots and its derivatives [c, n, 3, 5] by place."""
    found = [_q_and_slopes_at(px, _placed(geometry, here)) for here in place]
    return np.stack([q for q, _ in found]), np.stack([slopes for _, slopes in found])


def _q_and_slopes_at(px: Points2, geometry: BeamGeometry) -> tuple[np.ndarray, np.ndarray]:
    """q = (u - z)/wavelength for u = l/|l|, l in the laboratory; dq = (dl - u (u·dl)) / (|l| wavelength)."""
    pixel = np.asarray(geometry.pixel_size_mm)
    offset_mm = (px - np.asarray(geometry.beam_centre_px)) * pixel
    axes = geometry.axes[:, :2]
    turned = [
        (replace(geometry, pitch=geometry.pitch + p, yaw=geometry.yaw + y).axes[:, :2] - axes) / SMALL_TURN
        for p, y in ((SMALL_TURN, 0.0), (0.0, SMALL_TURN))
    ]
    lab = offset_mm @ axes.T + np.array([0.0, 0.0, geometry.distance_mm])
    moved = np.empty((*lab.shape, 5))
    moved[..., :2] = -axes * pixel
    moved[..., 2], moved[..., 3] = offset_mm @ turned[0].T, offset_mm @ turned[1].T
    moved[..., 4] = np.array([0.0, 0.0, geometry.distance_mm])
    length = np.linalg.norm(lab, axis=1)[:, None]
    unit = lab / length
    moved -= unit[..., None] * np.einsum("ni,nip->np", unit, moved)[:, None]
    q = (unit - np.array([0.0, 0.0, 1.0])) / geometry.wavelength
    return q, moved / (length[..., None] * geometry.wavelength)


def _normal_equations(
    misfit: _Misfit, slopes: np.ndarray, hkl: np.ndarray, weight: np.ndarray, scales: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Normal matrices and right-hand sides of all candidates."""
    jacobian = np.zeros((*misfit.residual.shape, PARAMETERS))
    for axis in range(3):
        jacobian[:, :, axis, 3 * axis : 3 * axis + 3] = hkl
    jacobian[..., 9:] = -slopes
    # Metric: 1/scale² across the sphere's normal, the normal's own scale along it.
    outer = misfit.direction[..., :, None] * misfit.direction[..., None, :]
    across, normal = scales[0] ** -2, scales[1] ** -2
    metric = weight[..., None, None] * (across * (np.eye(3) - outer) + normal * outer)
    weighted = np.matmul(metric, jacobian)
    matrix = np.einsum("cnip,cniq->cpq", weighted, jacobian, optimize=True)
    return matrix, np.einsum("cnip,cni->cp", weighted, misfit.residual)


def _robust_cost(square: Float[np.ndarray, "c n"]) -> Float[np.ndarray, " c"]:
    """Tukey's biweight cost of normalised squares, which outliers leave at a third of OUTLIER each."""
    return OUTLIER / 3.0 * (1 - (1 - np.minimum(square, OUTLIER) / OUTLIER) ** 3).sum(axis=1)
