"""A fibril as OpenMM sees it: topology, force field, water. All of it needs the extra `md`."""

from dataclasses import dataclass
from importlib import import_module
from types import ModuleType
from typing import Any, Literal

import numpy as np

from argand.errors import ConfigError, MissingExtraError
from argand.systems.molmnist.ensemble import charmm36
from argand.systems.molmnist.fibril.fibril import Fibril
from argand.typing import Points3

Solvent = Literal["water", "scaled", "vacuum"]
"""TIP3P water; no water and charges x 0.5 (a dielectric constant of 4); no water and full charges."""
Platform = Literal["auto", "CPU", "OpenCL", "CUDA", "Reference"]
"""OpenMM's; `auto` is the fastest there is."""
ForceFieldName = Literal["glycam06", "charmm36"]
"""GLYCAM_06j-1, or CHARMM36 with its own TIP3P."""

PME_CUTOFF, VACUUM_CUTOFF = 9.0, 12.0
"""Å. By hand: what is usual with PME, where the reciprocal sum takes over the rest; more without it, where
the Coulomb force ends at the cut-off. No comparison with others is on record."""
HYDROGEN_MASS = 3.0
"""Atomic mass units, taken from the atom that carries the hydrogen, so that steps of 4 fs are stable
(hydrogen mass repartitioning: Hopkins et al., J. Chem. Theory Comput. 11, 1864, 2015)."""
CHARGE_FACTOR = {"water": 1.0, "scaled": 0.5, "vacuum": 1.0}
"""By which all charges are multiplied. A half is by hand, for the twist of one short run; on 2x2 of 200 Å it
gave 3.0 degrees/nm after 100 ps, still moving (benchmarks/molmnist_ensemble.py): it does not stand for
water."""


@dataclass(frozen=True)
class FibrilModel:
    """What OpenMM simulates, and where all atoms start (Å); the fibril's come first."""

    topology: Any
    system: Any
    cart: Points3


def openmm() -> Any:
    """The package OpenMM; MissingExtraError where it is not installed."""
    try:
        package = import_module("openmm")
        import_module("openmm.app")
        import_module("openmm.unit")
    except ImportError as error:
        raise MissingExtraError(
            "dynamics needs OpenMM: pip install -c constraints.txt 'argand[md]'"
        ) from error
    return package


def find_platform(wanted: Platform, threads: int | None) -> tuple[Any, dict[str, str]]:
    """OpenMM's platform and its properties; ConfigError for one that is not there."""
    mm = openmm()
    names = [mm.Platform.getPlatform(index).getName() for index in range(mm.Platform.getNumPlatforms())]
    name = wanted
    if wanted == "auto":
        name = next(one for one in ("CUDA", "OpenCL", "CPU", "Reference") if one in names)
    if name not in names:
        raise ConfigError(f"OpenMM has no platform {name} here; there are {', '.join(names)}")
    properties = {"Threads": str(threads)} if threads and name == "CPU" else {}
    if name in ("CUDA", "OpenCL"):
        # Forces in single, integration in double precision: energies do not drift for it.
        properties = {"Precision": "mixed"}
    return mm.Platform.getPlatformByName(name), properties


def create_model(
    fibril: Fibril, solvent: Solvent, padding: float, force_field: ForceFieldName = "glycam06"
) -> FibrilModel:
    """The fibril in a force field, in a box of TIP3P water with `padding` Å on each side or alone.

    Force fields are OpenMM's own files; both start from the same places of the waters. MissingExtraError
    where OpenMM is not installed.
    """
    mm = openmm()
    modeller = _solvated(mm, fibril, solvent == "water", padding)
    charmm = force_field == "charmm36"
    if charmm:
        modeller = _by_glucose(mm, fibril, modeller)
    cutoff = VACUUM_CUTOFF
    if solvent == "water":
        cutoff = charmm36.CUTOFF if charmm else PME_CUTOFF
    options = {
        "nonbondedMethod": mm.app.PME if solvent == "water" else mm.app.CutoffNonPeriodic,
        "nonbondedCutoff": 0.1 * cutoff,
        "constraints": mm.app.HBonds,
        "hydrogenMass": HYDROGEN_MASS * mm.unit.amu,
        **({"switchDistance": 0.1 * charmm36.SWITCH} if charmm else {}),
    }
    known = charmm36.force_field(mm) if charmm else _glycam(mm)
    system = known.createSystem(modeller.topology, **options)
    if charmm:
        charmm36.merge_lennard_jones(mm, system)
    if solvent != "water":
        _screen(mm, system, CHARGE_FACTOR[solvent])
    cart = np.asarray(modeller.positions.value_in_unit(mm.unit.angstrom), float)
    return FibrilModel(modeller.topology, system, cart)


def _glycam(mm: ModuleType) -> Any:
    """GLYCAM_06j-1 and TIP3P; GLYCAM's file builds on atom types of the protein's."""
    return mm.app.ForceField("amber14/protein.ff14SB.xml", "amber14/GLYCAM_06j-1.xml", "amber14/tip3p.xml")


def _solvated(mm: ModuleType, fibril: Fibril, wet: bool, padding: float) -> Any:
    """OpenMM's modeller with the fibril, and with water about it where it is `wet`.

    GLYCAM's radii say where water may be, for each force field: CHARMM's file keeps its own where OpenMM does
    not look for them.
    """
    modeller = mm.app.Modeller(create_topology(fibril), fibril.cart * 0.1 * mm.unit.nanometer)
    if wet:
        box = mm.Vec3(*(np.ptp(fibril.cart, axis=0) + 2 * padding) * 0.1) * mm.unit.nanometer
        modeller.addSolvent(_glycam(mm), model="tip3p", boxSize=box)
    return modeller


def _by_glucose(mm: ModuleType, fibril: Fibril, solvated: Any) -> Any:
    """The same atoms, with each glucose one residue, also the last of a chain with its hydroxyl group."""
    water = mm.app.Modeller(solvated.topology, solvated.positions)
    water.delete(list(solvated.topology.atoms())[: len(fibril)])
    modeller = mm.app.Modeller(create_topology(fibril, by_glucose=True), solvated.positions[: len(fibril)])
    modeller.add(water.topology, water.positions)
    modeller.topology.setPeriodicBoxVectors(solvated.topology.getPeriodicBoxVectors())
    return modeller


def create_topology(fibril: Fibril, by_glucose: bool = False) -> Any:
    """Chains, residues, atoms and bonds under GLYCAM's names, atoms in the fibril's order.

    GLYCAM has the hydroxyl group at the end of a chain as a residue by itself; `by_glucose` joins it to its
    glucose, as CHARMM has it.
    """
    mm = openmm()
    topology = mm.app.Topology()
    atoms: list[Any] = []
    chain = residue = None
    last: tuple[int, int, str] | None = None
    for number, of_chain in enumerate(fibril.chain):
        name = "GLC" if by_glucose else fibril.residue[number]
        key = (int(of_chain), int(fibril.glucose[number]), name)
        if last is None or key[0] != last[0]:
            chain = topology.addChain(str(key[0] + 1))
        if key != last:
            residue = topology.addResidue(name, chain)
        last = key
        element = mm.app.Element.getBySymbol(fibril.elements[number])
        atoms.append(topology.addAtom(fibril.atom_names[number], element, residue))
    for first, second in fibril.bonds:
        topology.addBond(atoms[first], atoms[second])
    return topology


def _screen(mm: ModuleType, system: Any, factor: float) -> None:
    """Multiply all charges by a factor; Coulomb's law is shifted to zero at the cut-off."""
    force = next(f for f in system.getForces() if isinstance(f, mm.NonbondedForce))
    force.setReactionFieldDielectric(1.0)
    for index in range(force.getNumParticles()):
        charge, sigma, epsilon = force.getParticleParameters(index)
        force.setParticleParameters(index, charge * factor, sigma, epsilon)
    # Exceptions (1-4 pairs) hold products of two charges, hence the square.
    for index in range(force.getNumExceptions()):
        first, second, product, sigma, epsilon = force.getExceptionParameters(index)
        force.setExceptionParameters(index, first, second, product * factor**2, sigma, epsilon)
