"""Effect on the fit of moving, adding or removing one atom, for all positions at once.

With F the waves of the other atoms and f those of one, the squared misfit of |F + f exp(2πi h·y)|² is a
Fourier sum over the first and the second harmonics of y. Positions are in voxels; without aliasing.
"""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from argand.physics.sphere.sphere_fit import Positions, SphereModel, SphereReflections, weights

Surface = Float[Tensor, "batch some x y z"]


def cost_of_moves(
    reflections: SphereReflections, positions: Positions, radius: float, away: float
) -> Float[Tensor, "batch atom"]:
    """Change of the squared residual when one atom moves to its best position elsewhere, the others fixed.

    Elsewhere means more than `away` voxels from its old position. In a correct structure no atom can be moved
    without loss, whatever the errors of the data; if an atom is missing, extra or wrong, some can.
    """
    fit = _Fit.of(reflections, positions, radius)
    surface = fit.surface(fit.parts.sum(1, keepdim=True) - fit.parts)
    near = _near(positions, reflections.box, surface.shape[-1], away)
    best = surface.masked_fill(near, torch.inf).flatten(2).amin(2)
    return (best - fit.misfit(fit.parts.sum(1, keepdim=True))) / fit.norm


def with_another(
    reflections: SphereReflections, positions: Positions, radius: float
) -> Float[Tensor, "batch more 3"]:
    """The structures with one more atom at its best position."""
    fit = _Fit.of(reflections, positions, radius)
    surface = fit.surface(fit.parts.sum(1, keepdim=True))[:, 0]
    side = surface.shape[-1]
    flat = surface.flatten(1).argmin(1)
    place = torch.stack([flat // side**2, flat // side % side, flat % side], dim=1)
    # The nearest of its periodic images, so that the mean stays within the structure.
    place = place * (reflections.box / side)
    middle = positions.mean(1)
    place = place - reflections.box * ((place - middle) / reflections.box).round()
    return torch.cat([positions, place[:, None]], dim=1)


def without_weakest(
    reflections: SphereReflections, positions: Positions, radius: float
) -> Float[Tensor, "batch fewer 3"]:
    """The structures without the least significant atom, with the scale of the rest free."""
    fit = _Fit.of(reflections, positions, radius)
    rest = (fit.parts.sum(1, keepdim=True) - fit.parts).abs().square()
    both = (fit.square * fit.observed * rest).sum(2)
    weakest = (both.square() / (fit.square * rest.square()).sum(2).clamp_min(1e-30)).argmax(1)
    kept = torch.ones(positions.shape[:2], dtype=torch.bool, device=positions.device)
    kept[torch.arange(len(positions)), weakest] = False
    return positions[kept].view(len(positions), -1, 3)


@dataclass(frozen=True)
class _Fit:
    """Waves of each atom [batch, atom, n], squared weights and intensities [batch, 1, n], form factor [n]."""

    parts: Tensor
    square: Tensor
    observed: Tensor
    form: Tensor
    index: Tensor

    @classmethod
    def of(cls, reflections: SphereReflections, positions: Positions, radius: float) -> "_Fit":
        model = SphereModel.of(reflections, radius, 0)
        square = weights(reflections).square()[:, None]
        observed = reflections.observed[:, None]
        return cls(model.parts(positions), square, observed, model.factor[0], reflections.index)

    @property
    def norm(self) -> Float[Tensor, "batch 1"]:
        return (self.square * self.observed.square()).sum(2)

    def misfit(self, waves: Tensor) -> Float[Tensor, "batch some"]:
        return (self.square * (self.observed - waves.abs().square()).square()).sum(2)

    def surface(self, others: Tensor) -> Surface:
        """Squared misfit of the waves of others [batch, some, n] plus an atom at each grid point of the
        box."""
        rest = self.observed - others.abs().square() - self.form**2
        first = -4 * self.square * self.form * rest * others.conj()
        second = 2 * self.square * self.form**2 * others.conj().square()
        constant = self.square * (rest.square() + 2 * self.form**2 * others.abs().square())
        side = 4 * math.ceil(float(self.index.abs().max())) + 2
        return _sum_on_grid(first, second, self.index, side) + constant.sum(2)[..., None, None, None]


def _sum_on_grid(first: Tensor, second: Tensor, index: Tensor, side: int) -> Surface:
    """Real parts of Σ first exp(2πi h·y) + second exp(2πi 2h·y) for all y on a grid of the box."""
    grid = torch.zeros(*first.shape[:2], side**3, dtype=first.dtype, device=first.device)
    for values, harmonic in ((first, 1), (second, 2)):
        x, y, z = ((harmonic * index.long()) % side).unbind(1)
        grid.index_add_(2, (x * side + y) * side + z, values)
    whole = grid.view(*first.shape[:2], side, side, side)
    return torch.fft.ifftn(whole, dim=(2, 3, 4), norm="forward").real


def _near(positions: Positions, box: int, side: int, away: float) -> Bool[Tensor, "batch atom x y z"]:
    """Grid points within `away` voxels of each atom, in the periodic box."""
    points = torch.arange(side, device=positions.device) * (box / side)
    apart = points - positions[..., None]
    x, y, z = (apart - box * (apart / box).round()).square().unbind(2)
    square = x[..., :, None, None] + y[..., None, :, None] + z[..., None, None, :]
    return square <= away**2
