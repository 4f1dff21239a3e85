"""Networks. Ours: from a pattern to fibril, rotation about the beam, twist, and the shape's directions.

A pattern in polar coordinates turns into itself shifted along the azimuth when the fibril turns about the
beam; so convolutions that close on themselves find the rotation, which is then taken out, and what is left is
a pattern at rotation 0 whatever the rotation was. Friedel's law lets half a turn do.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from argand.nn.block import ConvBlock
from argand.systems.molmnist.inversion.polar import Polar, rolled
from argand.systems.molmnist.inversion.shape_basis import ShapeBasis

_POLAR = ("replicate", "circular")
_SHARPNESS = (-2.0, 11.5)
"""Logarithm of the concentration of the von Mises distribution of twice the rotation: least and largest. By
hand: at the ends hardly a direction, and 0.09°, below which the fit knows better (`predict` takes no less
than 0.3°)."""
_HIDDEN = 192
"""Units between the maps and what is read off them. By hand; no other number is on record."""


@dataclass
class InversionOutput:
    """What the network says of patterns.

    `rotation` in radians, of half a turn; `sharpness` the concentration of twice the rotation;
    `coefficients` in standard deviations of each fibril's variants.
    """

    fibril_logits: Float[Tensor, "batch fibril"]
    azimuth_logits: Float[Tensor, "batch azimuth"]
    rotation: Float[Tensor, " batch"]
    sharpness: Float[Tensor, " batch"]
    coefficients: Float[Tensor, "batch fibril mode"]


class InversionNetwork(nn.Module):
    """Patterns to readings; `sides` and `counts` are those of each fibril's shapes, kept as buffers.

    Every level after the stem halves the radii alone: the azimuths, half as many as the pattern's, carry the
    rotation.
    """

    def __init__(
        self, sides: tuple[int, ...], counts: tuple[int, ...], widths: tuple[int, ...], polar: Polar
    ) -> None:
        super().__init__()
        self.counts, self.polar = counts, polar
        first = widths[0]
        self.gain = nn.Parameter(torch.ones(polar.radii))
        self.stem = nn.Sequential(
            ConvBlock(2, first, stride=2, padding_mode=_POLAR), ConvBlock(first, first, padding_mode=_POLAR)
        )
        self.levels = nn.ModuleList(
            nn.Sequential(ConvBlock(a, b, padding_mode=_POLAR), ConvBlock(b, b, padding_mode=_POLAR))
            for a, b in pairwise(widths)
        )
        last, rows = widths[-1], -(-polar.radii // 2 ** len(widths))
        self.azimuth = nn.Sequential(ConvBlock(last, last, padding_mode=_POLAR), nn.Flatten(1, 2))
        self.direction = nn.Conv1d(last * rows, 1, 1)
        self.sharp = nn.Linear(last * rows, 1)
        self.kind = nn.Sequential(
            nn.Linear(2 * last * rows, _HIDDEN), nn.ReLU(inplace=True), nn.Linear(_HIDDEN, len(sides))
        )
        # Halved by the stem, by the next stride and by the pooling.
        across = polar.azimuths // 8
        self.level = nn.Sequential(
            ConvBlock(last, last, stride=2, padding_mode=_POLAR),
            ConvBlock(last, last, padding_mode=_POLAR),
            nn.MaxPool2d((1, 2)),
            nn.Flatten(),
            nn.Linear(last * -(-rows // 2) * (across), _HIDDEN),
            nn.ReLU(inplace=True),
        )
        self.amount = nn.Linear(_HIDDEN, sum(counts))
        for number, (side, count) in enumerate(zip(sides, counts, strict=True)):
            self.register_buffer(f"shapes_{number}", torch.zeros(count + 1, side, side))
        self.register_buffer("rest", torch.zeros(len(sides), 2))
        self.register_buffer("twist", torch.zeros(len(sides), max(counts) + 1))

    def forward(
        self,
        pattern: Float[Tensor, "batch 1 slow fast"],
        live: Float[Tensor, "batch 1 slow fast"],
        step: float,
        rotation: Float[Tensor, " batch"] | None = None,
        shift: Int[Tensor, " batch"] | None = None,
    ) -> InversionOutput:
        """Readings of patterns whose pixels are `step` apart in 1/Å, q = 0 in the middle pixel.

        In training the true `rotation` is taken out instead of the one found, and the polar pattern is moved
        on by `shift` azimuths first, as another rotation of the fibril would move it.
        """
        seen = self.polar(pattern, live, step)
        if shift is not None:
            seen = rolled(seen, -shift.to(seen.dtype))
        # The fourth root of an intensity: decades become numbers of one size. `gain` lets each ring find its
        # own.
        root = seen[:, :1].clamp_min(0).sqrt().sqrt() * self.gain[:, None]
        x = self.stem(torch.cat([root * seen[:, 1:], seen[:, 1:]], 1))
        for level in self.levels:
            x = level(F.max_pool2d(x, (2, 1), ceil_mode=True))
        around = self.azimuth(x)
        logits = self.direction(around)[:, 0]
        turn = 2 * torch.pi * torch.arange(logits.shape[1], device=logits.device) / logits.shape[1]
        chance = logits.float().softmax(1)
        # The mean direction on the doubled circle, on which half a turn closes: hence the half.
        found = torch.atan2((chance * turn.sin()).sum(1), (chance * turn.cos()).sum(1)) / 2
        # Detached: amounts must not pull the rotation to where they are easier.
        out = (found.detach() if rotation is None else rotation) / torch.pi * x.shape[-1]
        hidden = self.level(rolled(x, out))
        pooled = torch.cat([around.mean(-1), around.amax(-1)], 1)
        sharpness = self.sharp(around.mean(-1))[:, 0].float().clamp(*_SHARPNESS).exp()
        return InversionOutput(
            self.kind(pooled),
            logits,
            found,
            sharpness,
            self._split(hidden),
        )

    def _split(self, hidden: Float[Tensor, "batch hidden"]) -> Float[Tensor, "batch fibril mode"]:
        """Coefficients of each fibril, zero beyond its own."""
        parts = self.amount(hidden).split(self.counts, dim=1)
        most = max(self.counts)
        return torch.stack([F.pad(part, (0, most - part.shape[1])) for part in parts], 1)

    def keep_shapes(self, fibril: int, shapes: ShapeBasis) -> None:
        """Take over the shapes of a fibril."""
        images = np.concatenate([shapes.mean[None], shapes.modes])
        self.shapes(fibril).copy_(torch.from_numpy(images))
        self.get_buffer("rest")[fibril] = torch.tensor([shapes.rest, shapes.twist_rest])
        self.get_buffer("twist")[fibril, : len(shapes.twist)] = torch.from_numpy(shapes.twist)

    def shapes(self, fibril: int) -> Float[Tensor, "image side side"]:
        """Mean shape of a fibril and its directions."""
        return self.get_buffer(f"shapes_{fibril}")


class PublishedNetwork(nn.Module):
    """Convolutional encoder and mirrored decoder (Zhang et al., arXiv 1911.07644).

    3x3 filters, batch norm and ReLU; 8, 16, 32 and 64 of them, each level at half the resolution of the one
    before. Sides must be divisible by 2 for every level but the first. Pooling by maxima,
    upsampling to the nearest and a last filter without activation are our reading.
    """

    def __init__(self, widths: tuple[int, ...] = (8, 16, 32, 64)) -> None:
        super().__init__()
        down = [_published_level(1, widths[0])]
        for before, after in pairwise(widths):
            down += [nn.MaxPool2d(2), _published_level(before, after)]
        up: list[nn.Module] = []
        for before, after in pairwise(widths[::-1]):
            up += [nn.Upsample(scale_factor=2), _published_level(before, after)]
        self.layers = nn.Sequential(*down, *up, nn.Conv2d(widths[0], 1, 3, padding=1))

    def forward(self, pattern: Float[Tensor, "batch 1 slow fast"]) -> Float[Tensor, "batch 1 slow fast"]:
        """Shapes of the patterns."""
        return self.layers(pattern)


def _published_level(before: int, after: int) -> nn.Module:
    return nn.Sequential(nn.Conv2d(before, after, 3, padding=1), nn.BatchNorm2d(after), nn.ReLU(inplace=True))
