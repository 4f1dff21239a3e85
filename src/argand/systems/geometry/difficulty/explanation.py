"""Which parameter best explains what is hard: ranks against thresholds, as in a regression tree."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.stats import rankdata

FEWEST = 10
"""Least number of images for an explanation. By hand: with fewer some parameter nearly always fits."""
MIN_SHARE = 0.1
"""Least share of the images on the smaller side of a split. By hand: one image of the FEWEST."""


@dataclass(frozen=True)
class Explanation:
    """How well one parameter explains which images are hard.

    `correlation` is Spearman's; `share` is the part of the variance of the ranks that the best split
    explains; the medians are of error or sigma below and above its threshold.
    """

    parameter: str
    correlation: float
    share: float
    threshold: float
    median_below: float
    median_above: float


def explain(
    parameters: Mapping[str, Float[np.ndarray, " n"]], values: Float[np.ndarray, " n"]
) -> list[Explanation]:
    """The parameters by how much of the ranking of `values` (error or sigma, infinite where there is
    none) each explains, the best first. Empty for fewer than FEWEST images.
    """
    if len(values) < FEWEST:
        return []
    varied = {name: column for name, column in parameters.items() if np.ptp(column) > 0}
    found = [_explanation(name, column, values) for name, column in varied.items()]
    return sorted((one for one in found if one is not None), key=lambda one: -one.share)


def _explanation(
    name: str, column: Float[np.ndarray, " n"], values: Float[np.ndarray, " n"]
) -> Explanation | None:
    """The best single threshold of one parameter, as the first branch of a regression tree on ranks.

    `between` over `total` is the share of the variance of the ranks that lies between the two sides. Ranks
    and not values, since stills without an estimate count as infinitely hard.
    """
    ranks = rankdata(values)
    total = float(((ranks - ranks.mean()) ** 2).sum())
    best: tuple[float, float] | None = None
    for threshold in _thresholds(column):
        above = column > threshold
        if min(above.mean(), 1 - above.mean()) < MIN_SHARE or total == 0:
            continue
        between = sum(side.sum() * (ranks[side].mean() - ranks.mean()) ** 2 for side in (above, ~above))
        if best is None or between / total > best[0]:
            best = (float(between / total), float(threshold))
    if best is None:
        return None
    above = column > best[1]
    correlation = float(np.corrcoef(rankdata(column), ranks)[0, 1])
    medians = float(np.median(values[~above])), float(np.median(values[above]))
    return Explanation(name, correlation, *best, *medians)


def _thresholds(column: Float[np.ndarray, " n"]) -> np.ndarray:
    """Midpoints between neighbouring values, thinned to 40 to 79 (by hand, for time) where there are more."""
    levels = np.unique(column)
    middles = (levels[1:] + levels[:-1]) / 2
    return middles[:: max(1, len(middles) // 40)]
