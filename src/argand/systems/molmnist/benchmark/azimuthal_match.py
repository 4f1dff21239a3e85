"""How well patterns fit others that are turned about the beam, at all turns at once.

In polar coordinates a turn is a shift, so that sums over all shifts are correlations along the azimuth.
"""

from dataclasses import dataclass
from functools import cached_property

import torch
from jaxtyping import Complex, Float, Int
from torch import Tensor

from argand.systems.molmnist.inversion.polar import Polar

EVEN = 0.1
"""Share of each expected pattern that is spread evenly over its rings, for what one object does not have of
another of its kind. Chosen among 0.03, 0.1 and 0.3 on 60 validation pairs of `hard` at 10⁴ photons: the
nearest pair's turn is off by 11.6, 11.1 and 12.4 degrees; shapes are alike to 0.02 dB."""
_AT_ONCE = 16
"""Patterns that are compared at a time; for memory alone."""

PolarPatterns = Float[Tensor, "n radius azimuth"]


@dataclass(frozen=True)
class Matched:
    """For each pattern and each known one the best turn (radians, within half a turn), and how good it is.

    `score` is a log-likelihood of photon counts, but for what all known ones share.
    """

    score: Float[Tensor, "n known"]
    turn: Float[Tensor, "n known"]

    def best(self) -> tuple[Int[Tensor, " n"], Float[Tensor, " n"]]:
        """Number of the best known pattern for each, and its turn."""
        row = self.score.argmax(1)
        return row, self.turn.gather(1, row[:, None])[:, 0]


class KnownPatterns:
    """Expected patterns, in polar coordinates and on any scale, that others are compared with."""

    def __init__(self, patterns: PolarPatterns, polar: Polar) -> None:
        self.polar = polar
        rings = patterns.mean(2, keepdim=True)
        mixed = (1 - EVEN) * patterns + EVEN * rings
        # What a ring has at least; 0 has no logarithm. By hand, far below any background.
        self.expected = mixed.clamp_min(1e-9 * float(mixed.mean()))

    @cached_property
    def _logs(self) -> Complex[Tensor, "known radius wave"]:
        return torch.fft.rfft(self.expected.log(), dim=2).conj()

    @cached_property
    def _sums(self) -> Complex[Tensor, "known radius wave"]:
        return torch.fft.rfft(self.expected, dim=2).conj()

    def match(
        self, patterns: Float[Tensor, "n slow fast"], live: Float[Tensor, "n slow fast"], step: float
    ) -> Matched:
        """Σ n ln m - Σ n ln Σ m over measured places, n the pattern and m a known one at its best turn.

        That is the likelihood of Poisson counts with the scale of m that makes it highest. Pixels are `step`
        apart in 1/Å; `live` is 1 where they are measured.
        """
        parts = [
            self._match(patterns[first : first + _AT_ONCE], live[first : first + _AT_ONCE], step)
            for first in range(0, len(patterns), _AT_ONCE)
        ]
        return Matched(torch.cat([one.score for one in parts]), torch.cat([one.turn for one in parts]))

    def _match(self, patterns: Tensor, live: Tensor, step: float) -> Matched:
        value, weight = self.polar(patterns[:, None], live[:, None], step).unbind(1)
        # Times q: a place stands for an area.
        area = weight * self.polar.get_buffer("q")[:, None]
        counts = value * area
        score = self._correlated(counts, self._logs)
        total = self._correlated(area, self._sums).clamp_min(1e-30)
        score = score - counts.sum((1, 2))[:, None, None] * total.log()
        best, place = score.max(2)
        return Matched(best, self._refined(score, place))

    def _correlated(
        self, patterns: PolarPatterns, known: Complex[Tensor, "known radius wave"]
    ) -> Float[Tensor, "n known azimuth"]:
        """Sums of the products at all turns of the known ones."""
        waves = torch.fft.rfft(patterns, dim=2)
        product = torch.einsum("nrw,krw->nkw", waves, known)
        return torch.fft.irfft(product, n=patterns.shape[2], dim=2)

    def _refined(
        self, score: Float[Tensor, "n known azimuth"], place: Int[Tensor, "n known"]
    ) -> Float[Tensor, "n known"]:
        """Turns at the top of a parabola through the best place and its neighbours."""
        count = score.shape[2]
        before, here, after = (
            score.gather(2, ((place + away) % count)[..., None])[..., 0] for away in (-1, 0, 1)
        )
        curve = (2 * here - before - after).clamp_min(1e-12)
        return (place + ((after - before) / (2 * curve)).clamp(-0.5, 0.5)) * torch.pi / count


def shifted(patterns: PolarPatterns, turns: Float[Tensor, " n"]) -> PolarPatterns:
    """Polar patterns of objects turned by so many radians, by fractions of an azimuth."""
    count = patterns.shape[2]
    wave = torch.arange(count // 2 + 1)
    # An azimuth of half a turn is a whole period.
    turned = torch.fft.rfft(patterns, dim=2) * torch.exp(-2j * wave * turns[:, None, None])
    return torch.fft.irfft(turned, n=count, dim=2).clamp_min(0.0)
