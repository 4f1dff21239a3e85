"""What is known of a fibril's twist before it is looked at: a wide range, not a point.

Two sources speak of its size: runs of molecular dynamics, from which the mean twists of `standard` and
`published` come with their law of twist against the number of chains; and microscopy of wood. Where they can
be compared they differ by a factor of four, and nothing that could be read decides between them. So the prior
is log-normal in the absolute twist (a projection does not tell the hand), follows that law, lies half-way
between the two sources, and is so wide that each is one standard deviation off.
"""

import json
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from scipy.special import ndtri

from argand.errors import InputError
from argand.io.resource import system_data
from argand.physics.fibre.twist import DEG_PER_NM
from argand.systems.molmnist.ensemble.elastic_ensemble import read_parameters

PUBLISHED = system_data("molmnist", "published_twists.json")
"""Twists in the literature, with their sources and what of them was read."""


@dataclass(frozen=True)
class TwistPrior:
    """Log-normal in the absolute twist: its median in degrees/nm and the deviation of its logarithm."""

    median: float
    log_deviation: float

    def interval(self, share: float) -> tuple[float, float]:
        """Range in degrees/nm that holds this share of the prior, as much of the rest on either side."""
        if not 0 < share < 1:
            raise InputError(f"a probability of {share:g} is impossible; give one from 0 to 1")
        away = float(np.exp(self.log_deviation * ndtri(0.5 + share / 2)))
        return self.median / away, self.median * away


@cache
def twist_prior(chains: int) -> TwistPrior:
    """Prior of the absolute twist of a fibril of so many chains.

    Each published row with a range of twists and of chains is taken at the geometric means of both; half of
    its own range, as a logarithm, is added to the width as one more deviation.
    """
    law, rows = read_parameters(), measured_twists()
    middle = [np.log(row["twist"]).mean() for row in rows]
    expected = [np.log(DEG_PER_NM * law.mean_twist(round(_middle(row["chains"])))) for row in rows]
    half_way = float(np.mean(np.subtract(middle, expected))) / 2
    own = float(np.mean([np.ptp(np.log(row["twist"])) / 2 for row in rows]))
    median = DEG_PER_NM * law.mean_twist(chains) * np.exp(half_way)
    return TwistPrior(float(median), float(np.hypot(half_way, own)))


def published_twists() -> list[dict[str, Any]]:
    """Rows of the literature: kind, fibril, chains and twist (ranges or None), says, method, source, read."""
    return json.loads(PUBLISHED.read_text(encoding="utf-8"))["rows"]


def measured_twists() -> list[dict[str, Any]]:
    """Rows of the literature that are measurements and give ranges of twist and of chains."""
    rows = published_twists()
    return [row for row in rows if row["kind"] == "measured" and row["twist"] and row["chains"]]


def _middle(ends: list[float]) -> float:
    """Geometric mean of a range."""
    return float(np.exp(np.log(ends).mean()))
