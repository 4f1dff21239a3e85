"""Peaks of a density that is a centrosymmetric sum of Gaussians of known width, overlapping ones included.

One after the other the highest is found and taken away together with its inversion image, so that peaks in
another's shoulder show and one of double height is found twice; then all are fitted together.
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor

from argand.physics.patterson import Cube, Vectors, parabola_tops

FAINT = 0.02
"""Densities below are taken for it where logarithms are taken."""
POLISH = 4
DAMPING = 0.7
FARTHEST = 0.3
WEAKEST = 0.3
"""Rounds of the common fit, share of each step taken, its limit in voxels; peaks weaker step no farther."""


def peel_all(density: Cube, count: int, sigma: float) -> tuple[Vectors, Float[Tensor, "batch count"]]:
    """Places (voxels from the centre) and heights of `count` peaks of a density without images."""
    size = density.shape[-1]
    left, places, heights = density, [], []
    for _ in range(count):
        place, height = _highest(left, sigma, size)
        left = left - _sum(_waists(place[:, None], size, sigma)[0], height[:, None], size)
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
    # One voxel more than half, so that peaks on the border have both neighbours.
    left = density[:, : size // 2 + 1]
    places, heights = [], []
    for number in range(count):
        if number:
            place, height = _highest(left, sigma, size // 2)
        left = left - _pair(place[:, None], height[:, None], size, sigma)
        places.append(place)
        heights.append(height)
    return polish(density, torch.stack(places, dim=1), torch.stack(heights, dim=1), sigma)


def _highest(
    left: Float[Tensor, "batch depth size size"], sigma: float, layers: int
) -> tuple[Float[Tensor, "batch 3"], Float[Tensor, " batch"]]:
    """Place of the highest voxel's peak, among the first layers, and its height, at most 1."""
    size = left.shape[-1]
    value, index = left[:, :layers].flatten(1).max(1)
    top = parabola_tops(left, index[:, None], False, FAINT)[:, 0]
    voxel = torch.stack([index // size**2, index // size % size, index % size], dim=1)
    height = value * torch.exp((top - voxel).square().sum(1) / (2 * sigma**2))
    return top + (0.5 - size / 2), height.clamp(0.0, 1.0)


def _waists(place: Vectors, size: int, sigma: float) -> tuple[Tensor, Tensor]:
    """Gaussian factors along the axes [batch, count, 3, size], and offsets of the voxels from the places."""
    grid = torch.arange(size, device=place.device, dtype=place.dtype) + (0.5 - size / 2)
    offset = grid - place[..., None]
    return torch.exp(-0.5 * (offset / sigma) ** 2), offset


def _sum(waists: Tensor, height: Tensor, depth: int) -> Tensor:
    """Gaussians of these factors and heights, added up over the first `depth` layers."""
    x, y, z = waists.unbind(2)
    flat = (height[:, :, None, None] * x[:, :, :depth, None] * y[:, :, None]).flatten(2)
    batch, size = x.shape[0], x.shape[-1]
    return torch.bmm(flat.transpose(1, 2), z).view(batch, depth, size, size)


def _pair(place: Vectors, height: Float[Tensor, "batch count"], size: int, sigma: float) -> Tensor:
    """Gaussians at the places and their inversion images, over half the cube and a layer more."""
    waists = _waists(torch.cat([place, -place], dim=1), size, sigma)[0]
    return _sum(waists, torch.cat([height, height], dim=1), size // 2 + 1)


def polish(
    density: Cube, place: Vectors, height: Float[Tensor, "batch count"], sigma: float, images: bool = True
) -> tuple[Vectors, Float[Tensor, "batch count"]]:
    """Fit places and heights of all peaks together, each stepping on what the others leave."""
    size, norm = density.shape[-1], (math.pi**0.5 * sigma) ** 3
    for _ in range(POLISH):
        waists, offset = _waists(place, size, sigma)
        one = _sum(waists, height, size)
        left = density - one - one.flip(1, 2, 3) if images else density - one
        overlap, slopes = _projections(left, waists, waists * offset)
        # The squared norm of (x - c) G is sigma² / 2 times that of G.
        step = 2 * slopes / (norm * height.clamp_min(WEAKEST)[..., None])
        place = place + (DAMPING * step).clamp(-FARTHEST, FARTHEST)
        height = (height + DAMPING * overlap / norm).clamp_min(0.0)
    return place, height


def _projections(left: Cube, waists: Tensor, sloped: Tensor) -> tuple[Tensor, Tensor]:
    """What is left, times each Gaussian [batch, count], and times (x - c) of it [batch, count, 3]."""
    x, y, z = waists.unbind(2)
    slope_x, slope_y, slope_z = sloped.unbind(2)
    count = z.shape[1]
    flat = torch.einsum("bxyz,bkz->bkxy", left, torch.cat([z, slope_z], dim=1))
    plain, steep = flat[:, :count], flat[:, count:]
    lines = (plain * y[:, :, None]).sum(-1)
    along_y = ((plain * slope_y[:, :, None]).sum(-1) * x).sum(-1)
    along_z = ((steep * y[:, :, None]).sum(-1) * x).sum(-1)
    along_x = (lines * slope_x).sum(-1)
    return (lines * x).sum(-1), torch.stack([along_x, along_y, along_z], dim=-1)
