"""Finding Bragg spots: local background, pixels that stand out, connected groups, centroids."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy import ndimage

from argand.typing import Mask, Points2

BLOCK = 8
"""Side in px of the blocks on which the local background is estimated."""


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
        """The spots that `keep` (bool or indices) names."""
        return Spots(self.px[keep], self.counts[keep], self.sigma[keep], self.area[keep])


@dataclass(frozen=True)
class Background:
    """Local mean and variance of the live pixels on blocks of BLOCK px, spots left out."""

    mean: Float[np.ndarray, "rows cols"]
    variance: Float[np.ndarray, "rows cols"]


def block_sum(image: np.ndarray, block: int) -> np.ndarray:
    """Sum over blocks of `block` x `block` px; the last block of a side may be incomplete."""
    padded = np.pad(image, [(0, -n % block) for n in image.shape])
    rows = padded.reshape(-1, block, padded.shape[1]).sum(axis=1, dtype=np.float32)
    return rows.reshape(len(rows), -1, block).sum(axis=2)


def spread_blocks(blocks: np.ndarray, block: int, shape: tuple[int, int]) -> np.ndarray:
    """Each block's value in each of its pixels."""
    wide = np.repeat(blocks, block, axis=1)[:, : shape[1]]
    return np.repeat(wide, block, axis=0)[: shape[0]]


def local_background(image: np.ndarray, mask: Mask, window: int = 5) -> Background:
    """Mean and variance in a sliding window of `window` blocks; bright blocks weigh little.

    The level of a block is clipped against the median of its neighbourhood, so that a spot does not
    raise the background that it is judged against.
    """
    value = np.where(mask, image, 0).astype(np.float32, copy=False)
    live, total = block_sum(mask, BLOCK), block_sum(value, BLOCK)
    squares = block_sum(value * value, BLOCK)
    mean = total / np.maximum(live, 1)
    typical = _masked_median(mean, live > 0.25 * BLOCK * BLOCK, window)
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


def _masked_median(value: np.ndarray, valid: np.ndarray, window: int) -> np.ndarray:
    """Lower-quartile level of the valid neighbours in a window; invalid ones are filled in first."""
    if not valid.any():
        return np.zeros_like(value)
    _, nearest = ndimage.distance_transform_edt(~valid, return_indices=True)
    filled = value[tuple(nearest)]
    return ndimage.percentile_filter(filled, 35, size=window)


def find_spots(
    image: np.ndarray, mask: Mask, threshold: float = 5.0, min_area: int = 2, max_area: int = 600
) -> tuple[Spots, Mask]:
    """Spots of an image and the mask of pixels that belong to none (True = background).

    A pixel stands out at `threshold` standard deviations above the local background and at least 2
    counts. Groups need `min_area` pixels, or one that is twice as significant.
    """
    background = local_background(image, mask)
    sigma = np.sqrt(np.maximum(background.variance, 0.02))
    low = background.mean + np.maximum(3.0 * sigma, 1.5)
    strong = mask & (image > spread_blocks(low, BLOCK, image.shape))
    label, count = ndimage.label(strong, structure=np.ones((3, 3)))
    if count == 0:
        return _no_spots(), mask
    rows, cols = np.nonzero(strong)
    group = label[rows, cols] - 1
    excess = image[rows, cols] - background.mean[rows // BLOCK, cols // BLOCK]
    scale = sigma[rows // BLOCK, cols // BLOCK]
    area = np.bincount(group, minlength=count)
    counts = np.bincount(group, excess, minlength=count)
    noise = np.sqrt(np.bincount(group, scale**2, minlength=count) + np.maximum(counts, 0))
    peak = np.zeros(count)
    np.maximum.at(peak, group, excess / scale)
    # A lone pixel must clear the chance of it among millions of pixels.
    good = (peak > threshold) & ((area >= min_area) | (peak > 2 * threshold)) & (area <= max_area)
    fast = np.bincount(group, excess * (cols + 0.5), minlength=count) / counts
    slow = np.bincount(group, excess * (rows + 0.5), minlength=count) / counts
    good &= np.isfinite(fast) & (counts > 3.0 * noise)
    spots = Spots(np.stack([fast, slow], axis=1), counts, noise, area)
    belongs = (good | (area > 3))[group]
    clean = mask.copy()
    for step_slow in (-1, 0, 1):
        for step_fast in (-1, 0, 1):
            near_slow = np.clip(rows[belongs] + step_slow, 0, image.shape[0] - 1)
            near_fast = np.clip(cols[belongs] + step_fast, 0, image.shape[1] - 1)
            clean[near_slow, near_fast] = False
    kept = np.flatnonzero(good)
    return spots.select(kept[np.argsort(-counts[kept])]), clean


def _no_spots() -> Spots:
    return Spots(np.empty((0, 2)), np.empty(0), np.empty(0), np.empty(0, int))
