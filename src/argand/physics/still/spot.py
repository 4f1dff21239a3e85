"""Finding Bragg spots: local background, significant pixels, connected groups, centroids."""

from dataclasses import dataclass
from typing import cast

import numpy as np
from jaxtyping import Float
from scipy import ndimage

from argand.typing import Mask, Points2

BLOCK = 8
"""Side in px of the blocks on which the local background is estimated.

By hand: larger than a spot, smaller than the variation of the background; only the answers as a whole are
measured (`benchmarks/geometry_simulated.py`, `benchmarks/geometry_real.py`).
"""


@dataclass(frozen=True)
class Spots:
    """Spots of an image, strongest first: centroid (fast, slow) px, counts above background, σ, area."""

    px: Points2
    counts: Float[np.ndarray, " n"]
    sigma: Float[np.ndarray, " n"]
    area: np.ndarray

    def __len__(self) -> int:
        return len(self.px)

    def select(self, keep: np.ndarray) -> "Spots":
        """The spots selected by `keep` (bool or indices)."""
        return Spots(self.px[keep], self.counts[keep], self.sigma[keep], self.area[keep])


@dataclass(frozen=True)
class Background:
    """Local mean and variance of the live pixels on blocks of BLOCK px, without spots."""

    mean: Float[np.ndarray, "rows cols"]
    variance: Float[np.ndarray, "rows cols"]


def block_sum(image: np.ndarray, block: int) -> np.ndarray:
    """Sum over blocks of `block` x `block` px; the last block of a side may be incomplete."""
    padded = np.pad(image, [(0, -n % block) for n in image.shape])
    rows = padded.reshape(-1, block, padded.shape[1]).sum(axis=1, dtype=np.float32)
    return rows.reshape(len(rows), -1, block).sum(axis=2)


def spread_blocks(blocks: np.ndarray, block: int, shape: tuple[int, int]) -> np.ndarray:
    """Each block's value copied to its pixels."""
    wide = np.repeat(blocks, block, axis=1)[:, : shape[1]]
    return np.repeat(wide, block, axis=0)[: shape[0]]


def local_background(image: np.ndarray, mask: Mask, window: int = 5) -> Background:
    """Mean and variance in a sliding window of `window` blocks; bright blocks have low weight.

    The level of a block is clipped against the median of its neighbourhood, so that a spot does not
    raise its own background.

    `window` is set by hand: 40 px. So are the factors for a quiet block (1.15, three σ).
    """
    value = np.where(mask, image, 0).astype(np.float32, copy=False)
    live, total = block_sum(mask, BLOCK), block_sum(value, BLOCK)
    squares = block_sum(value * value, BLOCK)
    mean = total / np.maximum(live, 1)
    # Set by hand: a mean of fewer pixels is unreliable.
    typical = _typical_level(mean, live > 0.25 * BLOCK * BLOCK, window)
    # A block with a spot in it stands above the typical level of its neighbours: leave it out.
    noise = np.sqrt(np.maximum(typical, 1.0 / (BLOCK * BLOCK)) / np.maximum(live, 1))
    quiet = (mean < 1.15 * typical + 3.0 * noise) & (live > 0)
    weight = ndimage.uniform_filter(np.where(quiet, live, 0), window, mode="constant")
    level = ndimage.uniform_filter(np.where(quiet, total, 0), window, mode="constant")
    second = ndimage.uniform_filter(np.where(quiet, squares, 0), window, mode="constant")
    enough = weight > 1e-3
    level = np.where(enough, level / np.maximum(weight, 1e-3), typical)
    variance = np.where(enough, second / np.maximum(weight, 1e-3) - level**2, level)
    return Background(level, np.maximum(variance, level))


def _typical_level(value: np.ndarray, valid: np.ndarray, window: int) -> np.ndarray:
    """35th percentile of the neighbours in a window, below any spots; invalid blocks are filled in first."""
    if not valid.any():
        return np.zeros_like(value)
    nearest = ndimage.distance_transform_edt(~valid, return_distances=False, return_indices=True)
    filled = value[tuple(np.asarray(nearest))]
    # Set by hand: low enough to be hardly raised by spots in half of the blocks.
    return ndimage.percentile_filter(filled, 35, size=window)


@dataclass(frozen=True)
class _Pixels:
    """Significant pixels, and the group of each (0 to `count` - 1)."""

    rows: np.ndarray
    cols: np.ndarray
    group: np.ndarray
    count: int
    excess: Float[np.ndarray, " n"]
    sigma: Float[np.ndarray, " n"]


def find_spots(
    image: np.ndarray, mask: Mask, threshold: float = 5.0, min_area: int = 2, max_area: int = 600
) -> tuple[Spots, Mask]:
    """Spots of an image and the mask of pixels outside of spots (True = background).

    Pixels three standard deviations and 1.5 counts above the local background are grouped; a group is
    a spot if its peak is `threshold` standard deviations above the background and it has `min_area` to
    `max_area` pixels, or if one pixel is twice as significant. In a binary image a group is a spot if it is
    larger than any by chance. Limits are by hand, the usual ones of spot finding (3 σ for a pixel, 5 for a
    peak); `benchmarks/geometry_simulated.py` and `benchmarks/geometry_real.py` measure the answers as a
    whole.
    """
    binary = is_binary(image, mask)
    # A pixel of one count belongs to a spot only in a binary image; elsewhere one photon is not significant.
    pixels = _pixels_above(image, mask, 0.5 if binary else 1.5)
    everything, peak = _measure(pixels)
    good = np.isfinite(everything.px[:, 0]) & (everything.area <= max_area) & (peak > threshold)
    if binary:
        good &= everything.area * _rarity(everything) > np.log(image.size)
        belongs = good[pixels.group]
    else:
        # A single pixel must be significant among millions of pixels.
        good &= (everything.area >= min_area) | (peak > 2 * threshold)
        good &= everything.counts > 3.0 * everything.sigma
        belongs = (good | (everything.area > 3))[pixels.group]
    clean = _without(mask, pixels.rows[belongs], pixels.cols[belongs])
    kept = np.flatnonzero(good)
    return everything.select(kept[np.argsort(-everything.counts[kept])]), clean


def is_binary(image: np.ndarray, mask: Mask) -> bool:
    """Whether all pixels of an image are 0 or 1: thresholded, or nearly without photons."""
    return bool(np.max(image, where=mask, initial=0) <= 1)


def _rarity(groups: Spots) -> Float[np.ndarray, " n"]:
    """-log of the probability of each further pixel in a chance group of a binary image.

    A pixel that is set with probability p has about six neighbours that can extend a group by chance, so that
    random groups of n pixels become rarer as (6 p)^n.
    """
    share = 1.0 - groups.counts / np.maximum(groups.area, 1)
    return -np.log(np.clip(6.0 * share, 1e-3, 1.0))


def _pixels_above(image: np.ndarray, mask: Mask, least: float) -> _Pixels:
    """Pixels three σ and `least` counts above the local background, grouped if sides or corners touch."""
    background = local_background(image, mask)
    # Set by hand: where counts are nearly zero, 0.02 keeps single photons from appearing significant.
    sigma = np.sqrt(np.maximum(background.variance, 0.02))
    low = background.mean + np.maximum(3.0 * sigma, least)
    strong = mask & (image > spread_blocks(low, BLOCK, image.shape))
    label, count = cast(tuple[np.ndarray, int], ndimage.label(strong, structure=np.ones((3, 3))))
    rows, cols = np.nonzero(strong)
    block = rows // BLOCK, cols // BLOCK
    excess = image[rows, cols] - background.mean[block]
    return _Pixels(rows, cols, label[rows, cols] - 1, count, excess, sigma[block])


def _measure(pixels: _Pixels) -> tuple[Spots, Float[np.ndarray, " n"]]:
    """Sums and centroids of all groups, and the significance of their highest pixel in σ."""

    def total(value: np.ndarray) -> np.ndarray:
        # For empty input, bincount returns integers.
        return np.bincount(pixels.group, value, minlength=pixels.count).astype(float, copy=False)

    area = np.bincount(pixels.group, minlength=pixels.count)
    counts = total(pixels.excess)
    noise = np.sqrt(total(pixels.sigma**2) + np.maximum(counts, 0))
    peak = np.zeros(pixels.count)
    np.maximum.at(peak, pixels.group, pixels.excess / pixels.sigma)
    fast = total(pixels.excess * (pixels.cols + 0.5)) / counts
    slow = total(pixels.excess * (pixels.rows + 0.5)) / counts
    return Spots(np.stack([fast, slow], axis=1), counts, noise, area), peak


def _without(mask: Mask, rows: np.ndarray, cols: np.ndarray) -> Mask:
    """The mask without some pixels and their neighbours."""
    clean = mask.copy()
    for step_slow in (-1, 0, 1):
        for step_fast in (-1, 0, 1):
            near_slow = np.clip(rows + step_slow, 0, mask.shape[0] - 1)
            near_fast = np.clip(cols + step_fast, 0, mask.shape[1] - 1)
            clean[near_slow, near_fast] = False
    return clean
