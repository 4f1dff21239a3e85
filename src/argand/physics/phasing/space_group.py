"""Space groups ranked by phases determined without symmetry, by absences and by intensity statistics.

As SHELXT does (Sheldrick, Acta Cryst. A71, 3, 2015): the P 1 phases obey the operators of the true group, and
no others, after the correct origin shift.
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
"""Consistency assigned to a group without operators: that of phases that half obey a wrong operator.

Set by hand.
"""
_CENTRE = 0.1
"""Bonus of a centre of inversion in a group's rank.

Set by hand: phases without symmetry obey an operator less than its two factors, and a centre doubles the
number of operators.
"""
_ABSENCES, _MUCH = 0.3, 20.0
"""Largest contribution of absences to a group's rank; log-likelihood at which most of it is reached.

Raised from 0.15 on the tuning half: with one heavy atom, first phases often obey false mirrors.
"""
_STATISTICS = 0.05
"""Largest contribution of |E² - 1| to the rank of centrosymmetric or of other groups.

Set by hand, small: heavy atoms and pseudosymmetry shift it.
"""
_CENTRIC, _ACENTRIC = 0.968, 0.736
"""Mean |E² - 1| of centrosymmetric and other crystals of many equal atoms (Wilson statistics)."""


@dataclass(frozen=True)
class Ranked:
    """A candidate, the shift of the phased atoms to its origin, and its figures of merit.

    `consistency` is the mean over operators of `SymmetryCorrelation`, `weakest` the least of them; both are 1
    if the group holds exactly or has no operators. `rank` orders candidates, the highest first.
    """

    candidate: Candidate
    shift: Vector3
    consistency: float
    weakest: float
    absences: Absences
    rank: float


class FreePhases:
    """Reflections of a Laue class and lattice, phased with the lattice symmetry only.

    Reflections are merged in the class, keeping those that a candidate forbids.
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
        """`finest` in Å is the resolution limit of the phased reflections."""
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
        """Phases from random ones; `atoms` is the number of non-hydrogen atoms per lattice point."""
        return self.free.run(self.free.random_phases(rng), atoms, self.recipe.free_cycles, rng)

    def ranked(self, phased: Phased) -> list[Ranked]:
        """All candidates, most likely first, ranked by the phases and the other evidence.

        Of two enantiomorphic groups only the one with the hand found is listed.
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
        """Phases in a group by iteration from those without symmetry; `atoms` in its asymmetric unit."""
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
    """Values of the wanted indices among `hkl`, 0 where missing."""
    key = index_key(hkl)
    order = np.argsort(key)
    place = order[np.clip(np.searchsorted(key[order], index_key(wanted)), 0, len(key) - 1)]
    return np.where(key[place] == index_key(wanted), values[place], 0).astype(np.complex64)
