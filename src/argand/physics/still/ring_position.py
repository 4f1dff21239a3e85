"""Position of each sharp ring in each azimuthal sector, independent of its intensity.

The intensity along a ring says little about the beam: texture, grains, absorption, polarisation and shadows
make it uneven by far more than counting statistics. Its position is hardly affected. So in every sector a
Gaussian of free height on a linear background is fitted to the radial profile.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from argand.physics.still.ring_profile import SECTORS, Polar

WIDTHS = (0.7, 1.0, 1.4, 2.0, 2.8, 4.0, 5.6, 8.0)
"""Trial standard deviations of a ring, in cells. Set by hand: from a ring that is narrower than a cell in
steps of a square root of two, so that the best is never off by more than a fifth."""
RELATIVE_WIDTH = 0.025
"""Largest standard deviation of a sharp ring over its radius. By hand: rings of solvents have 0.1, those of
ice and powders less than 0.015."""
WINDOW = 3.5
"""Half-width of the fitted range, in standard deviations of the ring. By hand: a Gaussian is negligible
there."""
DETECTION, CONTRAST = 8.0, 0.01
"""Least height of a ring over its error, and over the background, averaged over its sectors. By hand: above
noise and sloping backgrounds."""
SECTOR_DETECTION = 4.0
"""Least height of a ring over its error in a sector for its position to be used. By hand."""
SPARED = 0.15
"""Share of the brightest and of the darkest sectors left out of the mean over sectors, so that a few spots do
not make a ring. By hand."""
MOST_RINGS = 30
"""Largest number of rings used, strongest first. Set by hand, a bound on time."""
LEAST_SECTORS = 9
"""Least number of sectors in which a ring is seen. By hand: an eighth of its circumference."""


@dataclass(frozen=True)
class Positions:
    """Positions of rings in sectors: radius and its error from counts (cells), azimuth (radians), and the
    numbers of ring and sector. `mean_radius` and `width` are those of the rings, in order of radius."""

    radius: Float[np.ndarray, " n"]
    sigma: Float[np.ndarray, " n"]
    azimuth: Float[np.ndarray, " n"]
    ring: Int[np.ndarray, " n"]
    sector: Int[np.ndarray, " n"]
    mean_radius: Float[np.ndarray, " k"]
    width: Float[np.ndarray, " k"]


def find_positions(polar: Polar, reach: float) -> Positions | None:
    """Positions of all sharp rings, each within `reach` cells of its mean radius; None if there are none."""
    rings = find_rings(polar)
    if not rings:
        return None
    found = [_positions_of(polar, rings, k, reach) for k in range(len(rings))]
    kept = [f for f in found if f is not None and len(f[0]) >= LEAST_SECTORS]
    if not kept:
        return None
    counts = [len(f[0]) for f in kept]
    sector = np.concatenate([f[0] for f in kept])
    return Positions(
        np.concatenate([f[1] for f in kept]),
        np.concatenate([f[2] for f in kept]),
        (sector + 0.5) * (2 * np.pi / SECTORS),
        np.repeat(np.arange(len(kept)), counts),
        sector,
        np.array([np.median(f[1]) for f in kept]),
        np.array([f[3] for f in kept]),
    )


def find_rings(polar: Polar) -> list[tuple[float, float]]:
    """Radius and standard deviation (cells) of the rings above the background, by radius."""
    level, error = _mean_over_sectors(polar)
    radius = np.arange(len(level)) + 0.5
    found: list[tuple[float, float, float]] = []
    for width in WIDTHS:
        if 2 * _half_window(width) + 1 > len(level):
            break  # of a small image
        height, noise, base = _filtered(level, error, width)
        score = np.where(noise > 0, height / np.maximum(noise, 1e-12), 0.0)
        peak = (score >= np.roll(score, 1)) & (score > np.roll(score, -1))
        strong = peak & (score > DETECTION) & (height > CONTRAST * np.maximum(base, 0.0))
        # Exclude rings that reach the beam or are as wide as solvent rings.
        strong &= (width < RELATIVE_WIDTH * radius) | ((width == WIDTHS[0]) & (radius > 10 * width))
        found += [(float(score[i]), float(radius[i]), width) for i in np.flatnonzero(strong)]
    chosen: list[tuple[float, float]] = []
    for _, place, width in sorted(found, reverse=True):
        # Set by hand: rings closer than two of their widths are merged.
        if all(abs(place - r) > 2.0 * (width + w) for r, w in chosen) and len(chosen) < MOST_RINGS:
            chosen.append((place, width))
    return sorted(chosen)


def _mean_over_sectors(polar: Polar) -> tuple[np.ndarray, np.ndarray]:
    """Level of each ring without its brightest and darkest sectors, and its error; NaN if it is not seen."""
    live = polar.live > 0.3 * polar.live.max(axis=1, keepdims=True)
    level = np.where(live & (polar.live > 0), polar.counts / np.maximum(polar.live, 1e-9), np.nan)
    order = np.argsort(level, axis=1)
    seen = np.count_nonzero(np.isfinite(level), axis=1)
    rank = np.arange(SECTORS)[None]
    low = np.floor(SPARED * seen)[:, None]
    kept = (rank >= low) & (rank < seen[:, None] - low)
    sorted_level = np.take_along_axis(level, order, axis=1)
    sorted_live = np.take_along_axis(polar.live, order, axis=1)
    weight = np.where(kept, 1.0, 0.0)
    count = weight.sum(axis=1)
    mean = np.where(kept, sorted_level, 0.0).sum(axis=1) / np.maximum(count, 1.0)
    total = np.where(kept, sorted_live, 0.0).sum(axis=1)
    error = np.sqrt(np.maximum(mean, 1.0 / np.maximum(total, 1.0)) / np.maximum(total, 1e-9))
    unseen = seen < LEAST_SECTORS
    return np.where(unseen, np.nan, mean), np.where(unseen, np.nan, error)


def _half_window(width: float) -> int:
    """Cells on each side of a ring of this width used for comparison."""
    return int(np.ceil(WINDOW * width)) + 1


def _filtered(level: np.ndarray, error: np.ndarray, width: float) -> tuple[np.ndarray, ...]:
    """Height of a Gaussian of this width about each radius on a curved background, its error, the background.

    Curved, since otherwise the top of a broad ring looks like a narrow one. Error 0 if the window is
    incomplete.
    """
    half = _half_window(width)
    x = np.arange(-half, half + 1).astype(float)
    bell = np.exp(-0.5 * (x / width) ** 2)
    smooth = np.linalg.qr(np.stack([np.ones_like(x), x, x * x], axis=1))[0]
    kernel = bell - smooth @ (smooth.T @ bell)
    kernel /= kernel @ bell
    seen = np.isfinite(level)
    whole = np.convolve(seen, np.ones(len(x)), "same") > len(x) - 0.5
    whole[:half] = whole[-half:] = False
    filled = np.where(seen, level, 0.0)
    height = np.convolve(filled, kernel[::-1], "same")
    base = np.convolve(filled, np.ones(len(x)) / len(x), "same") - height * bell.mean()
    noise = np.sqrt(np.convolve(np.where(seen, error, 0.0) ** 2, kernel[::-1] ** 2, "same"))
    return height, np.where(whole, noise, 0.0), base


def _positions_of(
    polar: Polar, rings: list[tuple[float, float]], k: int, reach: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray, float] | None:
    """Sectors, radii, errors and width of one ring; None if it is seen in too few sectors."""
    centre, width = rings[k]
    gap = min((abs(centre - r) for j, (r, _) in enumerate(rings) if j != k), default=np.inf)
    # Up to half-way to the next ring, so as not to confuse the two.
    half = int(min(np.ceil(WINDOW * width + reach) + 1, max(np.ceil(0.6 * gap), 3)))
    low, high = max(int(centre) - half, 0), min(int(centre) + half + 1, len(polar.live))
    live, x = polar.live[low:high], polar.radius[low:high] - centre
    level = polar.counts[low:high] / np.maximum(live, 1e-9)
    total = live.sum(axis=0)
    mean = (level * live).sum(axis=0) / np.maximum(total, 1e-9)
    weight = live / np.maximum(mean, 1.0 / np.maximum(total, 1.0))
    # Set by hand: most of a window must be seen, or the edge of a gap decides.
    usable = np.count_nonzero(live > 0.3 * live.max(), axis=0) >= 0.7 * (high - low)
    if usable.sum() < LEAST_SECTORS:
        return None
    level, weight, x, live = level[:, usable], weight[:, usable], x[:, usable], live[:, usable]
    places = np.arange(-reach, reach + 0.25, 0.5)
    places = places[np.abs(places) < half - width]
    gains = {w: _gain(level, weight, x, places, w) for w in WIDTHS if 0.45 * width <= w <= 2.1 * width}
    # The width that explains most in all sectors; no sector dominates by its counts.
    best = max(gains, key=lambda w: float(np.sqrt(np.maximum(gains[w].max(axis=0), 0.0)).sum()))
    shift = places[np.argmax(gains[best], axis=0)]
    shift, sigma, height, height_error = _refine(level, live, x, shift, best)
    inside = np.abs(shift) < min(reach + best, half - 0.5 * best)
    good = inside & (height > SECTOR_DETECTION * height_error) & (sigma < best)
    return np.flatnonzero(usable)[good], centre + shift[good], sigma[good], best


def _gain(
    level: np.ndarray, weight: np.ndarray, x: np.ndarray, places: np.ndarray, width: float
) -> np.ndarray:
    """Decrease of chi² of each sector by a Gaussian at each position, background free: [places, sectors]."""
    middle = x.mean(axis=1)
    bell = np.exp(-0.5 * ((middle[None] - places[:, None]) / width) ** 2)
    s0, s1, s2 = weight.sum(axis=0), (weight * x).sum(axis=0), (weight * x * x).sum(axis=0)
    t0, t1 = (weight * level).sum(axis=0), (weight * x * level).sum(axis=0)
    g0, g1, g2 = bell @ weight, bell @ (weight * x), bell**2 @ weight
    gt = bell @ (weight * level)
    determinant = np.maximum(s0 * s2 - s1 * s1, 1e-12)
    # Project background and slope out of both.
    a, b = (s2 * g0 - s1 * g1) / determinant, (s0 * g1 - s1 * g0) / determinant
    across = gt - a * t0 - b * t1
    norm = np.maximum(g2 - a * g0 - b * g1, 1e-9)
    return np.where(across > 0, across**2 / norm, 0.0)


def _refine(
    level: np.ndarray, live: np.ndarray, x: np.ndarray, shift: np.ndarray, width: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Position and height of the ring in each sector with their errors, by Gauss-Newton steps."""
    sectors = level.shape[1]
    covariance, solution, chi2 = np.zeros((sectors, 4, 4)), np.zeros((sectors, 4)), np.ones(sectors)
    expected = np.maximum((level * live).sum(axis=0) / np.maximum(live.sum(axis=0), 1e-9), 0.0)[None]
    total = np.maximum(live.sum(axis=0), 1.0)
    height = np.zeros(sectors)
    # Set by hand: the start is within half a cell, and three steps then converge to a thousandth.
    for turn in range(4):
        bell = np.exp(-0.5 * ((x - shift) / width) ** 2)
        slope = bell * (x - shift) / width**2
        weight = live / np.maximum(expected, 1.0 / total)
        columns = [np.ones_like(x), x, bell] + ([slope * np.maximum(height, 0.0)] if turn else [])
        design = np.stack(columns, axis=-1)
        normal = np.einsum("jsp,js,jsq->spq", design, weight, design, optimize=True)
        size = design.shape[-1]
        ridge = 1e-9 * np.trace(normal, axis1=1, axis2=2)[:, None, None] * np.eye(size) + 1e-12 * np.eye(size)
        right = np.einsum("jsp,js,js->sp", design, weight, level)
        covariance = np.linalg.inv(normal + ridge)
        solution = np.einsum("spq,sq->sp", covariance, right)
        model = np.einsum("jsp,sp->js", design, solution)
        expected = np.maximum(model, 0.0)
        freedom = np.maximum(np.count_nonzero(live > 0, axis=0) - 4, 1)
        chi2 = (weight * (level - model) ** 2).sum(axis=0) / freedom
        height = solution[:, 2]
        if turn:
            shift = shift + np.clip(solution[:, 3], -0.5 * width, 0.5 * width)
    # Integrating detectors have other noise, which shows in the misfit; half, set by hand, since chi² of few
    # points may also be small by chance.
    scale = np.sqrt(np.maximum(chi2, 0.5 * np.median(chi2)))
    variance = np.maximum(np.diagonal(covariance, axis1=1, axis2=2), 0.0)
    return shift, np.sqrt(variance[:, 3]) * scale, height, np.sqrt(variance[:, 2]) * scale
