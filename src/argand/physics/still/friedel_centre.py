"""The centre of a flat sphere's spots among several candidates, by Friedel's symmetry of the intensities.

With a flat Ewald sphere both spots of a Friedel pair are seen at once, at equal distances from the centre
and with similar intensities. About any other node of the lattice the spots have partners as well, but with
unrelated intensities.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float
from scipy.spatial import KDTree

from argand.physics.still.spot import Spots

PAIRS = 8
"""Least number of pairs for a correlation. By hand."""
NEIGHBOURS = 12
"""Number of neighbours to whose mean the intensity of a spot is related: pairs must agree beyond what all
spots of a region have in common, such as the band of a tilted zone. By hand."""


@dataclass(frozen=True)
class Symmetry:
    """Pairs about each candidate, and the correlation of their intensities relative to their neighbours'.

    `evidence` is the gain in log-likelihood over unrelated pairs: -n/2 ln(1 - r²), 0 for negative r (of two
    normal variables).
    """

    pairs: np.ndarray
    correlation: Float[np.ndarray, " c"]
    evidence: Float[np.ndarray, " c"]


def friedel_symmetry(
    spots: Spots, on_lattice: Bool[np.ndarray, " n"], centres: Float[np.ndarray, "c 2"], reach_px: float
) -> Symmetry:
    """How well the spots' intensities agree about each of the `centres` [c, 2] (fast, slow) px.

    A spot's partner is the one within `reach_px` of its position turned by half a turn; only spots
    `on_lattice` are used.
    """
    px = spots.px[on_lattice]
    level = np.log(np.maximum(spots.counts[on_lattice], 1.0))
    pairs = np.zeros(len(centres), int)
    correlation = np.zeros(len(centres))
    if len(px) > NEIGHBOURS:
        tree = KDTree(px)
        # The nearest one is the spot itself.
        around = np.asarray(tree.query(px, NEIGHBOURS + 1)[1])[:, 1:]
        height = level - level[around].mean(axis=1)
        for number, centre in enumerate(centres):
            distance, mate = (np.asarray(one) for one in tree.query(2 * centre - px))
            found = np.flatnonzero((distance < reach_px) & (np.arange(len(px)) < mate))
            pairs[number] = len(found)
            if len(found) >= PAIRS:
                correlation[number] = _correlation(height[found], height[mate[found]])
    # Set by hand: at most 0.99, beyond which rounding would decide.
    positive = np.clip(correlation, 0.0, 0.99)
    return Symmetry(pairs, correlation, -0.5 * pairs * np.log(1.0 - positive**2))


def _correlation(first: np.ndarray, second: np.ndarray) -> float:
    """Correlation of unordered pairs."""
    mean = 0.5 * (first.mean() + second.mean())
    first, second = first - mean, second - mean
    return float(2 * (first @ second) / max(first @ first + second @ second, 1e-12))
