"""From a Patterson map to what the network sees: vectors picked from its peaks, and superpositions.

Where a vector joins two atoms, the map shifted by half of it forwards and the map shifted by half of it
backwards both have peaks at every atom and at every atom's inversion image, in the frame of the pair's
midpoint. What only one of the two has is something else. The superposition is centrosymmetric, so half of
it, with a margin for the network's convolutions, is all there is to know.
"""

from dataclasses import dataclass
from functools import cache

import torch
from jaxtyping import Float
from torch import Tensor

from argand.physics.sphere.density import gaussian_density, sphere_fractions
from argand.physics.sphere.patterson import Half, Map, Vectors, frequencies, local_maxima, superposed

CHANNELS = 3
"""What `features` makes: minimum, geometric mean and mean."""
SHORTEST = 1.5
"""Shortest vector that is picked, in atom diameters: nearer to the origin its own peak disturbs. By hand: the
origin's peak, the autocorrelation of a sphere, ends at one diameter."""
LONE_HEIGHT, LOWEST, HEIGHT_WEIGHT = 0.85, 0.5, 20.0
"""A lone peak's usual height where it falls between voxels; the least height, in units of a lone peak; and
how many voxels of length one unit too much or too little is worth. By hand; that nearly all vectors picked in
this way lead to the answer with 10 atoms was measured for all three (docs/theory/patterson.md,
Refinement)."""
PEAKS = 1024
"""Peaks of the map that are looked at. By hand: more than the half maps of 10 atoms (45 vectors) and of 30
(435) have; only from 46 atoms on, where iteration answers alone, there may be more."""
TALLEST = 3.0
"""Heights are cut here, in units of a lone peak: the origin's peak is of no use. By hand."""


@dataclass(frozen=True)
class PairFrame:
    """The cube of `size`³ voxels in which atoms are looked for, about the midpoint of a vector.

    Only the half x < size / 2 is kept, with `margin` voxels beyond for context. All in voxels: 24 is twice
    the inner box of 12, and a midpoint lies in that box, so no atom and no image is outside; `margin` and the
    Gaussians' `sigma` are by hand.
    """

    size: int = 24
    margin: int = 4
    sigma: float = 0.7

    @property
    def depth(self) -> int:
        """Voxels along x that the network sees."""
        return self.size // 2 + self.margin


@cache
def lone_peak(radius: float) -> float:
    """Height of the Patterson map's origin for one atom, averaged over its places among the voxels.

    `radius` in voxels. Of 512 places drawn once with a fixed seed, so that it is the same number everywhere.
    """
    offset = torch.rand(512, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    return float((sphere_fractions(offset, radius) ** 2).sum((1, 2, 3)).mean())


@cache
def _pickable(box: int, shortest: float) -> Tensor:
    """Of the layers -1 to box / 2, voxels of one of the two halves that are far enough from the origin."""
    full, _ = frequencies(box)
    x = torch.arange(-1, box // 2 + 1)[:, None, None] % box
    x, y, z = full[x], full[None, :, None], full[None, None, :]
    return ((x * box + y) * box + z > 0) & ((x**2 + y**2 + z**2).sqrt() >= shortest)


def pick_vectors(patterson: Map, count: int, radius: float) -> Vectors:
    """Interatomic vectors (voxels) from the map's peaks, the most promising first.

    Long and lone ones are best: a peak of about one atom pair's height is hardly ever two pairs at once.
    Where a map has fewer peaks, the last places repeat weaker candidates.
    """
    box = patterson.shape[-1]
    allowed = _pickable(box, SHORTEST * 2 * radius).to(patterson.device)
    half = torch.cat([patterson[:, -1:], patterson[:, : box // 2 + 1]], dim=1)
    place, height = local_maxima(half, min(PEAKS, half[0].numel()), True, allowed)
    x, rest = place[..., :1] - 1, place[..., 1:]
    vector = torch.cat([x, torch.where(rest >= box / 2, rest - box, rest)], dim=-1)
    height = height / lone_peak(radius)
    rank = vector.norm(dim=-1) - HEIGHT_WEIGHT * (height - LONE_HEIGHT).abs()
    # The fallback stays below every rank, whatever the height.
    rank = torch.where(height >= LOWEST, rank, -1e3 + height.clamp_min(-1e3))
    order = rank.topk(count, dim=1).indices
    return vector.gather(1, order[..., None].expand(-1, -1, 3))


def features(half: Half, vector: Float[Tensor, "batch 3"], radius: float, frame: PairFrame) -> Tensor:
    """What the network sees of the superpositions: [batch, 3, depth, size, size].

    The two shifted maps' minimum, geometric mean and mean, in units of a lone peak.
    """
    first, second = (one / lone_peak(radius) for one in superposed(half, vector, frame.size))
    low, high = torch.minimum(first, second), torch.maximum(first, second).clamp_max(TALLEST)
    # The small number keeps the root's slope finite.
    both = (low.clamp_min(0.0) * high.clamp_min(0.0) + 1e-6).sqrt()
    return torch.stack([low.clamp_max(TALLEST), both, (low + high) / 2], dim=1)[:, :, : frame.depth]


def plain_features(patterson: Map, radius: float) -> Float[Tensor, "batch 1 box box box"]:
    """The map as it is, its origin in the middle, in units of a lone peak."""
    return (torch.fft.fftshift(patterson, dim=(1, 2, 3)) / lone_peak(radius)).clamp_max(TALLEST)[:, None]


def target(
    positions: Float[Tensor, "batch atom 3"], vector: Float[Tensor, "batch 3"], frame: PairFrame
) -> Float[Tensor, "batch 1 half size size"]:
    """Gaussians at the atoms and their inversion images, about the midpoint of the pair nearest `vector`.

    Positions and vector in voxels; the first half of the frame along x, of which the rest is the image.
    """
    place = positions - pair_midpoint(positions, vector)[:, None]
    both = torch.cat([place, -place], dim=1) + frame.size / 2
    return gaussian_density(both, frame.size, frame.sigma)[:, None, : frame.size // 2]


def pair_midpoint(
    positions: Float[Tensor, "batch atom 3"], vector: Float[Tensor, "batch 3"]
) -> Float[Tensor, "batch 3"]:
    """Midpoint of the two atoms whose difference is nearest to `vector`; all in voxels."""
    batch, atoms, _ = positions.shape
    difference = positions[:, None, :] - positions[:, :, None]
    apart = (difference - vector[:, None, None]).square().sum(-1)
    pair = apart.flatten(1).argmin(1)
    rows = torch.arange(batch, device=positions.device)
    return (positions[rows, pair // atoms] + positions[rows, pair % atoms]) / 2


def unfold(half: Float[Tensor, "batch half size size"]) -> Float[Tensor, "batch size size size"]:
    """The whole centrosymmetric cube from its first half."""
    return torch.cat([half, half.flip(1, 2, 3)], dim=1)
