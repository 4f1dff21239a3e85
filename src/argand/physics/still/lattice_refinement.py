"""Least-squares fits of lattice, beam centre, tilt and distance to the spots of a still, several at once."""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float

from argand.physics.still.detector import BeamGeometry
from argand.typing import Points2

PARAMETERS = 14
"""Nine for the lattice, two for the centre, two for the tilt, one for the distance."""
ROUNDS = 12
"""Gauss-Newton steps of a fit.

By hand, a bound on time: eight were not enough for a real still with a distance 8 % wrong; only the
answers as a whole are measured (`benchmarks/geometry_simulated.py`, `benchmarks/geometry_real.py`).
"""
LONGEST = np.array([20.0, 20.0, 0.02, 0.02, 0.02])
"""Longest change in one step: centre in px, tilt in radians, logarithm of the distance.

By hand: bounds against divergence of the linearised steps.
"""
SMALL_TURN = 1e-6
"""Step of the numerical derivatives of the detector's axes by its tilt, in radians.

Set by hand: truncation (1e-6) and rounding errors (1e-10) are both far below what a step needs.
"""
FREEDOM = 4.0
"""Degrees of freedom of Student's t, the prior of the centre: networks are sometimes far off.

Set by hand, as in the loss that the network is trained with; `benchmarks/geometry_simulated.py` measures
calibration.
"""
OUTLIER = 16.0
"""Normalised square beyond which a spot is an outlier.

Four standard deviations; Tukey's biweight with the usual 4.685 is 22. Set by hand; only the final answers are
benchmarked (`benchmarks/geometry_simulated.py`, `benchmarks/geometry_real.py`).
"""


@dataclass(frozen=True)
class Prior:
    """Prior: scales of centre (px, both axes), tilt (rad) and distance (relative).

    The default for the distance, 1 %, is set by hand.
    """

    centre_px: float
    tilt: float
    distance: float = 0.01


@dataclass(frozen=True)
class Candidates:
    """Fits of several origins at once: parameters (px, rad, log), bases, costs, normal matrices."""

    place: Float[np.ndarray, "c 5"]
    basis: Float[np.ndarray, "c 3 3"]
    cost: Float[np.ndarray, " c"]
    normal: Float[np.ndarray, "c p p"]
    weight: Float[np.ndarray, "c n"]
    rms_px: Float[np.ndarray, " c"]
    scales: Float[np.ndarray, " 2"]

    def take(self, number: int) -> "Candidates":
        """One candidate alone."""
        one = slice(number, number + 1)
        fits = (self.place[one], self.basis[one], self.cost[one], self.normal[one])
        return Candidates(*fits, self.weight[one], self.rms_px[one], self.scales)


def index_and_fit(
    px: Points2,
    geometry: BeamGeometry,
    prior: Prior,
    place: Float[np.ndarray, "c 5"],
    basis: Float[np.ndarray, "c 3 3"],
    rough: bool = False,
) -> Candidates:
    """Index all spots by the nearest node in each candidate's lattice, and fit again."""
    inverse = np.linalg.inv(basis)
    turns = np.stack([placed(geometry, p).q_from_px(px) @ m.T for p, m in zip(place, inverse, strict=True)])
    hkl = np.rint(turns)
    close = np.abs(turns - hkl).max(axis=2) < 0.25
    return fit_candidates(px, hkl, geometry, prior, place, basis, close, rough)


def placed(geometry: BeamGeometry, place: np.ndarray) -> BeamGeometry:
    """The geometry with another centre (fast, slow) px, tilt (pitch, yaw) rad and log of the stretch."""
    fast, slow, pitch, yaw, stretch = (float(value) for value in place)
    distance = geometry.distance_mm * float(np.exp(stretch))
    return replace(geometry, beam_centre_px=(fast, slow), pitch=pitch, yaw=yaw, distance_mm=distance)


def fit_candidates(
    px: Points2,
    hkl: Float[np.ndarray, "c n 3"],
    geometry: BeamGeometry,
    prior: Prior,
    place: Float[np.ndarray, "c 5"],
    basis: Float[np.ndarray, "c 3 3"],
    close: Bool[np.ndarray, "c n"],
    rough: bool,
) -> Candidates:
    """Robust Gauss-Newton on q(px; centre, tilt, distance) = basis @ hkl for several candidates at once.

    Residuals lie in the tangent plane of the Ewald sphere (where a spot is) and along its normal (how
    far its node is from the sphere); each kind has its own scale, estimated from the data. Spots that are
    not `close` to a node are outliers; a `rough` start has wide scales in its first step.
    """
    px_per_q = geometry.wavelength * geometry.distance_mm / geometry.pixel_size_mm[0]
    # Set by hand: 1.5 px, and 3e-3 1/Å off the sphere, wider than the residuals of any useful start.
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
) -> Candidates:
    """One Gauss-Newton step; costs, weights and residuals are those before the step."""
    px_per_q = geometry.wavelength * geometry.distance_mm / geometry.pixel_size_mm[0]
    q, slopes = _q_and_slopes(px, geometry, place)
    misfit = _misfit(q, basis, hkl, geometry.wavelength, np.exp(place[:, 4]))
    if scales is None:
        scales = _scales(misfit, close, px_per_q)
    square = misfit.across2 / scales[0] ** 2 + misfit.along**2 / scales[1] ** 2
    square = np.where(close, square, OUTLIER)
    weight = np.maximum(1.0 - square / OUTLIER, 0.0) ** 2
    normal, step = _normal_equations(misfit, slopes, hkl, weight, scales)
    pull = np.array([*geometry.beam_centre_px, geometry.pitch, geometry.yaw, 0.0]) - place
    known, strength = _prior(pull, prior)
    normal[:, range(9, 14), range(9, 14)] += strength
    # An index that is zero for all spots does not determine its axis: a prior of 0.1/Å regularises it.
    normal[:, range(9), range(9)] += 1e2
    step[:, 9:] += strength * pull
    cost = _robust_cost(square) + known
    change = _solve(normal, step)
    # Two directions across the normal: the mean square along one axis is half the total.
    rms = np.sqrt((weight * misfit.across2).sum(1) / np.maximum(weight.sum(1), 1e-9) / 2) * px_per_q
    basis = basis + change[:, :9].reshape(-1, 3, 3)
    place = place + np.clip(change[:, 9:], -LONGEST, LONGEST)
    return Candidates(place, basis, cost, normal, weight, rms, scales)


def _solve(normal: Float[np.ndarray, "c p p"], step: Float[np.ndarray, "c p"]) -> Float[np.ndarray, "c p"]:
    """Solution of the normal equations; parameters that the spots do not determine are not changed."""
    size = np.sqrt(np.diagonal(normal, axis1=1, axis2=2))
    scaled = normal / (size[:, :, None] * size[:, None, :]) + 1e-12 * np.eye(normal.shape[-1])
    return np.linalg.solve(scaled, (step / size)[..., None])[..., 0] / size


def _prior(
    pull: Float[np.ndarray, "c 5"], prior: Prior
) -> tuple[Float[np.ndarray, " c"], Float[np.ndarray, "c 5"]]:
    """Cost of a deviation `pull` from the start, and the prior's weight of each parameter.

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
    """q minus lattice node, the sphere's normal there, the misfit along it and the square across it.

    The last two are scaled to the given distance: a longer distance makes every q and every misfit smaller,
    which would bias the fit to ever longer distances if the spots do not determine it (flat spheres). Across
    the normal q goes as 1/distance, along it as the square of that.
    """

    residual: Float[np.ndarray, "c n 3"]
    direction: Float[np.ndarray, "c n 3"]
    along: Float[np.ndarray, "c n"]
    across2: Float[np.ndarray, "c n"]
    stretch: Float[np.ndarray, " c"]


def _misfit(
    q: np.ndarray, basis: np.ndarray, hkl: np.ndarray, wavelength: float, stretch: np.ndarray
) -> _Misfit:
    direction = q + np.array([0.0, 0.0, 1.0 / wavelength])
    direction *= wavelength
    residual = q - np.einsum("cij,cnj->cni", basis, hkl)
    along = np.einsum("cni,cni->cn", residual, direction)
    across2 = np.maximum(np.sum(residual**2, axis=-1) - along**2, 0.0)
    times = stretch[:, None]
    return _Misfit(residual, direction, along * times**2, across2 * times**2, stretch)


def _scales(misfit: _Misfit, close: np.ndarray, px_per_q: float) -> Float[np.ndarray, " 2"]:
    """Spread of the residuals across and along, from their medians; at least 0.05 px and 1e-4/Å (set by
    hand).

    Origins are compared by cost, so all candidates have the scales of the best one: of those that explain
    about the most spots, the one with the lowest residuals.
    """
    explained = close.sum(axis=1)
    across = np.full(len(close), np.inf)
    # Set by hand. Below, the median of a length in two dimensions is 1.18 σ; 1.48 converts a median in one
    # dimension to σ.
    for i in np.flatnonzero(explained >= max(1.0, 0.8 * explained.max())):
        across[i] = np.sqrt(np.median(misfit.across2[i, close[i]])) / 1.18
    best = int(np.argmin(across))
    if not close[best].any():
        return np.array([1.5 / px_per_q, 3e-3])
    along = 1.48 * np.median(np.abs(misfit.along[best, close[best]]))
    return np.array([max(across[best], 0.05 / px_per_q), max(along, 1e-4)])


def _q_and_slopes(px: Points2, geometry: BeamGeometry, place: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """q [c, n, 3] of the spots and its derivatives [c, n, 3, 5] with respect to the parameters."""
    found = [q_and_slopes_at(px, placed(geometry, here)) for here in place]
    return np.stack([q for q, _ in found]), np.stack([slopes for _, slopes in found])


def q_and_slopes_at(px: Points2, geometry: BeamGeometry) -> tuple[np.ndarray, np.ndarray]:
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
    # Metric: 1/scale² across the sphere's normal, a separate scale along it, at the given distance.
    outer = misfit.direction[..., :, None] * misfit.direction[..., None, :]
    jacobian[..., 13] -= misfit.residual + np.einsum("cnij,cnj->cni", outer, misfit.residual)
    times = misfit.stretch[:, None, None, None]
    across, normal = (times / scales[0]) ** 2, (times**2 / scales[1]) ** 2
    metric = weight[..., None, None] * (across * (np.eye(3) - outer) + normal * outer)
    weighted = np.matmul(metric, jacobian)
    matrix = np.einsum("cnip,cniq->cpq", weighted, jacobian, optimize=True)
    return matrix, np.einsum("cnip,cni->cp", weighted, misfit.residual)


def _robust_cost(square: Float[np.ndarray, "c n"]) -> Float[np.ndarray, " c"]:
    """Tukey's biweight cost of normalised squares, constant at OUTLIER / 3 for outliers."""
    return OUTLIER / 3.0 * (1 - (1 - np.minimum(square, OUTLIER) / OUTLIER) ** 3).sum(axis=1)
