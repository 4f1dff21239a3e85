"""The published way from a density to atoms: peaks by weighted averages, and a search that swaps them."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from argand.physics.sphere.patterson import Map, Vectors, local_maxima
from argand.physics.sphere.sphere_fit import SphereModel, SphereReflections, weights
from argand.systems.patterson.maps.peak_assignment import sign_patterns

SWAPS = 1000
"""Swaps tried. By hand; benchmarks/patterson_separation.py shows what they reach."""


def weighted_peaks(density: Map, count: int) -> Vectors:
    """Places (voxels, integers at edges) of the highest peaks: the mean over 27 voxels, by density."""
    size = density.shape[-1]
    place, _ = local_maxima(density, count, False)
    middle = place.round().long().clamp(1, size - 2)
    step = torch.arange(-1, 2, device=density.device)
    offsets = torch.cartesian_prod(step, step, step)
    voxels = middle[:, :, None] + offsets
    index = (voxels[..., 0] * size + voxels[..., 1]) * size + voxels[..., 2]
    weight = density.flatten(1).gather(1, index.flatten(1)).view(index.shape).clamp_min(0.0)
    total = weight.sum(-1, keepdim=True).clamp_min(1e-9)
    return ((voxels + 0.5) * weight[..., None]).sum(2) / total


@dataclass(frozen=True)
class Swapping:
    """Chosen atoms, and the misfit of their Patterson map after each tried swap [batch, swaps + 1]."""

    positions: Float[Tensor, "batch atom 3"]
    course: Float[Tensor, "batch tried"]


def separate_by_swaps(
    places: Vectors,
    reflections: SphereReflections,
    atoms: int,
    radius: float,
    swaps: int = SWAPS,
    temperature: float = 0.0,
    seed: int = 0,
) -> Swapping:
    """Choose `atoms` of the places at random, swap one at a time, keep swaps that improve the match.

    With a `temperature` (falling to zero) worse ones are kept as well with Boltzmann's probability: simulated
    annealing. The match is the squared misfit of intensities, weighted so that amplitudes count, over that of
    nothing. `places` and `radius` are in voxels; the search is Hurwitz's (arXiv 2003.13767), its swaps'
    number and the temperature are ours.
    """
    generator = torch.Generator(places.device).manual_seed(seed)
    batch, count, _ = places.shape
    rows = torch.arange(batch, device=places.device)
    parts = SphereModel.of(reflections, radius, 0).parts(places)
    order = torch.rand(batch, count, generator=generator, device=places.device).argsort(1)
    total = parts.gather(1, order[:, :atoms, None].expand(-1, -1, parts.shape[-1])).sum(1)
    misfit = _misfit(reflections, total)
    course = [misfit]
    for number in range(swaps):
        taken = torch.randint(atoms, (batch,), generator=generator, device=places.device)
        spare = torch.randint(atoms, count, (batch,), generator=generator, device=places.device)
        out, into = order[rows, taken], order[rows, spare]
        trial = total + parts[rows, into] - parts[rows, out]
        new = _misfit(reflections, trial)
        heat = max(temperature * (1 - number / swaps), 1e-12)
        chance = torch.rand(batch, generator=generator, device=places.device)
        # (A better one is always kept: its exponential is above 1.)
        keep = chance < torch.exp((misfit - new) / heat)
        total, misfit = torch.where(keep[:, None], trial, total), torch.where(keep, new, misfit)
        order[rows, taken] = torch.where(keep, into, out)
        order[rows, spare] = torch.where(keep, out, into)
        course.append(misfit)
    chosen = order[:, :atoms, None].expand(-1, -1, 3)
    return Swapping(places.gather(1, chosen), torch.stack(course, dim=1))


def _misfit(reflections: SphereReflections, total: Tensor) -> Float[Tensor, " batch"]:
    weight = weights(reflections)
    squares = (weight * (reflections.observed - total.abs().square())).square().sum(1)
    return squares / (weight * reflections.observed).square().sum(1)


def doubled(places: Vectors, box: int) -> Float[Tensor, "batch both 3"]:
    """The places and their inversion images through the box centre."""
    return torch.cat([places, box - places], dim=1)


def sign_search(
    places: Vectors, reflections: SphereReflections, radius: float
) -> tuple[Float[Tensor, "batch atom 3"], Float[Tensor, " batch"]]:
    """Of each pair of offsets from the centre, + and -, one: the pattern of signs with the least misfit.

    `places` are [batch, atoms, 3] offsets in voxels; all 2^(atoms - 1) patterns are tried. Returns the places
    with their signs, and the misfits.
    """
    # A sign turns the imaginary part of an atom's share of F alone, so the real parts are summed once.
    batch, count, _ = places.shape
    parts = SphereModel.of(reflections, radius, 0).parts(places)
    even, odd = parts.real, parts.imag
    base = even.sum(1)
    best = torch.full((batch,), torch.inf, device=places.device)
    signs = torch.ones(batch, count, device=places.device)
    for bits in sign_patterns(count, places.device):
        misfit = _misfit(reflections, torch.complex(base, torch.einsum("k,bkn->bn", bits, odd)))
        better = misfit < best
        best = torch.where(better, misfit, best)
        signs[better] = bits
    return places * signs[..., None], best
