"""The other hand of a crystal structure: inversion, within its space group or into the enantiomorphic one."""

from dataclasses import replace
from itertools import product

import gemmi
import numpy as np

from argand.physics.crystal.atom import Atoms
from argand.physics.crystal.symmetry import Group
from argand.typing import Points3, Vector3

_DENOMINATOR = 24
"""Origin shifts between settings of space groups are multiples of 1/24, like their translations."""


def has_centre(group: Group) -> bool:
    """Whether the group has centres of inversion, so that its crystals have no hand."""
    return bool((group.rotations == -np.eye(3)).all((1, 2)).any())


def inversion_shift(group: Group) -> Vector3 | None:
    """The shift s, fractional, for which x -> s - x maps the group onto itself; None for P 41 and the like.

    Zero for most groups. An operator (R, t) becomes (R, s - R s - t), which must equal (R, t) up to a lattice
    translation; the shortest such s among multiples of 1/8 and 1/12 is used. Fdd2, the I41 groups, I-42d and
    F4132 need one (SHELXL's manual lists them with its MOVE card).
    """
    parts = [step for step in range(_DENOMINATOR) if step % 2 == 0 or step % 3 == 0]
    shifts = np.array(list(product(parts, repeat=3)))
    shifts = shifts[np.argsort((shifts**2).sum(1), kind="stable")]
    centrings = np.rint(group.centrings * _DENOMINATOR).astype(int)
    good = np.ones(len(shifts), bool)
    for rotation, translation in zip(group.rotations, group.translations, strict=True):
        rest = shifts - shifts @ rotation.T - np.rint(2 * translation * _DENOMINATOR).astype(int)
        good &= ((rest[:, None] - centrings[None]) % _DENOMINATOR == 0).all(-1).any(-1)
    return shifts[good][0] / _DENOMINATOR if good.any() else None


def centring_shift(group: Group) -> Vector3:
    """Fractional vector from the origin to the nearest centre of inversion; zero if there is none.

    Non-zero in origin choice 1 of groups with two origin choices (International Tables A, 2.1.3.7).
    """
    centres = group.translations[(group.rotations == -np.eye(3)).all((1, 2))]
    if not len(centres):
        return np.zeros(3)
    centres = (centres + 0.5) % 1.0 - 0.5
    return centres[np.argmin((centres**2).sum(1))] / 2


def moved_origin(group: Group, shift: Vector3) -> Group:
    """The operators after an origin shift by `shift`, that is for atoms at x - shift.

    (R, t) becomes (R, t + R s - s).
    """
    translations = (group.translations + group.rotations @ shift - shift) % 1.0
    operations = _operations(group, translations)
    known = gemmi.find_spacegroup_by_ops(operations)
    return Group(known.xhm() if known else "", group.rotations, translations, group.centrings)


def _operations(group: Group, translations: Points3) -> gemmi.GroupOps:
    """gemmi's operators of a group with other translations."""
    operations = []
    for rotation, translation in zip(group.rotations, translations, strict=True):
        operation = gemmi.Op("x,y,z")
        operation.rot = (rotation * gemmi.Op.DEN).tolist()
        operation.tran = np.rint(translation * gemmi.Op.DEN).astype(int).tolist()
        operations.append(operation)
    return gemmi.GroupOps(operations)


def inverted(atoms: Atoms, group: Group) -> tuple[Atoms, Group]:
    """The structure of the other hand: atoms at s - x in the same group, or at -x in the enantiomorphic one.

    `atoms` with fractional coordinates. The members of the eleven enantiomorphic pairs (P 41 and P 43, ...)
    are exchanged, as no shift makes them equal (International Tables A, 3.5).
    """
    shift = inversion_shift(group)
    if shift is not None:
        return replace(atoms, frac=shift - atoms.frac), group
    translations = -group.translations % 1.0
    known = gemmi.find_spacegroup_by_ops(_operations(group, translations))
    other = Group(known.xhm() if known else "", group.rotations, translations, group.centrings)
    return replace(atoms, frac=-atoms.frac), other
