"""The network for bundles of any outline: from a pattern to the chains of a cross-section, and how they turn.

As in `network.InversionNetwork`, a pattern in polar coordinates turns into itself shifted along the azimuth
when the bundle turns about the beam: the rotation is found first and taken out, and what is left is read as a
map of the crystal's sites that have chains. The turn between the ends of a twisted bundle, which smears the
pattern along the azimuth, is read as a distribution.
"""

from dataclasses import dataclass
from itertools import pairwise

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from argand.nn.block import ConvBlock
from argand.systems.molmnist.fibril.bundle import GRID, OUTLINES
from argand.systems.molmnist.inversion.polar import Polar, rolled

TURNS, MOST_TURNED = 40, 250.0
"""Bins of the turn between the ends, and the largest in degrees: 300 Å at 8 degrees/nm are 240."""
FULL_LEVEL = 7.0
"""Decimal logarithm of the photons beyond which more are no better; what has no noise counts as so much."""
_POLAR = ("replicate", "circular")
_SHARPNESS = (-2.0, 9.0)
"""Logarithm of the concentration of the von Mises distribution of twice the rotation: least and largest, as
in `network.InversionNetwork`; the largest is 0.3°."""
_HIDDEN = 512
"""Units between the maps and the sites read off them. By hand: nearly twice the 289 sites."""


@dataclass
class ChainOutput:
    """What the network says of patterns.

    `rotation` in radians at half height, of half a turn, `sharpness` the concentration of twice the rotation;
    `turn_logits` over bins of the turn between the ends; `site_logits` over the sites of `bundle.occupancy`;
    `log_chains` the natural logarithm of the number of chains, and the logarithm of its standard deviation.
    """

    azimuth_logits: Float[Tensor, "batch azimuth"]
    rotation: Float[Tensor, " batch"]
    sharpness: Float[Tensor, " batch"]
    turn_logits: Float[Tensor, "batch turn"]
    site_logits: Float[Tensor, "batch row column"]
    outline_logits: Float[Tensor, "batch outline"]
    log_chains: Float[Tensor, "batch 2"]


class ChainNetwork(nn.Module):
    """Patterns to chains.

    Every level after the stem halves the radii alone, as the azimuths carry the rotation.
    """

    def __init__(self, widths: tuple[int, ...], polar: Polar) -> None:
        super().__init__()
        self.polar = polar
        first, last = widths[0], widths[-1]
        rows = -(-polar.radii // 2 ** len(widths))
        self.gain = nn.Parameter(torch.ones(polar.radii))
        self.stem = nn.Sequential(
            ConvBlock(3, first, stride=2, padding_mode=_POLAR), ConvBlock(first, first, padding_mode=_POLAR)
        )
        self.levels = nn.ModuleList(
            nn.Sequential(ConvBlock(a, b, padding_mode=_POLAR), ConvBlock(b, b, padding_mode=_POLAR))
            for a, b in pairwise(widths)
        )
        self.azimuth = nn.Sequential(ConvBlock(last, last, padding_mode=_POLAR), nn.Flatten(1, 2))
        self.direction = nn.Conv1d(last * rows, 1, 1)
        self.sharp = nn.Linear(last * rows, 1)
        # Halved by the stem, by the next stride and by the pooling.
        self.level = nn.Sequential(
            ConvBlock(last, last, stride=2, padding_mode=_POLAR),
            ConvBlock(last, last, padding_mode=_POLAR),
            nn.MaxPool2d((1, 2)),
            nn.Flatten(),
            nn.Linear(last * -(-rows // 2) * (polar.azimuths // 8), _HIDDEN),
            nn.ReLU(inplace=True),
        )
        self.sites = nn.Sequential(
            nn.Linear(_HIDDEN, _HIDDEN), nn.ReLU(inplace=True), nn.Linear(_HIDDEN, GRID * GRID)
        )
        whole = _HIDDEN + 2 * last * rows
        self.whole = nn.Sequential(nn.Linear(whole, _HIDDEN // 2), nn.ReLU(inplace=True))
        self.rest = nn.Linear(_HIDDEN // 2, TURNS + len(OUTLINES) + 2)

    def forward(
        self,
        pattern: Float[Tensor, "batch 1 slow fast"],
        live: Float[Tensor, "batch 1 slow fast"],
        level: Float[Tensor, " batch"],
        step: float,
        rotation: Float[Tensor, " batch"] | None = None,
        shift: Int[Tensor, " batch"] | None = None,
    ) -> ChainOutput:
        """Readings of patterns whose pixels are `step` apart in 1/Å, q = 0 in the middle pixel.

        `level` is the decimal logarithm of the photons counted, `FULL_LEVEL` for patterns without noise. In
        training `rotation` (NaN: the one found) is taken out, and the polar pattern is moved on by `shift`
        azimuths first, as another rotation of the bundle would move it.
        """
        seen = self.polar(pattern, live, step)
        if shift is not None:
            seen = rolled(seen, -shift.to(seen.dtype))
        # The fourth root of an intensity: decades become numbers of one size. `gain` lets each ring find its
        # own.
        root = seen[:, :1].clamp_min(0).sqrt().sqrt() * self.gain[:, None]
        known = (level / FULL_LEVEL)[:, None, None, None].to(seen.dtype).expand_as(root)
        x = self.stem(torch.cat([root * seen[:, 1:], seen[:, 1:], known], 1))
        for one in self.levels:
            x = one(F.max_pool2d(x, (2, 1), ceil_mode=True))
        around = self.azimuth(x)
        logits = self.direction(around)[:, 0]
        turn = 2 * torch.pi * torch.arange(logits.shape[1], device=logits.device) / logits.shape[1]
        chance = logits.float().softmax(1)
        # The mean direction on the doubled circle, on which half a turn closes: hence the half.
        found = torch.atan2((chance * turn.sin()).sum(1), (chance * turn.cos()).sum(1)) / 2
        # Detached: sites must not pull the rotation to where they are easier.
        out = found.detach() if rotation is None else torch.where(rotation.isnan(), found.detach(), rotation)
        hidden = self.level(rolled(x, out / torch.pi * x.shape[-1]))
        pooled = torch.cat([around.mean(-1), around.amax(-1), hidden], 1)
        turns, outline, chains = self.rest(self.whole(pooled)).split([TURNS, len(OUTLINES), 2], 1)
        sharpness = self.sharp(around.mean(-1))[:, 0].float().clamp(*_SHARPNESS).exp()
        sites = self.sites(hidden).unflatten(1, (GRID, GRID))
        return ChainOutput(logits, found, sharpness, turns, sites, outline, chains)


def turn_centres(device: torch.device | None = None) -> Float[Tensor, " turn"]:
    """Turns between the ends in degrees that the bins stand for."""
    return (torch.arange(TURNS, device=device) + 0.5) * (MOST_TURNED / TURNS)


def counted_level(total: Float[Tensor, " batch"]) -> Float[Tensor, " batch"]:
    """What the network is told of so many photons."""
    return torch.log10(total.clamp_min(1.0)).clamp_max(FULL_LEVEL)
