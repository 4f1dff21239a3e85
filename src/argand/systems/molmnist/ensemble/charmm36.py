"""CHARMM36 for cellulose: chains of 1→4 linked glucose, which OpenMM's file of that force field lacks.

The file has glucose by itself (AGLC; CHARMM36 gives both anomers the same types and charges, and which one
it is lies in the coordinates). A glucose of a chain follows from it as by CHARMM's own patch 14bb (Guvench et
al., J. Chem. Theory Comput. 5, 2353, 2009): the hydroxyl group of C1 and the hydrogen of O4 go, O4 becomes
the ether oxygen OC301, and three charges change, so that each glucose within a chain is neutral, and a chain.
"""

from io import StringIO
from pathlib import Path
from types import ModuleType
from typing import Any
from xml.etree import ElementTree as ET

FILES = ("charmm36.xml", "charmm36/water.xml")
"""OpenMM's own files; the second holds CHARMM's TIP3P, whose hydrogens have Lennard-Jones parameters."""
_C1, _C4, _O4 = "0.29", "0.09", "-0.36"
"""Charges in e of linked C1, C4 and O4 in place of 0.34, 0.14 and -0.65, of patch 14bb of CHARMM36's
top_all36_carb.rtf; charmm36.xml has the same three in its dodecyl maltoside (BDDM)."""
_ETHER = "OC301"
_NAMES = {"HO2": "H2O", "HO3": "H3O", "HO4": "H4O", "HO6": "H6O"}
"""CHARMM's names of hydroxyl hydrogens and GLYCAM's, which fibrils have."""
CUTOFF, SWITCH = 12.0, 10.0
"""Å at which interactions end, and from which on Lennard-Jones energies are switched off. By hand: what is
usual with CHARMM36."""


def force_field(mm: ModuleType) -> Any:
    """OpenMM's force field, which knows water and the glucoses of a chain."""
    return mm.app.ForceField(*FILES, StringIO(chain_residues(mm)))


def chain_residues(mm: ModuleType) -> str:
    """XML of the glucoses at the first end, within and at the last end of a chain.

    They tell themselves apart by their bonds: `GLCN` has a hydroxyl group at C4, `GLCI` none at either place,
    `GLCR` one at C1.
    """
    # OpenMM's own file, which comes with the package.
    tree = ET.parse(Path(mm.app.__file__).with_name("data") / FILES[0])  # noqa: S314
    single = next(one for one in tree.iter("Residue") if one.get("name") == "AGLC")
    residues = ET.Element("Residues")
    for name, lacks in (("GLCN", {"O1", "HO1"}), ("GLCI", {"O1", "HO1", "HO4"}), ("GLCR", {"HO4"})):
        residues.append(_linked(single, name, lacks))
    root = ET.Element("ForceField")
    root.append(residues)
    return ET.tostring(root, encoding="unicode")


def _linked(single: ET.Element, name: str, lacks: set[str]) -> ET.Element:
    """A glucose without these atoms, with bonds to its neighbours where they were."""
    changed: dict[str, dict[str, str]] = {}
    if "O1" in lacks:
        changed["C1"] = {"charge": _C1}
    if "HO4" in lacks:
        changed |= {"C4": {"charge": _C4}, "O4": {"charge": _O4, "type": _ETHER}}
    residue = ET.Element("Residue", name=name)
    for atom in single.iter("Atom"):
        told = atom.attrib | changed.get(atom.attrib["name"], {})
        if told["name"] not in lacks:
            ET.SubElement(residue, "Atom", told | {"name": _NAMES.get(told["name"], told["name"])})
    for bond in single.iter("Bond"):
        ends = (bond.attrib["atomName1"], bond.attrib["atomName2"])
        if not lacks & set(ends):
            first, second = (_NAMES.get(end, end) for end in ends)
            ET.SubElement(residue, "Bond", atomName1=first, atomName2=second)
    for atom, gone in (("C1", "O1"), ("O4", "HO4")):
        if gone in lacks:
            ET.SubElement(residue, "ExternalBond", atomName=atom)
    return residue


def merge_lennard_jones(mm: ModuleType, system: Any) -> None:
    """Move Lennard-Jones parameters from OpenMM's table of pairs of types to the force with the charges.

    That saves a second pass over all pairs. Energies stay the same: none of these types has a pair of its own
    (NBFIX), and the table then holds Lorentz-Berthelot means alone.
    """
    table = next(f for f in system.getForces() if isinstance(f, mm.CustomNonbondedForce))
    charges = next(f for f in system.getForces() if isinstance(f, mm.NonbondedForce))
    count, _, *repulsion = _flat(table.getTabulatedFunction(0))
    _, _, *attraction = _flat(table.getTabulatedFunction(1))
    kinds = []
    for kind in range(count):
        a, b = repulsion[kind * (count + 1)], attraction[kind * (count + 1)]
        # A = 4 ε σ¹² and B = 4 ε σ⁶; nm and kJ/mol.
        kinds.append(((a / b) ** (1 / 6), b * b / (4 * a)))
    for index in range(system.getNumParticles()):
        charge = charges.getParticleParameters(index)[0]
        charges.setParticleParameters(index, charge, *kinds[int(table.getParticleParameters(index)[0])])
    charges.setUseDispersionCorrection(table.getUseLongRangeCorrection())
    charges.setUseSwitchingFunction(table.getUseSwitchingFunction())
    charges.setSwitchingDistance(table.getSwitchingDistance())
    system.removeForce(list(map(type, system.getForces())).index(mm.CustomNonbondedForce))


def _flat(function: Any) -> list[Any]:
    rows, columns, values = function.getFunctionParameters()
    return [rows, columns, *values]
