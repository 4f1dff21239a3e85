"""Dual-space iteration from random phases, for maps whose answer by the network does not verify itself."""

import math
from collections.abc import Sequence
from copy import copy

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from argand.physics.sphere.density import gaussian_density
from argand.physics.sphere.patterson import Half, Map, frequencies, intensities_of, reflection_length
from argand.physics.sphere.phase_iteration import (
    Magnitudes,
    charge_flipping,
    coarse,
    cropped,
    cube_support,
    error_reduction,
    hybrid_input_output,
)
from argand.physics.sphere.sphere_fit import ROUNDING, sphere_factor
from argand.systems.patterson.maps.map_refinement import MapRefinement
from argand.systems.patterson.maps.overlapping_peaks import peel_all
from argand.systems.patterson.maps.prediction import FoundBy, Solutions
from argand.systems.patterson.simulate import AtomSet

STARTS, STAGES, SETTLING = 24, (45, 45), 5
"""Random starts of the iteration; its rounds up to each look at the peaks, and those that settle a density
for the look. Where atoms are closer than the resolution, most starts end in the same wrong structure, which
no move of one atom betters, so that many short starts find more than a few long ones. 24 was chosen with the
first 64 maps at half of the resolution in sight, one of which 8 starts did not solve; benchmarks/patterson.py
reports on maps that include these. 45 rounds: of 32 published maps 26 were solved after 20, 29 after 30, all
after 40. The 5 are by hand."""
CYCLES, GAIN = 5, 0.05
"""Cycles of phases and peaks after a look at most, and the share by which each must lessen the misfit. By
hand."""
BOOST = 1.7
"""How far beyond the model's density the phased one is followed, so that what is missing shows. By hand: 1
is the map of measured amplitudes alone, 2 that of 2 Fo - Fc."""
SHARPEST, WIDTH = 0.7, 0.35
"""Standard deviation of the Gaussians that atoms become: at least in voxels, and in shares of d_min. By hand:
the first is that of the network's Gaussians, the second keeps ripples of the cut-off small."""


def measured_resolution(half: Half) -> float:
    """Largest |h| with an intensity, in shares of Nyquist; above 1 where the corners are measured.

    Of all maps together: those of one batch have one resolution.
    """
    there = _measured(half).any(0)
    return float(reflection_length(half.shape[1], half.device)[there].max())


def _measured(half: Half) -> Tensor:
    return half.abs() > ROUNDING * half.amax((1, 2, 3), keepdim=True)


class PhaseIteration:
    """Iteration on the smallest box that holds all that the data know.

    That is the middle of the map where all reflections are measured, since no vector is longer than the
    inner box allows; and the box on coarser voxels, `scale` of the map's each, where resolution is limited.
    """

    def __init__(self, patterson: Map, atoms: AtomSet) -> None:
        self.atoms, self.box = atoms, patterson.shape[-1]
        self.side = atoms.inner_box + 2 * atoms.radius
        half = intensities_of(patterson)
        self.resolution = measured_resolution(half)
        # No vector along an axis is longer than the side of what holds the atoms: twice that, and two voxels
        # to spare, hold them all; as many voxels hold all |h| where the resolution ends.
        if self.resolution >= 1:
            self.small, self.scale = min(self.box, 2 * math.ceil(self.side) + 2), 1.0
            known = intensities_of(cropped(patterson, self.small))
        else:
            self.small = min(self.box, 2 * math.ceil(self.resolution * self.box / 2) + 2)
            self.scale = self.box / self.small
            known = coarse(torch.where(_measured(half), half, torch.nan), self.small)
        self.magnitudes = Magnitudes(known)

    def of(self, rows: Bool[Tensor, " batch"]) -> "PhaseIteration":
        """The same for some of the maps."""
        some = copy(self)
        some.magnitudes = self.magnitudes.of(rows)
        return some

    def start(self, seed: int) -> Map:
        """One density for each map from random phases."""
        return self.magnitudes.start(torch.Generator(self.magnitudes.amplitude.device).manual_seed(seed))

    def advanced(self, density: Map, rounds: int, flipping: bool = False) -> tuple[Map, Map]:
        """The iteration so many rounds on, and what it shows; `flipping` is charge flipping, no support."""
        if flipping:
            density = charge_flipping(self.magnitudes, density, rounds)
            return density, self.magnitudes(density).clamp_min_(0.0)
        support = cube_support(self.small, self.side / self.scale + 1, density.device)
        density = hybrid_input_output(self.magnitudes, density, support, rounds)
        return density, error_reduction(self.magnitudes, density, support, SETTLING)

    @property
    def sigma(self) -> float:
        """Standard deviation of the Gaussians that atoms are turned into, in voxels of the full box."""
        # d_min in voxels is 2 over the resolution in shares of Nyquist.
        return max(SHARPEST, WIDTH * 2 / self.resolution) if self.resolution < 1 else SHARPEST

    def _sharpening(self) -> Float[Tensor, "small small half"]:
        """Factor on the transform of a density of spheres that makes Gaussians of height 1 of them."""
        full, rest = frequencies(self.small)
        square = full[:, None, None] ** 2 + full[None, :, None] ** 2 + rest**2
        s = square.sqrt() / (self.small * self.scale)
        # The transform of a Gaussian of height 1; below, that of a sphere, and of the voxels that it is
        # averaged over.
        gaussian = (2 * math.pi * self.sigma**2) ** 1.5 * torch.exp(-2 * (math.pi * self.sigma * s) ** 2)
        waves = [torch.sinc(one / (self.small * self.scale)) for one in (full, rest)]
        form = sphere_factor(s, self.atoms.radius).float()
        form = form * waves[0][:, None, None] * waves[0][None, :, None] * waves[1]
        # Where spheres have hardly anything (a twentieth, by hand), dividing by it would make noise of it.
        factor = torch.where(form > 0.05 * form.max(), gaussian / form.clamp_min(1e-3), 0.0)
        return factor * (s <= self.resolution / 2)

    def positions(self, density: Map) -> Float[Tensor, "batch atom 3"]:
        """The strongest atoms of a density, in voxels of the full box, about their mean."""
        return self._peel(torch.fft.rfftn(density, dim=(1, 2, 3)) * self._sharpening())

    def recycled(self, positions: Float[Tensor, "batch atom 3"]) -> Float[Tensor, "batch atom 3"]:
        """Atoms found in the density that the measured amplitudes give with the phases of these atoms."""
        about = positions - positions.mean(1, keepdim=True)
        model = gaussian_density(about / self.scale + self.small / 2, self.small, self.sigma / self.scale)
        transform = torch.fft.rfftn(model, dim=(1, 2, 3))
        amplitude = self.magnitudes.amplitude * self._sharpening()
        phased = transform * amplitude / transform.abs().clamp_min(1e-9)
        beyond = transform + BOOST * (phased - transform)
        return self._peel(torch.where(self.magnitudes.measured, beyond, transform))

    def _peel(self, transform: Tensor) -> Float[Tensor, "batch atom 3"]:
        smooth = torch.fft.irfftn(transform, s=(self.small,) * 3, dim=(1, 2, 3))
        place, _ = peel_all(smooth, self.atoms.atoms, self.sigma / self.scale)
        return place * self.scale


def iterate(
    patterson: Map,
    refinement: MapRefinement,
    found: Solutions,
    settings: AtomSet,
    *,
    starts: int = STARTS,
    stages: Sequence[int] = STAGES,
    flipping: bool = False,
) -> None:
    """Random starts, looked at after each stage of rounds, for the maps that are still open.

    Writes into `found`. Start k of every map is that of seed k. `flipping`: charge flipping (Oszlányi and
    Sütő 2004) in place of hybrid input-output (Fienup 1982).
    """
    for number in range(starts):
        rows = found.open
        if not len(rows):
            break
        search = PhaseIteration(patterson[rows], settings)
        density = search.start(number)
        for rounds in stages:
            density, shown = search.advanced(density, rounds, flipping)
            mend(search, search.positions(shown), rows, refinement, found, "dual-space")
            left = ~found.solved[rows]
            if not left.any():
                break
            search, density, rows = search.of(left), density[left], rows[left]


def mend(
    search: PhaseIteration,
    positions: Float[Tensor, "some atom 3"],
    rows: Tensor,
    refinement: MapRefinement,
    found: Solutions,
    path: FoundBy,
) -> None:
    """Refine, keep what is better, and as long as that helps look again: measured amplitudes, new phases."""
    last = torch.full_like(found.residual[rows], torch.inf)
    for cycle in range(CYCLES):
        positions, residual = refinement.refined(positions, rows)
        found.take(rows, positions, residual, refinement.trusted(positions, residual, rows), path)
        going = ~found.solved[rows] & (residual < (1 - GAIN) * last)
        if cycle == CYCLES - 1 or not going.any():
            break
        search, rows, last = search.of(going), rows[going], residual[going]
        positions = search.recycled(positions[going])
