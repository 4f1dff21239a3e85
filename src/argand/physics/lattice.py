"""The beam centre from the lattice of a still's Bragg spots, without knowing the cell.

Every spot is a reciprocal-lattice vector, and the lattice has a node at the beam centre. If the assumed
centre is wrong, all vectors are shifted alike (nearly: the Ewald sphere is curved). The direct lattice is
found blind to the shift (argand.physics.basis), and its phases say what the shift is, up to a lattice
vector. A least-squares fit of lattice, centre and tilt to the spots then tells the candidates apart, for
it knows the sphere's curvature.
"""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from argand.physics.basis import find_basis
from argand.physics.detector import BeamGeometry
from argand.typing import Matrix3, Miller, Points2

PARAMETERS = 13
"""Nine of the lattice, two of the centre, two of the tilt."""
ROUNDS = 8
"""Gauss-Newton steps of a fit."""
LONGEST = np.array([20.0, 20.0, 0.02, 0.02])
"""Longest change in one step: centre in px, tilt in radians."""
SMALL_STEPS = np.diag([0.05, 0.05, 1e-5, 1e-5])
"""Steps of the numerical derivatives, in the same units."""


@dataclass(frozen=True)
class LatticeFit:
    """A lattice fitted to spots, and the geometry that it implies.

    `covariance` is that of (fast, slow) px, (pitch, yaw) rad, `indexed` the number of spots that the
    lattice explains, `rms_px` their residual, `margin` by how much (in units of chi²) the best
    position of the origin beats the next one.
    """

    geometry: BeamGeometry
    basis: Matrix3
    covariance: Float[np.ndarray, "4 4"]
    indexed: int
    offered: int
    rms_px: float
    margin: float


@dataclass(frozen=True)
class Prior:
    """What is known beforehand: standard deviations of centre (px, both axes) and tilt (rad)."""

    centre_px: float
    tilt: float


def fit_lattice(px: Points2, geometry: BeamGeometry, prior: Prior, most: int = 400) -> LatticeFit | None:
    """Find the lattice of spots at `px` (strongest first) and refine the geometry with it.

    Returns None where fewer than 12 spots, no lattice that stands out, or no fit is found.
    """
    if len(px) < 12:
        return None
    q = geometry.q_from_px(px[:most])
    basis = find_basis(q)
    if basis is None:
        return None
    rows, phase = basis
    origins = origin_candidates(rows, phase, geometry, prior)
    if len(origins) == 0:
        return None
    return _compare_origins(px, geometry, prior, rows, phase, origins)


def origin_candidates(
    rows: Matrix3, phase: np.ndarray, geometry: BeamGeometry, prior: Prior, most: int = 24
) -> Miller:
    """Index shifts that bring the lattice's origin to within three standard deviations of the start.

    A shift of the centre moves all q across the beam, so the origin must lie near the plane q_z = 0.
    """
    basis = np.linalg.inv(rows)
    px_per_q = geometry.wavelength * geometry.distance_mm / geometry.pixel_size_mm[0]
    window = 3.0 * prior.centre_px / px_per_q
    reach = np.ceil(np.linalg.norm(rows, axis=1) * (window + 0.01)).astype(int) + 1
    reach = np.minimum(reach, 25)
    shifts = np.stack(np.meshgrid(*[np.arange(-n, n + 1) for n in reach], indexing="ij"), -1).reshape(-1, 3)
    offset = (shifts + phase) @ basis.T
    across = np.hypot(offset[:, 0], offset[:, 1]) * px_per_q
    cost = (across / prior.centre_px) ** 2 + (offset[:, 2] / 0.002) ** 2
    inside = (across < 3.0 * prior.centre_px + 2.0) & (np.abs(offset[:, 2]) < 0.008)
    order = np.flatnonzero(inside)[np.argsort(cost[inside])][:most]
    return shifts[order]


@dataclass(frozen=True)
class _Candidates:
    """Fits of several origins at once: places (centre px, tilt rad), bases, costs, normal matrices."""

    place: Float[np.ndarray, "c 4"]
    basis: Float[np.ndarray, "c 3 3"]
    cost: Float[np.ndarray, " c"]
    normal: Float[np.ndarray, "c p p"]
    weight: Float[np.ndarray, "c n"]
    rms_px: Float[np.ndarray, " c"]


def _compare_origins(
    px: Points2, geometry: BeamGeometry, prior: Prior, rows: Matrix3, phase: np.ndarray, origins: np.ndarray
) -> LatticeFit | None:
    """Fit every candidate origin to the same spots, then the best one to all spots."""
    some = px[:500]
    turns = geometry.q_from_px(some) @ rows.T - phase
    hkl = np.rint(turns)
    sure = np.abs(turns - hkl).max(axis=1) < 0.3
    offset = (origins + phase) @ np.linalg.inv(rows).T
    px_per_q = geometry.wavelength * geometry.distance_mm / np.asarray(geometry.pixel_size_mm)
    # q seen from a wrong centre = true q + offset, hence the true centre lies at +offset.
    centre = np.asarray(geometry.beam_centre_px) + offset[:, :2] * px_per_q
    tilt = np.tile([geometry.pitch, geometry.yaw], (len(origins), 1))
    indices = hkl[None, sure] - origins[:, None, :]
    start = np.repeat(np.linalg.inv(rows)[None], len(origins), axis=0)
    fits = _fit(some[sure], indices, geometry, prior, np.concatenate([centre, tilt], axis=1), start)
    order = np.argsort(fits.cost)
    best = order[0]
    margin = float(fits.cost[order[1]] - fits.cost[best]) if len(order) > 1 else np.inf
    return _polish(px, geometry, prior, fits.place[best], fits.basis[best], margin)


def _polish(
    px: Points2, geometry: BeamGeometry, prior: Prior, place: np.ndarray, basis: Matrix3, margin: float
) -> LatticeFit | None:
    """Index all spots with the fitted lattice and fit again, twice."""
    fits = None
    for _ in range(2):
        turns = _placed(geometry, place).q_from_px(px) @ np.linalg.inv(basis).T
        hkl = np.rint(turns)
        close = np.abs(turns - hkl).max(axis=1) < 0.25
        if close.sum() < 10:
            return None
        fits = _fit(px[close], hkl[close][None], geometry, prior, place[None], basis[None])
        place, basis = fits.place[0], fits.basis[0]
    assert fits is not None
    covariance = np.linalg.inv(fits.normal[0])[9:, 9:]
    indexed = int(np.count_nonzero(fits.weight[0] > 0.2))
    return LatticeFit(
        _placed(geometry, place), basis, covariance, indexed, len(px), float(fits.rms_px[0]), margin
    )


def _placed(geometry: BeamGeometry, place: np.ndarray) -> BeamGeometry:
    """The geometry with another centre (fast, slow) px and tilt (pitch, yaw) rad."""
    fast, slow, pitch, yaw = (float(value) for value in place)
    return replace(geometry, beam_centre_px=(fast, slow), pitch=pitch, yaw=yaw)


def _fit(
    px: Points2,
    hkl: Float[np.ndarray, "c n 3"],
    geometry: BeamGeometry,
    prior: Prior,
    place: Float[np.ndarray, "c 4"],
    basis: Float[np.ndarray, "c 3 3"],
) -> _Candidates:
    """Robust Gauss-Newton on q(px; centre, tilt) = basis @ hkl for several candidates at once.

    Residuals lie in the tangent plane of the Ewald sphere (where a spot is) and along its normal (how
    far its node is from the sphere); each kind has its own scale, taken from the data.
    """
    px_per_q = geometry.wavelength * geometry.distance_mm / geometry.pixel_size_mm[0]
    rough = np.tile([1.5 / px_per_q, 3e-3], (len(hkl), 1))
    fits = _improve(px, hkl, geometry, prior, place, basis, rough)
    for _ in range(ROUNDS - 1):
        fits = _improve(px, hkl, geometry, prior, fits.place, fits.basis)
    return fits


def _improve(
    px: Points2,
    hkl: Float[np.ndarray, "c n 3"],
    geometry: BeamGeometry,
    prior: Prior,
    place: Float[np.ndarray, "c 4"],
    basis: Float[np.ndarray, "c 3 3"],
    scales: Float[np.ndarray, "c 2"] | None = None,
) -> _Candidates:
    """One Gauss-Newton step; costs, weights and residuals are those before it."""
    px_per_q = geometry.wavelength * geometry.distance_mm / geometry.pixel_size_mm[0]
    q, slopes = _q_and_slopes(px, geometry, place)
    misfit = _misfit(q, basis, hkl, geometry.wavelength)
    if scales is None:
        scales = _scales(misfit, px_per_q)
    square = misfit.across2 / scales[:, :1] ** 2 + misfit.along**2 / scales[:, 1:] ** 2
    weight = np.where(square < 16.0, (1.0 - square / 16.0) ** 2, 0.0)
    normal, step = _normal_equations(misfit, slopes, hkl, weight, scales)
    pull = np.array([*geometry.beam_centre_px, geometry.pitch, geometry.yaw]) - place
    strength = np.array([prior.centre_px**-2] * 2 + [prior.tilt**-2] * 2)
    normal[:, range(9, 13), range(9, 13)] += strength
    # An index that is zero throughout says nothing of its axis: a prior of 0.1/Å keeps that harmless.
    normal[:, range(9), range(9)] += 1e2
    step[:, 9:] += strength * pull
    cost = _robust_cost(square) + np.sum(strength * pull**2, axis=1)
    change = np.linalg.solve(normal, step[..., None])[..., 0]
    rms = np.sqrt((weight * misfit.across2).sum(1) / np.maximum(weight.sum(1), 1e-9) / 2) * px_per_q
    basis = basis + change[:, :9].reshape(-1, 3, 3)
    return _Candidates(place + np.clip(change[:, 9:], -LONGEST, LONGEST), basis, cost, normal, weight, rms)


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


def _scales(misfit: _Misfit, px_per_q: float) -> Float[np.ndarray, "c 2"]:
    """Spread of the residuals across and along, from their medians; floors of 0.05 px and 1e-4/Å.

    Origins are compared by cost, so all candidates share the scales of the best one.
    """
    across_scale = np.median(np.sqrt(misfit.across2), axis=1) / 1.18
    best = int(np.argmin(across_scale))
    along_scale = 1.48 * np.median(np.abs(misfit.along[best]))
    shared = [max(across_scale[best], 0.05 / px_per_q), max(along_scale, 1e-4)]
    return np.tile(shared, (len(misfit.along), 1))


def _q_and_slopes(px: Points2, geometry: BeamGeometry, place: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """q [c, n, 3] of the spots and its derivatives [c, n, 3, 4] by centre and tilt (forward differences)."""
    q, slopes = [], []
    for here in place:
        base = _placed(geometry, here).q_from_px(px)
        q.append(base)
        moved = [(_placed(geometry, here + step).q_from_px(px) - base) / step.sum() for step in SMALL_STEPS]
        slopes.append(np.stack(moved, axis=-1))
    return np.stack(q), np.stack(slopes)


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
    across, normal = scales[:, 0, None, None, None] ** -2, scales[:, 1, None, None, None] ** -2
    metric = weight[..., None, None] * (across * (np.eye(3) - outer) + normal * outer)
    weighted = np.matmul(metric, jacobian)
    matrix = np.einsum("cnip,cniq->cpq", weighted, jacobian, optimize=True)
    return matrix, np.einsum("cnip,cni->cp", weighted, misfit.residual)


def _robust_cost(square: Float[np.ndarray, "c n"]) -> Float[np.ndarray, " c"]:
    """Tukey's biweight cost of normalised squares, which outliers leave at 16/3 each."""
    inside = 16.0 / 3.0 * (1 - (1 - np.minimum(square, 16.0) / 16.0) ** 3)
    return np.where(square < 16.0, inside, 16.0 / 3.0).sum(axis=1)
