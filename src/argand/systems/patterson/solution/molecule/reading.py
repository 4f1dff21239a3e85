"""What a user gives for a molecule: a file with its atoms, or a SMILES."""

from collections.abc import Sequence
from io import StringIO
from pathlib import Path

import gemmi
import numpy as np

from argand.errors import InputError
from argand.io.cif_document import parsed_cif
from argand.io.reflections import parse_cell
from argand.io.text_size import read_text
from argand.physics.crystal.atom import is_hydrogen
from argand.physics.crystal.bond import bonds, covalent_radii, grown
from argand.physics.crystal.symmetry import Group
from argand.physics.molecule.body import Body, centred, molecules, torsions_about
from argand.systems.patterson.solution.molecule.conformers import bodies_of_smiles
from argand.typing import Points3

_SUFFIXES = (".mol", ".sdf", ".xyz", ".cif")
_MOST_ATOMS, _MOST_BYTES = 500, 2**24
"""Of a molecule that is placed, with what symmetry adds to it, and of its file. By hand: far larger ones than
are placed."""
_MOST_BONDS = 3
"""For each atom. By hand: chains and rings have one or two, cages of boron and metals up to three."""
_WIDEST, _NEAREST = 1000.0, 0.3
"""Å between the atoms of a file, at most and at least. By hand: a chain of `_MOST_ATOMS` is shorter, and no
bond is a third longer than the second."""
_FARTHEST = 1e6
"""Å from the origin. By hand: files have nine columns for a place."""
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
    return [_placeable(body, text) for text in given for body in _read(text, seed)]


def _placeable(body: Body, text: str) -> Body:
    """The body; InputError for hydrogen alone, which scatters too little to be placed."""
    if all(is_hydrogen(element) for element in body.elements):
        raise InputError(f"{text[:60]}: has a part of hydrogen alone, which cannot be placed; leave it out")
    return body


def _read(text: str, seed: int) -> list[Body]:
    path = Path(text)
    if path.suffix.lower() not in _SUFFIXES:
        return bodies_of_smiles(text, seed)
    if not path.is_file():
        raise InputError(f"{text}: no such file")
    elements, cart = _of_cif(path) if path.suffix.lower() == ".cif" else _of_ase(path)
    if not 1 <= len(elements) <= _MOST_ATOMS:
        raise InputError(f"{text}: {len(elements)} atoms; a molecule that is placed has 1 to {_MOST_ATOMS}")
    unknown = [name for name in elements if gemmi.Element(name).atomic_number == 0]
    if unknown or not (np.abs(cart) <= _FARTHEST).all():
        raise InputError(f"{text}: an atom of an unknown element or without coordinates; correct the file")
    try:
        return bodies_of_atoms(elements, cart)
    except InputError as error:
        raise InputError(f"{text}: {error}") from error


def _of_ase(path: Path) -> tuple[tuple[str, ...], Points3]:
    from ase.io import read  # slow to import

    text = read_text(path, _MOST_BYTES)
    try:
        atoms = read(
            StringIO(text), format={".mol": "mol", ".sdf": "sdf", ".xyz": "xyz"}[path.suffix.lower()]
        )
    except Exception as error:  # ase raises whatever a malformed line happens to cause
        told = " ".join(str(error).split())[:200]
        raise InputError(f"{path}: no molecule can be read from it ({told})") from error
    assert not isinstance(atoms, list)
    return tuple(atoms.get_chemical_symbols()), np.asarray(atoms.get_positions(), float)


def _of_cif(path: Path) -> tuple[tuple[str, ...], Points3]:
    """Atoms of the asymmetric unit and what is bonded to them, at least half of each place occupied."""
    try:
        small = _first_structure(path)
        sites = [site for site in small.sites if site.occ >= 0.5]
        if not 1 <= len(sites) <= _MOST_ATOMS:
            raise ValueError(f"{len(sites)} atoms in it")
        if small.spacegroup is None:
            raise ValueError("its space group is not known")
        parse_cell(",".join(map(str, small.cell.parameters)))
        group = Group.from_operations(small.spacegroup.operations())
    except (InputError, ValueError, RuntimeError) as error:
        told = " ".join(str(error).split())[:200]
        raise InputError(f"{path}: no molecule can be read from it ({told})") from error
    elements = [site.element.name for site in sites]
    places = np.array([site.fract.tolist() for site in sites])
    cell = np.array(small.cell.orth.mat.tolist())
    whole = grown(places, covalent_radii(elements), group, cell)
    return tuple(elements[source] for source in whole.source), whole.cart


def _first_structure(path: Path) -> gemmi.SmallStructure:
    """Of the first block with atoms."""
    for block in parsed_cif(read_text(path, _MOST_BYTES), str(path)):
        small = gemmi.make_small_structure_from_block(block)
        if len(small.sites):
            return small
    raise ValueError("no atoms in it")


def bodies_of_atoms(elements: tuple[str, ...], cart: Points3) -> list[Body]:
    """A body of one shape for each set of atoms that bonds hold together, bonds by distance in Å.

    InputError where atoms lie on top of each other, or far from all others.
    """
    found = []
    apart = np.linalg.norm(cart[:, None] - cart[None], axis=-1)[np.triu_indices(len(cart), 1)]
    if len(apart) and not _NEAREST <= apart.min() <= apart.max() <= _WIDEST:
        raise InputError(
            f"its atoms are {apart.min():.3g} to {apart.max():.3g} Å apart, not a molecule; check them"
        )
    whole = bonds(cart, covalent_radii(elements))
    if len(whole) > _MOST_BONDS * len(elements):
        raise InputError(
            f"{len(whole)} bonds between {len(elements)} atoms are not a molecule; check coordinates"
        )
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
