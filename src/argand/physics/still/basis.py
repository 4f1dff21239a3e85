"""Direct-lattice vectors of a still's Bragg spots, for an unknown cell and independent of the beam centre.

A wrong beam centre shifts all scattering vectors q by the same vector and leaves their differences unchanged.
The vectors t are maxima of |sum exp(2 pi i q.t)|, which does not depend on the shift; the phases give it.
Indexing by Fourier transforms: Steller, Bolotovsky & Rossmann (1997), J. Appl. Cryst. 30, 1036-1040;
here it is done on the differences between neighbouring spots.
"""

import numpy as np
from jaxtyping import Bool, Float

from argand.typing import Matrix3, Points3

GRID = 128
"""Voxels per side of the map of difference vectors.

Set by hand, for speed: vectors of up to `longest` reach the map's border. Only the final answers are
benchmarked (`benchmarks/geometry_simulated.py`, `benchmarks/geometry_real.py`).
"""


def find_basis(q: Points3) -> tuple[Matrix3, Float[np.ndarray, "3"]] | None:
    """Three direct-lattice vectors (rows, Å) of the spots and the phase (turns) of the spots along each.

    Vectors are searched up to a length that neighbouring spots suggest, then up to shorter and longer ones.
    """
    apart = np.linalg.norm(q[:, None] - q[None], axis=2)
    np.fill_diagonal(apart, np.inf)
    # Neighbours in one row of the lattice are 1/(cell length) apart; most numbers below are set by hand, and
    # only the final answers are benchmarked (`benchmarks/geometry_simulated.py`,
    # `benchmarks/geometry_real.py`).
    spacing = np.maximum(np.percentile(apart.min(axis=1), [10, 50]), 1e-3)
    # 450 Å: the longest axes of common proteins; 2.2 cells allow for centred lattices and some missing spots.
    for longest in (2.2 / spacing[0], 450.0, 2.2 / spacing[1]):
        vectors, _, scores = direct_vectors(q, min(longest, 450.0))
        basis = choose_basis(q, vectors, scores)
        if basis is not None:
            return basis
    return None


def direct_vectors(
    q: Points3, longest: float, count: int = 100
) -> tuple[Float[np.ndarray, "k 3"], Float[np.ndarray, " k"], Float[np.ndarray, " k"]]:
    """Candidate direct-lattice vectors up to `longest` Å, the phase of the spots along each, and its score.

    The score is the mean cosine of the phase residuals: 1 for a perfect lattice.

    `q` [n, 3] in 1/Å. 2.5 Å and 5 % of a length are by hand: no cell is shorter, and closer vectors are the
    same.
    """
    start = _peaks_of_differences(q, longest, count)
    vectors, phases, residual = sharpen(q, start)
    scores = np.cos(2 * np.pi * residual).mean(axis=1)
    order = np.argsort(-scores)
    vectors, phases, scores = vectors[order], phases[order], scores[order]
    length = np.linalg.norm(vectors, axis=1)
    apart = np.minimum(*(np.linalg.norm(vectors[:, None] + sign * vectors, axis=2) for sign in (-1, 1)))
    keep: list[int] = []
    for i in np.flatnonzero(length > 2.5).tolist():
        if np.all(apart[i, keep] > 0.05 * length[i]):
            keep.append(i)
    return vectors[keep], phases[keep], scores[keep]


def _peaks_of_differences(q: Points3, longest: float, count: int) -> Float[np.ndarray, "k 3"]:
    """Maxima of the Fourier transform of the histogram of short difference vectors between spots."""
    from scipy import fft  # only images with enough spots need it

    first, second = np.triu_indices(len(q), 1)
    difference = q[second] - q[first]
    length = np.linalg.norm(difference, axis=1)
    reach = GRID / (4.0 * longest)
    short = difference[length < reach]
    cell = np.rint(short / reach * (GRID / 2)).astype(int) % GRID
    flat = (cell[:, 0] * GRID + cell[:, 1]) * GRID + cell[:, 2]
    histogram = np.bincount(flat, minlength=GRID**3).reshape((GRID,) * 3).astype(np.float32)
    density = np.real(np.asarray(fft.rfftn(histogram, workers=2)))
    step = 1.0 / (2.0 * reach)
    return _separate(density, count, step, longest / step)


def _separate(
    density: Float[np.ndarray, "grid grid half"], count: int, step: float, longest: float
) -> Points3:
    """The highest well-separated voxels between 2.5 and `longest` voxels from the origin, in Å."""
    turn = np.fft.fftfreq(GRID, 1.0 / GRID).astype(np.float32)
    half = np.arange(GRID // 2 + 1, dtype=np.float32)
    size2 = turn[:, None, None] ** 2 + turn[None, :, None] ** 2 + half[None, None, :] ** 2
    height = np.where((size2 > 2.5**2) & (size2 < longest**2), density, -np.inf).ravel()
    # Set by hand, for speed: the origin peak, 2.5 voxels wide, is left out, and 4000 voxels are examined.
    top = np.argpartition(-height, 4000)[:4000]
    top = top[np.argsort(-height[top])]
    i, j, k = np.unravel_index(top, density.shape)
    # Coordinate by coordinate: the maximum over short rows of an array is slow.
    place = np.stack([turn[i], turn[j], half[k]])
    chosen: list[np.ndarray] = []
    while place.shape[1] and len(chosen) < count:
        vector = place[:, :1]
        chosen.append(vector[:, 0])
        near = np.minimum(*(np.maximum.reduce(np.abs(place + sign * vector)) for sign in (-1, 1)))
        # Set by hand: neighbours of a voxel, corners included, belong to its peak.
        place = place[:, near > 1.6]
    return np.array(chosen) * step


def sharpen(
    q: Float[np.ndarray, "n d"], vectors: Float[np.ndarray, "k d"], start: float = 0.35, rounds: int = 12
) -> tuple[Float[np.ndarray, "k d"], Float[np.ndarray, " k"], Float[np.ndarray, "k n"]]:
    """Fit each vector and its phase to the spots: robust least squares of q.t - phase to integers.

    In two or three dimensions. Returns vectors (Å for q in 1/Å), phases and the spots' residuals (turns).

    Phases of far spots wrap many times: the fit starts with the nearest share `start` and adds farther spots
    as the vector improves. Share and rounds are by hand.
    """
    length = np.linalg.norm(q, axis=1)
    vectors = vectors.copy()
    phases = np.zeros(len(vectors))
    residual = np.zeros((len(vectors), len(q)))
    design = np.concatenate([q, np.ones((len(q), 1))], axis=1)
    size = design.shape[1]
    squares = (design[:, :, None] * design[:, None, :]).reshape(len(q), size**2)
    for step in range(rounds):
        # All spots take part in the last three rounds.
        near = length <= np.quantile(length, min(1.0, start + (1.0 - start) * step / (rounds - 3)))
        turns = vectors @ q.T
        mean = np.exp(2j * np.pi * turns[:, near]).mean(axis=1)
        phases = np.angle(mean) / (2 * np.pi)
        residual = turns - phases[:, None]
        residual -= np.rint(residual)
        # 0 beyond a quarter of a turn: a spot midway between two planes pulls towards neither.
        weight = np.maximum(np.cos(2 * np.pi * residual), 0.0) ** 2 * near
        normal = (weight @ squares).reshape(-1, size, size) + 1e-12 * np.eye(size)
        right = (weight * residual) @ design
        vectors -= np.linalg.solve(normal, right[..., None])[:, :-1, 0]
    turns = vectors @ q.T
    phases = np.angle(np.exp(2j * np.pi * turns).mean(axis=1)) / (2 * np.pi)
    residual = turns - phases[:, None]
    return vectors, phases, residual - np.rint(residual)


def choose_basis(
    q: Points3,
    vectors: Float[np.ndarray, "k 3"],
    scores: Float[np.ndarray, " k"],
    tolerance: float = 0.2,
) -> tuple[Matrix3, Float[np.ndarray, "3"]] | None:
    """Three short direct vectors (rows, Å) with their phases that together index most spots.

    The two shortest significant ones span a plane; the third is the one that indexes best, reduced
    with respect to the plane. None unless clearly more spots are indexed than by chance.

    `tolerance` in turns, set by hand; also None if no two vectors are more than 20 degrees apart.
    """
    telling = _tells(q, vectors)
    # Set by hand: random phases of n spots score about 1/√n, 0.1 to 0.3 for usual numbers of spots.
    good = telling & (scores > max(0.35, 0.6 * scores[telling].max(initial=0.0)))
    plane = _shortest_pair(vectors[good])
    if plane is None:
        return None
    normal = np.cross(*plane)
    normal /= np.linalg.norm(normal)
    height = np.abs(vectors @ normal)
    # Set by hand: lower than for the plane, as counting indexed spots decides; 0.1 is an angle of 6 degrees.
    outside = telling & (scores > 0.25) & (height > np.maximum(2.5, 0.1 * np.linalg.norm(vectors, axis=1)))
    if not outside.any():
        return None
    thirds = vectors[outside]
    thirds = thirds - np.rint(thirds @ np.linalg.pinv(plane)) @ plane
    everything, turns, residual = sharpen(q, np.concatenate([plane, thirds]), start=0.9)
    inside = np.abs(residual) < tolerance
    inliers = np.count_nonzero(inside[:2].all(axis=0) & inside[2:], axis=1)
    volume = np.abs(everything[2:] @ np.cross(everything[0], everything[1]))
    # A share 2 · tolerance of random spots lies within the tolerance of a plane.
    excess = inliers - inside[:2].all(axis=0).sum() * 2 * tolerance
    # Set by hand: vectors at least 1.25 Å out of the plane.
    excess[(volume < 1.25 * np.linalg.norm(np.cross(*plane))) | ~_tells(q, everything[2:])] = 0.0
    # Set by hand: a smaller excess of indexed spots over chance is not a lattice.
    if excess.max() < max(5.0, 0.08 * len(q)):
        return None
    # A multiple of the cell indexes as many spots: the smallest of about equally good cells is taken.
    best = min(np.flatnonzero(excess > 0.8 * excess.max()), key=lambda i: volume[i])
    chosen = [0, 1, 2 + int(best)]
    return everything[chosen], turns[chosen]


def _tells(q: Points3, vectors: Float[np.ndarray, "k 3"]) -> Bool[np.ndarray, " k"]:
    """Whether most spots spread over more than a turn: over less, any vector fits any spots."""
    # Two standard deviations of a normal distribution, as percentiles; the limit is by hand.
    low, high = np.percentile(q @ vectors.T, [16, 84], axis=0)
    return high - low > 1.2


def _shortest_pair(vectors: Points3) -> Float[np.ndarray, "2 3"] | None:
    """The two shortest vectors more than 20 degrees apart."""
    if len(vectors) < 2:
        return None
    size = np.linalg.norm(vectors, axis=1)
    order = np.argsort(size)
    first = vectors[order[0]]
    angle = np.abs(vectors @ first) / (size * size[order[0]])
    other = [i for i in order[1:] if angle[i] < np.cos(np.radians(20.0))]
    return np.stack([first, vectors[other[0]]]) if other else None
