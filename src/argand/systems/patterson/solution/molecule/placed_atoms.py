"""Atoms of the asymmetric unit from poses: molecules on special positions become symmetric."""

import numpy as np
from scipy.optimize import linear_sum_assignment

from argand.physics.crystal.atom import Atoms
from argand.physics.crystal.symmetry import Group
from argand.physics.molecule.assembly import Assembly
from argand.typing import Matrix3, Points3

_PAIRED = 1.0
"""Å; images of a molecule whose atoms are all so near to its own atoms are the molecule itself.

By hand: less than a bond. Others, of a molecule that is disordered about its place, stay with a part of their
occupancy."""
_KEPT = 0.8
"""Å by which an operator may miss the middle of a molecule that it keeps; by hand."""


def asymmetric_atoms(places: Points3, u_iso: float, assembly: Assembly, group: Group, cell: Matrix3) -> Atoms:
    """The atoms of placed copies (Å), each once, with crystallographic occupancies."""
    frac = places @ np.linalg.inv(cell).T
    elements: list[str] = []
    found, occupancies = [], []
    for number, copy in enumerate(assembly.copies):
        start, stop = assembly.starts[number : number + 2]
        own, names = frac[start:stop], np.array(copy.body.elements)
        chosen, share = np.arange(len(own)), np.full(len(own), 1 / copy.keepers)
        if copy.keepers > 1:
            symmetric = _symmetrised(own, names, group, cell, copy.keepers)
            if symmetric is not None:
                own, chosen, share = symmetric
        elements += names[chosen].tolist()
        found.append(own[chosen] - np.floor(own.mean(0)))
        occupancies.append(share)
    whole = np.concatenate(found)
    return Atoms(tuple(elements), whole, np.full(len(whole), u_iso), np.concatenate(occupancies))


def _symmetrised(
    frac: Points3, names: np.ndarray, group: Group, cell: Matrix3, keepers: int
) -> tuple[Points3, np.ndarray, np.ndarray] | None:
    """Places with the symmetry of their middle's site, the numbers of one atom of each orbit, occupancies."""
    middle = frac[names != "H"].mean(0) if (names != "H").any() else frac.mean(0)
    images = group.rotations @ middle + group.translations
    shifts = np.rint(middle - images)
    missed = np.linalg.norm((images + shifts - middle) @ cell.T, axis=1)
    keep = np.argsort(missed, kind="stable")[:keepers]
    if missed[keep[-1]] > _KEPT:
        return None
    partners, moved = [], []
    for number in keep:
        image = frac @ group.rotations[number].T + group.translations[number] + shifts[number]
        length = np.linalg.norm((image[:, None] - frac[None]) @ cell.T, axis=-1)
        length = length + 1e3 * (names[:, None] != names[None])
        _, partner = linear_sum_assignment(np.minimum(length, 5.0))
        if length[np.arange(len(frac)), partner][names != "H"].max(initial=0.0) > _PAIRED:
            return None
        inverse = np.linalg.inv(group.rotations[number])
        partners.append(partner)
        moved.append((frac[partner] - group.translations[number] - shifts[number]) @ inverse.T)
    table = np.array(partners)
    chosen = np.flatnonzero(table.min(0) == np.arange(len(frac)))
    share = 1 / (table == np.arange(len(frac))).sum(0)[chosen]
    return np.mean(moved, axis=0), chosen, share
