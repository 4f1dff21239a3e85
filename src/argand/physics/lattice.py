"""The beam centre from the lattice of a still's Bragg spots, without knowing the cell.

Every spot is a reciprocal-lattice vector, and the lattice has a node at the beam centre. If the assumed
centre is wrong, all vectors are shifted alike (nearly: the Ewald sphere is curved), which leaves their
differences as they are. So direct-lattice vectors t are sought as maxima of |sum exp(2 pi i q.t)|, which is
blind to the shift, and the phases at those maxima say what the shift is, up to a lattice vector. A least-squares
fit of lattice, centre and tilt to the spots then tells the candidates apart, for it knows the sphere's curvature.
"""

from dataclasses import dataclass, replace
import numpy as np
from jaxtyping import Float
from scipy import fft

from argand.physics.detector import BeamGeometry
from argand.typing import Matrix3, Points2, Points3

GRID = 128
"""Voxels a side of the map of difference vectors."""
PARAMETERS = 13
"""Nine of the lattice, two of the centre, two of the tilt."""


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


def find_basis(q: Points3) -> tuple[Matrix3, Float[np.ndarray, "3"]] | None:
    """Three direct-lattice vectors (rows, Å) of the spots and the phase (turns) of the spots along each.

    Vectors are sought up to a length that neighbouring spots suggest, then up to shorter and longer ones.
    """
    apart = np.linalg.norm(q[:, None] - q[None], axis=2)
    np.fill_diagonal(apart, np.inf)
    spacing = np.maximum(np.percentile(apart.min(axis=1), [10, 50]), 1e-3)
    for longest in (2.2 / spacing[0], 450.0, 2.2 / spacing[1]):
        basis = choose_basis(q, *direct_vectors(q, min(longest, 450.0)))
        if basis is not None:
            return basis
    return None


def direct_vectors(
    q: Points3, longest: float, count: int = 100
) -> tuple[Float[np.ndarray, "k 3"], Float[np.ndarray, " k"], Float[np.ndarray, " k"]]:
    """Candidate direct-lattice vectors up to `longest` Å, the phase of the spots along each, and its score.

    The score is the mean cosine of the phase residuals: 1 for a perfect lattice.
    """
    start = _peaks_of_differences(q, longest, count)
    vectors, phases, residual = _sharpen(q, start)
    scores = np.cos(2 * np.pi * residual).mean(axis=1)
    order = np.argsort(-scores)
    vectors, phases, scores = vectors[order], phases[order], scores[order]
    keep: list[int] = []
    for i, vector in enumerate(vectors):
        apart = [min(np.linalg.norm(vector - vectors[j]), np.linalg.norm(vector + vectors[j])) for j in keep]
        if np.linalg.norm(vector) > 2.5 and all(d > 0.05 * np.linalg.norm(vector) for d in apart):
            keep.append(i)
    return vectors[keep], phases[keep], scores[keep]


def _peaks_of_differences(q: Points3, longest: float, count: int) -> Float[np.ndarray, "k 3"]:
    """Maxima of the Fourier transform of the histogram of short difference vectors between spots."""
    first, second = np.triu_indices(len(q), 1)
    difference = q[second] - q[first]
    length = np.linalg.norm(difference, axis=1)
    reach = GRID / (4.0 * longest)
    short = difference[length < reach]
    cell = np.rint(short / reach * (GRID / 2)).astype(int) % GRID
    flat = (cell[:, 0] * GRID + cell[:, 1]) * GRID + cell[:, 2]
    histogram = np.bincount(flat, minlength=GRID**3).reshape((GRID,) * 3).astype(np.float32)
    density = fft.rfftn(histogram, workers=2).real
    step = 1.0 / (2.0 * reach)
    return _separate(density, count, step, longest / step)


def _separate(density: Float[np.ndarray, "n n m"], count: int, step: float, longest: float) -> Points3:
    """The highest voxels between 2.5 and `longest` voxels from the origin, well apart, in Å."""
    turn = np.fft.fftfreq(GRID, 1.0 / GRID).astype(np.float32)
    half = np.arange(GRID // 2 + 1, dtype=np.float32)
    size2 = turn[:, None, None] ** 2 + turn[None, :, None] ** 2 + half[None, None, :] ** 2
    height = np.where((size2 > 2.5**2) & (size2 < longest**2), density, -np.inf).ravel()
    top = np.argpartition(-height, 4000)[:4000]
    top = top[np.argsort(-height[top])]
    i, j, k = np.unravel_index(top, density.shape)
    place = np.stack([turn[i], turn[j], half[k]], axis=1)
    chosen: list[np.ndarray] = []
    while len(place) and len(chosen) < count:
        vector = place[0]
        chosen.append(vector)
        near = np.minimum(np.abs(place - vector).max(axis=1), np.abs(place + vector).max(axis=1))
        place = place[near > 1.6]
    return np.array(chosen) * step


def _sharpen(
    q: Points3, vectors: Points3, start: float = 0.35, rounds: int = 12
) -> tuple[Points3, Float[np.ndarray, " k"], Float[np.ndarray, "k n"]]:
    """Fit each vector and its phase to the spots: robust least squares of q.t - phase to integers.

    Far spots turn many times: from the nearest share `start` on, they join as the vector gets better.
    """
    length = np.linalg.norm(q, axis=1)
    vectors = vectors.copy()
    phases = np.zeros(len(vectors))
    residual = np.zeros((len(vectors), len(q)))
    for step in range(rounds):
        near = length <= np.quantile(length, min(1.0, start + (1.0 - start) * step / (rounds - 3)))
        turns = vectors @ q.T
        mean = np.exp(2j * np.pi * turns[:, near]).mean(axis=1)
        phases = np.angle(mean) / (2 * np.pi)
        residual = turns - phases[:, None]
        residual -= np.rint(residual)
        weight = np.maximum(np.cos(2 * np.pi * residual), 0.0) ** 2 * near
        design = np.concatenate([q, np.ones((len(q), 1))], axis=1)
        normal = np.einsum("kn,ni,nj->kij", weight, design, design) + 1e-12 * np.eye(4)
        right = np.einsum("kn,ni,kn->ki", weight, design, residual)
        vectors -= np.linalg.solve(normal, right[..., None])[:, :3, 0]
    turns = vectors @ q.T
    phases = np.angle(np.exp(2j * np.pi * turns).mean(axis=1)) / (2 * np.pi)
    residual = turns - phases[:, None]
    return vectors, phases, residual - np.rint(residual)


def choose_basis(
    q: Points3, vectors: Points3, phases: np.ndarray, scores: np.ndarray, tolerance: float = 0.2
) -> tuple[Matrix3, Float[np.ndarray, "3"]] | None:
    """Three short direct vectors (rows, Å) with their phases that together index most spots.

    The two shortest that stand out span a plane; the third is the one that indexes best, reduced
    against the plane. None unless clearly more spots are indexed than by chance.
    """
    # Over less than about a turn any vector fits any spots.
    telling = (q @ vectors.T).std(axis=0) > 0.6
    good = telling & (scores > max(0.35, 0.6 * scores[telling].max(initial=0.0)))
    plane = _shortest_pair(vectors[good])
    if plane is None:
        return None
    normal = np.cross(*plane)
    normal /= np.linalg.norm(normal)
    height = np.abs(vectors @ normal)
    outside = telling & (scores > 0.25) & (height > np.maximum(2.5, 0.1 * np.linalg.norm(vectors, axis=1)))
    if not outside.any():
        return None
    thirds = vectors[outside]
    thirds = thirds - np.rint(thirds @ np.linalg.pinv(plane)) @ plane
    everything, turns, residual = _sharpen(q, np.concatenate([plane, thirds]), start=0.9)
    inside = np.abs(residual) < tolerance
    inliers = np.count_nonzero(inside[:2].all(axis=0) & inside[2:], axis=1)
    volume = np.abs(everything[2:] @ np.cross(everything[0], everything[1]))
    excess = inliers - inside[:2].all(axis=0).sum() * 2 * tolerance
    excess[volume < 0.5 * np.linalg.norm(np.cross(*plane)) * 2.5] = 0.0
    if excess.max() < max(5.0, 0.08 * len(q)):
        return None
    best = min(np.flatnonzero(excess > 0.8 * excess.max()), key=lambda i: volume[i])
    chosen = [0, 1, 2 + int(best)]
    return everything[chosen], turns[chosen]


def _shortest_pair(vectors: Points3) -> Float[np.ndarray, "2 3"] | None:
    """The two shortest vectors at more than 20 degrees to each other."""
    if len(vectors) < 2:
        return None
    size = np.linalg.norm(vectors, axis=1)
    order = np.argsort(size)
    first = vectors[order[0]]
    angle = np.abs(vectors @ first) / (size * size[order[0]])
    other = [i for i in order[1:] if angle[i] < np.cos(np.radians(20.0))]
    return np.stack([first, vectors[other[0]]]) if other else None


def origin_candidates(
    rows: Matrix3, phase: np.ndarray, geometry: BeamGeometry, prior: Prior, most: int = 24
) -> Float[np.ndarray, "k 3"]:
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
    """Fits of several origins at once: centres (px), tilts (rad), bases, costs, normal matrices."""

    centre: Float[np.ndarray, "c 2"]
    tilt: Float[np.ndarray, "c 2"]
    basis: Float[np.ndarray, "c 3 3"]
    cost: Float[np.ndarray, " c"]
    normal: Float[np.ndarray, "c p p"]
    weight: Float[np.ndarray, "c n"]
    rms_px: Float[np.ndarray, " c"]


def _compare_origins(
    px: Points2, geometry: BeamGeometry, prior: Prior, rows: Matrix3, phase: np.ndarray, origins: np.ndarray
) -> LatticeFit | None:
    """Fit every candidate origin to the same spots, then the best one to all spots."""
    some = px[:250]
    turns = geometry.q_from_px(some) @ rows.T - phase
    hkl = np.rint(turns)
    sure = np.abs(turns - hkl).max(axis=1) < 0.3
    offset = (origins + phase) @ np.linalg.inv(rows).T
    px_per_q = geometry.wavelength * geometry.distance_mm / np.asarray(geometry.pixel_size_mm)
    # q seen from a wrong centre = true q + offset, hence the true centre lies at +offset.
    centre = np.asarray(geometry.beam_centre_px) + offset[:, :2] * px_per_q
    indices = hkl[None, sure] - origins[:, None, :]
    start = np.repeat(np.linalg.inv(rows)[None], len(origins), axis=0)
    fits = _fit(some[sure], indices, geometry, prior, centre, start)
    order = np.argsort(fits.cost)
    best = order[0]
    margin = float(fits.cost[order[1]] - fits.cost[best]) if len(order) > 1 else np.inf
    return _polish(px, geometry, prior, fits.centre[best], fits.tilt[best], fits.basis[best], margin)


def _polish(
    px: Points2,
    geometry: BeamGeometry,
    prior: Prior,
    centre: np.ndarray,
    tilt: np.ndarray,
    basis: Matrix3,
    margin: float,
) -> LatticeFit | None:
    """Index all spots with the fitted lattice and fit again, twice."""
    fits, close = None, np.zeros(len(px), bool)
    for _ in range(2):
        placed = replace(geometry.with_centre(centre), pitch=float(tilt[0]), yaw=float(tilt[1]))
        turns = placed.q_from_px(px) @ np.linalg.inv(basis).T
        close = np.abs(turns - np.rint(turns)).max(axis=1) < 0.25
        if close.sum() < 10:
            return None
        fits = _fit(px[close], np.rint(turns[close])[None], geometry, prior, centre[None], basis[None], tilt[None])
        centre, tilt, basis = fits.centre[0], fits.tilt[0], fits.basis[0]
    assert fits is not None
    placed = replace(geometry.with_centre(centre), pitch=float(tilt[0]), yaw=float(tilt[1]))
    covariance = np.linalg.inv(fits.normal[0])[9:, 9:]
    indexed = int(np.count_nonzero(fits.weight[0] > 0.2))
    return LatticeFit(placed, basis, covariance, indexed, len(px), float(fits.rms_px[0]), margin)


def _fit(
    px: Points2,
    hkl: Float[np.ndarray, "c n 3"],
    geometry: BeamGeometry,
    prior: Prior,
    centre: Float[np.ndarray, "c 2"],
    basis: Float[np.ndarray, "c 3 3"],
    tilt: Float[np.ndarray, "c 2"] | None = None,
    rounds: int = 8,
) -> _Candidates:
    """Robust Gauss-Newton on q(px; centre, tilt) = basis @ hkl for several candidates at once.

    Residuals lie in the tangent plane of the Ewald sphere (where a spot is) and along its normal (how
    far its node is from the sphere); each kind has its own scale, taken from the data.
    """
    count = len(hkl)
    start = np.asarray(geometry.beam_centre_px)
    centre = centre.copy()
    tilt = np.tile([geometry.pitch, geometry.yaw], (count, 1)) if tilt is None else tilt.copy()
    prior_tilt = np.array([geometry.pitch, geometry.yaw])
    basis = basis.copy()
    px_per_q = geometry.wavelength * geometry.distance_mm / geometry.pixel_size_mm[0]
    cost, normal, weight, rms = np.zeros(count), np.zeros((count, PARAMETERS, PARAMETERS)), None, np.zeros(count)
    scales = np.tile([1.5 / px_per_q, 3e-3], (count, 1))
    for round_number in range(rounds):
        q, by_geometry = _q_and_slopes(px, geometry, centre, tilt)
        normal_direction = q + np.array([0.0, 0.0, 1.0 / geometry.wavelength])
        normal_direction *= geometry.wavelength
        residual = q - np.einsum("cij,cnj->cni", basis, hkl)
        along = np.einsum("cni,cni->cn", residual, normal_direction)
        across2 = np.maximum(np.sum(residual**2, axis=-1) - along**2, 0.0)
        if round_number:
            scales = _scales(along, np.sqrt(across2), weight, px_per_q)
        square = across2 / scales[:, :1] ** 2 + along**2 / scales[:, 1:] ** 2
        weight = np.where(square < 16.0, (1.0 - square / 16.0) ** 2, 0.0)
        normal, step, cost = _normal_equations(
            residual, along, normal_direction, by_geometry, hkl, weight, scales, square
        )
        pull = np.concatenate([np.tile(start, (count, 1)) - centre, prior_tilt - tilt], axis=1)
        strength = np.array([prior.centre_px**-2] * 2 + [prior.tilt**-2] * 2)
        normal[:, range(9, 13), range(9, 13)] += strength
        step[:, 9:] += strength * pull
        cost = cost + np.sum(strength * pull**2, axis=1)
        change = np.linalg.solve(normal + 1e-12 * np.eye(PARAMETERS), step[..., None])[..., 0]
        basis += change[:, :9].reshape(-1, 3, 3)
        centre += np.clip(change[:, 9:11], -20, 20)
        tilt += np.clip(change[:, 11:], -0.02, 0.02)
        rms = np.sqrt((weight * across2).sum(1) / np.maximum(weight.sum(1), 1e-9) / 2) * px_per_q
    assert weight is not None
    return _Candidates(centre, tilt, basis, cost, normal, weight, rms)


def _scales(along: np.ndarray, across: np.ndarray, weight: np.ndarray | None, px_per_q: float) -> np.ndarray:
    """Spread of the residuals along and across, from their medians; floors of 0.15 px and 1e-4/Å.

    Origins are compared by cost, so all candidates share the scales of the best one.
    """
    across_scale = np.median(across, axis=1) / 1.18
    best = int(np.argmin(across_scale))
    shared = [max(across_scale[best], 0.15 / px_per_q), max(1.48 * np.median(np.abs(along[best])), 1e-4)]
    return np.tile(shared, (len(along), 1))


def _q_and_slopes(
    px: Points2, geometry: BeamGeometry, centre: np.ndarray, tilt: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """q [c, n, 3] of the spots and its derivatives [c, n, 3, 4] by centre and tilt (forward differences)."""
    steps = ((0.05, 0), (0.05, 1), (1e-5, 2), (1e-5, 3))
    q, slopes = [], []
    for place, turn in zip(centre, tilt, strict=True):
        def seen(values: np.ndarray) -> np.ndarray:
            moved = replace(
                geometry, beam_centre_px=(values[0], values[1]), pitch=float(values[2]), yaw=float(values[3])
            )
            return moved.q_from_px(px)

        here = np.concatenate([place, turn])
        base = seen(here)
        q.append(base)
        columns = [(seen(here + size * np.eye(4)[which]) - base) / size for size, which in steps]
        slopes.append(np.stack(columns, axis=-1))
    return np.stack(q), np.stack(slopes)


def _normal_equations(
    residual: np.ndarray,
    along: np.ndarray,
    direction: np.ndarray,
    by_geometry: np.ndarray,
    hkl: np.ndarray,
    weight: np.ndarray,
    scales: np.ndarray,
    square: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Normal matrices, right-hand sides and robust costs of all candidates."""
    count, spots = along.shape
    jacobian = np.zeros((count, spots, 3, PARAMETERS))
    for axis in range(3):
        jacobian[:, :, axis, 3 * axis : 3 * axis + 3] = hkl
    jacobian[..., 9:] = -by_geometry
    # Metric: 1/scale² across the sphere's normal, the normal's own scale along it.
    outer = direction[..., :, None] * direction[..., None, :]
    across, normal = scales[:, 0, None, None, None] ** -2, scales[:, 1, None, None, None] ** -2
    metric = weight[..., None, None] * (across * (np.eye(3) - outer) + normal * outer)
    weighted = np.matmul(metric, jacobian)
    matrix = np.einsum("cnip,cniq->cpq", weighted, jacobian, optimize=True)
    right = np.einsum("cnip,cni->cp", weighted, residual)
    cost = np.where(square < 16.0, 16.0 / 3.0 * (1 - (1 - np.minimum(square, 16.0) / 16.0) ** 3), 16.0 / 3.0)
    return matrix, right, cost.sum(axis=1)
