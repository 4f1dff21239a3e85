"""What a user gives for a molecule: a file with its atoms, or a SMILES."""

from collections.abc import Sequence
from pathlib import Path

import gemmi
import numpy as np

from argand.errors import InputError
from argand.io.plain_name import plain_name
from argand.physics.crystal.bond import bonds, covalent_radii, grown
from argand.physics.crystal.symmetry import Group
from argand.physics.molecule.body import Body, centred, molecules, torsions_about
from argand.systems.patterson.solution.molecule.conformers import bodies_of_smiles
from argand.typing import Points3

_SUFFIXES = (".mol", ".sdf", ".xyz", ".cif")
_MULTIPLE = 1.36
"""Å; a bond between C, N and O that is not longer is taken for multiple, or for an amide's, and does not
turn.

By hand, between the C-N and C-O of amides and esters (1.35 Å) and the C-O of phenols (1.37 Å).
"""


def read_molecules(given: Sequence[str], seed: int = 0) -> list[Body]:
    """All molecules of files (.mol, .sdf, .xyz, .cif) and SMILES.

    A file gives one shape and bonds by distance; a SMILES many shapes by RDKit, and a body for each part.
    Raises InputError for what is neither, MissingExtraError for a SMILES without RDKit.
    """
    return [body for text in given for body in _read(text, seed)]


def _read(text: str, seed: int) -> list[Body]:
    path = Path(text)
    if path.suffix.lower() not in _SUFFIXES:
        return bodies_of_smiles(text, seed)
    if not path.is_file():
        raise InputError(f"{text}: there is no such file")
    try:
        elements, cart = _of_cif(path) if path.suffix.lower() == ".cif" else _of_ase(path)
    except (ValueError, RuntimeError, OSError, IndexError, KeyError) as error:
        raise InputError(
            f"{text}: no molecule can be read from it ({' '.join(str(error).split())})"
        ) from error
    return bodies_of_atoms(elements, cart)


def _of_ase(path: Path) -> tuple[tuple[str, ...], Points3]:
    from ase.io import read  # slow to import

    atoms = read(str(path), format={".mol": "mol", ".sdf": "sdf", ".xyz": "xyz"}[path.suffix.lower()])
    assert not isinstance(atoms, list)
    return tuple(atoms.get_chemical_symbols()), np.asarray(atoms.get_positions(), float)


def _of_cif(path: Path) -> tuple[tuple[str, ...], Points3]:
    """Atoms of the asymmetric unit and what is bonded to them, at least half of each place occupied."""
    with plain_name(path) as name:
        small = gemmi.read_small_structure(name)
    sites = [site for site in small.sites if site.occ >= 0.5]
    if not sites:
        raise ValueError("no atoms in it")
    elements = [site.element.name for site in sites]
    group = Group.from_operations(small.spacegroup.operations())
    cell = np.array(small.cell.orth.mat.tolist())
    whole = grown(np.array([site.fract.tolist() for site in sites]), covalent_radii(elements), group, cell)
    return tuple(elements[source] for source in whole.source), whole.cart


def bodies_of_atoms(elements: tuple[str, ...], cart: Points3) -> list[Body]:
    """A body of one shape for each set of atoms that bonds hold together, bonds by distance in Å."""
    found = []
    whole = bonds(cart, covalent_radii(elements))
    for part in molecules(len(elements), whole):
        names, places = tuple(elements[number] for number in part), cart[part]
        own = bonds(places, covalent_radii(names))
        turning = _rotatable(names, places, own)
        found.append(Body(names, centred(places[None]), own, torsions_about(names, own, turning)))
    return found


def _rotatable(elements: tuple[str, ...], cart: Points3, own: np.ndarray) -> list[tuple[int, int]]:
    degrees = np.bincount(own.ravel(), minlength=len(elements))
    found = []
    for first, second in own.tolist():
        length = float(np.linalg.norm(cart[first] - cart[second]))
        short = length <= _MULTIPLE and {elements[first], elements[second]} <= {"C", "N", "O"}
        if min(degrees[first], degrees[second]) > 1 and not short:
            found.append((first, second))
    return found
