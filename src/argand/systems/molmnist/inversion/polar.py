"""Patterns in polar coordinates, both halves that Friedel's law makes equal laid on each other."""

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, Shaped
from torch import Tensor, nn

_LEVEL_FROM = 0.15
"""1/Å beyond which a pattern's level is taken. By hand: above the beam stops that training draws (0.14 at
most) and the benchmark's (0.06)."""


Q_MAX = 1.7
"""1/Å; patterns are cut to the square that reaches so far. By hand, a little beyond the 1.6 of `Polar`; up to
here amplitudes are right to 0.3 % on the whole (benchmarks/molmnist_forward.py)."""

Features = Float[Tensor, "batch channel radius azimuth"]


class Polar(nn.Module):
    """Samples patterns at `radii` distances up to `q_max` (1/Å) and `azimuths` angles of half a turn.

    Defaults by hand: 48 radii are a pixel of a window of 190 Å apart, 128 azimuths 1.4°. 1.6 is less than the
    1.7 to which patterns are cut, so that the outermost ring has neighbours. No benchmark compared others.
    """

    def __init__(self, radii: int = 48, azimuths: int = 128, q_max: float = 1.6) -> None:
        super().__init__()
        self.radii, self.azimuths, self.q_max = radii, azimuths, q_max
        # The innermost ring is one and a half steps out: q = 0 is masked in most patterns.
        q = (torch.arange(radii) + 1.5) * q_max / (radii + 0.5)
        angle = torch.arange(2 * azimuths) * torch.pi / azimuths
        self.register_buffer("q", q, persistent=False)
        places = q[:, None, None] * torch.stack([angle.cos(), angle.sin()], -1)
        self.register_buffer("places", places, persistent=False)

    def forward(
        self,
        pattern: Float[Tensor, "batch 1 slow fast"],
        live: Float[Tensor, "batch 1 slow fast"],
        step: float,
    ) -> Float[Tensor, "batch 2 radius azimuth"]:
        """Intensities over their mean level, and the share of each place that was measured.

        Pixels are `step` apart in 1/Å, with q = 0 in pixel [n // 2, n // 2]. Azimuth 0 is along fast.
        """
        size = pattern.shape[-1]
        # grid_sample counts from -1 to 1 between the outer edges of the outermost pixels.
        grid = (2 * (self.get_buffer("places") / step + size // 2) + 1) / size - 1
        grid = grid.expand(len(pattern), -1, -1, -1)
        both = torch.cat([pattern * live, live], 1)
        found = F.grid_sample(both, grid.to(both.dtype), padding_mode="zeros", align_corners=False)
        value, weight = found.unflatten(-1, (2, self.azimuths)).sum(-2).split(1, 1)
        value = torch.where(weight > 0, value / weight.clamp_min(1e-6), 0.0)
        q = self.get_buffer("q")[:, None]
        # Times q: rings weigh as the area that they stand for.
        count = (weight > 0) * q * (q > _LEVEL_FROM)
        level = (value * count).sum((1, 2, 3), keepdim=True) / count.sum((1, 2, 3), keepdim=True).clamp_min(1)
        return torch.cat([value / level.clamp_min(1e-12), (weight / 2).clamp_max(1.0)], 1)


def rolled(x: Features, by: Float[Tensor, " batch"]) -> Features:
    """Maps moved down the azimuth, which closes on itself, by so many columns, linearly between them."""
    columns = torch.arange(x.shape[-1], device=x.device)
    place = columns + by[:, None]
    low = place.floor()
    share = (place - low)[:, None, None].to(x.dtype)
    index = low.long() % x.shape[-1]
    first, second = (
        x.gather(-1, one[:, None, None].expand(-1, *x.shape[1:3], -1))
        for one in (index, (index + 1) % x.shape[-1])
    )
    return first + share * (second - first)


def pattern_middle(pattern: Shaped[np.ndarray, "size size"], step: float) -> Shaped[np.ndarray, "part part"]:
    """The pixels up to `Q_MAX`, an odd number along each side; `step` in 1/Å a pixel."""
    centre = len(pattern) // 2
    reach = min(int(np.ceil(Q_MAX / step)), (len(pattern) - 1) // 2)
    return pattern[centre - reach : centre + reach + 1, centre - reach : centre + reach + 1]


def two_bins(place: Float[Tensor, " batch"], bins: int) -> Float[Tensor, "batch bins"]:
    """A place on a circle of length 1 shared between the two bins next to it."""
    place = (place * bins) % bins
    low = place.floor()
    target = torch.zeros(len(place), bins, device=place.device)
    rows = torch.arange(len(place), device=place.device)
    target[rows, low.long() % bins] = 1 - (place - low)
    target[rows, (low.long() + 1) % bins] += place - low
    return target
