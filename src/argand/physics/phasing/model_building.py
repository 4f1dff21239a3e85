"""A model of atoms from a map: peaks, elements, refinement, and what a difference map adds or takes away."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise

import numpy as np
from jaxtyping import Float

from argand.physics.crystal.atom import Atoms, is_hydrogen, strengths, structure_factors
from argand.physics.crystal.bond import shortest_distances
from argand.physics.phasing.dual_space import Expansion, phase_factor
from argand.physics.phasing.fourier import Coefficients, Grid, Map
from argand.physics.phasing.omit_map import omit_support
from argand.physics.phasing.peak import PeakFinder, between_points
from argand.physics.phasing.placed_atoms import keeps_distance, value_at
from argand.physics.phasing.refinement import Observed, RefinedModel, refine
from argand.typing import Points3

START_U = 0.04
"""Å², of an atom that is not yet refined: usual of organic crystals at room temperature, by hand."""
GUESSES = (
    *("C", "N", "O", "Na", "Al", "Si", "P", "S", "Cl", "K", "Ca", "Ti", "Mn", "Fe"),
    *("Ni", "Cu", "Zn", "Br", "Zr", "Mo", "Ag", "Sn", "I", "Cs", "Ba", "W", "Au", "Pb"),
)
"""Elements to choose from where no formula is known.

By hand: the common ones, far enough apart in number to be told by density.
"""
_FEW_ATOMS = 12
"""In models of no more atoms other elements are tried.

By hand, as each name tried costs a refinement; only the whole is measured (`benchmarks/patterson_solver.py`).
"""
_TIMES = (0.6, 1.5, 2.2, 3.5)
"""Without a formula the scale is uncertain: all atoms of a model may be so many times heavier.

By hand, fewer than the six that were tried first; only the whole is measured
(`benchmarks/patterson_solver.py`).
"""
_LIGHT = 9.5
"""Elements below this strength have been told apart by density as well as they can be.

By hand, between fluorine (9) and neon; in electrons.
"""
_CLEARLY = 0.93
"""Other names are taken where R1 falls to this share.

By hand: chance lowers R1 by less; only the whole is measured (`benchmarks/patterson_solver.py`).
"""
SHORTEST = 1.0
"""No two atoms but hydrogen are nearer than this in Å.

By hand: a tenth below the shortest bonds among C, N and O (1.1 to 1.2 Å), as places are not yet refined.
"""
OWN_U_BELOW = 1.3
"""Data to this d_min in Å carry a U for every atom; a common one below.

By hand, by reflections for each parameter; only the whole is measured (`benchmarks/patterson_solver.py`) from
0.84 to 2 Å.
"""
_SPECIAL = 0.8
"""A peak whose image is nearer than this in Å lies on a special position.

By hand: less than any bond, more than a peak is off.
"""
_ADDED_HEIGHT = 0.2
"""The same as the next where a formula limits the number of atoms.

By hand, raised from 0.12 as weak additions were wrong on measured crystals; only the whole is measured
(`benchmarks/patterson_solver.py`).
"""
_ADDED_WITHOUT_FORMULA = 0.35
"""Peaks of the difference map, over the height of the lightest element, that become atoms.

By hand, higher as nothing limits their number; only the whole is measured (`benchmarks/patterson_solver.py`).
"""
_DENSEST = 3.0
"""Atoms that a model may have without a formula, over the number that the volume lets expect.

18 Å³ an atom then become 6 Å³, as in the densest oxides and nitrides (corundum has 8.5 Å³, stishovite 7.8
Å³).
"""
_PASSED_OVER = 0.2
"""Share of the peaks that a model which is built again passes over at random.

By hand, twice that of the iteration; only the whole is measured (`benchmarks/patterson_solver.py`).
"""
_LOOKED_AT = 30.0
"""Peaks of a difference map among which the highest that could be an atom is looked for; by hand."""
_KEPT_HEIGHT = 0.3
"""Share of an element's electrons below which its atom leaves the model.

By hand; only the whole is measured (`benchmarks/patterson_solver.py`).
"""
_FEWEST_ELECTRONS = 3.5
"""Less than this is no atom where no formula says so.

By hand, half of the way from nothing to nitrogen.
"""
_ROUNDS = 6
"""Rounds of pruning, adding, naming and refining, at most; by hand, a bound on time."""
_GAIN = 0.01
"""R1 that a round from the third on must gain for another to follow; by hand, a bound on time."""
_LARGEST_U = 0.08
"""Å²; an atom's U is below this, or below the next times the median.

By hand, twice `START_U`; lowered from 0.16 on measured crystals, only the whole is measured
(`benchmarks/patterson_solver.py`).
"""
_LARGEST_U_RATIO = 3.0
"""An atom's U is below this times the median, or below `_LARGEST_U`.

By hand, lowered from 4.5 on measured crystals; only the whole is measured (`benchmarks/patterson_solver.py`).
"""
TETHER = 0.15
"""Å by which `refine` holds places where data end at `OWN_U_BELOW` or before.

By hand, about how far such places are off; only the whole is measured (`benchmarks/patterson_solver.py`).
"""


@dataclass(frozen=True)
class Builder:
    """Makes models of one crystal; `phasing` is what serves until the last refinement against all `data`.

    `content` is the number of atoms of each element but hydrogen in the asymmetric unit, fractions allowed
    for special positions; None where no formula is known, and then there are about `expected` atoms, of
    `elements` where these are known.
    """

    data: Observed
    phasing: Observed
    grid: Grid
    content: Mapping[str, float] | None
    expected: float
    elements: tuple[str, ...] = ()

    @property
    def most(self) -> float:
        """Atoms that a model may have: the content, or what a dense crystal of the volume could hold."""
        return self.count * (1.0 if self.content else _DENSEST)

    @cached_property
    def _choices(self) -> tuple[str, ...]:
        """Elements that an atom may have: of the contents, of the list, or any of the usual ones."""
        listed = tuple(name for name in self.elements if not is_hydrogen(name))
        return tuple(self.content or listed or GUESSES)

    @property
    def count(self) -> float:
        """Atoms in the asymmetric unit."""
        return sum(self.content.values()) if self.content else self.expected

    def first(self, coefficients: Coefficients, rng: np.random.Generator | None = None) -> RefinedModel:
        """Model of the highest peaks of the map that coefficients give, with a common U.

        `coefficients` are of the grid's reflections. With `rng` some peaks are passed over: where heavy atoms
        have a symmetry of their own, the light ones' peaks come with their images in it, as high, and one has
        to choose.
        """
        # By hand: some peaks more than atoms, as those too near to others are left out.
        points = self.finder.find(density := self.grid.density(coefficients), 1.3 * self.count)
        if rng is not None:
            stays = rng.random(len(points)) >= _PASSED_OVER
            points = points[stays] if stays.any() else points
        frac, heights = between_points(density, points)
        atoms = self._merged(frac, heights, self.count)
        if self.content:
            # Listed from the highest peak down.
            atoms = replace(atoms, elements=self._elements(atoms, np.arange(len(atoms), 0, -1.0)))
        return self._refine(atoms, 3, common_u=True)

    def complete(self, model: RefinedModel) -> RefinedModel:
        """The model after rounds of pruning, adding, naming and refining; the best by R1 is kept.

        Three rounds, fewer where the second changes nothing, and more while they gain.
        """
        best = model
        own_u = self.data.d_min < OWN_U_BELOW
        for number in range(_ROUNDS):
            before = len(model.atoms)
            atoms = self.extended(self._pruned(model))
            model = self._refine(replace(atoms, u_iso=np.full(len(atoms), START_U)), 2, common_u=True)
            atoms = replace(model.atoms, elements=self._elements(model.atoms, self._electrons(model)))
            model = self._refine(atoms, 2, common_u=True)
            if own_u:
                model = self._refine(model.atoms, 4, common_u=False)
            if len(model.atoms) <= _FEW_ATOMS or (number == 0 and self.elements):
                model = self._renamed(model)
            gained = best.r1 - model.r1
            best = min(best, model, key=lambda refined: refined.r1)
            settled = number >= 2 or (number == 1 and len(model.atoms) == before)
            if settled and gained < _GAIN:
                break
        if len(self.phasing.hkl) < len(self.data.hkl):
            best = refine(best.atoms, self.data, 3, not own_u, 0.0 if own_u else TETHER)
        return best

    def _renamed(self, model: RefinedModel) -> RefinedModel:
        """The model, or the same with other elements where these clearly fit better."""
        best = model
        for elements in self._other_names(model):
            start = replace(model.atoms, elements=elements, u_iso=np.full(len(elements), START_U))
            other = self._refine(start, 2, common_u=True)
            if self.data.d_min < OWN_U_BELOW:
                other = self._refine(other.atoms, 3, common_u=False)
            if other.r1 < _CLEARLY * best.r1:
                best = other
        return best

    def _other_names(self, model: RefinedModel) -> list[tuple[str, ...]]:
        """Names to try: all atoms heavier, or with a formula two heavy elements that swap a site."""
        elements, electrons = model.atoms.elements, self._electrons(model)
        if not self.content:
            few, scales = len(elements) <= _FEW_ATOMS, []
            if self.elements:
                # Each that is named is there: the strongest site holds the heaviest.
                scales.append(float(self._strengths(self._choices).max() / max(electrons.max(), 1e-9)))
            names = {
                self._nearest_elements(times * electrons) for times in (*scales, *(_TIMES if few else ()))
            }
            return sorted(names - {elements})
        order = np.argsort(-self._strengths(elements), kind="stable")
        order = order[self._strengths(elements)[order] > _LIGHT]
        swaps = []
        for first, second in pairwise(order.tolist()):
            if elements[first] != elements[second]:
                names = list(elements)
                names[first], names[second] = names[second], names[first]
                swaps.append(tuple(names))
        return swaps

    def observed_density(self, model: RefinedModel) -> Map:
        """Electron density in e/Å³ of the measured amplitudes with the model's phases; its mean is zero."""
        observed = np.sqrt(np.clip(self.data.intensity, 0, None)) / max(model.scale, 1e-12)
        density = self._fill(self.data, observed * phase_factor(model.calculated))
        volume = float(np.linalg.det(self.data.orthogonalisation))
        return density * np.float32(density.size / volume)

    def support(self, model: RefinedModel) -> Float[np.ndarray, " n"]:
        """Share of each atom's density that comes back in a difference map made without it
        (`omit_support`)."""
        return omit_support(model.atoms, model.scale, self.phasing)

    def unexplained(self, model: RefinedModel) -> tuple[float, float]:
        """Height of the highest peak of the difference map that could be an atom, and of any, over the
        lightest atom's.

        What is nearer to an atom than any bond could not be one: displacements that are not isotropic leave
        that.
        """
        frac, heights, usual = self._difference_peaks(model.atoms, _LOOKED_AT)
        cell, limits = self.data.orthogonalisation, self._least_distance(model.atoms.elements)
        order = np.argsort(-heights)
        for number in order:
            if keeps_distance(frac[number], model.atoms.frac, limits, self.data.group, cell):
                break
        return float(heights[number]) / usual, float(heights[order[0]]) / usual

    def _calculated(self, atoms: Atoms) -> Coefficients:
        data = self.phasing
        return structure_factors(atoms, data.hkl, data.group, data.orthogonalisation, data.radiation)

    def _refine(self, atoms: Atoms, cycles: int, common_u: bool) -> RefinedModel:
        tether = 0.0 if self.data.d_min < OWN_U_BELOW else TETHER
        return refine(atoms, self.phasing, cycles, common_u, tether)

    def _merged(
        self, frac: Points3, heights: Float[np.ndarray, " n"], most: float, known: Atoms | None = None
    ) -> Atoms:
        """Carbon atoms at peaks that keep distance from higher ones and `known` atoms, `most` in all."""
        group, cell = self.data.group, self.data.orthogonalisation
        places = [] if known is None else list(known.frac)
        occupancies = [] if known is None else list(known.occupancy)
        old = len(places)
        limits = [] if known is None else list(self._least_distance(known.elements))
        for number in np.argsort(-heights):
            _, place, kept = group.site(frac[number], cell, _SPECIAL)
            # An image that is near only by way of others' averages is looked at again from the new place.
            _, place, kept = group.site(place, cell, _SPECIAL)
            # Half an atom too many is the nearest to a content that special positions make fractional.
            if places and sum(occupancies) + 0.5 / kept > most:
                break
            if not places or keeps_distance(place, np.array(places), np.array(limits), group, cell):
                places.append(place)
                occupancies.append(1 / kept)
                limits.append(SHORTEST)
        new = len(places) - old
        elements = (() if known is None else known.elements) + ("C",) * new
        u_iso = np.concatenate([[] if known is None else known.u_iso, np.full(new, START_U)])
        return Atoms(elements, np.array(places).reshape(-1, 3), u_iso, np.array(occupancies))

    def _least_distance(self, elements: tuple[str, ...]) -> Float[np.ndarray, " n"]:
        """Å within which no peak beside atoms of these elements is an atom: what is there are ripples."""
        light = min(self._choices, key=lambda name: self._strengths((name,))[0])
        return np.maximum(shortest_distances(elements, (light,))[:, 0], SHORTEST)

    def _pruned(self, model: RefinedModel) -> Atoms:
        """Atoms whose density and U are those of atoms."""
        electrons = self._electrons(model)
        share = electrons / self._strengths(model.atoms.elements)
        usual = float(np.median(model.atoms.u_iso))
        keep = (share > _KEPT_HEIGHT) & (model.atoms.u_iso < max(_LARGEST_U, _LARGEST_U_RATIO * usual))
        if not self.content:
            keep &= electrons > _FEWEST_ELECTRONS
        return self._apart(model.atoms, np.where(keep, electrons, -1.0)) if keep.any() else model.atoms

    def _apart(self, atoms: Atoms, electrons: Float[np.ndarray, " n"]) -> Atoms:
        """Atoms of some electrons, those left out that are nearer to stronger ones than any bond."""
        group, cell, kept = self.data.group, self.data.orthogonalisation, []
        limits = self._least_distance(atoms.elements)
        for number in np.argsort(-electrons, kind="stable"):
            known = np.array(kept, int)
            place = atoms.frac[number]
            near = kept and not keeps_distance(place, atoms.frac[known], limits[known], group, cell)
            if electrons[number] >= 0 and not near:
                kept.append(int(number))
        return atoms.take(np.sort(np.array(kept, int)))

    def extended(self, atoms: Atoms) -> Atoms:
        """Atoms and the peaks of the difference map that complete their number."""
        # By hand: more than a model that is mostly right can lack, few enough to be fast.
        frac, heights, usual = self._difference_peaks(atoms, 0.7 * self.count + 5)
        high = heights > (_ADDED_HEIGHT if self.content else _ADDED_WITHOUT_FORMULA) * usual
        return self._merged(frac[high], heights[high], self.most, atoms)

    def _difference_peaks(self, atoms: Atoms, most: float) -> tuple[Points3, Float[np.ndarray, " m"], float]:
        """Places and heights of the highest peaks of F_o - F_c, and the height that the lightest atom has."""
        difference, modelled = self._maps(self._calculated(atoms))
        points = self.finder.find(difference, most)
        frac, heights = between_points(difference, points)
        per_electron = float(np.median(value_at(modelled, atoms.frac) / self._strengths(atoms.elements)))
        lightest = float(self._strengths(self._choices).min())
        return frac, heights, max(per_electron * lightest, 1e-12)

    @cached_property
    def finder(self) -> PeakFinder:
        """Finds the peaks of maps on the grid."""
        return PeakFinder(self.grid)

    def _maps(self, calculated: Coefficients, scale: float | None = None) -> tuple[Map, Map]:
        """Maps of F_o - F_c and of F_c, with the phases of F_c; `scale` of F_o is fitted without one."""
        observed = np.sqrt(np.clip(self.phasing.intensity, 0, None))
        size = np.abs(calculated)
        if scale is None:
            scale = float(observed @ size) / max(float(observed @ observed), 1e-20)
        difference = (scale * observed - size) * phase_factor(calculated)
        return self._fill(self.phasing, difference), self._fill(self.phasing, calculated)

    @cached_property
    def _expansions(self) -> dict[int, Expansion]:
        return {id(part): Expansion(part.hkl, self.grid) for part in (self.data, self.phasing)}

    def _fill(self, data: Observed, coefficients: Coefficients) -> Map:
        """The map of coefficients that are given for unique reflections."""
        return self.grid.density(self._expansions[id(data)].full(coefficients))

    def _electrons(self, model: RefinedModel) -> Float[np.ndarray, " n"]:
        """Electrons that each site seems to hold: its element's, corrected by the difference map there."""
        difference, modelled = self._maps(model.calculated)
        ratio = value_at(difference, model.atoms.frac) / np.maximum(
            value_at(modelled, model.atoms.frac), 1e-9
        )
        # Bounds by hand: no site holds less than nothing, or more than five times its element.
        return self._strengths(model.atoms.elements) * np.clip(1 + ratio, 0.0, 5.0)

    def _elements(self, atoms: Atoms, electrons: Float[np.ndarray, " n"]) -> tuple[str, ...]:
        """Elements: heaviest to the site with most electrons until the content is used up, or the nearest."""
        if not self.content:
            return self._nearest_elements(electrons)
        names = sorted(self.content, key=lambda name: -self._strengths((name,))[0])
        chosen, left = [""] * len(atoms), dict(self.content)
        for number in np.argsort(-electrons):
            name = next((name for name in names if left[name] >= 0.5 * atoms.occupancy[number]), names[-1])
            left[name] -= float(atoms.occupancy[number])
            chosen[int(number)] = name
        return tuple(chosen)

    def _nearest_elements(self, electrons: Float[np.ndarray, " n"]) -> tuple[str, ...]:
        choices = self._choices
        known = self._strengths(choices)
        return tuple(choices[int(np.argmin(abs(known - value)))] for value in electrons)

    def _strengths(self, elements: tuple[str, ...]) -> Float[np.ndarray, " n"]:
        return strengths(elements, self.data.radiation)
