"""The space group of measured intensities, found together with the structure.

Phases without symmetry rank the groups of the Laue class; the most likely ones are tried as a whole, up to a
refined model, and the models decide. No reference structure is used.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace

import gemmi
import numpy as np

from argand.crew import HERE, Machines
from argand.errors import InputError
from argand.io.reflections import CellParameters, MeasuredIntensities
from argand.physics.crystal.atom import VOLUME_PER_ATOM, Atoms, Radiation, structure_factors
from argand.physics.crystal.symmetry import Group, inverse_d_squared
from argand.physics.phasing.dual_space import Phased, recipe_for
from argand.physics.phasing.extinction import lattice_centring
from argand.physics.phasing.laue_class import LaueTest, chosen_class, laue_tests
from argand.physics.phasing.refinement import RefinedModel
from argand.physics.phasing.space_group import FreePhases, Ranked
from argand.systems.patterson.solution.found_group import FoundGroup, GroupRow, group_row
from argand.systems.patterson.solution.group_model import (
    OBEYED,
    GroupModel,
    is_disproved,
    moved_atoms,
    preferred,
)
from argand.systems.patterson.solution.parallel_search import ParallelSearch
from argand.systems.patterson.solution.reflections import CrystalData, prepare
from argand.systems.patterson.solution.structure_search import (
    COARSE,
    FINE,
    PHASING_D_MIN,
    WORTH_A_LOOK,
    StructureSearch,
)
from argand.systems.patterson.solution.usable_data import usable

Watch = Callable[[int, float], None]
"""Called after each attempt with the number of attempts and the best R1 so far."""
_MODELS = 4
"""Groups of which a model is made at each attempt.

By hand: on the half to choose on the right one is mostly the first where the phases are any good.
"""
_PROMISING = 0.3
"""R1, corrected for parameters, up to which a model's own symmetry is looked at.

By hand: below, most of it is right.
"""
_SHARE = 0.6
"""Share of the time for finding the group; the rest is for the model. By hand."""
_PATIENCE = 3
"""Attempts after one whose model is trusted but not clear. By hand."""


def find_space_group(
    measured: MeasuredIntensities,
    cell: CellParameters | None = None,
    formula: str | None = None,
    d_min: float | None = None,
    units: float | None = None,
    radiation: Radiation | None = None,
    elements: Sequence[str] = (),
    *,
    laue: str | None = None,
    time_limit: float = 30.0,
    seed: int = 0,
    machines: Machines = HERE,
    clock: Callable[[], float] = time.monotonic,
    watch: Watch = lambda attempts, r1: None,
) -> FoundGroup:
    """The space group in the axes of the cell, with a first model, whatever the file says about it.

    `laue` (such as "2/m", "mmm", "-3m1") limits the search to groups of that Laue class. Other arguments are
    those of `prepare` and `solve`. Ctrl-C ends the search once it has a model, and the answer says so. Raises
    InputError without a cell, and where no group of the class fits it.
    """
    kept, cell = usable(measured, cell, d_min)
    known = replace(measured, cell=cell, spacegroup=None, group=None)

    def prepared(group: Group) -> CrystalData:
        return prepare(replace(known, group=group), cell, None, formula, d_min, units, radiation, elements)

    search = SpaceGroupSearch(replace(kept, cell=cell), prepared, d_min, laue, seed, machines, clock)
    interrupted = False
    try:
        search.run(_SHARE * time_limit, watch)
    except KeyboardInterrupt:
        if search.best is None:
            raise
        interrupted = True
    finally:
        search.parallel.close()
    return search.found(interrupted)


class SpaceGroupSearch:
    """Attempts without symmetry, and the groups that were modelled from the best of them."""

    def __init__(
        self,
        measured: MeasuredIntensities,
        prepared: Callable[[Group], CrystalData],
        d_min: float | None,
        laue: str | None,
        seed: int,
        machines: Machines,
        clock: Callable[[], float],
    ) -> None:
        assert measured.cell is not None
        self._prepared, self._seed, self._machines, self._clock = prepared, seed, machines, clock
        self._started = clock()
        axes = np.array(gemmi.UnitCell(*measured.cell).orth.mat.tolist())
        squared = inverse_d_squared(measured.hkl, axes)
        keep = squared <= ((d_min or 1e-3) - 1e-6) ** -2
        data = measured.hkl[keep], measured.intensity[keep], measured.sigma[keep]
        if not len(data[0]):
            raise InputError(f"{measured.source}: no reflections with d >= {d_min} Å; lower --d-min")
        self.centring = lattice_centring(*data)[0]
        self.tests = _limited(laue_tests(*data, axes, self.centring), laue, measured.laue)
        self.test = chosen_class(self.tests)
        recipe = recipe_for(float(1 / np.sqrt(squared[keep].max())))
        self.recipe = recipe
        told = *data, self.test.laue, self.centring, axes
        self.phases = FreePhases(*told, PHASING_D_MIN, recipe)
        self.turns = (self.phases,)
        if self.phases.d_min <= FINE:
            self.turns = (self.phases, FreePhases(*told, COARSE, recipe_for(COARSE)), self.phases)
        self._highest = dict.fromkeys(map(id, self.turns), -1.0)
        atoms = float(np.linalg.det(axes)) / VOLUME_PER_ATOM / len(self.phases.group.centrings)
        self.parallel = ParallelSearch(self.turns, atoms, seed, machines)
        self.models: dict[str, GroupModel] = {}
        self._looked: dict[str, RefinedModel] = {}
        self.attempts = self._since = 0
        self._rankings: list[list[Ranked]] = []

    def run(self, time_limit: float, watch: Watch = lambda attempts, r1: None) -> None:
        """Attempts until a model is clear, or trusted and not improved for some attempts, or time is up."""
        while True:
            self.attempt(time_limit)
            best = self.best
            watch(self.attempts, 1.0 if best is None or best.search.best is None else best.search.best.r1)
            if best is not None and best.trusted:
                if (best.search.verdict.clear and not self._is_open(best)) or self._since >= _PATIENCE:
                    return
                self._since += 1
            if best is not None and self._clock() - self._started >= time_limit:
                return

    def _is_open(self, best: GroupModel) -> bool:
        """Whether the phases obey a group of more operators, too, of which no model is trusted."""
        for one in self._rankings[best.ranking]:
            group, model = one.candidate.group, self.models.get(one.candidate.group.name)
            likely = one.weakest > OBEYED
            larger = group.order > best.crystal.group.order and not is_disproved(one)
            if likely and larger and (model is None or not model.trusted):
                return True
        return False

    def attempt(self, time_limit: float) -> None:
        """One more attempt; models of the likeliest groups where its correlation is about the highest."""
        phased, phases = self.parallel.next(), self.turns[self.attempts % len(self.turns)]
        self.attempts += 1
        if phased.correlation < self._highest[id(phases)] - WORTH_A_LOOK:
            return
        self._highest[id(phases)] = max(self._highest[id(phases)], phased.correlation)
        ranked = phases.ranked(phased)
        self._rankings.append(ranked)
        for one in _worth_a_model(ranked):
            self._model(one, phased, phases)
            if self.best is not None and self._clock() - self._started >= time_limit:
                break
        self._look_higher()

    def _look_higher(self) -> None:
        """Try groups of more operators, or as many, that the preferred model obeys about, from its atoms.

        Phases of a refined model are nearly free of errors, so that symmetry it has by chance alone shows as
        little as it is.
        """
        best = self.best
        if best is None or best.search.best is None or best.misfit > _PROMISING:
            return
        model = best.search.best
        if best.crystal.group.name in self._looked and model is self._looked[best.crystal.group.name]:
            return
        self._looked[best.crystal.group.name] = model
        grid, crystal = self.phases.free.grid, best.crystal
        factors = structure_factors(model.atoms, grid.hkl, crystal.group, crystal.orthogonalisation)
        phased = Phased(factors.astype(np.complex64), best.search.correlation)
        others = [
            one
            for one in self.phases.ranked(phased)
            if one.candidate.group.name != crystal.group.name
            and one.candidate.group.order >= crystal.group.order
            and one.weakest > OBEYED
            and not is_disproved(one)
        ]
        for one in others[:_MODELS]:
            atoms = moved_atoms(model.atoms, one.shift, one.candidate.group, crystal.orthogonalisation)
            self._model(one, atoms)

    @property
    def best(self) -> GroupModel | None:
        """The model that is preferred so far."""
        return preferred(list(self.models.values()))

    def _model(self, ranked: Ranked, start: Phased | Atoms, phases: FreePhases | None = None) -> None:
        """Try a group as a whole, from phases without symmetry or from atoms.

        What was found in it before stays where that is better.
        """
        group = ranked.candidate.group
        model = self.models.get(group.name)
        if model is None:
            try:
                crystal = self._prepared(group)
            except InputError:
                # Too few reflections are left.
                return
            search = StructureSearch(crystal, self.recipe, self._seed, self._machines, clock=self._clock)
            model = GroupModel(ranked, crystal, search, len(self._rankings) - 1)
        crystal, search, before = model.crystal, model.search, model.search.best
        if isinstance(start, Atoms):
            search.adopt(start)
        else:
            rng = np.random.default_rng([self._seed, self.attempts])
            phases = phases or self.phases
            search.take(phases.continued(search.search, start, ranked.shift, crystal.atoms, rng))
        if search.best is not before:
            # The table has the figures of phases without symmetry.
            same = (one for one in self._rankings[-1] if one.candidate.group.name == group.name)
            free = next(same, ranked)
            self.models[group.name] = GroupModel(free, crystal, search, len(self._rankings) - 1)

    def found(self, interrupted: bool = False) -> FoundGroup:
        """What is preferred, and the table: groups with models first, then the others by rank."""
        best = self.best
        assert best is not None
        rows = [self._row(one, best) for one in self._rankings[best.ranking]]
        # The other hand, which another attempt may have found, is told in the same row.
        names = {row.spacegroup for row in rows} | {row.other_hand for row in rows}
        rows += [self._row(model.ranked, best) for name, model in self.models.items() if name not in names]
        rows.sort(key=lambda row: (not row.chosen, row.r1 is None))
        crystal = replace(best.crystal, notes=(*best.crystal.notes, *_notes(best, self.test)))
        best.search.crystal = crystal
        spent = self._clock() - self._started
        told = self.phases.statistics, self.test.laue.symbol, self.centring, tuple(self.tests)
        return FoundGroup(crystal, best.search, tuple(rows), *told, self.attempts, spent, interrupted)

    def _row(self, ranked: Ranked, best: GroupModel) -> GroupRow:
        name = ranked.candidate.group.name
        return group_row(ranked, self.models.get(name), self.phases.merged.r_int, name == best.name)


def _worth_a_model(ranked: Sequence[Ranked]) -> list[Ranked]:
    """The likeliest groups but those that absences disprove, if any other is left."""
    allowed = [one for one in ranked if not is_disproved(one)]
    return (allowed or list(ranked))[:_MODELS]


def _limited(tests: list[LaueTest], laue: str | None, hint: str | None) -> list[LaueTest]:
    """Those of a Laue class that was asked for, which agree by order; InputError where there is none.

    `hint` is a space group of the class that a file names; it counts where the intensities allow it.
    """
    if laue is None:
        entry = None if hint is None else gemmi.find_spacegroup_by_name(hint)
        hinted = [] if entry is None else [test for test in tests if entry.laue_str() in _symbols(test)]
        return [test for test in hinted if test.agrees] or tests
    wanted = laue.replace(" ", "").lower()
    chosen = [test for test in tests if wanted in _symbols(test)]
    if not chosen:
        there = ", ".join(sorted({test.laue.symbol for test in tests}))
        raise InputError(f"no Laue class '{laue}' fits the cell; those that do: {there}")
    return [replace(test, agrees=True) for test in chosen]


def _symbols(test: LaueTest) -> set[str]:
    """What a Laue class may be called: with or without its axis, -3m for -3m1 and -31m."""
    symbol = test.laue.symbol
    names = {symbol.replace(" ", ""), symbol.split(" ")[0]}
    return names | ({"-3m"} if symbol in ("-3m1", "-31m") else set())


def _notes(best: GroupModel, test: LaueTest) -> tuple[str, ...]:
    hand = best.ranked.candidate.other_hand
    notes = []
    if hand is not None:
        notes.append(f"{best.crystal.group.name} or {hand}: the hand is not determined")
    if test.merged and test.laue.order > 2:
        notes.append(f"no equivalents of the Laue class {test.laue.symbol}: the data were merged in it")
    return tuple(notes)
