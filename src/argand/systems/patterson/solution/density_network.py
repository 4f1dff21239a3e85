"""What trains the network for measured crystals: random molecules, their maps amid an iteration."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import gemmi
import numpy as np
import torch
from torch import Tensor, nn

from argand.io.resource import shipped_weights
from argand.io.weights import load_weights, network_of, system_of
from argand.learn.schedule import warm_cosine
from argand.nn.block import convolution
from argand.nn.unet import UNet, depth_to_space, space_to_depth
from argand.physics.crystal.atom import Atoms, structure_factors
from argand.physics.crystal.cell import random_rotation
from argand.physics.crystal.molecular_crystal import MoleculeSet, RandomCrystal, random_crystal
from argand.physics.crystal.symmetry import half_sphere
from argand.physics.phasing.dual_space import Amplitudes, DualSpace, recipe_for
from argand.physics.phasing.fourier import Coefficients, Grid
from argand.systems.patterson.loss import density_loss
from argand.systems.patterson.solution.density_box import (
    ATOM_WIDTH,
    CARBON,
    CHANNELS,
    STEP,
    atoms_in_box,
    box_points,
    measured_map,
    network_input,
)

Sample = dict[str, np.ndarray]
WEIGHTS = shipped_weights("patterson-crystal")
_EDGE = 4
"""Voxels at the faces of a cube whose answer does not count: the network sees too little there. By hand: 1.6
Å of a cube of 12.8; in use the margin is twice that."""


class DensityNetwork(nn.Module):
    """Map and resolution [batch, 2, x, y, z] to the square root of the atoms' density [batch, 1, x, y, z]."""

    def __init__(self, widths: tuple[int, ...], blocks: int) -> None:
        super().__init__()
        self.body = UNet(8 * CHANNELS, 8, widths, blocks, dims=3)
        # A linear filter beside it: what is most of the answer at first would otherwise silence the ReLUs.
        self.direct = convolution(8 * CHANNELS, 8, 3, dims=3, bias=True)
        nn.init.zeros_(self.body.head.get_parameter("weight"))

    def forward(self, seen: Tensor) -> Tensor:
        """Sides must be multiples of 2 to the power of the number of levels."""
        deep = space_to_depth(seen).contiguous(memory_format=torch.channels_last_3d)
        return depth_to_space(self.direct(deep) + self.body(deep))


def load_network(path: Path | str | None = None) -> nn.Module:
    """The network of weights in `path`, by default those that ship with argand; InputError as they do."""
    source = WEIGHTS if path is None else Path(path)
    state, header = load_weights(source)
    return network_of(system_of(CrystalMaps, header, source).network, state, source).eval()


@dataclass(frozen=True)
class CrystalMaps:
    """Maps of random molecular crystals with wrong phases, and the atoms that belong to them.

    `d_min` in Å; `spoilt` is the range of the noise over the structure factors, `cycles` the most cycles of
    the iteration after it, `noise` that of the intensities and `missing` the unmeasured reflections, both
    at most and as shares; `size` counts the voxels along a cube.

    All are by hand, and the shipped weights were trained with them; no other values were compared. On
    measured crystals the network solves no more than iteration alone: benchmarks/patterson_network.py.
    """

    molecules: MoleculeSet = field(default_factory=MoleculeSet)
    d_min: tuple[float, float] = (1.1, 2.1)
    spoilt: tuple[float, float] = (0.2, 1.6)
    cycles: int = 12
    noise: float = 0.06
    missing: float = 0.08
    size: int = 32
    widths: tuple[int, ...] = (48, 96)
    blocks: int = 2
    learning_rate: float = 1.5e-3

    def simulate(self, index: int, seed: int) -> Sample:
        """Cube number `index`: the map, and the square root of the density.

        `seen` [2, size, size, size], `target` [1, size, size, size], voxels of `STEP` Å.
        """
        rng = np.random.default_rng([seed, index])
        crystal = random_crystal(self.molecules, rng)
        d_min = float(rng.uniform(*self.d_min))
        space = self._space(crystal, d_min, rng)
        calculated = self._spoilt(crystal, space, rng)
        rotation = random_rotation(rng)
        corner = crystal.orthogonalisation @ rng.random(3)
        points = box_points(self._shape, rotation, corner)
        seen = network_input(measured_map(space, calculated), d_min, crystal.orthogonalisation, points)
        return {"seen": seen, "target": self._target(crystal, rotation, corner)[None]}

    @property
    def _shape(self) -> tuple[int, int, int]:
        return self.size, self.size, self.size

    def inputs(self, sample: Sample) -> Sample:
        """The same: what is simulated is what the network trains on."""
        return sample

    def network(self) -> nn.Module:
        """A network with fresh weights."""
        return DensityNetwork(self.widths, self.blocks)

    def loss(
        self, network: nn.Module, batch: dict[str, Tensor], generator: torch.Generator | None = None
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Mean squared error, and its ratio to that of predicting nothing, without the faces."""
        inner = (..., *(slice(_EDGE, -_EDGE),) * 3)
        return density_loss(network(batch["seen"]).float()[inner], batch["target"][inner])

    def optimiser(self, network: nn.Module) -> tuple[torch.optim.Optimizer, Any]:
        """Adam, with a warm-up and a cosine."""
        return torch.optim.Adam(network.parameters(), lr=self.learning_rate), warm_cosine

    def _space(self, crystal: RandomCrystal, d_min: float, rng: np.random.Generator) -> DualSpace:
        """The iteration's view of noisy intensities to `d_min`."""
        group, cell = crystal.group, crystal.orthogonalisation
        hkl = half_sphere(cell, d_min)
        hkl = np.unique(group.representative(hkl[~group.absent(hkl)]), axis=0)
        hkl = hkl[rng.random(len(hkl)) > self.missing * rng.random()]
        everything = _joined(crystal.atoms, crystal.hydrogen)
        exact = np.abs(structure_factors(everything, hkl, group, cell)) ** 2
        spread = self.noise * rng.random()
        intensity = exact * (1 + spread * rng.normal(size=len(hkl)))
        # Noise in proportion, and a tenth of it (by hand) of the mean for all: weak ones have errors too.
        intensity = np.clip(intensity + 0.1 * spread * exact.mean() * rng.normal(size=len(hkl)), 0, None)
        recipe = recipe_for(d_min)
        amplitudes = Amplitudes.of(hkl, intensity, group, cell)
        grid = Grid(group, group, cell, min(d_min, recipe.extended_d), recipe.spacing)
        return DualSpace(amplitudes, grid, recipe)

    def _spoilt(self, crystal: RandomCrystal, space: DualSpace, rng: np.random.Generator) -> Coefficients:
        """Structure factors with wrong phases: of spoilt atoms or under noise, often iterated some cycles."""
        # Half of the crystals with spoilt atoms, cycles for seven of ten: by hand.
        grid, atoms = space.grid, crystal.atoms
        if rng.random() < 0.5:
            atoms = _misplaced(atoms, crystal.orthogonalisation, rng)
        calculated = structure_factors(atoms, grid.hkl, grid.group, grid.orthogonalisation)
        calculated = (calculated / np.sqrt((np.abs(calculated) ** 2).mean())).astype(np.complex64)
        noise = grid.coefficients(rng.standard_normal(grid.shape, dtype=np.float32))
        noise /= np.sqrt((np.abs(noise) ** 2).mean())
        calculated = calculated + rng.uniform(*self.spoilt) * noise
        cycles = int(rng.integers(0, self.cycles + 1)) if rng.random() < 0.7 else 0
        if cycles:
            calculated = space.run(calculated, len(atoms) * rng.uniform(0.85, 1.15), cycles, rng).calculated
        return calculated

    def _target(self, crystal: RandomCrystal, rotation: np.ndarray, corner: np.ndarray) -> np.ndarray:
        """Square root of the density of all atoms in and near a cube."""
        group, cell = crystal.group, crystal.orthogonalisation
        images = group.images(crystal.atoms.frac)
        numbers = np.array(
            [gemmi.Element(element).atomic_number for element in crystal.atoms.elements], float
        )
        numbers = np.tile(numbers, group.order)
        middle = np.linalg.inv(cell) @ (corner + rotation @ np.full(3, STEP * self.size / 2))
        reach = STEP * self.size * np.sqrt(3) / 2 + 3 * ATOM_WIDTH
        most = np.ceil(reach * np.linalg.norm(np.linalg.inv(cell), axis=1)).astype(int)
        steps = np.stack(np.meshgrid(*[np.arange(-m, m + 1) for m in most], indexing="ij"), -1).reshape(-1, 3)
        flat = images.reshape(-1, 3)
        flat = flat - np.rint(flat - middle)
        everywhere = (flat[None] + steps[:, None]).reshape(-1, 3) @ cell.T
        places = (everywhere - corner) @ rotation / STEP
        # Three voxels are nearly three standard deviations of an atom.
        near = ((places > -3) & (places < self.size + 2)).all(1)
        heights = np.sqrt(np.tile(numbers, len(steps))[near] / CARBON)
        return atoms_in_box(places[near], heights, self._shape)


def _joined(first: Atoms, second: Atoms) -> Atoms:
    return Atoms(
        first.elements + second.elements,
        np.concatenate([first.frac, second.frac]),
        np.concatenate([first.u_iso, second.u_iso]),
        np.concatenate([first.occupancy, second.occupancy]),
    )


def _misplaced(atoms: Atoms, cell: np.ndarray, rng: np.random.Generator) -> Atoms:
    """Some atoms taken away, the others moved, and some put where there are none.

    By hand: 45 to 100 % stay, moved by 0.05 to 0.35 Å along each axis; up to half as many carbons are false.
    """
    stay = np.flatnonzero(rng.random(len(atoms)) < rng.uniform(0.45, 1.0))
    kept = atoms.take(stay if len(stay) else np.arange(len(atoms)))
    moves = rng.normal(0, rng.uniform(0.05, 0.35), kept.frac.shape) @ np.linalg.inv(cell).T
    kept = Atoms(kept.elements, kept.frac + moves, kept.u_iso, kept.occupancy)
    count = int(rng.uniform(0, 0.5) * len(atoms))
    wrong = Atoms(("C",) * count, rng.random((count, 3)), np.full(count, 0.04), np.ones(count))
    return _joined(kept, wrong)
