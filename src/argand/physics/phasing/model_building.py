"""An atomic model from a map: peaks, elements, refinement, and atoms added or removed by difference maps."""

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
"""U in Å² of an unrefined atom: usual for organic crystals at room temperature, set by hand."""
GUESSES = (
    *("C", "N", "O", "Na", "Al", "Si", "P", "S", "Cl", "K", "Ca", "Ti", "Mn", "Fe"),
    *("Ni", "Cu", "Zn", "Br", "Zr", "Mo", "Ag", "Sn", "I", "Cs", "Ba", "W", "Au", "Pb"),
)
"""Elements to choose from if no formula is known.

Set by hand: the common ones, far enough apart in atomic number to be distinguished by density.
"""
_FEW_ATOMS = 12
"""Largest number of atoms in models for which other elements are tried.

Set by hand, as each trial costs a refinement; only overall results are benchmarked
(`benchmarks/patterson_solver.py`).
"""
_TIMES = (0.6, 1.5, 2.2, 3.5)
"""Factors by which all atoms of a model may be heavier; without a formula the scale is uncertain.

Set by hand, fewer than the six tried first; only overall results are benchmarked
(`benchmarks/patterson_solver.py`).
"""
_LIGHT = 9.5
"""Elements below this strength are already distinguished by density as well as possible.

Set by hand, between fluorine (9) and neon; in electrons.
"""
_CLEARLY = 0.93
"""Other elements are accepted if R1 falls to this fraction.

Set by hand: chance lowers R1 by less; only overall results are benchmarked
(`benchmarks/patterson_solver.py`).
"""
SHORTEST = 1.0
"""Shortest distance between non-hydrogen atoms in Å.

Set by hand: a tenth below the shortest bonds among C, N and O (1.1 to 1.2 Å), as positions are not yet
refined.
"""
OWN_U_BELOW = 1.3
"""Data to this d_min in Å or finer determine a U for every atom; coarser data a common one.

Set by hand, from the reflections per parameter; only overall results are benchmarked
(`benchmarks/patterson_solver.py`) from 0.84 to 2 Å.
"""
_SPECIAL = 0.8
"""A peak closer to its image than this in Å lies on a special position.

Set by hand: less than any bond, more than the error of a peak.
"""
_ADDED_HEIGHT = 0.2
"""The same as the next if a formula limits the number of atoms.

Set by hand, raised from 0.12, as weak additions were wrong on measured crystals; only overall results are
benchmarked (`benchmarks/patterson_solver.py`).
"""
_ADDED_WITHOUT_FORMULA = 0.35
"""Least height of difference peaks that become atoms, relative to the lightest element.

Set by hand, higher as nothing limits their number; only overall results are benchmarked
(`benchmarks/patterson_solver.py`).
"""
_DENSEST = 3.0
"""Most atoms in a model without a formula, relative to the number expected from the volume.

18 Å³ per atom then become 6 Å³, as in the densest oxides and nitrides (corundum has 8.5 Å³, stishovite 7.8
Å³).
"""
_PASSED_OVER = 0.2
"""Share of peaks randomly skipped when a model is rebuilt.

Set by hand, twice that of the iteration; only overall results are benchmarked
(`benchmarks/patterson_solver.py`).
"""
_LOOKED_AT = 30.0
"""Number of difference peaks searched for the highest that could be an atom; set by hand."""
_KEPT_HEIGHT = 0.3
"""Fraction of an element's electrons below which its atom is removed from the model.

Set by hand; only overall results are benchmarked (`benchmarks/patterson_solver.py`).
"""
_FEWEST_ELECTRONS = 3.5
"""Fewest electrons of an atom if there is no formula.

Set by hand, half of nitrogen.
"""
_ROUNDS = 6
"""Most rounds of pruning, adding, assigning elements and refining; set by hand, a bound on time."""
_GAIN = 0.01
"""Least gain in R1 of a round, from the third on, for another to follow; set by hand, a bound on time."""
_LARGEST_U = 0.08
"""Largest U of an atom in Å², unless it is below the next times the median.

Set by hand, twice `START_U`; lowered from 0.16 on measured crystals, only overall results are benchmarked
(`benchmarks/patterson_solver.py`).
"""
_LARGEST_U_RATIO = 3.0
"""An atom's U is below this times the median, or below `_LARGEST_U`.

Set by hand, lowered from 4.5 on measured crystals; only overall results are benchmarked
(`benchmarks/patterson_solver.py`).
"""
TETHER = 0.15
"""Tether in Å by which `refine` restrains positions for data no finer than `OWN_U_BELOW`.

Set by hand, about the error of such positions; only overall results are benchmarked
(`benchmarks/patterson_solver.py`).
"""


@dataclass(frozen=True)
class Builder:
    """Builds models of one crystal; `phasing` is the data used until the last refinement against all `data`.

    `content` is the number of atoms of each non-hydrogen element in the asymmetric unit, with fractions for
    special positions; None if no formula is known, and then there are about `expected` atoms, of `elements`
    if these are known.
    """

    data: Observed
    phasing: Observed
    grid: Grid
    content: Mapping[str, float] | None
    expected: float
    elements: tuple[str, ...] = ()

    @property
    def most(self) -> float:
        """Most atoms in a model: the content, or the number in a dense crystal of this volume."""
        return self.count * (1.0 if self.content else _DENSEST)

    @cached_property
    def _choices(self) -> tuple[str, ...]:
        """Possible elements of an atom: those of the contents, of the list, or the usual ones."""
        listed = tuple(name for name in self.elements if not is_hydrogen(name))
        return tuple(self.content or listed or GUESSES)

    @property
    def count(self) -> float:
        """Atoms in the asymmetric unit."""
        return sum(self.content.values()) if self.content else self.expected

    def first(self, coefficients: Coefficients, rng: np.random.Generator | None = None) -> RefinedModel:
        """Model of the highest peaks of the map from `coefficients`, with a common U.

        `coefficients` are for the grid's reflections. With `rng` some peaks are skipped: if heavy atoms have
        a symmetry of their own, peaks of light atoms appear with equally high images in it, and a choice is
        needed.
        """
        # Set by hand: some more peaks than atoms, as those too close to others are left out.
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
        """The model after rounds of pruning, adding, assigning elements and refining; the best R1 is kept.

        Three rounds, fewer if the second changes nothing, and more while R1 improves.
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
        """The model, or the same with other elements if these clearly fit better."""
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
        """Element lists to try: all atoms heavier, or with a formula a swap of two heavy elements."""
        elements, electrons = model.atoms.elements, self._electrons(model)
        if not self.content:
            few, scales = len(elements) <= _FEW_ATOMS, []
            if self.elements:
                # Each named element occurs: the strongest site has the heaviest.
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
        """Electron density in e/Å³ from the measured amplitudes with the model's phases; its mean is zero."""
        observed = np.sqrt(np.clip(self.data.intensity, 0, None)) / max(model.scale, 1e-12)
        density = self._fill(self.data, observed * phase_factor(model.calculated))
        volume = float(np.linalg.det(self.data.orthogonalisation))
        return density * np.float32(density.size / volume)

    def support(self, model: RefinedModel) -> Float[np.ndarray, " n"]:
        """Fraction of each atom's density recovered in an omit map (`omit_support`)."""
        return omit_support(model.atoms, model.scale, self.phasing)

    def unexplained(self, model: RefinedModel) -> tuple[float, float]:
        """Height of the highest difference peak that could be an atom, and of any, relative to the lightest
        atom.

        A peak closer to an atom than any bond could not be one: it is due to anisotropic displacements.
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
        """Carbon atoms at peaks far enough from higher ones and `known` atoms, at most `most`."""
        group, cell = self.data.group, self.data.orthogonalisation
        places = [] if known is None else list(known.frac)
        occupancies = [] if known is None else list(known.occupancy)
        old = len(places)
        limits = [] if known is None else list(self._least_distance(known.elements))
        for number in np.argsort(-heights):
            _, place, kept = group.site(frac[number], cell, _SPECIAL)
            # An image that is close only through averages of others is re-examined from the new position.
            _, place, kept = group.site(place, cell, _SPECIAL)
            # Half an atom too many is closest to a content that special positions make fractional.
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
        """Distance in Å from atoms of these elements within which peaks are series-termination ripples."""
        light = min(self._choices, key=lambda name: self._strengths((name,))[0])
        return np.maximum(shortest_distances(elements, (light,))[:, 0], SHORTEST)

    def _pruned(self, model: RefinedModel) -> Atoms:
        """Atoms with plausible density and U."""
        electrons = self._electrons(model)
        share = electrons / self._strengths(model.atoms.elements)
        usual = float(np.median(model.atoms.u_iso))
        keep = (share > _KEPT_HEIGHT) & (model.atoms.u_iso < max(_LARGEST_U, _LARGEST_U_RATIO * usual))
        if not self.content:
            keep &= electrons > _FEWEST_ELECTRONS
        return self._apart(model.atoms, np.where(keep, electrons, -1.0)) if keep.any() else model.atoms

    def _apart(self, atoms: Atoms, electrons: Float[np.ndarray, " n"]) -> Atoms:
        """Atoms with their electrons, without those closer to stronger ones than any bond."""
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
        """Atoms plus the difference peaks that complete their number."""
        # Set by hand: more than a mostly correct model can lack, few enough to be fast.
        frac, heights, usual = self._difference_peaks(atoms, 0.7 * self.count + 5)
        high = heights > (_ADDED_HEIGHT if self.content else _ADDED_WITHOUT_FORMULA) * usual
        return self._merged(frac[high], heights[high], self.most, atoms)

    def _difference_peaks(self, atoms: Atoms, most: float) -> tuple[Points3, Float[np.ndarray, " m"], float]:
        """Positions and heights of the highest peaks of F_o - F_c, and the height of the lightest atom."""
        difference, modelled = self._maps(self._calculated(atoms))
        points = self.finder.find(difference, most)
        frac, heights = between_points(difference, points)
        per_electron = float(np.median(value_at(modelled, atoms.frac) / self._strengths(atoms.elements)))
        lightest = float(self._strengths(self._choices).min())
        return frac, heights, max(per_electron * lightest, 1e-12)

    @cached_property
    def finder(self) -> PeakFinder:
        """Peak finder for maps on the grid."""
        return PeakFinder(self.grid)

    def _maps(self, calculated: Coefficients, scale: float | None = None) -> tuple[Map, Map]:
        """Maps of F_o - F_c and of F_c, with the phases of F_c; `scale` of F_o is fitted if not given."""
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
        """The map from coefficients of unique reflections."""
        return self.grid.density(self._expansions[id(data)].full(coefficients))

    def _electrons(self, model: RefinedModel) -> Float[np.ndarray, " n"]:
        """Apparent electrons of each site: its element's, corrected by the difference map there."""
        difference, modelled = self._maps(model.calculated)
        ratio = value_at(difference, model.atoms.frac) / np.maximum(
            value_at(modelled, model.atoms.frac), 1e-9
        )
        # Bounds by hand: no site has fewer than zero electrons, or more than five times its element.
        return self._strengths(model.atoms.elements) * np.clip(1 + ratio, 0.0, 5.0)

    def _elements(self, atoms: Atoms, electrons: Float[np.ndarray, " n"]) -> tuple[str, ...]:
        """Elements: heaviest to the site with most electrons until the content is used up, or the closest."""
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
