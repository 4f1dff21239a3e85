"""From a molecule and intensities to its place, and different answers told apart."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from argand.physics.crystal.atom import is_hydrogen
from argand.physics.crystal.symmetry import inverse_d_squared
from argand.physics.molecule.assembly import Assembly, Copy
from argand.physics.molecule.body import Body
from argand.physics.molecule.freed import freed
from argand.physics.molecule.origin import same_crystal
from argand.physics.phasing.refinement import Observed
from argand.systems.patterson.solution.molecule.contents import contents_of
from argand.systems.patterson.solution.molecule.placed_atoms import asymmetric_atoms
from argand.systems.patterson.solution.molecule.pose_search import SEARCH_D_MIN, PoseSearch
from argand.systems.patterson.solution.molecule.verdict import (
    FEWEST,
    Answer,
    contacts,
    equals,
    largest_residual,
    verdict,
)
from argand.systems.patterson.solution.reflections import CrystalData

Watch = Callable[[int, float], None]
# The numbers below were chosen by hand on the part `choose` of benchmarks/patterson_molecule.py.
_RIGID_SHARE = 0.3
"""Part of the time for the shape of a file as it is, before its torsions are freed."""
_ROUNDS = 3
"""Rounds, at least: the best answer and the next best are then mostly both found."""
_SETTLED = 6
"""Rounds without a better answer after which the search ends where that fits, though others do, too."""
_LOOKED_AT = 6
"""Poses of a round whose atoms are freed."""
_HOPEFUL = 1.7
"""Poses are looked at whose misfit is at most so many times that of the best, plus `_HOPE`."""
_HOPE = 0.01
"""See `_HOPEFUL`."""
_HOPELESS = 0.3
"""Poses of larger misfit are not looked at before the time is over."""
_REFLECTIONS_EACH, _FREE_CYCLES = 3.0, 8
"""Reflections for each atom but hydrogen from which on atoms are freed, one for each coordinate; cycles
of it.
With fewer the distances of the molecule would decide, and wrong poses fit as well as right ones."""
_KEPT = 6
"""Different answers that are kept."""


@dataclass(frozen=True)
class Placement:
    """Different answers, best first; how many fit about equally; whether the first is trusted and why.

    `rounds` of search were made, of which `log` has the seconds and the lowest misfit.
    """

    answers: tuple[Answer, ...]
    alike: int
    trusted: bool
    reason: str
    rounds: int
    log: tuple[tuple[float, float], ...]
    interrupted: bool = False
    """Whether Ctrl-C ended the search."""


def place(
    crystal: CrystalData,
    bodies: Sequence[Body],
    units: float | None = None,
    time_limit: float = 60.0,
    seed: int = 0,
    watch: Watch = lambda rounds, residual: None,
    clock: Callable[[], float] = time.monotonic,
) -> Placement:
    """Search until an answer is trusted or `time_limit` seconds of `clock` are over.

    `units` of all bodies together are in the cell; None takes the number that fills it best. The shape of a
    file is first tried as it is. Ctrl-C ends the search once there is a pose. Raises InputError where the
    number of molecules fits no group of this order.
    """
    started = clock()
    whole = contents_of(crystal, bodies, units)
    rigid = Assembly(tuple(Copy(replace(copy.body, torsions=()), copy.keepers) for copy in whole.copies))
    bending = bool(len(whole.axes))
    alone = all(len(copy.body.shapes) == 1 for copy in whole.copies)
    runs = [_Run(crystal, rigid if alone else whole, seed, watch, clock, started)]
    interrupted = False
    try:
        runs[0].until(started + time_limit * (_RIGID_SHARE if alone and bending else 1.0))
        if alone and bending and not runs[0].trusted:
            runs.append(_Run(crystal, whole, seed + 1, watch, clock, started))
            runs[1].until(started + time_limit)
    except KeyboardInterrupt:
        if not runs[0].has_answer():
            raise
        interrupted = True
    run = _better(runs)
    trusted, reason = run.verdict
    log = tuple(run.log)
    alike = len(equals(run.answers))
    return Placement(tuple(run.answers), alike, trusted, reason, run.search.rounds, log, interrupted)


def _better(runs: Sequence["_Run"]) -> "_Run":
    """The second run where its answer is trusted or fits better, else the first."""
    first, second = runs[0], runs[-1]
    if second.trusted or (second.answers and second.answers[0].residual < first.answers[0].residual):
        return second
    return first


class _Run:
    """One search with its answers so far, best first and all different."""

    def __init__(
        self,
        crystal: CrystalData,
        assembly: Assembly,
        seed: int,
        watch: Watch,
        clock: Callable[[], float],
        started: float,
    ) -> None:
        self.crystal, self.assembly = crystal, assembly
        self.data = _coarse(crystal.observed)
        self.search = PoseSearch(crystal.observed, assembly, seed)
        self.watch, self.clock, self.started = watch, clock, started
        self.answers: list[Answer] = []
        self.log: list[tuple[float, float]] = []
        self._seen: list[float] = []
        self._heavy = np.array([not is_hydrogen(element) for element in assembly.elements])

    @property
    def verdict(self) -> tuple[bool, str]:
        """Whether the first answer is trusted, and why."""
        return verdict(self.answers, self.assembly, len(self.data.hkl))

    @property
    def trusted(self) -> bool:
        """Whether the first answer is trusted."""
        return bool(self.answers) and self.verdict[0]

    def has_answer(self) -> bool:
        """Whether there is an answer, made of the best poses where they are all there is."""
        if not self.answers and self.search.pool is not None:
            self._look(1.0)
        return bool(self.answers)

    def until(self, end: float) -> None:
        """Rounds until an answer is trusted or the time is over; the last looks at what there is."""
        while not self._over():
            self.search.round()
            last = self.clock() >= end
            self._look(_HOPELESS if not last or self.answers else 1.0)
            best = self.answers[0].residual if self.answers else 1.0
            self.log.append((round(self.clock() - self.started, 2), round(best, 4)))
            self.watch(self.search.rounds, best)
            if last and self.answers:
                return

    def _over(self) -> bool:
        """Whether an answer is trusted, or fits and stays what it is: others that fit as well do not go
        away."""
        if not self.answers or self.search.rounds < _ROUNDS:
            return False
        values = [value for _, value in self.log]
        settled = len(values) > _SETTLED and values[-1] > values[-1 - _SETTLED] - 1e-4
        fits = values[-1] <= largest_residual(len(self.data.hkl), self.assembly)
        few = len(self.data.hkl) < FEWEST
        return self.trusted or (settled and (fits or few))

    def _look(self, most: float) -> None:
        """Free the atoms of the best poses that are new, and keep what is different."""
        pool = self.search.pool
        assert pool is not None
        residuals = pool.residual.tolist()
        limit = min(most, _HOPEFUL * residuals[0] + _HOPE)
        new = [number for number, value in enumerate(residuals) if value <= limit and value not in self._seen]
        for number in new[:_LOOKED_AT]:
            self._seen.append(residuals[number])
            places, u_iso = pool.places[number].double().numpy(), float(pool.u_iso[number])
            enough = len(self.data.hkl) >= _REFLECTIONS_EACH * self.assembly.occupancy[self._heavy].sum()
            result = freed(places, u_iso, self.assembly, self.data, _FREE_CYCLES if enough else 0)
            cell = self.crystal.orthogonalisation
            atoms = asymmetric_atoms(result.places, result.u_iso, self.assembly, self.crystal.group, cell)
            near = contacts(result.places, self.assembly, self.crystal.group, cell)
            self._add(Answer(atoms, result.residual, residuals[number], near))

    def _add(self, answer: Answer) -> None:
        """Keep an answer unless a better one is the same crystal."""
        kept: list[Answer] = []
        for other in sorted([*self.answers, answer], key=lambda one: one.residual):
            if not any(self._same(other, better) for better in kept):
                kept.append(other)
        self.answers = kept[:_KEPT]

    def _same(self, first: Answer, second: Answer) -> bool:
        cell = self.crystal.orthogonalisation
        origins = self.search.origins
        return first is second or same_crystal(
            _heavy(first), _heavy(second), self.crystal.group, cell, origins
        )


def _heavy(answer: Answer) -> np.ndarray:
    return answer.atoms.frac[np.array([not is_hydrogen(element) for element in answer.atoms.elements])]


def _coarse(data: Observed) -> Observed:
    """What the search sees."""
    squared = inverse_d_squared(data.hkl, data.orthogonalisation)
    return data.part(squared <= max(data.d_min, SEARCH_D_MIN) ** -2 * (1 + 1e-6))
