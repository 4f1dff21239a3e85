"""The planar lattice of a flat Ewald sphere's spots: electrons near a zone axis.

With a flat sphere, the spots of a zone lie on a net without information on the third direction. The net is
found like the lattice in space (argand.physics.still.basis), independently of the centre; positions do not
tell which of its nodes is the centre.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from argand.physics.still.basis import sharpen
from argand.physics.still.detector import BeamGeometry
from argand.typing import Points2, Vector2

GRID = 512
"""Cells per side of the map of difference vectors. By hand, for speed."""
TOLERANCE = 0.15
"""Distance from a node, in turns along each axis, within which a spot is on the net. Set by hand."""
OUTLIER = 16.0
"""Normalised square beyond which a spot is an outlier, as in `lattice_refinement`. Set by hand."""


@dataclass(frozen=True)
class PlanarLattice:
    """A net fitted to spots: nodes at `origin` + `basis` @ (h, k), in 1/Å across the beam.

    `basis` has the two reciprocal vectors as columns, `covariance` is that of the origin (1/Å, squared),
    `indices` [n, 2] are those of the spots and `explained` marks the spots on the net; `rms` is the
    residual along an axis in 1/Å, and `chance` the share of random spots that would be on it.
    """

    basis: Float[np.ndarray, "2 2"]
    origin: Vector2
    covariance: Float[np.ndarray, "2 2"]
    indices: Float[np.ndarray, "n 2"]
    explained: Bool[np.ndarray, " n"]
    rms: float
    chance: float


def fit_planar_lattice(px: Points2, geometry: BeamGeometry, most: int = 300) -> PlanarLattice | None:
    """The net of spots at `px` [n, 2] (strongest first), about the centre of `geometry`; None if there is
    none.

    At most `most` spots are used, by hand and for speed.
    """
    # Set by hand: six parameters are fitted, and fewer spots fit some net by chance.
    if len(px) < 10:
        return None
    q = geometry.q_from_px(px)[:, :2]
    rows = _net(q[:most])
    return None if rows is None else _refined(q, np.linalg.inv(rows[0]), rows[1])


def _net(q: Points2) -> tuple[Float[np.ndarray, "2 2"], Vector2] | None:
    """Two direct vectors (rows, Å) of the net that explains most spots with the shortest vectors, and their
    phases."""
    vectors, phases, scores = _direct_vectors(q)
    # Random phases score about 1/√n; the two shortest significant vectors span the net. Set by hand.
    good = np.flatnonzero(scores > max(0.4, 0.7 * scores.max(initial=0.0)))
    if len(good) < 2:
        return None
    good = good[np.argsort(np.linalg.norm(vectors[good], axis=1))]
    first = vectors[good[0]]
    for other in good[1:]:
        second = vectors[other]
        area = abs(first[0] * second[1] - first[1] * second[0])
        sine = area / (np.linalg.norm(first) * np.linalg.norm(second))
        # 25 degrees, set by hand: the two shortest vectors of a net are at 60 degrees or more.
        if sine > 0.42:
            return np.stack([first, second]), phases[[good[0], other]]
    return None


def _direct_vectors(q: Points2) -> tuple[Float[np.ndarray, "k 2"], np.ndarray, np.ndarray]:
    """Vectors t for which q·t minus a phase is nearly an integer, their phases and mean cosines."""
    from scipy import fft  # only images with enough spots need it

    apart = np.linalg.norm(q[:, None] - q[None], axis=2)
    np.fill_diagonal(apart, np.inf)
    # Set by hand: neighbours of the net are one spacing apart; 2.5 cells allow for centred ones.
    longest = 2.5 / max(float(np.percentile(apart.min(axis=1), 25)), 1e-4)
    first, second = np.triu_indices(len(q), 1)
    difference = q[second] - q[first]
    reach = GRID / (4.0 * longest)
    difference = difference[np.linalg.norm(difference, axis=1) < reach]
    cell = np.rint(difference / reach * (GRID / 2)).astype(int) % GRID
    histogram = np.bincount(cell[:, 0] * GRID + cell[:, 1], minlength=GRID**2).reshape(GRID, GRID)
    density = np.real(np.asarray(fft.fft2(histogram)))
    step = 1.0 / (2.0 * reach)
    start = _peaks(density, 40, longest / step) * step
    vectors, phases, residual = sharpen(q, start)
    scores = np.cos(2 * np.pi * residual).mean(axis=1)
    low, high = np.percentile(q @ vectors.T, [16, 84], axis=0)
    # As in three dimensions: over less than a turn any vector fits any spots.
    scores[high - low < 1.2] = 0.0
    return vectors, phases, scores


def _peaks(density: np.ndarray, count: int, longest: float) -> Float[np.ndarray, "k 2"]:
    """The highest well-separated cells of half the plane, between 2.5 and `longest` cells from the origin."""
    turn = np.fft.fftfreq(GRID, 1.0 / GRID)
    size2 = turn[:, None] ** 2 + turn[None] ** 2
    half = (turn[:, None] > 0) | ((turn[:, None] == 0) & (turn[None] > 0))
    height = np.where((size2 > 2.5**2) & (size2 < longest**2) & half, density, -np.inf).ravel()
    # Set by hand, for speed.
    top = np.argpartition(-height, 1500)[:1500]
    top = top[np.argsort(-height[top])]
    place = np.stack([turn[top // GRID], turn[top % GRID]], axis=1)
    chosen: list[np.ndarray] = []
    while len(place) and len(chosen) < count:
        chosen.append(place[0])
        place = place[np.abs(place - place[0]).max(axis=1) > 2.5]
    return np.array(chosen)


def _refined(q: Points2, basis: np.ndarray, phase: Vector2) -> PlanarLattice | None:
    """Robust least squares of q = origin + basis @ (h, k), spots at small angles first."""
    origin = basis @ phase
    length = np.linalg.norm(q, axis=1)
    for share in (0.4, 0.7, 1.0, 1.0, 1.0):
        turns = (q - origin) @ np.linalg.inv(basis).T
        indices = np.rint(turns)
        close = np.abs(turns - indices).max(axis=1) < TOLERANCE
        near = close & (length <= np.quantile(length, share))
        if np.count_nonzero(near) < 8:
            return None
        design = np.column_stack([np.ones(len(q)), indices])
        residual2 = np.sum((q - origin - indices @ basis.T) ** 2, axis=1)
        # The median of a squared length in two dimensions is 1.39 times the variance along an axis.
        variance = max(float(np.median(residual2[near])) / 1.39, 1e-12)
        weight = np.where(near, np.maximum(1.0 - residual2 / variance / OUTLIER, 0.0) ** 2, 0.0)
        normal = design.T @ (weight[:, None] * design)
        if np.linalg.cond(normal) > 1e10:
            return None
        solution = np.linalg.solve(normal, design.T @ (weight[:, None] * q))
        origin, basis = solution[0], solution[1:].T
    rms = float(np.sqrt((weight * residual2).sum() / max(weight.sum(), 1e-9) / 2))
    covariance = np.eye(2) * rms**2 * float(np.linalg.inv(normal)[0, 0])
    reach2 = OUTLIER * variance
    explained = close & (residual2 < reach2)
    chance = min(1.0, np.pi * reach2 / abs(float(np.linalg.det(basis))), (2 * TOLERANCE) ** 2)
    return PlanarLattice(basis, origin, covariance, indices, explained, rms, chance)
