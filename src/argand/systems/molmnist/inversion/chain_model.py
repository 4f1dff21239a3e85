"""The amplitude of a twisted, leaning bundle of chains: a smooth function of a few numbers and of its sites.

A bundle is cut into slices along its axis. Each is the same cross-section, turned a little more and moved by
the lean and bend of the axis; the amplitude is the mean of theirs. A cross-section's is the sum over its
chains, exp(i q·r) times a chain's own amplitude, which thermal motion damps; chains are on a lattice, so that
sum is periodic in q and interpolated in its fast Fourier transform.
"""

from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Complex, Float
from torch import Tensor

from argand.physics.coherent.composition import ELECTRONS
from argand.physics.coherent.projection import Radiation, scattering_factors
from argand.systems.molmnist.ensemble.elastic_ensemble import read_parameters
from argand.systems.molmnist.fibril.bundle import GRID
from argand.systems.molmnist.fibril.cellulose import NAMES, cellulose

_PERIOD = 192
"""Points of the transform along each axis. By hand: eleven for each site of `GRID`, with which linear
interpolation errs by 1 % at the rim of the largest bundle and by less inside."""
_TABLE_STEP = 0.05
"""1/Å between points at which a chain's own amplitude is tabulated; it is 8 Å wide, so its phase changes by
0.2 from one to the next. By hand."""
_TABLE_REACH = 3.2
"""1/Å to which it is tabulated: to the edge of a window of pixels of 1 Å."""
_SLICE_PHASE = 2.5
"""Largest change of phase in radians from one slice to the next at the rim. By hand: less than the π at which
slices would show as such."""

GLUCOSES = 40
"""Of a chain of 200 Å: the length that is assumed where none is known, the middle of those of `hard`."""

Sites = Float[Tensor, "n row column"]
Waves = Complex[Tensor, "n pixel"]


@dataclass
class ChainPose:
    """Poses of n bundles: rotation at half height and turn between the ends in radians, drift and bend in Å.

    The axis at the height ζ from -1/2 to 1/2 of the length is at `drift` ζ + `bend` (ζ² - 1/12), as (x, y).
    """

    rotation: Float[Tensor, " n"]
    turn: Float[Tensor, " n"]
    drift: Float[Tensor, "n 2"]
    bend: Float[Tensor, "n 2"]

    def __len__(self) -> int:
        return len(self.rotation)

    def __getitem__(self, rows: Tensor | list[int]) -> "ChainPose":
        return ChainPose(self.rotation[rows], self.turn[rows], self.drift[rows], self.bend[rows])

    def detached(self) -> "ChainPose":
        """The same without gradients."""
        return replace(self, **{name: value.detach() for name, value in vars(self).items()})


class ChainModel:
    """Amplitudes of bundles at points q in the plane across the beam; `radiation` None counts electrons."""

    def __init__(self, radiation: Radiation | None = "xray") -> None:
        matrix = cellulose().orthogonalisation[:2, :2]
        a, b = matrix[:, 0], matrix[:, 1]
        self.rows = torch.tensor(np.stack([(a + b) / 2, (a - b) / 2]), dtype=torch.float32)
        index = torch.arange(GRID) - GRID // 2
        self.places = index[:, None, None] * self.rows[0] + index[None, :, None] * self.rows[1]
        self.kind = ((index[:, None] + index[None]) % 2).float()
        self.table = torch.from_numpy(_chain_table(radiation))
        self.scattered = torch.from_numpy(_scattered_table(radiation))

    def centroid(self, sites: Sites) -> Float[Tensor, "n 2"]:
        """Mean place of the chains in Å, about which they twist."""
        total = sites.sum((1, 2)).clamp_min(1e-6)
        return torch.einsum("nij,ijx->nx", sites, self.places) / total[:, None]

    def slices(self, sites: Sites, pose: ChainPose, q_max: float) -> int:
        """How many slices serve all these bundles up to `q_max` in 1/Å."""
        away = torch.linalg.norm(self.places - self.centroid(sites)[:, None, None], dim=-1)
        radius = float(torch.where(sites > 0.5, away, 0.0).max()) + 4.0
        path = radius * float(pose.turn.abs().max()) + float(torch.linalg.norm(pose.drift, dim=1).max())
        return min(max(int(np.ceil(q_max * path / _SLICE_PHASE)), 4), 80)

    def waves(
        self, sites: Sites, pose: ChainPose, q: Float[Tensor, "pixel 2"], slices: int | None = None
    ) -> Waves:
        """Mean amplitude of the slices at q = (x, y) in 1/Å, in electrons of one glucose and chain."""
        count = slices or self.slices(sites.detach(), pose.detached(), float(q.norm(dim=1).max()))
        height = (torch.arange(count) + 0.5) / count - 0.5
        angle = pose.rotation[:, None] + pose.turn[:, None] * height
        cos, sin = angle.cos()[..., None], angle.sin()[..., None]
        # q as the slice sees it: turned back.
        along = torch.stack([cos * q[:, 0] + sin * q[:, 1], cos * q[:, 1] - sin * q[:, 0]], -1)
        section = self._section(sites, along)
        centre = self.centroid(sites)[:, None, None]
        move = pose.drift[:, None] * height[:, None] + pose.bend[:, None] * (height**2 - 1 / 12)[:, None]
        phase = (q[None, None] * move[:, :, None]).sum(-1) - (along * centre).sum(-1)
        return (section * torch.polar(torch.ones_like(phase), phase)).mean(1)

    def diffuse(
        self, sites: Float[Tensor, "row column"], length: Float[Tensor, " pixel"]
    ) -> Float[Tensor, " pixel"]:
        """Intensity at |q| = `length` (1/Å) that thermal motion scatters, in the units of |waves|².

        That of a glucose by itself, summed over all of 200 Å; `waves` are those of one glucose of each chain.
        """
        outer = surface_of(sites)
        chains = torch.stack([(sites * (1 - outer)).sum(), (sites * outer).sum()])
        place = 2 * length / _TABLE_REACH - 1
        grid = torch.stack([place, torch.zeros_like(place)], -1)[None, None]
        found = F.grid_sample(self.scattered[None, :, None], grid, align_corners=True)[0, :, 0]
        return chains @ found / GLUCOSES

    def site_waves(
        self,
        sites: Float[Tensor, "row column"],
        pose: ChainPose,
        q: Float[Tensor, "pixel 2"],
        slices: int,
    ) -> Complex[Tensor, "pixel row column"]:
        """What a chain at each site adds to the amplitude of one bundle, whose axis and surface are kept.

        Powers of two phases, one for each row of the lattice: a product of matrices sums the slices.
        """
        height = (torch.arange(slices) + 0.5) / slices - 0.5
        angle = pose.rotation[0] + pose.turn[0] * height
        cos, sin = angle.cos(), angle.sin()
        along = torch.stack([q[:, :1] * cos + q[:, 1:] * sin, q[:, 1:] * cos - q[:, :1] * sin], -1)
        centre = self.centroid(sites[None])[0]
        move = pose.drift[0] * height[:, None] + pose.bend[0] * (height**2 - 1 / 12)[:, None]
        phase = q @ move.T - along @ centre
        # Powers beyond the rows that may have chains are not needed; where none has any, all may.
        rows = torch.nonzero(sites > 0.01).sub(GRID // 2).abs()
        reach = min(int(rows.max()) + 2, GRID // 2) if len(rows) else GRID // 2
        index = torch.arange(-reach, reach + 1).float()
        steps = along @ self.rows.T
        first, second = (torch.polar(torch.ones(()), steps[..., one, None] * index) for one in (0, 1))
        inside, surface = self.table[0, 0::2], self.table[0, 1::2]
        chain = F.grid_sample(inside[None], along[None] / _TABLE_REACH, align_corners=True)[0]
        weight = torch.polar(torch.full((), 1.0 / slices), phase)
        found = [(first * (weight * one)[..., None]).mT @ second for one in chain]
        part = slice(GRID // 2 - reach, GRID // 2 + reach + 1)
        total = torch.zeros(len(q), GRID, GRID, dtype=torch.complex64)
        total[:, part, part] = torch.where(self.kind[part, part].bool(), found[1], found[0])
        # At the surface atoms move more: a factor of |q| alone, taken along the rows of the table.
        middle = surface.shape[-1] // 2
        ratio = surface[0, middle] / inside[0, middle].clamp_min(1e-3)
        ratio = F.grid_sample(
            ratio.clamp(0, 1)[None, None, None],
            torch.stack([q.norm(dim=1) / _TABLE_REACH, torch.zeros(len(q))], -1)[None, None],
            align_corners=True,
        )[0, 0, 0]
        outer = surface_of(sites)
        return total * (1 - outer + outer * ratio[:, None, None])

    def _section(self, sites: Sites, q: Float[Tensor, "n slice pixel 2"]) -> Complex[Tensor, "n slice pixel"]:
        """Amplitude of the cross-section: of both kinds of chain, inside and at the surface."""
        inside = 1 - surface_of(sites)
        groups = [sites * kind * part for kind in (1 - self.kind, self.kind) for part in (inside, 1 - inside)]
        padded = sites.new_zeros(len(sites), len(groups), _PERIOD, _PERIOD)
        padded[:, :, :GRID, :GRID] = torch.stack(groups, 1)
        padded = padded.roll((-(GRID // 2), -(GRID // 2)), (2, 3))
        transform = torch.fft.ifft2(padded) * _PERIOD**2
        # The period closes on itself: one point more, the first again.
        transform = F.pad(torch.cat([transform.real, transform.imag], 1), (0, 1, 0, 1), mode="circular")
        turns = q @ self.rows.T / (2 * torch.pi)
        place = 2 * (turns - turns.floor()) - 1
        lattice = F.grid_sample(transform, place.flip(-1), align_corners=True)
        table = self.table.expand(len(sites), -1, -1, -1)
        chain = F.grid_sample(table, q / _TABLE_REACH, align_corners=True)
        real, imaginary = lattice.chunk(2, 1)
        return torch.complex((real * chain).sum(1), (imaginary * chain).sum(1))


@cache
def _scattered_table(radiation: Radiation | None) -> np.ndarray:
    """What thermal motion takes from |F|² of a glucose and scatters diffusely, over |q| [2, q].

    Inside and at the surface; of the glucose, which moves as a whole, and of its atoms, as if independent:
    f² (1 - exp(-q² u)) of each (Warren, X-ray Diffraction, 1969, chapter 11). Mean of both kinds of chain.
    """
    parameters, crystal = read_parameters(), cellulose()
    q = np.linspace(0, _TABLE_REACH, 129)
    whole = parameters.glucose_rms**2 / 3
    elements = [name[0] for name in NAMES]
    if radiation is None:
        factors = {name: np.full_like(q, count) for name, count in ELECTRONS.items()}
    else:
        factors = scattering_factors(set(elements), q, radiation)
    angles = np.linspace(0, 2 * np.pi, 36, endpoint=False)
    directions = np.stack([np.cos(angles), np.sin(angles)])
    found = np.zeros((2, len(q)))
    for chain in crystal.chains:
        for row, disorder in enumerate((1.0, parameters.disorder)):
            wave = np.zeros((len(angles), len(q)), complex)
            for name, place, u_iso in zip(elements, chain.glucose, chain.u_iso, strict=True):
                damped = factors[name] * np.exp(-(q**2) * disorder**2 * u_iso / 2)
                wave += damped * np.exp(1j * q * (place[:2] @ directions)[:, None])
                found[row] += factors[name] ** 2 - damped**2
            found[row] += (np.abs(wave) ** 2).mean(0) * (1 - np.exp(-(q**2) * whole))
    return (found / len(crystal.chains)).astype(np.float32)


def surface_of(sites: Float[Tensor, "*n row column"]) -> Float[Tensor, "*n row column"]:
    """Chance that one of the four neighbours of each site has no chain."""
    known = F.pad(sites, (1, 1, 1, 1))
    inside = known[..., :-2, 1:-1] * known[..., 2:, 1:-1] * known[..., 1:-1, :-2] * known[..., 1:-1, 2:]
    return 1 - inside


@cache
def _chain_table(radiation: Radiation | None) -> np.ndarray:
    """Amplitude of a glucose of each kind of chain, inside and at the surface, over q [1, 4, y, x].

    Damped by what thermal motion leaves of each atom's share; at the surface the displacements of atoms are
    `disorder` times the crystal's. The next glucose of a chain is turned by half a turn; the mean of both is
    real.
    """
    parameters, crystal = read_parameters(), cellulose()
    steps = int(np.ceil(_TABLE_REACH / _TABLE_STEP))
    axis = np.linspace(-_TABLE_REACH, _TABLE_REACH, 2 * steps + 1)
    x, y = np.meshgrid(axis, axis)
    q = np.hypot(x, y)
    elements = [name[0] for name in NAMES]
    if radiation is None:
        factors = {name: np.full_like(q, count) for name, count in ELECTRONS.items()}
    else:
        factors = scattering_factors(set(elements), q, radiation)
    found = []
    for chain in crystal.chains:
        for disorder in (1.0, parameters.disorder):
            total = np.zeros(q.shape)
            for name, place, u_iso in zip(elements, chain.glucose, chain.u_iso, strict=True):
                variance = parameters.glucose_rms**2 / 3 + disorder**2 * u_iso
                wave = np.cos(x * place[0] + y * place[1])
                total += factors[name] * np.exp(-(q**2) * variance / 2) * wave
            found.append(total)
    return np.stack(found)[None].astype(np.float32)
