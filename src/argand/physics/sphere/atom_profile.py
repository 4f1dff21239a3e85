"""The common shape of equal atoms from intensities: their squared form factor as a function of |h|.

Shells of reflections have N times the squared form factor on average (Wilson 1942, Nature 150, 152), except
the lowest, where the waves of all atoms are in phase. With it, intensities of atoms of any shape are
converted to those of spheres.
"""

import math
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from argand.physics.sphere.patterson import Half, reflection_length
from argand.physics.sphere.sphere_fit import (
    ROUNDING,
    Positions,
    SphereModel,
    SphereRefinement,
    SphereReflections,
    refine,
    sphere_factor,
    weights,
)

FAINT = 1e-3
"""Squared form factor, relative to h = 0, below which atoms scatter too little. Set by hand."""
DEGREE = 3
"""Degree of the polynomial in |h|² for the logarithm of the squared form factor. Set by hand: a Gaussian has
degree 1, a sphere within its first zero is approximated to a few percent."""
ORIGIN_WEIGHT = 1e3
"""Weight of F(000), which is exactly N² times, in reflections. Set by hand."""
FITTED_DEGREE, LEAST_FACTOR = 3, 0.05
"""Degree of the polynomial in |h|² that scales intensities of spheres to fit, and its least value. Set by
hand."""


@dataclass(frozen=True)
class AtomProfile:
    """Squared form factor of the atoms of each map, at integer |h| from 0; 0 where undetermined."""

    squared: Float[Tensor, "batch shell"]

    @classmethod
    def of(cls, half: Half, atoms: int, inner_box: float) -> "AtomProfile":
        """From intensities of `atoms` equal atoms within a cube of `inner_box` voxels."""
        box = half.shape[1]
        mean, count = shell_means(half)
        # Below, the waves of the atoms are more in phase than at random.
        first = math.ceil(box / inner_box)
        return cls(torch.stack([_fitted(*one, atoms, first) for one in zip(mean, count, strict=True)]))

    def at(self, box: int) -> Half:
        """Profile at each reflection of the half transform, linear between shells."""
        length = reflection_length(box, self.squared.device) * (box / 2)
        low = length.floor().long()
        share = length - low
        padded = torch.nn.functional.pad(self.squared, (0, 2))
        low = low.clamp_max(padded.shape[1] - 2)
        return padded[:, low] * (1 - share) + padded[:, low + 1] * share


def shell_means(half: Half) -> tuple[Float[Tensor, "batch shell"], Float[Tensor, "batch shell"]]:
    """Mean intensity of the measured reflections for each integer |h|, and their number."""
    box = half.shape[1]
    shell = (reflection_length(box, half.device) * (box / 2)).round().long().flatten()
    flat = half.flatten(1)
    there = (flat.abs() > ROUNDING * flat.amax(1, keepdim=True)).to(flat.dtype)
    empty = torch.zeros(len(half), int(shell.max()) + 1, dtype=flat.dtype, device=half.device)
    count = empty.index_add(1, shell, there)
    total = empty.index_add(1, shell, flat * there)
    return total / count.clamp_min(1), count


def _fitted(mean: Tensor, count: Tensor, atoms: int, first: int) -> Float[Tensor, " shell"]:
    """The profile of one map: a smooth fit to its shells, up to the first faint or empty one."""
    squared, weight = mean.double() / atoms, count.double()
    squared[0], weight[0] = mean[0].double() / atoms**2, torch.where(count[0] > 0, ORIGIN_WEIGHT, 0.0)
    weight[1:first] = 0.0
    largest = float(squared[torch.cat([weight > 0])].max()) if bool((weight > 0).any()) else 0.0
    faint = (squared <= FAINT * largest) & (torch.arange(len(squared)) >= first)
    end = int(faint.nonzero()[0, 0]) if bool(faint.any()) else len(squared)
    place = (torch.arange(end, dtype=torch.float64) / len(squared)) ** 2
    powers = place[:, None] ** torch.arange(DEGREE + 1)
    root = weight[:end].sqrt()
    values = squared[:end].clamp_min(1e-30).log()
    answer = torch.linalg.lstsq(powers * root[:, None], (values * root)[:, None]).solution[:, 0]
    found = torch.zeros_like(squared)
    found[:end] = (powers @ answer).exp()
    return found.to(mean.dtype)


def voxel_sphere_squared(box: int, radius: float, shells: int) -> Float[Tensor, " shell"]:
    """The profile of spheres on voxels: sphere times voxel, the latter averaged over directions."""
    s = torch.arange(shells) / box
    # The product of three sinc(q) is exp(-(πs)²/6)... to second order in q, whatever the direction.
    return (sphere_factor(s, radius) * torch.exp(-((math.pi * s) ** 2) / 6)).float() ** 2


def as_spheres(half: Half, profile: AtomProfile, radius: float) -> Half:
    """Intensities as if the atoms were spheres of `radius` voxels; 0 (unmeasured) where they scatter too
    little."""
    box, squared = half.shape[1], profile.squared
    spheres = AtomProfile(voxel_sphere_squared(box, radius, squared.shape[1]).to(squared)[None])
    own = profile.at(box)
    answer = half * spheres.at(box) / own.clamp_min(1e-30)
    return torch.where(own > 0, answer, 0.0)


def unlike_spheres(profile: AtomProfile, box: int, radius: float) -> Float[Tensor, " batch"]:
    """Largest difference of logarithms from the profile of spheres, up to Nyquist where it is determined."""
    squared = profile.squared[:, 1 : box // 2]
    spheres = voxel_sphere_squared(box, radius, box // 2).to(squared)[1:]
    apart = (squared.clamp_min(1e-30) / spheres).log().abs()
    return torch.where(squared > 0, apart, 0.0).amax(1)


def shape_factor(
    reflections: SphereReflections, positions: Positions, radius: float
) -> Float[Tensor, "batch n"]:
    """Best factor for intensities of spheres at these positions, a smooth function of |h|.

    Weighted linear least squares of a polynomial in |h|², each map separately; without aliasing, as in maps
    that do not come from a density on voxels. Positive.
    """
    model = SphereModel.of(reflections, radius, 0)
    real, imaginary = model.waves(positions)
    weight = weights(reflections)
    calculated = weight * (real.sum(2).square() + imaginary.sum(2).square())
    square = reflections.index.square().sum(1)
    place = 2 * square / square.max() - 1
    powers = place[:, None] ** torch.arange(FITTED_DEGREE + 1, device=place.device)
    design = (calculated[..., None] * powers).double()
    observed = (weight * reflections.observed).double()[..., None]
    normal = design.transpose(1, 2) @ design
    # So that empty maps do not stop the others.
    normal += (
        1e-12
        * normal.diagonal(dim1=1, dim2=2).amax(1)[:, None, None].clamp_min(1e-30)
        * torch.eye(len(powers.T))
    )
    answer = torch.linalg.solve(normal, design.transpose(1, 2) @ observed)
    return (powers.double() @ answer)[..., 0].clamp_min(LEAST_FACTOR).to(weight.dtype)


def refine_with_shape(
    reflections: SphereReflections, positions: Positions, radius: float, rounds: int, turns: int = 2
) -> SphereRefinement:
    """Alternating least squares of positions and of the common shape of all atoms; see `refine`.

    The residual is that of intensities divided by the shape's factor.
    """
    found = SphereRefinement(positions, torch.full_like(positions[:, 0, 0], torch.inf))
    for _ in range(turns):
        factor = shape_factor(reflections, found.positions, radius)
        alike = replace(reflections, observed=reflections.observed / factor)
        found = refine(alike, found.positions, radius, rounds, fold=0)
    return found
