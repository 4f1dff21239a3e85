"""A crystal solved from a file of reflections: what the verb `solve` and `Predictor.solve_file` do."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from argand.crew import HERE, Machines
from argand.errors import InputError
from argand.physics.crystal.atom import Radiation, named_elements
from argand.systems.patterson.solution.answer import CrystalAnswer
from argand.systems.patterson.solution.found_group import FoundGroup
from argand.systems.patterson.solution.outputs import stem_of
from argand.systems.patterson.solution.reflections import CrystalData, has_group, prepare, read_measured
from argand.systems.patterson.solution.solve import Interrupted, Solution, solve
from argand.systems.patterson.solution.space_group_search import Watch, find_space_group
from argand.systems.patterson.solution.structure_search import NETWORK_D_MIN

if TYPE_CHECKING:
    from torch import nn

    from argand.physics.molecule.body import Body


@runtime_checkable
class Observer(Protocol):
    """Is told how far a search is."""

    def begin(self, phase: str) -> None:
        """A part of the work begins."""
        ...

    def warn(self, note: str) -> None:
        """Something about the data that the user should know."""
        ...

    def attempt(self, attempts: int, figure: float) -> None:
        """So many attempts were made, of which the best has this R1 or misfit."""
        ...


class Silent:
    """Tells nobody."""

    def begin(self, phase: str) -> None:
        """Nothing."""

    def warn(self, note: str) -> None:
        """Nothing."""

    def attempt(self, attempts: int, figure: float) -> None:
        """Nothing."""


def solved_file(
    path: Path | str,
    cell: str | Sequence[float] | None = None,
    spacegroup: str | None = None,
    formula: str | None = None,
    *,
    laue: str | None = None,
    elements: str | Sequence[str] | None = None,
    units: float | None = None,
    radiation: Radiation | None = None,
    d_min: float | None = None,
    time_limit: float = 30.0,
    seed: int = 0,
    with_network: bool = False,
    hydrogens: bool = False,
    molecule: str | Sequence[str] = (),
    machines: Machines = HERE,
    observer: Observer | None = None,
) -> CrystalAnswer:
    """Solve from a file of reflections; arguments and errors are those of `solve_file.solve_file`.

    `machines` make the attempts, and `observer` is told how far the search is.
    """
    observer = observer or Silent()
    observer.begin("reading")
    given = [molecule] if isinstance(molecule, str) else list(molecule)
    bodies, known = _molecules(given, seed)
    formula = formula or known
    question = path, cell, spacegroup, formula, d_min, units, radiation, elements
    effort = {"time_limit": time_limit, "seed": seed}
    told = {"machines": machines, "observer": observer}
    crystal, found = crystal_of(*question, laue=laue, **effort, **told)
    asked = {"data": Path(path).name, "cell": crystal.cell, "spacegroup": spacegroup, "formula": formula}
    asked |= {"d_min": d_min, "units": units, "radiation": radiation, "laue": laue, "elements": elements}
    asked |= {**effort, "network": with_network, **({"molecule": ", ".join(given)} if given else {})}
    kept = stem_of(Path(path)), asked, hydrogens and not given
    for note in crystal.notes:
        observer.warn(note)
    try:
        solution = _search(crystal, found, bodies, units, network=with_network, **effort, **told)
    except Interrupted as stop:
        raise Interrupted(CrystalAnswer.of(stop.solution, *kept)) from None
    return CrystalAnswer.of(solution, *kept)


def _molecules(given: Sequence[str], seed: int) -> "tuple[Sequence[Body], str | None]":
    """Molecules of files and SMILES, and their formula; nothing where none is given."""
    if not given:
        return (), None
    from argand.systems.patterson.solution.known_molecule import known_molecules  # torch loads only here

    return known_molecules(given, seed)


def _search(
    crystal: CrystalData,
    found: FoundGroup | None,
    bodies: "Sequence[Body]",
    units: float | None,
    *,
    network: bool,
    time_limit: float,
    seed: int,
    machines: Machines,
    observer: Observer,
) -> Solution:
    """The solution from random phases, or by placing `bodies` where there are any."""
    told: dict[str, Any] = {"time_limit": time_limit, "seed": seed, "watch": observer.attempt, "found": found}
    if bodies:
        from argand.systems.patterson.solution.known_molecule import place_known

        observer.begin("placing the molecule")
        return place_known(crystal, bodies, units, **told)
    helper = network_for(crystal, network)
    observer.begin("solving")
    finish = partial(observer.begin, "refining")
    return solve(crystal, **told, machines=machines, network=helper, finish=finish)


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
    observer: Observer | None = None,
) -> tuple[CrystalData, FoundGroup | None]:
    """The crystal of a file, and how its space group was found, or None; arguments of `solved_file`."""
    if spacegroup is not None and laue is not None:
        raise InputError("a space group implies its Laue class: give --spacegroup or --laue, not both")
    if formula is not None and elements:
        raise InputError("a formula implies its elements: give --formula or --elements, not both")
    observer = observer or Silent()
    asked = formula, d_min, units, radiation, named_elements(elements)
    measured, stated = read_measured(path, cell)
    if spacegroup is not None or (laue is None and has_group(measured)):
        return prepare(measured, stated, spacegroup, *asked), None
    observer.begin("finding the space group")
    effort = {"time_limit": time_limit, "seed": seed, "machines": machines}
    watch: Watch = observer.attempt
    found = find_space_group(measured, stated, *asked, laue=laue, **effort, watch=watch)
    return found.crystal, found


def network_for(crystal: CrystalData, wanted: bool) -> "nn.Module | None":
    """The shipped network where it is wanted and data are coarse enough for it; torch loads only then."""
    if not wanted or crystal.observed.d_min < NETWORK_D_MIN:
        return None
    from argand.systems.patterson.solution.density_network import load_network

    return load_network()
