"""Space groups ranked by phases that were found without any symmetry, by absences and by statistics.

As SHELXT does (Sheldrick, Acta Cryst. A71, 3, 2015): the phases of P 1 obey the operators of the true group
after the right shift of the origin, and no others.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Complex, Float, Int

from argand.physics.crystal.symmetry import Group, index_key, inverse_d_squared
from argand.physics.phasing.dual_space import Amplitudes, DualSpace, Phased, Recipe, Search, phase_factor
from argand.physics.phasing.extinction import Absences, AbsenceTest, mean_e_squared_minus_one
from argand.physics.phasing.fourier import Coefficients, Grid
from argand.physics.phasing.merge import Merged, merge
from argand.physics.phasing.space_group_candidates import Candidate, LaueClass, candidates
from argand.physics.phasing.symmetry_correlation import SymmetryCorrelation
from argand.typing import Matrix3, Miller, Vector3

_WITHOUT_OPERATORS = 0.5
"""Consistency that a group without operators is ranked with: that of phases which obey a wrong one by half.

By hand.
"""
_CENTRE = 0.1
"""What a centre of inversion adds to a group's rank.

By hand: phases without symmetry obey each operator less than the two of which it is the product, and a centre
brings as many operators again.
"""
_ABSENCES, _MUCH = 0.3, 20.0
"""What absences add at most to a group's rank; log-likelihood at which they add most of it.

Raised from 0.15 on the half to choose on: with one heavy atom first phases often obey mirrors that are none.
"""
_STATISTICS = 0.05
"""What |E² - 1| adds at most to the rank of centrosymmetric groups or of the others.

By hand, little: heavy atoms and pseudosymmetry shift it.
"""
_CENTRIC, _ACENTRIC = 0.968, 0.736
"""Mean |E² - 1| of centrosymmetric and other crystals of many equal atoms (Wilson statistics)."""


@dataclass(frozen=True)
class Ranked:
    """A candidate, the shift of the phased atoms to its origin, and the figures that speak for it.

    `consistency` is the mean over operators of `SymmetryCorrelation`, `weakest` the least of them; both are 1
    where the group holds exactly, and 1 without operators. `rank` orders candidates, the highest first.
    """

    candidate: Candidate
    shift: Vector3
    consistency: float
    weakest: float
    absences: Absences
    rank: float


class FreePhases:
    """Reflections of a Laue class and lattice, phased without other symmetry than the lattice's.

    Reflections are merged in the class, and none is left out that a candidate forbids.
    """

    def __init__(
        self,
        hkl: Miller,
        intensity: Float[np.ndarray, " n"],
        sigma: Float[np.ndarray, " n"],
        laue: LaueClass,
        centring: str,
        orthogonalisation: Matrix3,
        finest: float,
        recipe: Recipe,
    ) -> None:
        """`finest` in Å bounds the reflections that are phased."""
        self.group, self.orthogonalisation, self.recipe = laue.group(centring), orthogonalisation, recipe
        self.merged = merge(hkl, intensity, sigma, self.group)
        self.candidates = candidates(laue, centring)
        unique = self.merged.hkl, self.merged.intensity
        self.statistics = mean_e_squared_minus_one(*unique, self.group, orthogonalisation)
        self._absences = AbsenceTest(*unique, self.merged.sigma, self.group, orthogonalisation)
        expanded = _expanded(self.merged, self.group)
        keep = inverse_d_squared(expanded[0], orthogonalisation) <= finest**-2
        lattice = self.group.lattice
        data = Amplitudes.of(expanded[0][keep], expanded[1][keep], lattice, orthogonalisation)
        self.d_min = float(1 / np.sqrt(inverse_d_squared(data.hkl, orthogonalisation).max()))
        frame = orthogonalisation, min(self.d_min, recipe.extended_d), recipe.spacing
        self.free = DualSpace(data, Grid(lattice, lattice, *frame), recipe)

    def attempt(self, atoms: float, rng: np.random.Generator) -> Phased:
        """Phases from random ones; `atoms` other than hydrogen is how many each lattice point has."""
        return self.free.run(self.free.random_phases(rng), atoms, self.recipe.free_cycles, rng)

    def ranked(self, phased: Phased) -> list[Ranked]:
        """All candidates, the likeliest first, by the phases and all else that is known.

        Of two enantiomorphic groups the one whose hand was found comes alone.
        """
        free = self.free
        known = np.where(free.measured, free.weighted(phased.calculated), 0)
        maps = SymmetryCorrelation(free.grid.hkl, known, self.group, self.orthogonalisation)
        found = [self._ranked(one, maps) for one in self.candidates]
        found.sort(key=lambda one: (-one.rank, one.candidate.number))
        hands: set[str | None] = set()
        kept = []
        for one in found:
            if one.candidate.group.name not in hands:
                kept.append(one)
                hands.add(one.candidate.other_hand)
        return kept

    def _ranked(self, candidate: Candidate, maps: SymmetryCorrelation) -> Ranked:
        shift, values = maps.best_shift(candidate.group)
        absences = self._absences.of(candidate.group)
        mean, least = (float(values.mean()), float(values.min())) if len(values) else (1.0, 1.0)
        rank = mean if len(values) else _WITHOUT_OPERATORS
        rank += _ABSENCES * np.tanh(absences.likelihood / _MUCH)
        middle, half = (_CENTRIC + _ACENTRIC) / 2, (_CENTRIC - _ACENTRIC) / 2
        centric = _STATISTICS * float(np.clip((self.statistics - middle) / half, -1, 1))
        rank += _CENTRE + centric if candidate.centrosymmetric else -centric
        return Ranked(candidate, shift, mean, least, absences, float(rank))

    def symmetrised(self, search: Search, phased: Phased, shift: Vector3) -> Phased:
        """Structure factors averaged over the group of `search`, after a shift of the atoms."""
        grid, free = search.symmetric.grid, self.free
        coefficients = _picked(free.weighted(phased.calculated), free.grid.hkl, grid.hkl)
        moved = grid.average(grid.spectrum(grid.shifted(coefficients, shift)))
        return Phased(moved, search.symmetric.correlation(moved))

    def continued(
        self, search: Search, phased: Phased, shift: Vector3, atoms: float, rng: np.random.Generator
    ) -> Phased:
        """Phases of a group by iteration from those without; `atoms` of its asymmetric unit."""
        start = phase_factor(self.symmetrised(search, phased, shift).calculated)
        return search.symmetric.run(start, atoms, self.recipe.symmetric_cycles, rng)


def _expanded(merged: Merged, group: Group) -> tuple[Miller, Float[np.ndarray, " n"]]:
    """One of each Friedel pair of all equivalents, and its intensity."""
    rotations = np.unique(group.rotations, axis=0)
    hkl = np.concatenate([merged.hkl @ rotation for rotation in rotations])
    half = np.where((index_key(hkl) < index_key(-hkl))[:, None], -hkl, hkl)
    first = np.unique(index_key(half), return_index=True)[1]
    return half[first], np.tile(merged.intensity, len(rotations))[first]


def _picked(values: Coefficients, hkl: Miller, wanted: Int[np.ndarray, "m 3"]) -> Complex[np.ndarray, " m"]:
    """Values of the wanted indices among `hkl`, 0 where there is none."""
    key = index_key(hkl)
    order = np.argsort(key)
    place = order[np.clip(np.searchsorted(key[order], index_key(wanted)), 0, len(key) - 1)]
    return np.where(key[place] == index_key(wanted), values[place], 0).astype(np.complex64)
