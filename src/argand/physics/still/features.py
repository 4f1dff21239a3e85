"""The evidence of an image for its beam centre: background counts on coarse cells, and Bragg spots.

Simulated and real images pass through the same function, so that the networks get the same input.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from argand.physics.still.spot import Spots, block_sum, find_spots
from argand.typing import Image, Mask

CANVAS = 416
"""Images of mixed detectors are binned until they fit this many cells per side.

Set by hand: cells of 11 px for the largest detector (Eiger 16M), of 7 px for a Pilatus 6M. Released weights
expect this size.
"""


@dataclass(frozen=True)
class Features:
    """Background and spots of one image.

    `counts` and `live` are sums over the background pixels of cells of `binning` x `binning` px and
    the number of those pixels; `spots` are in px of the image, and `clean` marks the pixels outside of
    spots.
    """

    counts: Float[np.ndarray, "rows columns"]
    live: Float[np.ndarray, "rows columns"]
    spots: Spots
    binning: int
    clean: Mask

    def points(self, most: int) -> np.ndarray:
        """The strongest spots as points [most, 3] float32: (fast, slow) in cells and log(1 + counts).

        Rows beyond the number of spots are zero; the third number of a spot never is.
        """
        counts = np.maximum(self.spots.counts, 0)
        strongest = np.argsort(-counts, kind="stable")[:most]
        found = np.zeros((most, 3), np.float32)
        found[: len(strongest), :2] = self.spots.px[strongest] / self.binning
        found[: len(strongest), 2] = np.log1p(counts[strongest]) + np.finfo(np.float32).tiny
        return found

    def cells(self) -> np.ndarray:
        """Network input [3, CANVAS, CANVAS] float32: counts and live fraction of cells, spots as log(1+I)."""
        bright = np.zeros(self.counts.shape, np.float32)
        where = np.floor(self.spots.px / self.binning).astype(int)
        inside = np.all((where >= 0) & (where < np.array(bright.shape[::-1])), axis=1)
        strength = np.maximum(self.spots.counts[inside], 0)
        np.add.at(bright, (where[inside, 1], where[inside, 0]), strength)
        area = np.float32(self.binning**2)
        channels = (self.counts / area, self.live / area, np.log1p(bright))
        return np.stack([to_canvas(c) for c in channels]).astype(np.float32)


def extract_features(image: Image, live: np.ndarray, binning: int | None = None) -> Features:
    """Features of an image [slow, fast]; `live` is its mask, or the live fraction of each pixel.

    `binning` defaults to the smallest that fits the canvas of the networks.
    """
    share = np.asarray(live, np.float32)
    # Set by hand: cells crossed by a gap are not searched for spots, yet their background counts.
    spots, clean = find_spots(image, share > 0.95)
    binning = binning or int(-(-max(image.shape) // CANVAS))
    counts, background = bin_cells(image, share * (clean | (share <= 0.95)), binning)
    return Features(counts, background, spots, binning, clean)


def bin_cells(
    image: Image, live: Image | Mask, binning: int
) -> tuple[Float[np.ndarray, "rows columns"], Float[np.ndarray, "rows columns"]]:
    """Counts and live pixels of cells of `binning` x `binning` px, without incomplete ones at far edges."""
    share = np.asarray(live, np.float32)
    counts = np.where(share > 0, image, 0).astype(np.float32)
    if binning == 1:
        return counts, share
    whole = tuple(slice(0, n // binning * binning) for n in image.shape)
    return block_sum(counts[whole], binning), block_sum(share[whole], binning)


def to_canvas(image: np.ndarray, side: int = CANVAS) -> np.ndarray:
    """Pad with zeros at the far edges to side x side, so that images of different detectors stack."""
    return np.pad(image, [(0, side - n) for n in image.shape])
