"""From measured intensities to atoms: tries from random phases until a model fits, or time is spent.

The truth is nowhere in here: whether a structure is solved is judged by R1 of the model alone.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from jaxtyping import Bool

from argand.crew import HERE, Machines
from argand.errors import InputError
from argand.io.labels import atom_labels
from argand.physics.crystal.atom import Atoms, Radiation, named_elements, strengths
from argand.physics.crystal.neighbourhood import molecule_order
from argand.physics.phasing.dual_space import Recipe, recipe_for
from argand.physics.phasing.element_search import SURE, Named
from argand.physics.phasing.fourier import Grid, Map
from argand.physics.phasing.model_building import Builder
from argand.physics.phasing.model_finish import finished
from argand.physics.phasing.placed_atoms import assembled
from argand.physics.phasing.refinement import RefinedModel, evaluate
from argand.systems.patterson.solution.absolute_hand import Hand, in_group, turned
from argand.systems.patterson.solution.belief import verdict
from argand.systems.patterson.solution.found_group import FoundGroup
from argand.systems.patterson.solution.outlook import outlook
from argand.systems.patterson.solution.reflections import CrystalData, has_group, prepare, read_measured
from argand.systems.patterson.solution.space_group_search import find_space_group
from argand.systems.patterson.solution.structure_search import ITERATION, NETWORK_D_MIN, StructureSearch
from argand.systems.patterson.solution.validation import evidence

if TYPE_CHECKING:
    from torch import nn

    from argand.physics.molecule.body import Body


_PATIENCE = 0.4
"""Share of the time after which a model that is believed but not clear ends the search; by hand."""


_MOST_CONTRADICTED = 0.2
"""Share of atoms that contradict the formula from which on this is told; by hand."""
KNOWN = "known molecule"
"""Path of an answer that places a molecule."""


class Try(NamedTuple):
    """One line of the log: seconds since the start, correlation of the try, best R1 so far."""

    seconds: float
    correlation: float
    r1: float


@dataclass(frozen=True)
class Solution:
    """The best model, whether it is to be believed and why, the map of its phases, and what it took.

    `found` says how the space group was found, where it was not given.
    """

    crystal: CrystalData
    model: RefinedModel
    density: Map
    solved: bool
    reason: str
    correlation: float
    attempts: int
    seconds: float
    path: str = ITERATION
    log: tuple[Try, ...] = ()
    probability: float = 0.0
    hand: Hand = field(default_factory=Hand)
    uncertain: tuple[int, ...] = ()
    found: FoundGroup | None = None
    others: tuple[RefinedModel, ...] = ()
    """Other models that fit about equally; where there are any, none is believed."""

    @property
    def outlook(self) -> str:
        """What the tries say of more time, where the model is not believed; else empty."""
        if self.solved or self.path == KNOWN:
            return ""
        return outlook([one.correlation for one in self.log], self.model.r1, self.seconds)

    @property
    def atoms(self) -> Atoms:
        """Elements, fractional places, isotropic U in Å², and crystallographic occupancies."""
        return self.model.atoms

    @property
    def r1(self) -> float:
        """R1 of reflections with F² > 2σ(F²)."""
        return self.model.r1

    def summary(self) -> dict[str, Any]:
        """Figures in plain values."""
        agreement = {"r_meas": self.crystal.r_meas, "cc_half": self.crystal.cc_half}
        return {
            "solved": self.solved,
            "reason": self.reason,
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
            **self.hand.summary(),
            **({"outlook": self.outlook} if self.outlook else {}),
            "notes": list(self.crystal.notes),
            **({} if self.found is None else self.found.summary()),
        }


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
) -> Solution:
    """Try until a model's R1 is clear or `time_limit` seconds are over; `watch` hears of each try.

    `found` is what `find_space_group` says of the crystal; the search goes on with its model, and what that
    took counts.

    With a `network` (`density_network.load_network`) it mends models of coarse data; without one, iteration
    is alone. `clock` tells the seconds that the limit means: time.process_time those of a core.

    With more `machines` others make tries too; what is found changes with their number only by how
    far the time goes. They are spawned: a script needs the usual `if __name__ == "__main__"` then.
    A first model is always made, however short the time.
    """
    started = clock() - (0.0 if found is None else found.seconds)
    if found is None:
        recipe = recipe or recipe_for(crystal.observed.d_min)
        search = StructureSearch(crystal, recipe, seed, machines, network, clock, _PATIENCE * time_limit)
    else:
        search = found.search
        search.patience_s = _PATIENCE * time_limit
    log: list[Try] = []
    try:
        while not search.is_over and (search.best is None or clock() - started < time_limit):
            correlation = search.attempt()
            r1 = 1.0 if search.best is None else search.best.r1
            log.append(Try(round(clock() - started, 2), round(correlation, 3), round(r1, 4)))
            watch(search.attempts, r1)
    finally:
        search.tries.close()
    assert search.best is not None
    named, elements = finished(search.builder, search.best)
    judged = search.verdict
    if named is not search.best:
        judged = verdict(evidence(crystal, named, search.builder))
    attempts = search.attempts + (0 if found is None else found.attempts)
    effort = (search.correlation, attempts, clock() - started, search.path, tuple(log))
    unsure = elements.probability < SURE
    crystal = _with_notes(crystal, elements)
    crystal, model, density, hand, unsure = _finished(crystal, search.builder, named, judged.believed, unsure)
    reason = judged.reason + _told(int(unsure.sum()))
    uncertain = tuple(int(one) for one in np.flatnonzero(unsure))
    judgement = judged.probability, hand, uncertain, found
    return Solution(crystal, model, density, judged.believed, reason, *effort, *judgement)


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
    scattering = strengths(atoms.elements, crystal.observed.radiation)
    order = molecule_order(atoms, scattering, crystal.orthogonalisation)
    return crystal, replace(model, atoms=atoms.take(order)), density, hand, unsure[order]


def solve_file(
    path: Path | str,
    cell: str | Sequence[float] | None = None,
    spacegroup: str | None = None,
    formula: str | None = None,
    *,
    units: float | None = None,
    d_min: float | None = None,
    radiation: Radiation | None = None,
    time_limit: float = 30.0,
    seed: int = 0,
    machines: Machines = HERE,
    with_network: bool = False,
    laue: str | None = None,
    elements: str | Sequence[str] | None = None,
    molecule: str | Sequence[str] = (),
) -> Solution:
    """Solve from a file of reflections (.hkl, .cif, .fcf, .mtz, XDS_ASCII.HKL, .m90, also gzipped).

    `cell` is six numbers in Å and degrees, or these as text; cell and space group go before the file's. The
    space group is found where neither says it, or where `laue` (a Laue class such as "2/m") is given.
    `elements`, symbols or text such as "C,H,N,O", are for where no formula is known. `d_min` is in Å,
    `time_limit` in seconds, `units` the formulas in the cell. Raises InputError for what
    cannot be read or does not fit together. `molecule`, one or more files or SMILES, is what the crystal
    is made of: then `place_known` answers.
    """
    bodies: list[Body] = []
    if molecule:
        bodies, known = known_molecules([molecule] if isinstance(molecule, str) else molecule, seed)
        formula = formula or known
    asked = path, cell, spacegroup, formula, d_min, units, radiation
    effort = {"time_limit": time_limit, "seed": seed, "machines": machines}
    crystal, found = crystal_of(*asked, elements, laue=laue, **effort)
    if bodies:
        return place_known(crystal, bodies, units, time_limit, seed, found=found)
    return solve(crystal, **effort, network=network_for(crystal, with_network), found=found)


def crystal_of(
    path: Path | str,
    cell: str | Sequence[float] | None = None,
    spacegroup: str | None = None,
    formula: str | None = None,
    d_min: float | None = None,
    units: float | None = None,
    radiation: Radiation | None = None,
    elements: str | Sequence[str] | None = None,
    *,
    laue: str | None = None,
    time_limit: float = 30.0,
    seed: int = 0,
    machines: Machines = HERE,
) -> tuple[CrystalData, FoundGroup | None]:
    """The crystal of a file, and how its space group was found, or None; arguments of `solve_file`."""
    if spacegroup is not None and laue is not None:
        raise InputError("a space group has its Laue class: give --spacegroup or --laue")
    if formula is not None and elements:
        raise InputError("a formula has its elements: give --formula or --elements")
    asked = formula, d_min, units, radiation, named_elements(elements)
    measured, stated = read_measured(path, cell)
    if spacegroup is not None or (laue is None and has_group(measured)):
        return prepare(measured, stated, spacegroup, *asked), None
    effort = {"time_limit": time_limit, "seed": seed, "machines": machines}
    found = find_space_group(measured, stated, *asked, laue=laue, **effort)
    return found.crystal, found


def known_molecules(given: Sequence[str], seed: int = 0) -> "tuple[list[Body], str]":
    """Molecules of files and SMILES, and the formula of all together; errors as
    `molecule.reading.read_molecules`."""
    from argand.systems.patterson.solution.molecule.contents import formula_of
    from argand.systems.patterson.solution.molecule.reading import read_molecules

    bodies = read_molecules(given, seed)
    return bodies, formula_of(bodies)


def place_known(
    crystal: CrystalData,
    bodies: "Sequence[Body]",
    units: float | None = None,
    time_limit: float = 30.0,
    seed: int = 0,
    watch: Callable[[int, float], None] = lambda attempts, misfit: None,
    clock: Callable[[], float] = time.monotonic,
    found: FoundGroup | None = None,
) -> Solution:
    """Place molecules that are known, `units` of all together in the cell, until an answer is believed
    or time is over.

    Where several fit equally none is believed and the others are in `others`. torch loads only here.
    """
    from argand.systems.patterson.solution.molecule.outcome import correlation_of, density_of, modelled
    from argand.systems.patterson.solution.molecule.placing import place

    started = clock()
    placed = place(crystal, bodies, units, time_limit, seed, watch, clock)
    models = [modelled(crystal, answer) for answer in placed.answers[: max(placed.alike, 1)]]
    model, correlation = models[0], correlation_of(crystal, models[0])
    log = tuple(Try(seconds, round(1 - misfit, 4), round(model.r1, 4)) for seconds, misfit in placed.log)
    took = correlation, placed.rounds, clock() - started, KNOWN, log
    told = placed.solved, placed.reason
    density, others = density_of(crystal, model), tuple(models[1:])
    return Solution(crystal, model, density, *told, *took, found=found, others=others)


def network_for(crystal: CrystalData, wanted: bool) -> "nn.Module | None":
    """The shipped network where it is wanted and data are coarse enough for it; torch loads only then."""
    if not wanted or crystal.observed.d_min < NETWORK_D_MIN:
        return None
    from argand.systems.patterson.solution.density_network import load_network

    return load_network()
