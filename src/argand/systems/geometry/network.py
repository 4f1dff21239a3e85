"""Our network: a coarse stage for the whole image, then a fine one in polar coordinates about its answer.

The coarse stage gives a mixture of Gaussians over the detector, so that it can express two possible
positions. The fine stage uses rings: if the rings of an image are divided into sectors about a point that is
not their centre, the first azimuthal harmonic of each ring gives the direction of the centre, and the second
depends on the tilt. It is trained to correct small errors of its start, and can be applied again to its own
answer.

Widths, depths and the numbers in the functions below, which scale channels to the order of one and keep
divisions and logarithms finite, are by hand; no comparison with others is kept. The shipped weights require
these values.
"""

import math
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from argand.nn.block import ConvBlock, ResidualBlock

RINGS, SECTORS, RING_CELLS = 128, 32, 2.5
"""The polar map: number of rings, of sectors, and the width of a ring in cells. By hand: 128 rings of 2.5
cells reach 320 cells, from the middle of the canvas of 416 beyond its corners (294); 32 sectors are many more
than two harmonics need."""
POLAR = ("replicate", "circular")
"""Padding of the rings at their ends, and around the azimuth, which is periodic."""
POOL = 4
"""Cells of the canvas along a side of a pixel of the coarse stage. By hand: 416 become 104, so that training
on a CPU is possible."""
POINTS = 192
"""Largest number of spots used as points, the strongest. By hand: the cost of attention grows with its
square, and fewer show a lattice."""
EvidenceKind = Literal["both", "background", "spots"]


@dataclass(frozen=True)
class CoarseAnswer:
    """Mixture over the grid of the coarse stage, lengths in cells: log weights, means, sigmas."""

    log_weight: Float[Tensor, "batch k"]
    mean: Float[Tensor, "batch k 2"]
    sigma: Float[Tensor, "batch k"]

    def best(self) -> tuple[Float[Tensor, "batch 2"], Float[Tensor, " batch"]]:
        """Centre of mass around the most probable position, and its standard deviation per axis, in cells.

        Weighted by a Gaussian of 20 cells, 5 pixels of the coarse stage (by hand).
        """
        weight = self.log_weight.exp()
        peak = self.mean[torch.arange(len(weight)), weight.argmax(dim=1)]
        near = torch.exp(-0.5 * ((self.mean - peak[:, None]) ** 2).sum(-1) / 20.0**2) * weight
        near = near / near.sum(dim=1, keepdim=True)
        mean = (near[..., None] * self.mean).sum(dim=1)
        spread = ((self.mean - mean[:, None]) ** 2).sum(-1) / 2 + self.sigma**2
        everything = (weight * (((self.mean - mean[:, None]) ** 2).sum(-1) / 2 + self.sigma**2)).sum(1)
        # A second place far away must show in the uncertainty: no less than half (a quarter of the variance,
        # by hand) of that of the whole mixture. The sum over both axes is halved to be that of one.
        return mean, torch.maximum((near * spread).sum(1), 0.25 * everything).sqrt()


@dataclass(frozen=True)
class FineAnswer:
    """Correction in cells and tilt in degrees (pitch, yaw), each with its standard deviation."""

    shift: Float[Tensor, "batch 2"]
    shift_sigma: Float[Tensor, "batch 2"]
    tilt: Float[Tensor, "batch 2"]
    tilt_sigma: Float[Tensor, "batch 2"]


def switch_evidence(cells: Tensor, points: Tensor, evidence: EvidenceKind) -> tuple[Tensor, Tensor]:
    """Remove background or spots from the cells [batch, 3, side, side] and points [batch, n, 3]."""
    if evidence == "both":
        return cells, points
    cells = cells.clone()
    if evidence == "background":
        cells[:, 2] = 0.0
        return cells, torch.zeros_like(points)
    # The rate becomes the same everywhere; the mask stays.
    cells[:, 0] = cells[:, 1]
    return cells, points


class CoarseStage(nn.Module):
    """Whole image, strongly downsampled, with the mask and the known detector as channels."""

    def __init__(self, width: int = 32) -> None:
        super().__init__()
        self.stem = nn.Sequential(ConvBlock(9, width, 5, 2), ResidualBlock(width, width))
        self.middle = nn.Sequential(ResidualBlock(width, 2 * width, 2), ResidualBlock(2 * width, 2 * width))
        self.deep = nn.Sequential(
            ResidualBlock(2 * width, 3 * width, 2),
            ResidualBlock(3 * width, 3 * width),
            ResidualBlock(3 * width, 3 * width),
            nn.Conv2d(3 * width, 2 * width, 1),
        )
        self.head = nn.Sequential(ResidualBlock(2 * width, 2 * width), nn.Conv2d(2 * width, 4, 1))

    def forward(self, cells: Float[Tensor, "batch 3 s s"], known: Float[Tensor, "batch 2"]) -> CoarseAnswer:
        """`known`: log of a cell's side over the distance, and the wavelength in Å."""
        middle = self.middle(self.stem(_coarse_channels(cells, known)))
        deep = functional.interpolate(self.deep(middle), size=middle.shape[-2:], mode="nearest")
        out = self.head(middle + deep)
        side = out.shape[-1]
        step = cells.shape[-1] / side
        grid = (torch.arange(side, device=out.device, dtype=out.dtype) + 0.5) * step
        fast = grid[None, None, :] + step * out[:, 1]
        slow = grid[None, :, None] + step * out[:, 2]
        mean = torch.stack([fast, slow], dim=-1).flatten(1, 2)
        # No surer than a tenth of a cell: the fine stage is there for more.
        sigma = functional.softplus(out[:, 3]).flatten(1) * step / 4 + 0.1
        return CoarseAnswer(functional.log_softmax(out[:, 0].flatten(1), dim=1), mean, sigma)


def _coarse_channels(cells: Tensor, known: Tensor) -> Tensor:
    """Nine channels on the coarse grid: level, its noise, mask, spots (sum, maximum), position, known."""
    counts, live, spots = cells.unbind(1)
    pooled = functional.avg_pool2d(torch.stack([counts, live, spots], 1), POOL)
    most = functional.max_pool2d(spots[:, None], POOL)
    live_share = pooled[:, 1:2]
    mean = (pooled[:, 0:1].sum((2, 3), True) / live_share.sum((2, 3), True).clamp_min(1e-6)).clamp_min(1e-9)
    level = torch.log(pooled[:, 0:1] / live_share.clamp_min(1e-3) / mean + 0.05) * (live_share > 0.02)
    total = (pooled[:, 0:1] * POOL**2).clamp_min(0.0)
    side = torch.linspace(-1, 1, level.shape[-1], device=cells.device, dtype=cells.dtype)
    fast, slow = side[None, None, None, :].expand_as(level), side[None, None, :, None].expand_as(level)
    known_maps = known[:, :, None, None].expand(-1, -1, *level.shape[-2:])
    noise = torch.log1p(total) / 5.0
    return torch.cat([level, noise, live_share, pooled[:, 2:3], most / 5.0, fast, slow, known_maps], dim=1)


class SpotStage(nn.Module):
    """Spots as points about a start: a transformer over the list with a separate output token.

    Convolutions relate a spot only to its neighbourhood; here each spot has the scattering vector that it
    would have if the start were the centre, and attends to all others.
    """

    def __init__(self, width: int = 32) -> None:
        super().__init__()
        self.embed = nn.Sequential(nn.Linear(9, 2 * width), nn.GELU(), nn.Linear(2 * width, 2 * width))
        self.token = nn.Parameter(torch.zeros(1, 1, 2 * width))
        layer = nn.TransformerEncoderLayer(
            2 * width, 4, 4 * width, dropout=0.0, activation="gelu", batch_first=True, norm_first=True
        )
        # Without the nested tensors of padded batches, which have no gradient.
        self.layers = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.norm = nn.LayerNorm(2 * width)

    def forward(
        self,
        points: Float[Tensor, "batch n 3"],
        known: Float[Tensor, "batch 2"],
        start: Float[Tensor, "batch 2"],
    ) -> Float[Tensor, "batch features"]:
        """Features of all spots together; `start` is the centre to correct, in cells (fast, slow)."""
        there = points[:, :, 2] > 0
        apart = points[:, :, :2] - start[:, None]
        tangent = apart * torch.exp(known[:, 0])[:, None, None]
        square = (tangent**2).sum(-1, keepdim=True)
        # The unit vector along the scattered ray, less the beam's: the scattering vector times wavelength.
        along = torch.rsqrt(1 + square)
        wavelength = known[:, 1, None, None]
        q = torch.cat([tangent * along, along - 1], dim=-1) / wavelength
        radius = apart.norm(dim=-1, keepdim=True)
        channels = [q, apart / 50.0, apart / (radius + 1.0), points[:, :, 2:] / 5.0, radius / 100.0]
        tokens = self.embed(torch.cat(channels, dim=-1))
        tokens = torch.cat([self.token.expand(len(points), 1, -1), tokens], dim=1)
        absent = torch.cat([torch.zeros_like(there[:, :1]), ~there], dim=1)
        return self.norm(self.layers(tokens, src_key_padding_mask=absent)[:, 0])


class FineStage(nn.Module):
    """Rings and sectors about a start, circular along the azimuth, and the spots as points."""

    def __init__(self, width: int = 32) -> None:
        super().__init__()
        self.body = nn.Sequential(
            ConvBlock(10, width, 3, padding_mode=POLAR),
            nn.AvgPool2d((2, 1)),
            ResidualBlock(width, width, padding_mode=POLAR),
            nn.AvgPool2d((2, 1)),
            ResidualBlock(width, 2 * width, padding_mode=POLAR),
            nn.AvgPool2d((2, 1)),
            ResidualBlock(2 * width, 2 * width, padding_mode=POLAR),
            nn.Conv2d(2 * width, width, 1),
        )
        azimuth = (torch.arange(SECTORS) + 0.5) * (2 * math.pi / SECTORS)
        waves = [torch.ones(SECTORS)]
        # A shift is a first harmonic of a ring, a tilt a first and a second one; higher ones tell of neither.
        waves += [f(k * azimuth) for k in (1, 2) for f in (torch.cos, torch.sin)]
        self.register_buffer("waves", torch.stack(waves) / SECTORS, persistent=False)
        # Three poolings by two.
        features = width * len(waves) * (RINGS // 8)
        self.head = nn.Sequential(nn.Linear(features + 2, 128), nn.ReLU(), nn.Linear(128, 8))
        self.spots = SpotStage(width)
        self.from_spots = nn.Linear(2 * width, 128, bias=False)
        # At first the rings alone speak.
        nn.init.zeros_(self.from_spots.weight)

    def forward(
        self,
        cells: Float[Tensor, "batch 3 s s"],
        points: Float[Tensor, "batch n 3"],
        known: Float[Tensor, "batch 2"],
        start: Float[Tensor, "batch 2"],
    ) -> FineAnswer:
        """`start` is the centre to correct, in cells (fast, slow)."""
        maps = self.body(_polar_channels(cells, known, start))
        features = torch.einsum("bcrp,kp->bckr", maps, self.waves).flatten(1)
        first, *rest = self.head
        hidden = first(torch.cat([features, known], dim=1))
        hidden = hidden + self.from_spots(self.spots(points, known, start))
        out = nn.Sequential(*rest)(hidden).float()
        return FineAnswer(
            5.0 * out[:, 0:2],
            torch.exp(out[:, 2:4].clamp(-5, 5)),
            out[:, 4:6],
            torch.exp(out[:, 6:8].clamp(-5, 5)),
        )


def polar_sums(
    cells: Float[Tensor, "batch 3 s s"], start: Float[Tensor, "batch 2"]
) -> Float[Tensor, "b 4 r p"]:
    """Counts, live share, spots and cells summed over each ring's sectors about `start` (cells, fast and
    slow).

    Cells beyond the last ring are left out.
    """
    batch, _, side, _ = cells.shape
    grid = torch.arange(side, device=cells.device, dtype=torch.float32) + 0.5
    fast = grid[None, None, :] - start[:, 0, None, None]
    slow = grid[None, :, None] - start[:, 1, None, None]
    ring = (torch.sqrt(fast**2 + slow**2) / RING_CELLS).long()
    sector = ((torch.atan2(slow, fast) / (2 * math.pi)) % 1.0 * SECTORS).long().clamp_max(SECTORS - 1)
    # One bin more than there are, for what lies beyond the last ring; it is cut off at the end.
    bins = RINGS * SECTORS
    place = (ring * SECTORS + sector).clamp_max(bins) + torch.arange(batch, device=cells.device)[
        :, None, None
    ] * (bins + 1)
    values = torch.stack([*cells.float().unbind(1), torch.ones_like(cells[:, 0], dtype=torch.float32)])
    sums = torch.zeros(4, batch * (bins + 1), device=cells.device)
    sums.index_add_(1, place.flatten(), values.flatten(1))
    return sums.view(4, batch, bins + 1)[:, :, :bins].reshape(4, batch, RINGS, SECTORS).transpose(0, 1)


def _polar_channels(cells: Tensor, known: Tensor, start: Tensor) -> Tensor:
    """Ten channels of the polar map; each ring relative to its own mean."""
    counts, live, spots, area = polar_sums(cells, start).unbind(1)
    ring_live = live.sum(2, keepdim=True)
    ring_mean = (counts.sum(2, keepdim=True) / ring_live.clamp_min(1e-3)).clamp_min(1e-6)
    expected = ring_mean * live
    ratio = ((counts - expected) / expected.clamp_min(1e-3)).clamp(-1, 1) * (live > 0.3)
    significance = (counts - expected) / (expected + 0.02).sqrt()
    mean = (counts.sum((1, 2), True) / live.sum((1, 2), True).clamp_min(1e-3)).clamp_min(1e-6)
    profile = torch.log(ring_mean / mean + 0.05) * (ring_live > 1.0)
    slope = functional.pad(profile[:, 1:] - profile[:, :-1], (0, 0, 0, 1))
    ring = (torch.arange(RINGS, device=cells.device) + 0.5) * RING_CELLS
    tangent = ring[None, :, None] * torch.exp(known[:, 0])[:, None, None]
    # Bragg's law, s = 1/d = 2 sin(theta) / wavelength, for an upright detector: tan(two theta) is radius /
    # distance.
    s = 2 * torch.sin(torch.atan(tangent) / 2) / known[:, 1, None, None]
    shape = counts.shape
    channels = [
        torch.asinh(significance),
        5.0 * ratio,
        live / area.clamp_min(1.0),
        torch.log1p(expected) / 5.0,
        profile.expand(shape),
        5.0 * slope.expand(shape),
        torch.log1p(spots),
        spots / area.clamp_min(1.0),
        s.expand(shape),
        tangent.expand(shape),
    ]
    return torch.stack(channels, dim=1).to(cells.dtype)


class CentreNetwork(nn.Module):
    """Coarse and fine stage; the fine one runs `looks` times (three, by hand) on its own answer."""

    def __init__(self, width: int = 32) -> None:
        super().__init__()
        self.coarse = CoarseStage(width)
        self.fine = FineStage(width)

    def forward(
        self,
        cells: Float[Tensor, "batch 3 s s"],
        points: Float[Tensor, "batch n 3"],
        known: Float[Tensor, "batch 2"],
        looks: int = 3,
        evidence: EvidenceKind = "both",
    ) -> tuple[CoarseAnswer, Float[Tensor, "batch 2"], FineAnswer]:
        """The coarse answer, the centre in cells after the last round, and the fine answer of that round."""
        cells, points = switch_evidence(cells, points, evidence)
        coarse = self.coarse(cells, known)
        centre, _ = coarse.best()
        answer = None
        for _ in range(max(looks, 1)):
            answer = self.fine(cells, points, known, centre)
            centre = centre + answer.shift
        assert answer is not None
        return coarse, centre, answer
