"""Sums over rings and sectors about a beam, and the centre about which rings are sharpest."""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float
from scipy import ndimage

from argand.physics.still.detector import BeamGeometry
from argand.physics.still.lattice_refinement import Prior

SECTORS = 72
"""Sectors of azimuth that rings are cut into, 5 degrees each.

Set by hand: narrow enough not to smear a ring off-centre by a twentieth of its radius, wide enough for
sufficient counts.
"""
SEARCH_CELLS = 40_000
"""Cells used by the search, to save time: a sharp ring is seen in a sample of its cells."""
SEARCH_STEP, SEARCH_REACH = 1.5, 1.5
"""Step of the search in cells, and its range in scales of the prior. By hand: half
the width of a ring in a profile of two cells, and 1.5 of a scale that is 1.5 standard deviations itself."""


@dataclass(frozen=True)
class Polar:
    """Sums over rings one cell wide and sectors: counts, live cells, and the mean radius (cells) of each."""

    counts: Float[np.ndarray, "r s"]
    live: Float[np.ndarray, "r s"]
    radius: Float[np.ndarray, "r s"]


@dataclass(frozen=True)
class Cells:
    """Live cells of an image: positions in cells, counts, live share; and its shape (slow, fast)."""

    fast: Float[np.ndarray, " n"]
    slow: Float[np.ndarray, " n"]
    counts: Float[np.ndarray, " n"]
    live: Float[np.ndarray, " n"]
    shape: tuple[int, int]

    @classmethod
    def of(cls, counts: Float[np.ndarray, "slow fast"], live: Float[np.ndarray, "slow fast"]) -> "Cells":
        """The cells with any live pixels."""
        rows, cols = np.nonzero(live > 0)
        return cls(
            (cols + 0.5).astype(np.float32),
            (rows + 0.5).astype(np.float32),
            counts[rows, cols].astype(np.float32),
            live[rows, cols].astype(np.float32),
            (live.shape[0], live.shape[1]),
        )

    def sample(self, count: int) -> "Cells":
        """About `count` evenly spaced cells."""
        # An odd stride, so as not to favour columns of an image of even width.
        kept = slice(None, None, len(self.fast) // count * 2 // 2 | 1)
        few = (self.fast[kept], self.slow[kept], self.counts[kept], self.live[kept])
        return Cells(*few, self.shape)

    def seen_from(self, geometry: BeamGeometry) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Laboratory x and y (mm) of each cell, and its radius in cells on an untilted detector."""
        axes = geometry.axes.astype(np.float32)
        fast = (self.fast - np.float32(geometry.beam_centre_px[0])) * np.float32(geometry.pixel_size_mm[0])
        slow = (self.slow - np.float32(geometry.beam_centre_px[1])) * np.float32(geometry.pixel_size_mm[1])
        x = fast * axes[0, 0] + slow * axes[0, 1]
        y = fast * axes[1, 0] + slow * axes[1, 1]
        z = fast * axes[2, 0] + slow * axes[2, 1] + np.float32(geometry.distance_mm)
        scale = np.float32(geometry.distance_mm / geometry.pixel_size_mm[0])
        return x, y, np.sqrt(x * x + y * y) * scale / np.maximum(z, np.float32(1.0))

    def rings(self, geometry: BeamGeometry) -> int:
        """Number of rings one cell wide that reach the farthest corner from the beam."""
        far = [
            max(abs(c), abs(n - c)) for c, n in zip(geometry.beam_centre_px, self.shape[::-1], strict=True)
        ]
        aspect = geometry.pixel_size_mm[1] / geometry.pixel_size_mm[0]
        return int(1.1 * np.hypot(far[0], far[1] * aspect)) + 2

    def polar(self, geometry: BeamGeometry) -> Polar:
        """Sums over rings of equal scattering angle and sectors of azimuth."""
        x, y, radius = self.seen_from(geometry)
        rings = self.rings(geometry)
        ring = np.minimum(radius, np.float32(rings)).astype(np.int32)
        turn = (np.arctan2(y, x) * np.float32(SECTORS / (2 * np.pi))) % np.float32(SECTORS)
        bins = ring * SECTORS + np.minimum(turn.astype(np.int32), SECTORS - 1)
        size = rings * SECTORS

        def total(weights: np.ndarray) -> np.ndarray:
            return np.bincount(bins, weights, minlength=size + SECTORS)[:size].reshape(rings, SECTORS)

        weight = total(self.live)
        middle = (np.arange(rings) + 0.5)[:, None]
        radius = np.where(weight > 0, total(self.live * radius) / np.maximum(weight, 1e-9), middle)
        return Polar(total(self.counts), weight, radius)


def moved(geometry: BeamGeometry, change: Float[np.ndarray, " n"]) -> BeamGeometry:
    """Geometry with (fast, slow, pitch, yaw) changed."""
    fast, slow = np.asarray(geometry.beam_centre_px) + change[:2]
    return replace(
        geometry.with_centre((fast, slow)),
        pitch=geometry.pitch + float(change[2]),
        yaw=geometry.yaw + float(change[3]),
    )


def sharpest(
    cells: Cells, geometry: BeamGeometry, prior: Prior, others: Float[np.ndarray, "n 2"]
) -> BeamGeometry:
    """Geometry at which the sharp part of the radial profile is strongest.

    The best few centres on a grid within the prior and of `others` are refined together with the tilt by the
    simplex method.
    """
    from scipy.optimize import minimize  # slow to import, and an image with a lattice needs no rings

    few = cells.sample(SEARCH_CELLS)
    # The square root of counts has the same noise everywhere, and keeps single grains or spots from
    # outweighing a ring.
    root = np.sqrt(np.maximum(few.counts, 0.0) / few.live) * few.live

    def contrast(change: np.ndarray, width: float) -> float:
        place = few.seen_from(moved(geometry, change))[2] / np.float32(width)
        rings = int(cells.rings(geometry) / width) + 1
        ring = np.minimum(place, np.float32(rings)).astype(np.int32)
        total = np.bincount(ring, few.live, minlength=rings + 1)[:rings]
        mean = np.bincount(ring, root, minlength=rings + 1)[:rings] / np.maximum(total, 1e-9)
        seen = total > 3.0
        # Set by hand, in rings: anything wider than 4 is background, and rings of 3 cells or fewer are
        # uninformative.
        level = ndimage.gaussian_filter1d(mean * seen, 4.0) / np.maximum(
            ndimage.gaussian_filter1d(seen.astype(float), 4.0), 1e-3
        )
        return float((((mean - level) * seen) ** 2 * total).sum())

    steps = np.arange(0.0, max(SEARCH_REACH * prior.centre_px, SEARCH_STEP), SEARCH_STEP)
    line = np.concatenate([-steps[:0:-1], steps])
    grid = np.stack(np.meshgrid(line, line), axis=-1).reshape(-1, 2)
    grid = np.concatenate([grid, others - geometry.beam_centre_px])
    flat = np.zeros(2)
    scores = np.array([contrast(np.append(place, flat), 2.0) for place in grid])
    best, best_cost = geometry, np.inf
    # Set by hand: the three best well-separated positions, 70 evaluations each to include a tilt.
    for place in _best_apart(grid, scores, 3, 3.0 * SEARCH_STEP):
        start = np.append(place, flat)
        simplex = start + np.vstack([np.zeros(4), np.diag([1.0, 1.0, prior.tilt / 2, prior.tilt / 2])])
        simplex[:, 2:] -= prior.tilt / 8

        def cost(change: np.ndarray) -> float:
            return -contrast(change, 1.0) * float(np.exp(-0.5 * np.sum((change[2:] / (2 * prior.tilt)) ** 2)))

        options = {"initial_simplex": simplex, "maxfev": 70, "xatol": 1e-3, "fatol": 1e-3}
        found = minimize(cost, start, method="Nelder-Mead", options=options)
        if found.fun < best_cost:
            best, best_cost = moved(geometry, found.x), found.fun
    return best


def mirrored_centres(
    counts: Float[np.ndarray, "slow fast"], live: Float[np.ndarray, "slow fast"], count: int
) -> Float[np.ndarray, "n 2"]:
    """Positions (fast, slow) with the best inversion symmetry of the sharp part of an image.

    Rings are symmetric about their centre wherever it is, so this finds it without a start; smooth background
    is symmetric about the middle of the detector, and is removed. By one Fourier transform (Lewis 1995,
    Vision Interface, 120, for normalised correlation).
    """
    seen = (live > 0.5 * live.max()).astype(np.float32)
    root = np.sqrt(np.maximum(counts, 0.0) / np.maximum(live, 1e-6)) * seen
    # Set by hand: anything wider than 6 cells is background.
    level = ndimage.gaussian_filter(root, 6.0) / np.maximum(ndimage.gaussian_filter(seen, 6.0), 1e-3)
    sharp = (root - level) * seen
    # Spots and grains (set by hand: beyond three standard deviations) must not outweigh a ring.
    limit = 3.0 * 1.4826 * float(np.median(np.abs(sharp[seen > 0])))
    sharp = np.clip(sharp, -limit, limit)
    size = [2 * n for n in sharp.shape]

    def with_inversion(image: np.ndarray) -> np.ndarray:
        return np.fft.irfft2(np.fft.rfft2(image, size) ** 2, size)

    likeness = with_inversion(sharp) / np.sqrt(np.maximum(with_inversion(seen), 0.02 * seen.sum()))
    peaks = np.argwhere((likeness == ndimage.maximum_filter(likeness, 9)) & (likeness > 0))
    peaks = peaks[np.argsort(-likeness[tuple(peaks.T)])[:count]]
    # The midpoint of cell i at i + 1/2 and its image at j + 1/2 is (i + j + 1) / 2.
    return (peaks[:, ::-1] + 1.0) / 2.0


def _best_apart(places: np.ndarray, scores: np.ndarray, count: int, apart: float) -> list[np.ndarray]:
    """The `count` positions of highest score that are at least this far apart."""
    chosen: list[np.ndarray] = []
    for i in np.argsort(-scores):
        if all(np.hypot(*(places[i] - other)) >= apart for other in chosen):
            chosen.append(places[i])
        if len(chosen) == count:
            break
    return chosen
