"""The network for bundles of any outline: from a pattern to the chains of a cross-section, and how they turn.

As in `network.InversionNetwork`, a pattern in polar coordinates turns into itself shifted along the azimuth
when the bundle turns about the beam: the rotation is found first and taken out, and what is left is read as a
map of the crystal's sites that have chains. The turn between the ends of a twisted bundle, which smears the
pattern along the azimuth, is read as a distribution.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from argand.systems.molmnist.fibril.bundle import GRID, OUTLINES
from argand.systems.molmnist.inversion.polar import Polar
from argand.systems.molmnist.inversion.polar_network import PolarNetwork, turned_back

TURNS, MOST_TURNED = 40, 250.0
"""Bins of the turn between the ends, and the largest in degrees: 300 Å at 8 degrees/nm are 240."""
FULL_LEVEL = 7.0
"""Decimal logarithm of the photons beyond which more are no better; what has no noise counts as so much."""
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


class ChainNetwork(PolarNetwork):
    """Patterns to chains."""

    def __init__(self, widths: tuple[int, ...], polar: Polar) -> None:
        super().__init__(3, widths, polar, _SHARPNESS)
        self.level = self.level_layers(_HIDDEN)
        self.sites = nn.Sequential(
            nn.Linear(_HIDDEN, _HIDDEN), nn.ReLU(inplace=True), nn.Linear(_HIDDEN, GRID * GRID)
        )
        whole = _HIDDEN + 2 * self.around_channels
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
        seen = self.look(pattern, live, step, shift, level / FULL_LEVEL)
        # Detached: sites must not pull the rotation to where they are easier.
        out = seen.rotation.detach()
        out = out if rotation is None else torch.where(rotation.isnan(), out, rotation)
        hidden = self.level(turned_back(seen.maps, out))
        read = self.rest(self.whole(torch.cat([seen.pooled, hidden], 1)))
        turns, outline, chains = read.split([TURNS, len(OUTLINES), 2], 1)
        sites = self.sites(hidden).unflatten(1, (GRID, GRID))
        return ChainOutput(seen.azimuth_logits, seen.rotation, seen.sharpness, turns, sites, outline, chains)


def turn_centres(device: torch.device | None = None) -> Float[Tensor, " turn"]:
    """Turns between the ends in degrees that the bins stand for."""
    return (torch.arange(TURNS, device=device) + 0.5) * (MOST_TURNED / TURNS)


def counted_level(total: Float[Tensor, " batch"]) -> Float[Tensor, " batch"]:
    """What the network is told of so many photons."""
    return torch.log10(total.clamp_min(1.0)).clamp_max(FULL_LEVEL)
