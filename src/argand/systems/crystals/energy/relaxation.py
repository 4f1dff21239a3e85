"""A crystal let go: places and cell follow the potential's forces and stress until these are small."""

import time
from dataclasses import dataclass
from typing import Any

import numpy as np

from argand.errors import InputError
from argand.physics.crystal.structure import Structure, wrapped
from argand.systems.crystals.energy.potential import calculator, quiet

_LONGEST_LATTICE = 100.0
"""Å; an edge beyond this means that the crystal flies apart. By hand, beyond any cell of 52 atoms."""


@dataclass(frozen=True)
class Effort:
    """When a relaxation ends: the largest force in eV/Å (stress counts with it), steps, and seconds computed.

    0.1 eV/Å and 500 steps are the defaults of CHGNet's own relaxation; the seconds are by hand, ten times
    what most take.
    """

    force: float = 0.1
    steps: int = 500
    seconds: float = 60.0


@dataclass(frozen=True)
class Relaxed:
    """The structure at the end, energies in eV for an atom before and after, and how far atoms went in Å.

    `ended` says why: `converged`, `steps`, `seconds`, or `apart` where the crystal flew apart.
    """

    structure: Structure
    before: float
    after: float
    rmsd: float
    steps: int
    ended: str


def relax(structure: Structure, effort: Effort = Effort()) -> Relaxed:
    """Relaxes places and cell together by FIRE (Bitzek et al., PRL 97, 170201, 2006) over ase's Frechet cell.

    InputError where the potential has no answer for the structure as it is: an atom without neighbours. Where
    that comes later, the last structure that had one is given.
    """
    from ase import Atoms  # ase is slow to import

    cell, places = structure.lattice, structure.frac_coords
    atoms = Atoms(numbers=structure.species, cell=cell, scaled_positions=places, pbc=True)
    atoms.calc = calculator()
    with quiet():
        try:
            before = float(atoms.get_potential_energy()) / len(atoms)
        except ValueError as error:
            raise InputError("an atom has no neighbour within 6 Å, which the potential needs") from error
        last, after, steps, ended = _descend(atoms, effort)
    # Not ase's scaled positions: those are wrapped, and a way from 0.01 to 0.99 is one of 0.02.
    frac = np.linalg.solve(last.cell.array.T, last.positions.T).T
    moved = Structure(last.cell.array, structure.species, wrapped(frac))
    return Relaxed(moved, before, after, displacement(structure, moved), steps, ended)


def _descend(atoms: Any, effort: Effort) -> tuple[Any, float, int, str]:
    """The last atoms with an energy, that energy in eV for an atom, steps, and why it ended."""
    from ase.filters import FrechetCellFilter
    from ase.optimize import FIRE

    optimiser = FIRE(
        FrechetCellFilter(atoms),  # pyright: ignore[reportArgumentType] (ase takes filters for atoms)
        logfile=None,  # pyright: ignore[reportArgumentType] (None is its default)
    )
    start = time.process_time()
    last, after, steps = atoms.copy(), float("nan"), 0
    try:
        for is_converged in optimiser.irun(fmax=effort.force, steps=effort.steps):
            last, after = atoms.copy(), float(atoms.get_potential_energy()) / len(atoms)
            steps = optimiser.nsteps
            if is_converged:
                return last, after, steps, "converged"
            if np.linalg.norm(atoms.cell.array, axis=1).max() > _LONGEST_LATTICE:
                return last, after, steps, "apart"
            if time.process_time() - start > effort.seconds:
                return last, after, steps, "seconds"
    except ValueError:  # of the potential, for isolated atoms
        return last, after, steps, "apart"
    return last, after, steps, "steps"


def displacement(first: Structure, second: Structure) -> float:
    """Root mean square in Å of how far the same atoms are apart, without what the cell did and any drift.

    Fractional places are compared along the shortest way, and lengths are those of a cell halfway between
    both.
    """
    apart = second.frac_coords - first.frac_coords
    # A drift of all atoms moves none against another. Its mean is that of points on a circle, as 0.99 is near
    # 0.
    apart -= np.angle(np.exp(2j * np.pi * apart).mean(0)) / (2 * np.pi)
    apart -= np.round(apart)
    apart -= apart.mean(0)
    vectors = apart @ ((first.lattice + second.lattice) / 2)
    return float(np.sqrt((vectors**2).sum(1).mean()))
