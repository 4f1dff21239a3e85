"""Peaks of a density that is a centrosymmetric sum of Gaussians of known width, overlapping ones included.

One after the other the highest is found and taken away together with its inversion image, so that peaks in
another's shoulder show and one of double height is found twice; then all are fitted together.
"""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from argand.physics.sphere.patterson import Cube, Vectors, parabola_tops

FAINT = 0.02
"""Densities below are taken for it where logarithms are taken. By hand: a Gaussian of height 1 at 2.8
sigma."""
REACH = 4.0
"""Standard deviations beyond which a Gaussian is taken for nothing: it is below 0.0004 there."""
POLISH = 4
"""Rounds of the common fit. By hand, as the three that follow; least squares against the intensities come
after."""
DAMPING = 0.7
"""Share of each step that is taken: neighbours that overlap step on the same remainder."""
FARTHEST = 0.3
"""Longest step along an axis, in voxels."""
WEAKEST = 0.3
"""Height below which a peak steps no farther than one of this height: what is left has nothing to do with
it."""


def peel_all(density: Cube, count: int, sigma: float) -> tuple[Vectors, Float[Tensor, "batch count"]]:
    """Places (voxels from the centre) and heights of `count` peaks of a density without images.

    `density` is [batch, size, size, size], a sum of Gaussians of `sigma` voxels.
    """
    size = density.shape[-1]
    left, places, heights = density.clone(), [], []
    for _ in range(count):
        place, height = _highest(left, sigma, size)
        _add(left, Patches.about(place[:, None], size, sigma), -height[:, None])
        places.append(place)
        heights.append(height)
    return polish(density, torch.stack(places, dim=1), torch.stack(heights, dim=1), sigma, images=False)


def peel(
    density: Cube, anchor: Float[Tensor, "batch 3"], count: int, sigma: float
) -> tuple[Vectors, Float[Tensor, "batch count"]]:
    """Places (voxels from the centre) and heights of `count` pairs of peaks, `anchor` the first of them.

    At the anchor two Gaussians of height 1 lie in one place, as everywhere that atom and image meet.
    """
    size = density.shape[-1]
    place, height = anchor, torch.full_like(anchor[:, 0], 2.0)
    left, places, heights = density.clone(), [], []
    for number in range(count):
        if number:
            # The other half holds the same peaks' images.
            place, height = _highest(left, sigma, size // 2)
        both = Patches.about(torch.stack([place, -place], dim=1), size, sigma)
        _add(left, both, -height[:, None].expand(-1, 2))
        places.append(place)
        heights.append(height)
    return polish(density, torch.stack(places, dim=1), torch.stack(heights, dim=1), sigma)


def _highest(
    left: Cube, sigma: float, layers: int
) -> tuple[Float[Tensor, "batch 3"], Float[Tensor, " batch"]]:
    """Place of the highest voxel's peak, among the first layers, and its height, at most 1."""
    size = left.shape[-1]
    value, index = left[:, :layers].flatten(1).max(1)
    top = parabola_tops(left, index[:, None], False, FAINT)[:, 0]
    voxel = torch.stack([index // size**2, index // size % size, index % size], dim=1)
    # From the height at the voxel's centre to that at the top.
    height = value * torch.exp((top - voxel).square().sum(1) / (2 * sigma**2))
    return top + (0.5 - size / 2), height.clamp(0.0, 1.0)


@dataclass(frozen=True)
class Patches:
    """Voxels about places, where Gaussians of height 1 are more than nothing.

    Flat `index` [batch, count, w³] of each voxel in the cube, `factor` of the Gaussian along each axis
    [batch, count, 3, w], 0 outside of the cube, and `offset` of the voxels from the place, of the same shape.
    """

    index: Int[Tensor, "batch count cell"]
    factor: Float[Tensor, "batch count 3 width"]
    offset: Float[Tensor, "batch count 3 width"]

    @classmethod
    def about(cls, place: Vectors, size: int, sigma: float) -> "Patches":
        """Patches that hold all within `REACH` standard deviations."""
        reach = math.ceil(REACH * sigma)
        steps = torch.arange(-reach, reach + 1, device=place.device)
        voxel = torch.floor(place + size / 2)[..., None] + steps
        offset = voxel + (0.5 - size / 2) - place[..., None]
        inside = (voxel >= 0) & (voxel < size)
        factor = torch.where(inside, torch.exp(-0.5 * (offset / sigma) ** 2), 0.0)
        x, y, z = voxel.clamp(0, size - 1).long().unbind(2)
        index = (x[..., :, None, None] * size + y[..., None, :, None]) * size + z[..., None, None, :]
        return cls(index.flatten(2), factor, offset)

    def gaussians(self) -> Float[Tensor, "batch count cell"]:
        """Values at the voxels."""
        x, y, z = self.factor.unbind(2)
        return (x[..., :, None, None] * y[..., None, :, None] * z[..., None, None, :]).flatten(2)


def _add(density: Cube, patches: Patches, height: Float[Tensor, "batch count"]) -> None:
    """Add Gaussians of these heights, in place."""
    values = patches.gaussians() * height[..., None]
    density.view(len(density), -1).scatter_add_(1, patches.index.flatten(1), values.flatten(1))


def polish(
    density: Cube, place: Vectors, height: Float[Tensor, "batch count"], sigma: float, images: bool = True
) -> tuple[Vectors, Float[Tensor, "batch count"]]:
    """Fit places and heights of all peaks together, each stepping on what the others leave.

    Places in voxels from the centre; with `images` every peak has its inversion image.
    """
    # The squared norm of a Gaussian G of height 1.
    size, norm = density.shape[-1], (math.pi**0.5 * sigma) ** 3
    for _ in range(POLISH):
        patches = Patches.about(place, size, sigma)
        one = torch.zeros_like(density)
        _add(one, patches, height)
        left = density - one - one.flip(1, 2, 3) if images else density - one
        overlap, slopes = _projections(left, patches)
        # The squared norm of (x - c) G is sigma² / 2 times that of G.
        step = 2 * slopes / (norm * height.clamp_min(WEAKEST)[..., None])
        place = place + (DAMPING * step).clamp(-FARTHEST, FARTHEST)
        height = (height + DAMPING * overlap / norm).clamp_min(0.0)
    return place, height


def _projections(left: Cube, patches: Patches) -> tuple[Tensor, Tensor]:
    """What is left, times each Gaussian [batch, count], and times (x - c) of it [batch, count, 3]."""
    values = left.flatten(1).gather(1, patches.index.flatten(1)).view(patches.index.shape)
    width = patches.factor.shape[-1]
    cube = (values * patches.gaussians()).unflatten(2, (width, width, width))
    sums = torch.stack([cube.sum((3, 4)), cube.sum((2, 4)), cube.sum((2, 3))], dim=2)
    return sums[:, :, 0].sum(-1), (sums * patches.offset).sum(-1)
