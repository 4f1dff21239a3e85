"""Random full cells and their Patterson maps, for patterson_foreign_maps.py: solved as crystals."""

import math
import time
from dataclasses import dataclass
from typing import Any, Literal

import gemmi
import numpy as np

from argand.io.reflections import CellParameters
from argand.physics.crystal.atom import Atoms, structure_factors
from argand.physics.crystal.symmetry import Group, inverse_d_squared
from argand.systems.patterson.maps.crystal_map import solve_crystal_map
from argand.typing import Matrix3

LONGEST_S = 10.0
"""Seconds for a crystal at most."""


@dataclass(frozen=True)
class CrystalKind:
    """A kind of full triclinic cell, in P 1 and not a cube: one bromine or none, and what the program is
    given.

    `noise` is the relative standard deviation of |F|²; `random` intensities have no structure.
    """

    heavy: bool = False
    told: Literal["formula", "atoms", "nothing"] = "nothing"
    noise: float = 0.0
    random: bool = False


def crystal_kinds() -> dict[str, CrystalKind]:
    """Every kind of crystal, by its name."""
    listed = {}
    for told in ("formula", "atoms", "nothing"):
        listed[f"crystal of C, N, O, told {told}"] = CrystalKind(told=told)
        listed[f"crystal with Br, told {told}"] = CrystalKind(heavy=True, told=told)
    listed["crystal of C, N, O, 10 % noise, told nothing"] = CrystalKind(noise=0.1)
    listed["crystal with Br, 10 % noise, told nothing"] = CrystalKind(heavy=True, noise=0.1)
    listed["crystal cell, random intensities"] = CrystalKind(random=True)
    return listed


@dataclass(frozen=True)
class TrueCrystal:
    """What a map was made from."""

    cell: CellParameters
    atoms: Atoms

    @property
    def basis(self) -> Matrix3:
        """Columns are a, b, c in Å."""
        return np.array(gemmi.UnitCell(*self.cell).orth.mat.tolist())

    @property
    def formula(self) -> str:
        """Contents of the cell."""
        names = self.atoms.elements
        return "".join(f"{name}{names.count(name)}" for name in sorted(set(names)))


def random_cell(kind: CrystalKind, rng: np.random.Generator) -> TrueCrystal:
    """C, N and O at random, at least 1.25 Å apart, 18 Å³ each, in a triclinic cell of 5.5 to 8 Å."""
    lengths, angles = rng.uniform(5.5, 8.0, 3), rng.uniform(75.0, 105.0, 3)
    (a, b, c), (alpha, beta, gamma) = lengths.tolist(), angles.tolist()
    cell = (a, b, c, alpha, beta, gamma)
    basis = np.array(gemmi.UnitCell(*cell).orth.mat.tolist())
    count, places = int(np.linalg.det(basis) / 18), np.empty((0, 3))
    while len(places) < count:
        place = rng.random(3)
        apart = places - place
        if (np.linalg.norm((apart - apart.round()) @ basis.T, axis=1) >= 1.25).all():
            places = np.vstack([places, place])
    names = ["Br" if kind.heavy else "C", *rng.choice(["C", "N", "O"], count - 1)]
    return TrueCrystal(cell, Atoms(tuple(map(str, names)), places, np.full(count, 0.03), np.ones(count)))


def crystal_map(kind: CrystalKind, true: TrueCrystal, rng: np.random.Generator) -> np.ndarray:
    """Its Patterson map on a grid of 0.33 Å, of all reflections to 0.84 Å."""
    shape = [2 * math.ceil(edge / 0.66) for edge in true.cell[:3]]
    axes = [np.fft.fftfreq(side, 1 / side) for side in shape[:2]] + [np.fft.rfftfreq(shape[2], 1 / shape[2])]
    hkl = np.stack(np.meshgrid(*axes, indexing="ij"), -1).reshape(-1, 3).round().astype(int)
    square = np.abs(structure_factors(true.atoms, hkl, Group.from_name("P 1"), true.basis)) ** 2
    if kind.random:
        square[1:] = square.mean() * rng.exponential(size=len(square) - 1)
    square = square * np.clip(1 + kind.noise * rng.standard_normal(len(square)), 0.0, None)
    square[inverse_d_squared(hkl, true.basis) > 0.84**-2] = 0.0
    return np.fft.irfftn(square.reshape(*shape[:2], -1), s=shape, axes=(0, 1, 2)).astype(np.float32)


def share_found(found: np.ndarray, true: TrueCrystal) -> float:
    """Share of the true atoms within 0.4 Å of a found one, at the best origin and hand (fractional
    coordinates)."""
    best = 0
    for hand in (1, -1):
        for mine in found:
            for other in true.atoms.frac:
                apart = (hand * (found - mine) + other)[:, None] - true.atoms.frac
                distance = np.linalg.norm((apart - apart.round()) @ true.basis.T, axis=-1)
                best = max(best, int((distance.min(0) < 0.4).sum()))
    return best / len(true.atoms)


def measure_crystals(kind: CrystalKind, count: int, seed: int) -> dict[str, Any]:
    """As `measure`; correct are answers with nine of ten atoms in place and no more than a tenth too
    many."""
    right = claimed = wrong = 0
    began = time.process_time()
    for index in range(count):
        rng = np.random.default_rng([seed, index])
        true = random_cell(kind, rng)
        patterson = crystal_map(kind, true, rng)
        formula = true.formula if kind.told == "formula" else None
        atoms = len(true.atoms) if kind.told == "atoms" else None
        found = solve_crystal_map(patterson, true.cell, atoms, formula, time_limit=LONGEST_S)
        places = found.positions_voxel / np.array(patterson.shape)
        whole = not kind.random and share_found(places, true) >= 0.9 and len(places) <= 1.1 * len(true.atoms)
        right, claimed = right + whole, claimed + found.trusted
        wrong += found.trusted and not whole
    seconds = (time.process_time() - began) / count
    return {
        "maps": count,
        "right": right,
        "claimed": claimed,
        "wrongly_claimed": wrong,
        "cpu_s_per_map": seconds,
    }
