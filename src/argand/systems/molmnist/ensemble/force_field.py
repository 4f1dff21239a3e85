"""A fibril as OpenMM sees it: topology, force field, water. All of it needs the extra `md`."""

from dataclasses import dataclass
from importlib import import_module
from types import ModuleType
from typing import Any, Literal

import numpy as np

from argand.errors import MissingExtraError
from argand.systems.molmnist.fibril.fibril import Fibril
from argand.typing import Points3

Solvent = Literal["water", "scaled", "vacuum"]
"""TIP3P water; no water and charges x 0.5 (a dielectric constant of 4); no water and full charges."""

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


def create_model(fibril: Fibril, solvent: Solvent, padding: float) -> FibrilModel:
    """The fibril in GLYCAM_06j-1, in a box of TIP3P water with `padding` Å on each side or alone.

    Force fields are OpenMM's own files. MissingExtraError where OpenMM is not installed.
    """
    mm = openmm()
    unit = mm.unit
    # GLYCAM's file builds on atom types of the protein's.
    files = ["amber14/protein.ff14SB.xml", "amber14/GLYCAM_06j-1.xml"]
    forcefield = mm.app.ForceField(*files, *(["amber14/tip3p.xml"] if solvent == "water" else []))
    modeller = mm.app.Modeller(create_topology(fibril), fibril.cart * 0.1 * unit.nanometer)
    options = {"nonbondedMethod": mm.app.CutoffNonPeriodic, "nonbondedCutoff": 0.1 * VACUUM_CUTOFF}
    if solvent == "water":
        box = (np.ptp(fibril.cart, axis=0) + 2 * padding) * 0.1
        modeller.addSolvent(forcefield, model="tip3p", boxSize=mm.Vec3(*box) * unit.nanometer)
        options = {"nonbondedMethod": mm.app.PME, "nonbondedCutoff": 0.1 * PME_CUTOFF}
    options |= {"constraints": mm.app.HBonds, "hydrogenMass": HYDROGEN_MASS * unit.amu}
    system = forcefield.createSystem(modeller.topology, **options)
    if solvent != "water":
        _screen(mm, system, CHARGE_FACTOR[solvent])
    cart = np.asarray(modeller.positions.value_in_unit(unit.angstrom), float)
    return FibrilModel(modeller.topology, system, cart)


def create_topology(fibril: Fibril) -> Any:
    """Chains, residues, atoms and bonds under GLYCAM's names, atoms in the fibril's order."""
    mm = openmm()
    topology = mm.app.Topology()
    atoms: list[Any] = []
    chain = residue = None
    last: tuple[int, int, str] | None = None
    for number, of_chain in enumerate(fibril.chain):
        key = (int(of_chain), int(fibril.glucose[number]), fibril.residue[number])
        if last is None or key[0] != last[0]:
            chain = topology.addChain(str(key[0] + 1))
        if key != last:
            residue = topology.addResidue(key[2], chain)
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
