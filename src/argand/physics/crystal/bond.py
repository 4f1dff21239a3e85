"""Bonds between the atoms of a crystal, and completion of an asymmetric unit by symmetry."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import product

import gemmi
import numpy as np
from jaxtyping import Bool, Float, Int

from argand.physics.crystal.atom import Atoms
from argand.physics.crystal.symmetry import Group
from argand.typing import Matrix3, Points3

SLACK = 0.4
"""Å by which a bond may be longer than the sum of the covalent radii.

The usual tolerance of programs that draw molecules (0.4 to 0.45); set by hand, and not used to judge answers.
"""
_SAME = 0.3
"""Atoms closer than this in Å are the same atom.

Set by hand: less than half of any bond, more than usual deviations from special positions.
"""
_NEAREST, _NEAREST_METAL = 0.72, 0.65
"""Shortest distance of two atoms over the sum of their covalent radii; the second where one is a metal.

Set by hand, below the shortest known bonds: C-C 1.18 Å and C-O 1.13 Å (0.78 and 0.80 of the sum), S-O 1.43 Å
(0.83); U-O 1.75 Å, V-O 1.58 Å, Mo-Mo 2.10 Å (0.67, 0.72, 0.68). Lengths: International Tables C 9.5 and 9.6.
"""


@dataclass(frozen=True)
class Fragment:
    """Atoms in Å of an asymmetric unit and its bonded images; `source` is the index of the atom each is an
    image of."""

    cart: Points3
    source: Int[np.ndarray, " n"]


def covalent_radii(elements: Iterable[str] | Iterable[int]) -> Float[np.ndarray, " n"]:
    """Covalent radii in Å of symbols or atomic numbers (Cordero et al., Dalton Trans. 2832, 2008, via
    gemmi)."""
    return np.array([gemmi.Element(element).covalent_r for element in elements])


def shortest_distances(first: Sequence[str], second: Sequence[str]) -> Float[np.ndarray, "n m"]:
    """Least distance in Å between two atoms, [n, m] for the elements of `first` and of `second`."""
    metal = np.array([gemmi.Element(name).is_metal for name in first])[:, None] | np.array(
        [gemmi.Element(name).is_metal for name in second], bool
    )
    radii = covalent_radii(first)[:, None] + covalent_radii(second)[None, :]
    return np.where(metal, _NEAREST_METAL, _NEAREST) * radii


def crowded(atoms: Atoms, group: Group, cell: Matrix3) -> Bool[np.ndarray, " n"]:
    """Which atoms are closer to another than any bond between non-hydrogen atoms.

    [n] True or False; `cell` has a, b, c in Å as columns.
    """
    shortest = shortest_distances(atoms.elements, atoms.elements)
    near = np.zeros(len(atoms), bool)
    for rotation, translation in zip(group.rotations, group.translations, strict=True):
        apart = atoms.frac[:, None] - (atoms.frac @ rotation.T + translation)[None]
        apart -= np.rint(apart)
        length = np.linalg.norm(apart @ cell.T, axis=-1)
        near |= ((length > _SAME) & (length < shortest)).any(1)
    return near


def bonds(cart: Points3, radii: Float[np.ndarray, " n"]) -> Int[np.ndarray, "m 2"]:
    """Pairs of atoms no farther apart than the sum of their radii plus SLACK, each once."""
    first, second = np.triu_indices(len(cart), 1)
    length = np.linalg.norm(cart[first] - cart[second], axis=1)
    near = (length < radii[first] + radii[second] + SLACK) & (length > _SAME)
    return np.stack([first[near], second[near]], 1)


def grown(frac: Points3, radii: Float[np.ndarray, " n"], group: Group, cell: Matrix3) -> Fragment:
    """The atoms at `frac` and all symmetry images bonded to one of them.

    So molecules on an inversion centre or axis are complete; chains and networks extend by one unit.
    """
    cart, source = frac @ cell.T, np.arange(len(frac))
    unit = cart
    reach = radii[:, None] + radii[None, :] + SLACK
    shifts = np.array(list(product((-1, 0, 1), repeat=3)))
    for rotation, translation in zip(group.rotations, group.translations, strict=True):
        image = frac @ rotation.T + translation
        image = image - np.floor(image.mean(0) - frac.mean(0) + 0.5)
        for shift in shifts:
            placed = (image + shift) @ cell.T
            apart = np.linalg.norm(unit[:, None] - placed[None], axis=-1)
            if ((apart < reach) & (apart > _SAME)).any():
                known = np.linalg.norm(cart[:, None] - placed[None], axis=-1).min(0) < _SAME
                cart = np.vstack([cart, placed[~known]])
                source = np.concatenate([source, np.flatnonzero(~known)])
    return Fragment(cart, source)
