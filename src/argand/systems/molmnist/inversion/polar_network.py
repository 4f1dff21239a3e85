"""The trunk of both networks: polar maps of a pattern, and the rotation that is read off them.

A pattern in polar coordinates turns into itself shifted along the azimuth when the object turns about the
beam, so convolutions that close on themselves find the rotation, which is then taken out. Friedel's law lets
half a turn do.
"""

from dataclasses import dataclass
from itertools import pairwise

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from argand.nn.block import ConvBlock
from argand.systems.molmnist.inversion.polar import Features, Polar, rolled

_POLAR = ("replicate", "circular")


@dataclass
class PolarMaps:
    """Last maps, the same with radii laid beside the channels, and the rotation read off them.

    `rotation` in radians, of half a turn; `sharpness` the concentration of twice the rotation.
    """

    maps: Features
    around: Float[Tensor, "batch laid azimuth"]
    azimuth_logits: Float[Tensor, "batch azimuth"]
    rotation: Float[Tensor, " batch"]
    sharpness: Float[Tensor, " batch"]

    @property
    def pooled(self) -> Float[Tensor, "batch pooled"]:
        """Mean and maximum over the azimuth, which no rotation changes."""
        return torch.cat([self.around.mean(-1), self.around.amax(-1)], 1)


class PolarNetwork(nn.Module):
    """What a network of `channels` polar channels begins with; `sharpness` are limits of its logarithm.

    Every level after the stem halves the radii alone: the azimuths, half as many as the pattern's, carry the
    rotation.
    """

    def __init__(
        self, channels: int, widths: tuple[int, ...], polar: Polar, sharpness: tuple[float, float]
    ) -> None:
        super().__init__()
        self.polar, self._sharpness = polar, sharpness
        first, self._last = widths[0], widths[-1]
        self._rows = -(-polar.radii // 2 ** len(widths))
        self.gain = nn.Parameter(torch.ones(polar.radii))
        self.stem = nn.Sequential(
            ConvBlock(channels, first, stride=2, padding_mode=_POLAR),
            ConvBlock(first, first, padding_mode=_POLAR),
        )
        self.levels = nn.ModuleList(
            nn.Sequential(ConvBlock(a, b, padding_mode=_POLAR), ConvBlock(b, b, padding_mode=_POLAR))
            for a, b in pairwise(widths)
        )
        self.azimuth = nn.Sequential(ConvBlock(self._last, self._last, padding_mode=_POLAR), nn.Flatten(1, 2))
        self.direction = nn.Conv1d(self.around_channels, 1, 1)
        self.sharp = nn.Linear(self.around_channels, 1)

    @property
    def around_channels(self) -> int:
        """Channels of `PolarMaps.around`."""
        return self._last * self._rows

    def level_layers(self, hidden: int) -> nn.Sequential:
        """Layers from the last maps, at rotation 0, to so many units."""
        last, polar = self._last, self.polar
        # Azimuths are halved by the stem, by the next stride and by the pooling.
        return nn.Sequential(
            ConvBlock(last, last, stride=2, padding_mode=_POLAR),
            ConvBlock(last, last, padding_mode=_POLAR),
            nn.MaxPool2d((1, 2)),
            nn.Flatten(),
            nn.Linear(last * -(-self._rows // 2) * (polar.azimuths // 8), hidden),
            nn.ReLU(inplace=True),
        )

    def look(
        self,
        pattern: Float[Tensor, "batch 1 slow fast"],
        live: Float[Tensor, "batch 1 slow fast"],
        step: float,
        shift: Int[Tensor, " batch"] | None = None,
        told: Float[Tensor, " batch"] | None = None,
    ) -> PolarMaps:
        """Maps of patterns whose pixels are `step` apart in 1/Å, q = 0 in the middle pixel.

        The polar pattern is moved on by `shift` azimuths first, as another rotation would move it; `told` is
        a number of each pattern that is a channel of its own.
        """
        seen = self.polar(pattern, live, step)
        if shift is not None:
            seen = rolled(seen, -shift.to(seen.dtype))
        # The fourth root of an intensity: decades become numbers of one size. `gain` lets each ring find its
        # own.
        root = seen[:, :1].clamp_min(0).sqrt().sqrt() * self.gain[:, None]
        channels = [root * seen[:, 1:], seen[:, 1:]]
        if told is not None:
            channels.append(told[:, None, None, None].to(seen.dtype).expand_as(root))
        x = self.stem(torch.cat(channels, 1))
        for level in self.levels:
            x = level(F.max_pool2d(x, (2, 1), ceil_mode=True))
        around = self.azimuth(x)
        logits = self.direction(around)[:, 0]
        turn = 2 * torch.pi * torch.arange(logits.shape[1], device=logits.device) / logits.shape[1]
        chance = logits.float().softmax(1)
        # The mean direction on the doubled circle, on which half a turn closes: hence the half.
        found = torch.atan2((chance * turn.sin()).sum(1), (chance * turn.cos()).sum(1)) / 2
        sharpness = self.sharp(around.mean(-1))[:, 0].float().clamp(*self._sharpness).exp()
        return PolarMaps(x, around, logits, found, sharpness)


def turned_back(maps: Features, rotation: Float[Tensor, " batch"]) -> Features:
    """Maps with a rotation in radians taken out."""
    return rolled(maps, rotation / torch.pi * maps.shape[-1])
