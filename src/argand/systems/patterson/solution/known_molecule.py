"""Molecules of known structure placed in a crystal: what `--molecule` does."""

import time
from collections.abc import Callable, Sequence

from argand.io.interrupts import interrupts_wait
from argand.physics.molecule.body import Body
from argand.systems.patterson.solution.found_group import FoundGroup
from argand.systems.patterson.solution.molecule.contents import formula_of
from argand.systems.patterson.solution.molecule.outcome import correlation_of, density_of, modelled
from argand.systems.patterson.solution.molecule.placing import Placement, place
from argand.systems.patterson.solution.molecule.reading import read_molecules
from argand.systems.patterson.solution.reflections import CrystalData
from argand.systems.patterson.solution.solve import KNOWN, Attempt, Interrupted, Solution, stopped


def known_molecules(given: Sequence[str], seed: int = 0) -> tuple[list[Body], str]:
    """Molecules of files and SMILES, and the formula of all together.

    Raises the errors of `molecule.reading.read_molecules`.
    """
    bodies = read_molecules(given, seed)
    return bodies, formula_of(bodies)


def place_known(
    crystal: CrystalData,
    bodies: Sequence[Body],
    units: float | None = None,
    time_limit: float = 30.0,
    seed: int = 0,
    watch: Callable[[int, float], None] = lambda rounds, misfit: None,
    clock: Callable[[], float] = time.monotonic,
    found: FoundGroup | None = None,
) -> Solution:
    """Place known molecules, `units` of all together in the cell, until an answer is trusted or time is up.

    Where several answers fit equally well, none is trusted and the others are in `others`. Raises
    Interrupted, which carries the best answer so far, where Ctrl-C ends a search that has one.
    """
    started = clock()
    placed = place(crystal, bodies, units, time_limit, seed, watch, clock)
    interrupted, made = placed.interrupted, list[Solution]()
    try:
        with interrupts_wait():
            made.append(_solution(crystal, placed, clock() - started, found))
    except KeyboardInterrupt:
        interrupted = True
    if interrupted:
        raise Interrupted(stopped(made[0]))
    return made[0]


def _solution(crystal: CrystalData, placed: Placement, seconds: float, found: FoundGroup | None) -> Solution:
    models = [modelled(crystal, answer) for answer in placed.answers[: max(placed.alike, 1)]]
    model, correlation = models[0], correlation_of(crystal, models[0])
    log = tuple(Attempt(spent, round(1 - misfit, 4), round(model.r1, 4)) for spent, misfit in placed.log)
    effort = correlation, placed.rounds, seconds, KNOWN, log
    density, others = density_of(crystal, model), tuple(models[1:])
    verdict = placed.trusted, placed.reason
    return Solution(crystal, model, density, *verdict, *effort, found=found, others=others)
