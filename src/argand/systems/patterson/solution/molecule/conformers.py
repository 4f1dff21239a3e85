"""Shapes of a molecule by RDKit: from its SMILES, or from a file that has one."""

from typing import Any

import numpy as np

from argand.errors import InputError, MissingExtraError
from argand.physics.molecule.body import Body, centred, torsions_about

_SHAPES = 60
"""Conformers that are made; by hand: rings have few, and torsions are searched beyond them."""
_MOST_LETTERS = 5000
"""Of a SMILES. By hand: ten for each of the 500 atoms of the largest molecule that is placed; RDKit takes any
memory for more."""
_APART = 0.3
"""Å of root mean square difference below which two conformers are one."""
_MOST_MINIMISED = 2000
"""Steps of MMFF for each conformer, at most."""


def chemistry() -> Any:
    """RDKit's modules; MissingExtraError without it."""
    try:
        from rdkit import Chem, RDLogger
        from rdkit.Chem import rdDistGeom, rdForceFieldHelpers  # noqa: F401
    except ImportError as error:
        raise MissingExtraError("SMILES and bonds need RDKit: pip install 'argand[molecule]'") from error
    RDLogger.DisableLog("rdApp.*")  # pyright: ignore[reportAttributeAccessIssue]
    return Chem


def bodies_of_smiles(smiles: str, seed: int = 0) -> list[Body]:
    """A body for each part of a SMILES between dots, with conformers (ETKDG and MMFF) and free torsions.

    Raises InputError for what is no SMILES, is too long for one or gets no shape, MissingExtraError without
    RDKit.
    """
    if len(smiles) > _MOST_LETTERS:
        raise InputError(
            f"'{smiles[:60]}...' has {len(smiles):,} letters; a SMILES of up to {_MOST_LETTERS:,} is taken"
        )
    chem = chemistry()
    whole = chem.MolFromSmiles(smiles)
    if whole is None:
        raise InputError(f"'{smiles[:200]}' is neither a file nor a SMILES")
    return [_body(chem.AddHs(part), smiles, seed) for part in chem.GetMolFrags(whole, asMols=True)]


def _body(molecule: Any, smiles: str, seed: int) -> Body:
    elements = tuple(atom.GetSymbol() for atom in molecule.GetAtoms())
    bonds = np.array([(b.GetBeginAtomIdx(), b.GetEndAtomIdx()) for b in molecule.GetBonds()], int).reshape(
        -1, 2
    )
    shapes = np.zeros((1, 1, 3)) if len(elements) == 1 else _shapes(molecule, smiles, seed)
    return Body(elements, centred(shapes), bonds, torsions_about(elements, bonds, rotatable(molecule)))


def _shapes(molecule: Any, smiles: str, seed: int) -> np.ndarray:
    from rdkit.Chem import rdDistGeom, rdForceFieldHelpers

    settings = rdDistGeom.ETKDGv3()
    # RDKit takes 31 bits.
    settings.randomSeed = (seed + 1) % 2**31
    settings.pruneRmsThresh = _APART
    settings.numThreads = 1
    if not list(rdDistGeom.EmbedMultipleConfs(molecule, _SHAPES, settings)):
        settings.useRandomCoords = True
        if not list(rdDistGeom.EmbedMultipleConfs(molecule, 1, settings)):
            raise InputError(
                f"RDKit finds no shape of {smiles}; give a file with one (.mol, .sdf, .xyz, .cif)"
            )
    if rdForceFieldHelpers.MMFFHasAllMoleculeParams(molecule):
        rdForceFieldHelpers.MMFFOptimizeMoleculeConfs(molecule, 1, _MOST_MINIMISED)
    else:
        rdForceFieldHelpers.UFFOptimizeMoleculeConfs(molecule, 1, _MOST_MINIMISED)
    return np.array([shape.GetPositions() for shape in molecule.GetConformers()])


def rotatable(molecule: Any) -> list[tuple[int, int]]:
    """Single bonds outside rings, those of amides too, and none of triple bonds' neighbours."""
    found = []
    for bond in molecule.GetBonds():
        first, second = bond.GetBeginAtom(), bond.GetEndAtom()
        if (
            bond.IsInRing()
            or str(bond.GetBondType()) != "SINGLE"
            or 1 in (first.GetDegree(), second.GetDegree())
        ):
            continue
        if any(str(b.GetBondType()) == "TRIPLE" for atom in (first, second) for b in atom.GetBonds()):
            continue
        found.append((first.GetIdx(), second.GetIdx()))
    return found
