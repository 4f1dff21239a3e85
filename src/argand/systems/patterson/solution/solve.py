"""From measured intensities to atoms: attempts from random phases until a model fits, or time is up.

No reference structure is used: whether a model is trusted is decided by the data and the model alone.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from jaxtyping import Bool

from argand.crew import HERE, Machines
from argand.io.interrupts import interrupts_wait
from argand.io.labels import atom_labels
from argand.physics.crystal.atom import Atoms, strengths
from argand.physics.crystal.neighbourhood import molecule_order
from argand.physics.phasing.dual_space import Recipe, recipe_for
from argand.physics.phasing.element_search import SURE, Named
from argand.physics.phasing.fourier import Grid, Map
from argand.physics.phasing.model_building import Builder
from argand.physics.phasing.model_finish import finished
from argand.physics.phasing.placed_atoms import assembled
from argand.physics.phasing.refinement import RefinedModel, evaluate
from argand.systems.patterson.solution.absolute_hand import Hand, in_group, turned
from argand.systems.patterson.solution.acceptance import verdict
from argand.systems.patterson.solution.found_group import FoundGroup
from argand.systems.patterson.solution.outlook import outlook
from argand.systems.patterson.solution.reflections import CrystalData
from argand.systems.patterson.solution.structure_search import ITERATION, StructureSearch
from argand.systems.patterson.solution.unit_cell import wrapped
from argand.systems.patterson.solution.validation import evidence

if TYPE_CHECKING:
    from torch import nn

_PATIENCE = 0.4
"""Share of the time after which a model that is trusted but not clear ends the search; by hand."""
_MOST_CONTRADICTED = 0.2
"""Share of atoms that contradict the formula from which on this is told; by hand."""
KNOWN = "known molecule"
"""Path of an answer that places a molecule."""


class Attempt(NamedTuple):
    """One line of the log: seconds since the start, correlation of the attempt, best R1 so far."""

    seconds: float
    correlation: float
    r1: float


@dataclass(frozen=True)
class Solution:
    """The best model, whether it is trusted and why, the map of its phases, and the effort.

    `found` tells how the space group was determined, where it was not given.
    """

    crystal: CrystalData
    model: RefinedModel
    density: Map
    trusted: bool
    reason: str
    correlation: float
    attempts: int
    seconds: float
    path: str = ITERATION
    log: tuple[Attempt, ...] = ()
    probability: float = 0.0
    hand: Hand = field(default_factory=Hand)
    uncertain: tuple[int, ...] = ()
    found: FoundGroup | None = None
    others: tuple[RefinedModel, ...] = ()
    """Other models that fit about equally; where there are any, none is trusted."""
    interrupted: bool = False
    """Whether Ctrl-C ended the search before it was over."""

    @property
    def outlook(self) -> str:
        """What the attempts say about more time, where the model is not trusted; else empty."""
        if self.trusted or self.path == KNOWN or (self.interrupted and not self.log):
            return ""
        return outlook([one.correlation for one in self.log], self.model.r1, self.seconds)

    @property
    def atoms(self) -> Atoms:
        """Elements, fractional coordinates, isotropic U in Å², and crystallographic occupancies."""
        return self.model.atoms

    @property
    def r1(self) -> float:
        """R1 of reflections with F² > 2σ(F²)."""
        return self.model.r1

    def to_dict(self) -> dict[str, Any]:
        """Figures in plain values; `solved` is the key of version 0.1 for `trusted`."""
        agreement = {"r_meas": self.crystal.r_meas, "cc_half": self.crystal.cc_half}
        return {
            "trusted": self.trusted,
            "reason": self.reason,
            "solved": self.trusted,
            **({"interrupted": True} if self.interrupted else {}),
            **({"probability": round(self.probability, 3)} if self.path != KNOWN else {}),
            "r1": round(self.model.r1, 4),
            "r1_all": round(self.model.r1_all, 4),
            "n_atoms": len(self.model.atoms),
            "expected_atoms": round(self.crystal.atoms, 2),
            "reflections": len(self.crystal.observed.hkl),
            "spacegroup": self.crystal.group.name,
            "spacegroup_found": self.found is not None,
            "radiation": self.crystal.observed.radiation,
            "d_min": round(self.crystal.observed.d_min, 3),
            "path": self.path,
            "attempts": self.attempts,
            "seconds": round(self.seconds, 2),
            "correlation": round(self.correlation, 3),
            "completeness": round(self.crystal.completeness, 3),
            **{name: round(value, 4) for name, value in agreement.items() if value is not None},
            "uncertain_elements": [atom_labels(self.atoms.elements)[one] for one in self.uncertain],
            **self.hand.to_dict(),
            **({"outlook": self.outlook} if self.outlook else {}),
            "notes": list(self.crystal.notes),
            **({} if self.found is None else self.found.to_dict()),
        }


class Interrupted(KeyboardInterrupt):
    """Ctrl-C during a search that already has a model; `solution` is the best one so far."""

    def __init__(self, solution: Solution) -> None:
        super().__init__("interrupted; the best model so far is kept")
        self.solution = solution


def solve(
    crystal: CrystalData,
    time_limit: float = 30.0,
    seed: int = 0,
    recipe: Recipe | None = None,
    watch: Callable[[int, float], None] = lambda attempts, r1: None,
    machines: Machines = HERE,
    network: "nn.Module | None" = None,
    clock: Callable[[], float] = time.monotonic,
    found: FoundGroup | None = None,
    finish: Callable[[], None] = lambda: None,
) -> Solution:
    """Search until a model is trusted or `time_limit` seconds are over; `watch` is called after each attempt.

    `found` is what `find_space_group` determined for the crystal: the search goes on with its model, and its
    time and attempts count. `finish` is called before the last refinement. A `network`
    (`density_network.load_network`) helps to complete models of coarse data. `clock` measures the limit;
    time.process_time measures the time of a core.

    More `machines` make attempts too; their number changes the result only through how many attempts fit into
    the time. They are spawned: a script needs the usual `if __name__ == "__main__"`. A first model is always
    made, however short the time.

    Raises Interrupted, which carries the best model so far, where Ctrl-C ends a search that has one.
    """
    started = clock() - (0.0 if found is None else found.seconds)
    if found is None:
        recipe = recipe or recipe_for(crystal.observed.d_min)
        search = StructureSearch(crystal, recipe, seed, machines, network, clock, _PATIENCE * time_limit)
    else:
        search = found.search
        search.patience_s = _PATIENCE * time_limit
    run = _Run(crystal, search, found, lambda: clock() - started)
    interrupted = found is not None and found.interrupted
    named: tuple[RefinedModel, Named] | None = None
    try:
        if not interrupted:
            run.attempt_until(time_limit, watch)
            finish()
            named = finished(search.builder, run.best)
    except KeyboardInterrupt:
        if search.best is None:
            raise
        interrupted = True
    finally:
        search.parallel.close()
    return run.ended(named, interrupted)


@dataclass
class _Run:
    """One search of a crystal, and what becomes of its best model; `spent` tells the seconds so far."""

    crystal: CrystalData
    search: StructureSearch
    found: FoundGroup | None
    spent: Callable[[], float]
    log: list[Attempt] = field(default_factory=list)

    @property
    def best(self) -> RefinedModel:
        """The best model so far."""
        assert self.search.best is not None
        return self.search.best

    def attempt_until(self, time_limit: float, watch: Callable[[int, float], None]) -> None:
        """Attempts until the search is over, or the time is up and there is a model."""
        search = self.search
        while not search.is_over and (search.best is None or self.spent() < time_limit):
            correlation = search.attempt()
            r1 = 1.0 if search.best is None else search.best.r1
            self.log.append(Attempt(round(self.spent(), 2), round(correlation, 3), round(r1, 4)))
            watch(self.attempts, r1)

    @property
    def attempts(self) -> int:
        """All attempts, those of the search for the space group included."""
        return self.search.attempts + (0 if self.found is None else self.found.attempts)

    def ended(self, named: tuple[RefinedModel, Named] | None, interrupted: bool) -> Solution:
        """The solution of the finished model, or of the best one where it was not finished.

        Raises Interrupted where the search was `interrupted`, or is while the solution is made.
        """
        made: list[Solution] = []
        try:
            with interrupts_wait():
                made.append(self._solution(named))
        except KeyboardInterrupt:
            interrupted = True
        if interrupted:
            raise Interrupted(stopped(made[0]))
        return made[0]

    def _solution(self, named: tuple[RefinedModel, Named] | None) -> Solution:
        search, crystal, model = self.search, self.crystal, self.best
        judged, unsure = search.verdict, np.ones(len(model.atoms), bool)
        if named is not None:
            model, elements = named
            unsure = elements.probability < SURE
            crystal = _with_notes(crystal, elements)
            if model is not search.best:
                judged = verdict(evidence(self.crystal, model, search.builder))
        effort = search.correlation, self.attempts, self.spent(), search.path, tuple(self.log)
        crystal, model, density, hand, unsure = _finished(
            crystal, search.builder, model, judged.trusted, unsure
        )
        reason = judged.reason + _told(int(unsure.sum()))
        uncertain = tuple(int(one) for one in np.flatnonzero(unsure))
        judgement = judged.probability, hand, uncertain, self.found
        return Solution(crystal, model, density, judged.trusted, reason, *effort, *judgement)


def stopped(solution: Solution) -> Solution:
    """The solution of a search that Ctrl-C ended; its reason says so."""
    reason = f"{solution.reason}; interrupted after {solution.seconds:.1f} s"
    return replace(solution, reason=reason, interrupted=True)


def _told(unsure: int) -> str:
    if unsure == 1:
        return "; the element of one atom is uncertain"
    return f"; the elements of {unsure} atoms are uncertain" if unsure else ""


def _with_notes(crystal: CrystalData, elements: Named) -> CrystalData:
    """The crystal with a warning where a formula does not fit."""
    contradicted, count = elements.contradicted, len(elements.elements)
    if contradicted <= _MOST_CONTRADICTED * count:
        return crystal
    told = f"{contradicted} of {count} atoms do not scatter like what the formula leaves: check the formula"
    return replace(crystal, notes=(*crystal.notes, told))


def _finished(
    crystal: CrystalData, builder: Builder, model: RefinedModel, solved: bool, unsure: Bool[np.ndarray, " n"]
) -> tuple[CrystalData, RefinedModel, Map, Hand, Bool[np.ndarray, " n"]]:
    """The model in the hand that the data prefer, its molecules whole and in the order of their bonds.

    Their middle is in the cell, and of crystals without carbon each atom is.

    `unsure` tells of which atoms the elements are; it comes back in the new order.
    """
    atoms, group, hand = turned(crystal, model.atoms, solved)
    crystal = in_group(crystal, group)
    if hand.is_inverted:
        model = evaluate(atoms, crystal.observed)
        old = builder.grid
        grid = Grid(group, group, old.orthogonalisation, old.d_min, old.spacing)
        phasing = replace(builder.phasing, group=group)
        builder = replace(builder, data=crystal.observed, phasing=phasing, grid=grid)
    density = builder.observed_density(model)
    atoms = assembled(model.atoms, group, crystal.orthogonalisation)
    if "C" not in atoms.elements:
        # No molecules to be kept whole.
        atoms = replace(atoms, frac=wrapped(atoms.frac))
    scattering = strengths(atoms.elements, crystal.observed.radiation)
    order = molecule_order(atoms, scattering, crystal.orthogonalisation)
    return crystal, replace(model, atoms=atoms.take(order)), density, hand, unsure[order]
