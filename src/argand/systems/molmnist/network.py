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

from argand.systems.molmnist.inversion.polar import Polar
from argand.systems.molmnist.inversion.polar_network import PolarNetwork, turned_back
from argand.systems.molmnist.inversion.shape_basis import ShapeBasis

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


class InversionNetwork(PolarNetwork):
    """Patterns to readings; `sides` and `counts` are those of each fibril's shapes, kept as buffers."""

    def __init__(
        self, sides: tuple[int, ...], counts: tuple[int, ...], widths: tuple[int, ...], polar: Polar
    ) -> None:
        super().__init__(2, widths, polar, _SHARPNESS)
        self.counts = counts
        self.kind = nn.Sequential(
            nn.Linear(2 * self.around_channels, _HIDDEN),
            nn.ReLU(inplace=True),
            nn.Linear(_HIDDEN, len(sides)),
        )
        self.level = self.level_layers(_HIDDEN)
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
        seen = self.look(pattern, live, step, shift)
        # Detached: amounts must not pull the rotation to where they are easier.
        out = seen.rotation.detach() if rotation is None else rotation
        hidden = self.level(turned_back(seen.maps, out))
        return InversionOutput(
            self.kind(seen.pooled), seen.azimuth_logits, seen.rotation, seen.sharpness, self._split(hidden)
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
