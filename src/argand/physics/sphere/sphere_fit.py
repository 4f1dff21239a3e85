"""Positions of equal spheres against measured intensities: model, residual and least squares, in batches.

The model is that of spheres on voxels: form factor of a sphere, averaged over voxels, with aliasing from
beyond the Nyquist frequency.
"""

import math
from dataclasses import dataclass
from functools import cache

import torch
from jaxtyping import Float
from torch import Tensor

from argand.physics.sphere.patterson import Half

Positions = Float[Tensor, "batch atom 3"]
Waves = Float[Tensor, "batch n atom"]
ROUNDING = 1e-6
"""Intensities below this fraction of the largest are treated as 0.

Set by hand: about ten times the rounding of transforms in single precision (1e-7).
"""
FIRST_DAMPING, CONVERGED = 1e-2, 0.1
"""Damping of the first step, relative to the mean curvature, and relative gain below which steps end.

Set by hand, the second for speed (it was 0.01); accuracy and time are measured (`benchmarks/patterson.py`).
"""
NEAR, HOPELESS = 0.1, 0.5
"""Residuals: below the first, the steps without aliasing end; above the second, aliasing is left out.

Set by hand, for speed; accuracy and time are measured (`benchmarks/patterson.py`).
"""
WEAK = 0.3
"""Intensity relative to the mean below which weights no longer grow.

Set by hand: errors of weak intensities are not proportional to them; the result is benchmarked
(`benchmarks/patterson.py`).
"""


@dataclass(frozen=True)
class SphereReflections:
    """Indices h [n, 3] of one of each pair h, -h, and observed |F|² [batch, n], in a box of `box` voxels."""

    index: Float[Tensor, "n 3"]
    observed: Float[Tensor, "batch n"]
    box: int


def select_reflections(half: Half, longest: float) -> SphereReflections:
    """Reflections with 0 < |h| <= `longest` (in indices); those that are 0 within rounding are unmeasured."""
    box = half.shape[1]
    index, flat = _half_sphere(box, longest)
    index, flat = index.to(half.device), flat.to(half.device)
    observed = half.flatten(1)[:, flat]
    least = ROUNDING * half.flatten(1).amax(1, keepdim=True)
    observed = torch.where(observed.abs() < least, 0.0, observed)
    there = (observed != 0).any(0)
    return SphereReflections(index[there], observed[:, there], box)


@cache
def _half_sphere(box: int, longest: float) -> tuple[Tensor, Tensor]:
    """Indices within the sphere, one of each pair, and their positions in the flat half array."""
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
    # The series 1/3 - x²/30 is accurate to 1e-10 there, while the difference loses digits.
    small = x < 1e-2
    safe = torch.where(small, 1.0, x)
    shape = torch.where(small, 1 / 3 - x**2 / 30, (torch.sin(safe) - safe * torch.cos(safe)) / safe**3)
    return 4 * math.pi * radius**3 * shape


def folded_factors(
    index: Float[Tensor, "n 3"], box: int, radius: float, fold: int = 1
) -> tuple[Float[Tensor, "m 3"], Float[Tensor, "m n"]]:
    """Orders m of aliasing, |m| <= `fold` along each axis, and the form factor at h + m·box with its sign."""
    steps = torch.arange(-fold, fold + 1, device=index.device, dtype=torch.float64)
    order = torch.cartesian_prod(steps, steps, steps)
    q = (index.double()[None] + box * order[:, None]) / box
    factor = sphere_factor(q.norm(dim=-1), radius) * torch.sinc(q).prod(-1)
    # Voxels' centres lie half a voxel from their corners, so that each order of aliasing changes the sign.
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
    def of(cls, reflections: SphereReflections, radius: float, fold: int = 1) -> "SphereModel":
        """Model at the given reflections."""
        order, factor = folded_factors(reflections.index, reflections.box, radius, fold)
        return cls(reflections.index, reflections.box, order, factor)

    def waves(self, positions: Positions) -> tuple[Waves, Waves]:
        """Contribution of each atom, real and imaginary part."""
        real, imaginary = _turn(self.index / self.box, positions)
        if len(self.order) == 1:
            factor = self.factor.T
            return real * factor, imaginary * factor
        cosine, sine = (self.factor.T @ part for part in _turn(self.order, positions))
        return real * cosine - imaginary * sine, real * sine + imaginary * cosine

    def parts(self, positions: Positions) -> Tensor:
        """The same as complex numbers [batch, atom, n]."""
        return torch.complex(*self.waves(positions)).transpose(1, 2)


def _turn(index: Float[Tensor, "n 3"], positions: Positions) -> tuple[Waves, Waves]:
    """Cosine and sine of 2π times the products of indices and positions."""
    turns = index @ positions.transpose(1, 2)
    turns = turns.sub_(turns.round()).mul_(2 * math.pi)
    return torch.cos(turns), torch.sin(turns)


def residual(
    reflections: SphereReflections, model: SphereModel, positions: Positions
) -> Float[Tensor, " batch"]:
    """Root of the weighted squared misfit relative to the observed: 0 is perfect; see `weights`."""
    return _Trial.of(_Data.of(reflections), model, positions).residual


@dataclass(frozen=True)
class _Data:
    """Observed intensities with their weights [batch, n], and the root of their weighted squares [batch]."""

    observed: Tensor
    weight: Tensor
    norm: Tensor

    @classmethod
    def of(cls, reflections: SphereReflections) -> "_Data":
        weight = weights(reflections)
        return cls(reflections.observed, weight, (weight * reflections.observed).norm(dim=1))

    def __getitem__(self, rows: Tensor) -> "_Data":
        return self if len(rows) == len(self.norm) else _Data(*(v[rows] for v in vars(self).values()))


@dataclass(frozen=True)
class _Trial:
    """Positions, their contributions to each reflection, and the fit."""

    positions: Positions
    real: Waves
    imaginary: Waves
    misfit: Float[Tensor, "batch n"]
    residual: Float[Tensor, " batch"]

    @classmethod
    def of(cls, data: _Data, model: SphereModel, positions: Positions) -> "_Trial":
        real, imaginary = model.waves(positions)
        misfit = data.weight * (data.observed - real.sum(2).square() - imaginary.sum(2).square())
        return cls(positions, real, imaginary, misfit, misfit.norm(dim=1) / data.norm)

    def __getitem__(self, rows: Tensor) -> "_Trial":
        return self if len(rows) == len(self.residual) else _Trial(*(v[rows] for v in vars(self).values()))

    def better(self, other: "_Trial") -> "_Trial":
        """The better fit of the two, for each map."""
        worse = self.residual > other.residual
        if bool(worse.all()):
            return other
        pairs = zip(vars(self).values(), vars(other).values(), strict=True)
        return _Trial(*(torch.where(worse.view(-1, *[1] * (a.ndim - 1)), b, a) for a, b in pairs))


def weights(reflections: SphereReflections) -> Float[Tensor, "batch n"]:
    """1 / |F|, less for weak ones, so that a misfit of intensities counts as one of amplitudes.

    Zero for intensities of exactly 0, which are unmeasured.
    """
    observed = reflections.observed.clamp_min(0.0)
    floor = WEAK * observed.mean(1, keepdim=True)
    return torch.where(reflections.observed == 0, 0.0, (observed + floor + 1e-12).rsqrt())


@dataclass(frozen=True)
class SphereRefinement:
    """Positions after refinement, and their residual."""

    positions: Positions
    residual: Float[Tensor, " batch"]


def refine(
    reflections: SphereReflections, positions: Positions, radius: float, rounds: int = 12, fold: int = 1
) -> SphereRefinement:
    """Levenberg-Marquardt least squares of all positions against the intensities, each map separately.

    At most `rounds`, the first half without aliasing, each half ending for a map that improves little. If the
    first half leaves a structure far from correct, the second is skipped. Intensities do not determine the
    overall position, except through aliasing, which depends on the voxel grid: the mean of the atoms is
    assumed to be at a voxel corner, as in simulated maps. The result has the mean of the start.

    `positions` [batch, atom, 3] and `radius` in voxels, `fold` as in `folded_factors`; the default of
    `rounds` is set by hand.
    """
    centre = positions.mean(1, keepdim=True)
    data = _Data.of(reflections)
    plain, full = SphereModel.of(reflections, radius, 0), SphereModel.of(reflections, radius, fold)
    found = _minimise(data, plain, positions - centre, (rounds + 1) // 2, enough=NEAR)
    hopeful = (found.residual < HOPELESS).nonzero()[:, 0]
    last = _minimise(data[hopeful], full, found.positions[hopeful], rounds // 2)
    found.positions[hopeful], found.residual[hopeful] = last.positions, last.residual
    return SphereRefinement(found.positions + centre, found.residual)


def _minimise(
    data: _Data, model: SphereModel, positions: Positions, rounds: int, enough: float = 0.0
) -> SphereRefinement:
    """Damped steps, each map keeping those that reduce its residual, until the gain is small."""
    trial = _Trial.of(data, model, positions)
    best, least = positions.clone(), trial.residual.clone()
    rows = (least > enough).nonzero()[:, 0]
    data, trial, damping = data[rows], trial[rows], torch.full_like(least[rows], FIRST_DAMPING)
    for _ in range(rounds):
        if not len(rows):
            break
        tried = trial.positions + _step(data, model, trial, damping)
        new = _Trial.of(data, model, tried - tried.mean(1, keepdim=True))
        gain = (trial.residual - new.residual) / trial.residual.clamp_min(1e-9)
        # Factors and bounds set by hand, as usual for this method: less damping after a gain, much more after
        # none.
        damping = torch.where(gain > 0, damping / 4, damping * 8).clamp(1e-6, 1e4)
        trial = trial.better(new)
        best[rows], least[rows] = trial.positions, trial.residual
        going = ((gain.abs() >= CONVERGED) & (trial.residual > enough)).nonzero()[:, 0]
        data, trial, damping, rows = data[going], trial[going], damping[going], rows[going]
    return SphereRefinement(best, least)


def _step(data: _Data, model: SphereModel, trial: _Trial, damping: Float[Tensor, " batch"]) -> Tensor:
    """One damped Gauss-Newton step [batch, atom, 3], at most half a voxel along each axis (set by hand)."""
    # d|F|²/dx = 2 Re(conj(F) 2πi h F_j / box)
    scale = (-4 * math.pi / model.box) * data.weight
    slope = (scale * trial.real.sum(2))[..., None] * trial.imaginary
    slope -= (scale * trial.imaginary.sum(2))[..., None] * trial.real
    jacobian = (slope[..., None] * model.index[:, None]).flatten(2)
    # With reflections along the rows this product is several times faster than its transpose.
    normal = jacobian.transpose(1, 2) @ jacobian
    gradient = jacobian.transpose(1, 2) @ trial.misfit[..., None]
    diagonal = normal.diagonal(dim1=1, dim2=2)
    diagonal += (damping * diagonal.mean(1) + 1e-12)[:, None]
    step = torch.linalg.solve(normal, gradient)
    return step.view(trial.positions.shape).clamp(-0.5, 0.5)
