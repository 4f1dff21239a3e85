"""The molecules of a refined crystal: whole ones, grown over symmetry, as a chemist would know them.

What is left out, and counted by its reason: crystals with disorder, without carbon, or without hydrogen;
those whose
bonds by distance form endless chains; and those with more than two molecules in the asymmetric unit. For
flexible ones also
those whose bonds RDKit does not perceive from the true molecule without a net charge, those with no
torsion or more
than eight, and those with two molecules.
"""

import gzip
import json
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import gemmi
import numpy as np
from patterson_sets import Kind, Part, TestSet, load
from simulated_intensities import published

from argand.physics.crystal.atom import Atoms
from argand.physics.crystal.bond import SLACK, covalent_radii
from argand.physics.molecule.body import Body
from argand.typing import Matrix3

_SAME = 0.3
_MOST = 300
"""Atoms of a molecule beyond which it is taken for endless."""
_MOST_COPIES = 2
_MOST_TORSIONS = 8


class LeftOutError(Exception):
    """Why a crystal has no part in this benchmark."""


@dataclass(frozen=True)
class Whole:
    """A molecule in Å, and how many operators keep it."""

    body: Body
    keepers: int


def all_atoms(folder: Path, kind: Kind, one: TestSet) -> Atoms:
    """Atoms of the asymmetric unit, hydrogen too; LeftOutError where there is disorder."""
    if kind == "simulated":
        with gzip.open(folder / "structures.jsonl.gz", "rt") as file:
            record = next(r for r in map(json.loads, file) if r["name"] == one.name)
        structure = published(record)
        assert structure is not None
        return structure.atoms
    small = gemmi.read_small_structure(str(folder / f"{one.name}.cif"))
    if any(site.occ < 0.99 for site in small.sites):
        raise LeftOutError("disorder")
    small.change_occupancies_to_crystallographic()
    elements = tuple(site.element.name for site in small.sites)
    frac = np.array([site.fract.tolist() for site in small.sites])
    occupancy = np.array([site.occ for site in small.sites])
    return Atoms(elements, frac, np.full(len(frac), 0.04), occupancy)


def whole_molecules(folder: Path, kind: Kind, part: Part, name: str) -> tuple[TestSet, list[Whole]]:
    """A set and its molecules, the largest first; LeftOutError by the rules at the top of this file."""
    one = load(folder, kind, part, name)
    if one is None:
        raise LeftOutError("structure cannot be right, or is too large")
    atoms = all_atoms(folder, kind, one)
    if "C" not in atoms.elements or not {"H", "D"} & set(atoms.elements):
        raise LeftOutError("no carbon or no hydrogen")
    cell = np.array(gemmi.UnitCell(*one.cell).orth.mat.tolist())
    from argand.physics.crystal.symmetry import Group

    found = grown(atoms, Group.from_name(one.spacegroup), cell)
    if len(found) > _MOST_COPIES:
        raise LeftOutError("more than two molecules")
    return one, sorted(found, key=lambda whole: -len(whole.body))


def grown(atoms: Atoms, group, cell: Matrix3) -> list[Whole]:
    """The molecules of a crystal, each once."""
    images = group.images(atoms.frac)
    shifts = np.array(list(product((-1, 0, 1), repeat=3)))
    radii = covalent_radii(atoms.elements)
    left, found = set(range(len(atoms))), []
    while left:
        first = min(left)
        places, sources = [atoms.frac[first]], [first]
        edge = 0
        while edge < len(places):
            apart = images - places[edge]
            near = apart - np.rint(apart)
            vectors = near[:, :, None] + shifts
            length = np.linalg.norm(vectors @ cell.T, axis=-1)
            reach = radii[sources[edge]] + radii[None, :, None] + SLACK
            for o, n, s in zip(*np.nonzero((length < reach) & (length > _SAME)), strict=True):
                place = places[edge] + vectors[o, n, s]
                if np.linalg.norm((np.array(places) - place) @ cell.T, axis=1).min() > _SAME:
                    places.append(place)
                    sources.append(int(n))
            edge += 1
            if len(places) > _MOST:
                raise LeftOutError("endless bonds")
        kinds = sorted(set(sources))
        left -= set(kinds)
        keepers = round(len(sources) / atoms.occupancy[kinds].sum())
        cart = np.array(places) @ cell.T
        names = tuple(atoms.elements[n] for n in sources)
        found.append(Whole(Body(names, cart[None] - cart.mean(0), _bonds(cart, radii[sources])), keepers))
    return found


def _bonds(cart: np.ndarray, radii: np.ndarray) -> np.ndarray:
    from argand.physics.crystal.bond import bonds

    return bonds(cart, radii)


def smiles_of(wholes: list[Whole]) -> str:
    """SMILES of the one molecule, perceived from its true positions; LeftOutError where that fails."""
    from rdkit import Chem
    from rdkit.Chem import rdDetermineBonds

    if len(wholes) != 1:
        raise LeftOutError("two molecules")
    body = wholes[0].body
    lines = [
        f"{e if e != 'D' else 'H'} {x:.4f} {y:.4f} {z:.4f}"
        for e, (x, y, z) in zip(body.elements, body.shapes[0], strict=True)
    ]
    raw = Chem.MolFromXYZBlock(f"{len(lines)}\n\n" + "\n".join(lines) + "\n")
    try:
        rdDetermineBonds.DetermineBonds(raw, charge=0, useHueckel=False)
        Chem.SanitizeMol(raw)
        Chem.AssignStereochemistryFrom3D(raw)
        smiles = Chem.MolToSmiles(Chem.RemoveHs(raw))
    except (ValueError, RuntimeError, Chem.KekulizeException) as error:
        raise LeftOutError("bonds not perceived") from error
    if Chem.MolFromSmiles(smiles) is None or "." in smiles:
        raise LeftOutError("bonds not perceived")
    return smiles
