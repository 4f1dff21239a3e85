"""The search for a model of a crystal: attempts become models, and the best is completed by omit maps."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import gemmi
import numpy as np
from jaxtyping import Int

from argand.crew import HERE, Machines
from argand.physics.crystal.atom import Atoms, structure_factors
from argand.physics.crystal.symmetry import inverse_d_squared
from argand.physics.phasing.dual_space import Amplitudes, Phased, Recipe, Search, recipe_for
from argand.physics.phasing.fourier import Coefficients
from argand.physics.phasing.model_building import OWN_U_BELOW, Builder
from argand.physics.phasing.patterson_start import PattersonSearch
from argand.physics.phasing.refinement import Observed, RefinedModel, refine
from argand.systems.patterson.solution.acceptance import NOTHING, verdict
from argand.systems.patterson.solution.parallel_search import ParallelSearch
from argand.systems.patterson.solution.reflections import CrystalData
from argand.systems.patterson.solution.usable_data import FEWEST
from argand.systems.patterson.solution.validation import evidence

if TYPE_CHECKING:
    from torch import nn

    from argand.systems.patterson.solution.density_box import Sharpener

AnySearch = Search | PattersonSearch
ITERATION, NETWORK = "dual-space iteration", "dual-space iteration and network"
# The thresholds below were chosen by hand on the half `choose` of the crystals of
# benchmarks/patterson_sets.py, so that its counts flatter them, and those of the other half do not. What
# other values do is not kept.
PHASING_D_MIN = 0.84
"""Finer data, in Å, are used in refinement only. About what full small-molecule data reach; at higher angle
|E| is nearly that of the heavy atoms alone, which pseudo-solutions fit as well."""
FINE, COARSE = 1.0, 1.2
"""Where phasing has data beyond the first, in Å, one attempt in three takes those to the second alone: heavy
atoms, whose share of |E| grows with the angle, make fine data fit a pseudo-solution in every attempt
(cod_2242045)."""
_HEAVY = 14
"""Atomic number from which on attempts from the Patterson map take turns with others. By hand, from silicon
on."""
NETWORK_D_MIN = 1.05
"""Data finer than this, in Å, show atoms as they are: the network is not asked. By hand, a little below the
1.1 Å from which on it was trained."""
WORTH_A_LOOK = 0.03
"""A model is built from an attempt if its correlation of amplitudes is at most this much below the highest.
Building takes longer than computing the correlation, and right phases do not always have the highest."""
_COMPLETING = 0.4
"""Share of the time for completing first models; one of lower R1 than all before is completed in any case."""
_PATIENCE = 4
"""Attempts for a better model after one that is trusted."""
_HOPELESS = 0.42
"""Models of higher R1 are too wrong to be completed by omit maps. Random acentric ones have 0.59 (Wilson
1950, Acta Cryst. 3, 397)."""
_MOST_OMIT_MAPS, _LEFT_OUT = 10, 0.3
"""Omit maps in a row without a better model after which no more are tried; the share of atoms left out
(after the first where the network is used)."""
_DOUBTED = 0.45
"""Support (`omit_support`) below which an atom is left out when a model is built again for the first time."""
_SHARE = 0.3
"""Share of the time for omit maps: models that seem nearly correct are often wrong."""


class StructureSearch:
    """Attempts so far: the best model, its phases' correlation, and the attempts since it was found.

    `clock` tells seconds; `machines` make attempts, of which the order does not depend on their
    number.
    """

    def __init__(
        self,
        crystal: CrystalData,
        recipe: Recipe,
        seed: int,
        machines: Machines = HERE,
        network: "nn.Module | None" = None,
        clock: Callable[[], float] = time.monotonic,
        patience_s: float = 0.0,
    ) -> None:
        self.crystal, self.seed = crystal, seed
        self.searches, self.builder = _prepared(crystal, recipe)
        self.parallel = ParallelSearch(self.searches, crystal.atoms, seed, machines)
        self.best: RefinedModel | None = None
        self.verdict = NOTHING
        self.path = ITERATION
        self.correlation = -1.0
        self._highest = dict.fromkeys(map(id, self.searches), -1.0)
        self.attempts = self._since = self._failed = 0
        self.clock, self._started, self._omitting = clock, clock(), 0.0
        self.patience_s = patience_s
        self._completing, self._lowest = 0.0, 1.0
        self.sharpener = None if network is None else self._sharpener(network)

    @property
    def search(self) -> Search:
        """The search from random phases on all the data that phasing takes."""
        first = self.searches[0]
        assert isinstance(first, Search)
        return first

    def _sharpener(self, network: "nn.Module") -> "Sharpener | None":
        """The network at work on this crystal; none where data are too fine for it."""
        from argand.systems.patterson.solution.density_box import Sharpener

        d_min = self.crystal.observed.d_min
        return Sharpener(network, self.search.symmetric, d_min) if d_min >= NETWORK_D_MIN else None

    @property
    def is_over(self) -> bool:
        """Whether the best model is clear, or trusted and not improved for some attempts."""
        waited = self._since >= _PATIENCE and self.clock() - self._started >= self.patience_s
        return self.verdict.clear or (self.verdict.trusted and waited)

    def attempt(self) -> float:
        """One more attempt, and its correlation; a model is built where that is about the best so far."""
        phased, search = self.parallel.next(), self.searches[self.attempts % len(self.searches)]
        self.attempts, self._since = self.attempts + 1, self._since + 1
        # Coarse data are fitted better by all phases, so each search has a highest of its own.
        highest = self._highest[id(search)]
        if self.best is None or phased.correlation >= highest - WORTH_A_LOOK:
            self._highest[id(search)] = max(highest, phased.correlation)
            self.take(phased, search)
        while self._may_omit():
            started = self.clock()
            self._omit()
            self._omitting += self.clock() - started
        return phased.correlation

    def take(self, phased: Phased, search: AnySearch | None = None) -> None:
        """Build a model of phases of a search, by default that on all data, whatever their correlation."""
        if self._build(phased.calculated, search or self.search, ITERATION):
            self.correlation = phased.correlation

    def _build(
        self, calculated: Coefficients, search: AnySearch, path: str, rng: np.random.Generator | None = None
    ) -> bool:
        """Whether a model of the map that structure factors of a search give is better than the best so
        far."""
        phased = search.symmetric
        coefficients = self.builder.grid.taken(phased.grid, phased.weighted(calculated))
        model = self.builder.first(coefficients, rng)
        started = self.clock()
        # First models cost little beside completed ones: several are looked at for each.
        spent = self._completing > _COMPLETING * (started - self._started)
        if spent and self.best is not None and model.r1 >= self._lowest:
            return False
        self._lowest = min(self._lowest, model.r1)
        model = self.builder.complete(model)
        self._completing += self.clock() - started
        return self._keep(model, path)

    def adopt(self, atoms: Atoms) -> None:
        """Refine atoms that are known from elsewhere and complete them; the model is kept if it is better."""
        own_u = self.builder.phasing.d_min < OWN_U_BELOW
        self._keep(self.builder.complete(refine(atoms, self.builder.phasing, 4, not own_u)), ITERATION)

    def _keep(self, model: RefinedModel, path: str) -> bool:
        """Take a model in the best one's place if its R1 is lower."""
        if self.best is not None and model.r1 >= self.best.r1:
            return False
        judged = verdict(evidence(self.crystal, model, self.builder))
        # Together, so that Ctrl-C leaves no model with the verdict of another one.
        self.best, self.verdict, self.path = model, judged, path
        self._since = self._failed = 0
        return True

    def _may_omit(self) -> bool:
        """Whether the best model is worth omit maps, and there is time for them."""
        if self.best is None or self.best.r1 > _HOPELESS or self._failed >= _MOST_OMIT_MAPS or self.is_over:
            return False
        return self._omitting <= _SHARE * (self.clock() - self._started)

    def _omit(self) -> None:
        """Build again from the best model's map: with atoms left out, or as the network sees it.

        The network is asked every other time, at first about the whole model.
        """
        assert self.best is not None
        grid, atoms = self.search.symmetric.grid, self.best.atoms
        asked = self.sharpener is not None and self._failed % 2 == 0
        # Others at every failure, the same ones in every run.
        rng = np.random.default_rng([self.seed, self.attempts, self._failed])
        if self._failed or not asked:
            atoms = atoms.take(self._kept(rng))
        factors = structure_factors(atoms, grid.hkl, grid.group, grid.orthogonalisation).astype(np.complex64)
        path = self.path
        if self.sharpener is not None and asked:
            factors, path = self.sharpener.improve(factors), NETWORK
        if not self._build(factors, self.search, path, rng):
            self._failed += 1

    def _kept(self, rng: np.random.Generator) -> Int[np.ndarray, " n"]:
        """Atoms to build again from: every other time those that the others support, else a random part."""
        assert self.best is not None
        support = self.builder.support(self.best)
        stay = support >= _DOUBTED if self._failed % 2 == 0 else rng.random(len(support)) >= _LEFT_OUT
        chosen = np.flatnonzero(stay)
        return chosen if len(chosen) else np.arange(len(support))


def _prepared(crystal: CrystalData, recipe: Recipe) -> tuple[tuple[AnySearch, ...], Builder]:
    """Searches that take turns, and the builder of a crystal; phasing leaves out the finest reflections."""
    fine, phasing = _search(crystal, PHASING_D_MIN, recipe)
    grid = fine.symmetric.grid
    builder = Builder(crystal.observed, phasing, grid, crystal.content, crystal.atoms, crystal.elements)
    turns: list[AnySearch] = [fine]
    heavy = PattersonSearch(fine.free, fine.symmetric)
    if _may_be_heavy(crystal) and heavy.is_possible:
        turns.append(heavy)
    squared = inverse_d_squared(phasing.hkl, phasing.orthogonalisation)
    if phasing.d_min <= FINE and (squared <= COARSE**-2).sum() >= FEWEST:
        turns += [_search(crystal, COARSE, recipe_for(COARSE))[0], *turns]
    return tuple(turns), builder


def _may_be_heavy(crystal: CrystalData) -> bool:
    """Whether an element may be there whose vectors stand out in the Patterson map."""
    known = crystal.content or crystal.elements
    return not known or any(gemmi.Element(name).atomic_number >= _HEAVY for name in known)


def _search(crystal: CrystalData, d_min: float, recipe: Recipe) -> tuple[Search, Observed]:
    """The search on data to `d_min` Å, and these data."""
    data = crystal.observed
    part = data.part(inverse_d_squared(data.hkl, data.orthogonalisation) <= d_min**-2)
    amplitudes = Amplitudes.of(part.hkl, part.intensity, crystal.group, data.orthogonalisation)
    return Search(amplitudes, crystal.group, data.orthogonalisation, recipe), part
