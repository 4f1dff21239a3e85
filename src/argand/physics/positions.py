"""Positions of equal spheres against measured intensities: model, residual and least squares, in batches.

The model is that of spheres on voxels: form factor of a sphere, averaged over voxels, with what sampling
folds back from beyond the Nyquist frequency.
"""

import math
from dataclasses import dataclass
from functools import cache

import torch
from jaxtyping import Float
from torch import Tensor

from argand.physics.patterson import Half

Positions = Float[Tensor, "batch atom 3"]
ROUNDING = 1e-6
"""Intensities below this share of the largest are taken for 0."""
FIRST_DAMPING, CONVERGED = 1e-2, 0.01
"""Damping of the first step, in shares of the mean curvature, and relative gain below which steps end."""
WEAK = 0.3
"""Intensities, in shares of their mean, below which weights grow no more."""


@dataclass(frozen=True)
class Reflections:
    """Indices h [n, 3] of one of each pair h, -h, and observed |F|² [batch, n], in a box of `box` voxels."""

    index: Float[Tensor, "n 3"]
    observed: Float[Tensor, "batch n"]
    box: int


def select_reflections(half: Half, longest: float) -> Reflections:
    """Those with 0 < |h| <= `longest` (in indices); what is 0 within rounding was not measured."""
    box = half.shape[1]
    index, flat = _half_sphere(box, longest)
    index, flat = index.to(half.device), flat.to(half.device)
    observed = half.flatten(1)[:, flat]
    least = ROUNDING * half.flatten(1).amax(1, keepdim=True)
    observed = torch.where(observed.abs() < least, 0.0, observed)
    there = (observed != 0).any(0)
    return Reflections(index[there], observed[:, there], box)


@cache
def _half_sphere(box: int, longest: float) -> tuple[Tensor, Tensor]:
    """Indices within the sphere, one of each pair, and their places in the flat half array."""
    full = torch.fft.fftfreq(box, 1 / box)
    rest = torch.fft.rfftfreq(box, 1 / box)
    x, y, z = (v.flatten() for v in torch.meshgrid(full, full, rest, indexing="ij"))
    first = (z > 0) | ((z == 0) & ((y > 0) | ((y == 0) & (x > 0))))
    length = x**2 + y**2 + z**2
    keep = first & (length <= longest**2)
    return torch.stack([x, y, z], dim=1)[keep], keep.nonzero()[:, 0]


def sphere_factor(s: Tensor, radius: float) -> Tensor:
    """Transform of a sphere of density 1 at s cycles per voxel: 4πr³ (sin x - x cos x) / x³ for x = 2πrs."""
    x = (2 * math.pi * radius * s).double()
    small = x < 1e-2
    safe = torch.where(small, 1.0, x)
    shape = torch.where(small, 1 / 3 - x**2 / 30, (torch.sin(safe) - safe * torch.cos(safe)) / safe**3)
    return 4 * math.pi * radius**3 * shape


def folded_factors(
    index: Float[Tensor, "n 3"], box: int, radius: float, fold: int = 1
) -> tuple[Float[Tensor, "m 3"], Float[Tensor, "m n"]]:
    """Orders m of folding, |m| <= `fold` along each axis, and the form factor at h + m·box with its sign."""
    steps = torch.arange(-fold, fold + 1, device=index.device, dtype=torch.float64)
    order = torch.cartesian_prod(steps, steps, steps)
    q = (index.double()[None] + box * order[:, None]) / box
    factor = sphere_factor(q.norm(dim=-1), radius) * torch.sinc(q).prod(-1)
    sign = 1 - 2 * (order.sum(1) % 2).abs()
    return order.to(index.dtype), (factor * sign[:, None]).to(index.dtype)


@dataclass(frozen=True)
class SphereModel:
    """Amplitudes of spheres at reflections `index`; see `folded_factors`."""

    index: Float[Tensor, "n 3"]
    box: int
    order: Float[Tensor, "m 3"]
    factor: Float[Tensor, "m n"]

    @classmethod
    def of(cls, reflections: Reflections, radius: float, fold: int = 1) -> "SphereModel":
        """Model at the reflections of a set."""
        order, factor = folded_factors(reflections.index, reflections.box, radius, fold)
        return cls(reflections.index, reflections.box, order, factor)

    def parts(self, positions: Positions) -> Tensor:
        """Complex contribution of each atom [batch, atom, n]."""
        waves = _turn(positions @ (self.index.T / self.box))
        if len(self.order) == 1:
            return waves * self.factor
        return waves * (_turn(positions @ self.order.T) @ self.factor.to(waves.dtype))


def _turn(turns: Tensor) -> Tensor:
    turns = (turns - turns.round()) * (2 * math.pi)
    return torch.complex(torch.cos(turns), torch.sin(turns))


def residual(reflections: Reflections, model: SphereModel, positions: Positions) -> Float[Tensor, " batch"]:
    """Root of the weighted squared misfit over that of the observed: 0 is perfect; see `weights`."""
    return _residual(reflections, model.parts(positions))


def _residual(reflections: Reflections, parts: Tensor) -> Float[Tensor, " batch"]:
    weight = weights(reflections)
    misfit = weight * (reflections.observed - parts.sum(1).abs().square())
    return (misfit.square().sum(1) / (weight * reflections.observed).square().sum(1)).sqrt()


def weights(reflections: Reflections) -> Float[Tensor, "batch n"]:
    """1 / |F|, less for weak ones, so that a misfit of intensities counts as one of amplitudes.

    None for intensities of exactly 0, which were not measured.
    """
    observed = reflections.observed.clamp_min(0.0)
    floor = WEAK * observed.mean(1, keepdim=True)
    return torch.where(reflections.observed == 0, 0.0, (observed + floor + 1e-12).rsqrt())


@dataclass(frozen=True)
class Refined:
    """Positions after refinement, and their residual."""

    positions: Positions
    residual: Float[Tensor, " batch"]


def refine(
    reflections: Reflections, positions: Positions, radius: float, rounds: int = 12, fold: int = 1
) -> Refined:
    """Levenberg and Marquardt's least squares of all positions against the intensities, each map on its own.

    At most `rounds`, the first half without folding, each half ending where nothing improves any more.
    Intensities tell no place of the whole, except through folding, which depends on where the voxels are: the
    mean of the atoms is taken to be at a voxel's corner, as in simulated maps. The answer has the mean of the
    start.
    """
    centre = positions.mean(1, keepdim=True)
    plain, full = SphereModel.of(reflections, radius, 0), SphereModel.of(reflections, radius, fold)
    first = _minimise(reflections, plain, positions - centre, (rounds + 1) // 2)
    last = _minimise(reflections, full, first.positions, rounds // 2)
    return Refined(last.positions + centre, last.residual)


def _minimise(reflections: Reflections, model: SphereModel, positions: Positions, rounds: int) -> Refined:
    """Damped steps, each map keeping those that lessen its residual."""
    damping = torch.full((len(positions), 1, 1), FIRST_DAMPING, device=positions.device)
    parts = model.parts(positions)
    least = _residual(reflections, parts)
    for _ in range(rounds):
        tried = positions + _step(reflections, model, parts, damping)
        tried = tried - tried.mean(1, keepdim=True)
        new_parts = model.parts(tried)
        new = _residual(reflections, new_parts)
        gain = (least - new) / least.clamp_min(1e-9)
        better = (new < least)[:, None, None]
        positions, parts = torch.where(better, tried, positions), torch.where(better, new_parts, parts)
        damping = torch.where(better, damping / 4, damping * 8).clamp(1e-6, 1e4)
        least = torch.minimum(least, new)
        if bool((gain.abs() < CONVERGED).all()):
            break
    return Refined(positions, least)


def _step(reflections: Reflections, model: SphereModel, parts: Tensor, damping: Tensor) -> Tensor:
    """One damped Gauss-Newton step [batch, atom, 3], at most half a voxel along each axis."""
    batch, atoms, _ = parts.shape
    total = parts.sum(1)
    weight = weights(reflections)
    misfit = weight * (reflections.observed - total.abs().square())
    # d|F|²/dx = 2 Re(conj(F) 2πi h F_j / box)
    slope = (-4 * math.pi / model.box) * (total.conj()[:, None] * parts).imag * weight[:, None]
    jacobian = (slope[:, :, None, :] * model.index.T).flatten(1, 2)
    normal = jacobian @ jacobian.transpose(1, 2)
    gradient = jacobian @ misfit[..., None]
    diagonal = normal.diagonal(dim1=1, dim2=2).mean(1)[:, None, None] + 1e-12
    ridge = damping * diagonal * torch.eye(3 * atoms, device=parts.device)
    step = torch.linalg.solve(normal + ridge, gradient)
    return step.view(batch, atoms, 3).clamp(-0.5, 0.5)
