"""How well found atoms agree with the true ones, up to what a Patterson map cannot tell: place and hand."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

Atoms = Float[Tensor, "batch atom 3"]
ROUNDS = 3
"""Times that atoms are paired, the structure being moved onto its partners in between. By hand."""
SOLVED_WITHIN = 0.5
"""Voxels within which every atom of a solved map is. By hand: half a radius; the paper counts matched atoms
only."""


@dataclass(frozen=True)
class Match:
    """Of the better hand: which true atoms are matched, and how far off each is (voxels).

    A pair is matched when each is the other's nearest.
    """

    matched: Bool[Tensor, "batch atom"]
    distance: Float[Tensor, "batch atom"]

    @property
    def solved(self) -> Bool[Tensor, " batch"]:
        """Whether all atoms are matched within half a voxel."""
        return (self.matched & (self.distance <= SOLVED_WITHIN)).all(1)

    def figures(self) -> dict[str, float | int]:
        """Atoms matched, of how many, mean distance of the matched in voxels, share of maps solved."""
        return {
            "matched": int(self.matched.sum()),
            "atoms": self.matched.numel(),
            "mean_voxel": float(self.distance[self.matched].mean()) if self.matched.any() else float("nan"),
            "solved": float(self.solved.float().mean()),
        }


def match_atoms(found: Atoms, true: Atoms) -> Match:
    """Compare as found and inverted, each moved to where it fits best.

    Pairs are each other's nearest, of the better hand, as in the published test (Hurwitz, arXiv 2003.13767).
    """
    # A tenth of a voxel (by hand) keeps one atom that fits by chance from outweighing the others.
    hands = [_match_hand(found, true), _match_hand(-found, true)]
    worth = [(hand.matched / (0.1 + hand.distance)).sum(1) for hand in hands]
    first = (worth[0] >= worth[1])[:, None]
    return Match(
        torch.where(first, hands[0].matched, hands[1].matched),
        torch.where(first, hands[0].distance, hands[1].distance),
    )


def _match_hand(found: Atoms, true: Atoms) -> Match:
    """Match with the means laid upon each other, then with the means of the atoms that were matched."""
    found = found - found.mean(1, keepdim=True) + true.mean(1, keepdim=True)
    for number in range(ROUNDS):
        apart = torch.cdist(true, found, compute_mode="donot_use_mm_for_euclid_dist")
        distance, nearest = apart.min(2)
        back = apart.argmin(1).gather(1, nearest)
        matched = back == torch.arange(true.shape[1], device=true.device)
        if number < ROUNDS - 1:
            partner = found.gather(1, nearest[..., None].expand(-1, -1, 3))
            weight = matched / (0.1 + distance) ** 2
            shift = ((true - partner) * weight[..., None]).sum(1) / weight.sum(1, keepdim=True)
            found = found + shift[:, None]
    return Match(matched, distance)  # pyright: ignore[reportPossiblyUnboundVariable]
