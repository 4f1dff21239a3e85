"""Wyckoff positions exchanged by a change of origin or axes: the normaliser of a space group.

A structure may be described from several origins (International Tables A, 3.5: Normalizers of space groups),
which permutes the Wyckoff letters of its sites together. Letters are compared up to these permutations.
"""

from collections.abc import Sequence
from functools import cache
from itertools import product

import numpy as np
from jaxtyping import Bool, Float, Int

from argand.physics.crystal.wyckoff import GENERIC, Operations, Position
from argand.typing import Matrix3

_MOST_TURNS = 120
"""Number of changes of axes tried, drawn at random if there are more (triclinic and monoclinic groups have
infinitely many); all products of their permutations are included. Set by hand: ten generate all 1,344
permutations of P-1, the largest number of all groups."""
_SHIFTS = np.array(list(product(sorted({k / 8 for k in range(8)} | {k / 6 for k in range(6)}), repeat=3)))
"""Changes of origin, in the primitive cell; halves, quarters, eighths and thirds suffice (International
Tables A, chapter 3.5)."""


@cache
def _turns() -> Int[np.ndarray, "n 3 3"]:
    """Changes of axes: matrices of small integers and determinant 1 or -1."""
    matrices = np.array(list(product((-1, 0, 1), repeat=9))).reshape(-1, 3, 3)
    return matrices[np.abs(np.rint(np.linalg.det(matrices))) == 1]


def letter_permutations(
    ops: Operations, primitive: Matrix3, positions: Sequence[Position]
) -> Int[np.ndarray, "permutation position"]:
    """All permutations of the positions of a group by its affine normaliser, including the identity.

    Entry `[p, i]` is the index of the position that position i becomes. Rows of `primitive` are the vectors
    of the primitive cell in those of the conventional one.
    """
    inverse = np.linalg.inv(primitive)
    rotations = np.rint(inverse.T @ ops.rotations @ primitive.T).astype(int)
    codes, first = np.unique(_codes(rotations), return_index=True)
    rotations, shifts = rotations[first], (ops.translations @ inverse)[first]
    found = set()
    for number, turn in enumerate(_turns_of(rotations, codes)):
        images = np.rint(turn @ rotations @ np.linalg.inv(turn)).astype(int)
        wanted = shifts[np.searchsorted(codes, _codes(images))]
        origins = _SHIFTS[_fits(images, shifts @ turn.T, wanted)]
        # One origin is enough for a change of axes: others differ by origin shifts alone.
        for origin in origins if number == 0 else origins[:1]:
            move = primitive.T @ turn @ inverse.T
            found.add(_permutation(ops, positions, move, primitive.T @ origin))
    return np.array(sorted(_products(found)))


def _codes(matrices: Int[np.ndarray, "n 3 3"]) -> Int[np.ndarray, " n"]:
    """A number for each matrix of small integers."""
    return (matrices.reshape(-1, 9) + 8) @ (17 ** np.arange(9))


def _turns_of(rotations: np.ndarray, codes: np.ndarray) -> list[np.ndarray]:
    """The identity, and changes of axes that leave the point group invariant."""
    turns = _turns()
    inverse = np.rint(np.linalg.inv(turns)).astype(int)
    keeps = np.ones(len(turns), bool)
    for rotation in rotations:
        keeps &= np.isin(_codes(turns @ rotation @ inverse), codes)
    kept = turns[keeps]
    chosen = np.random.default_rng(0).permutation(len(kept))[:_MOST_TURNS]
    return [np.eye(3, dtype=int), *kept[chosen]]


def _fits(images: np.ndarray, moved: np.ndarray, wanted: np.ndarray) -> Bool[np.ndarray, " shift"]:
    """Changes of origin for which the operations still belong to the group."""
    fits = np.ones(len(_SHIFTS), bool)
    for rotation, start, end in zip(images, moved, wanted, strict=True):
        off = start + _SHIFTS - _SHIFTS @ rotation.T - end
        fits &= (np.abs(off - np.round(off)) < 1e-6).all(1)
    return fits


def _permutation(
    ops: Operations, positions: Sequence[Position], turn: Matrix3, origin: Float[np.ndarray, "3"]
) -> tuple[int, ...]:
    """The position that each position becomes."""
    kinds = [(one.multiplicity, one.freedom) for one in positions]
    found: list[int] = []
    for one, kind in zip(positions, kinds, strict=True):
        images = ops.images(turn @ one.point(GENERIC[: one.freedom]) + origin)
        alike = (n for n, other in enumerate(kinds) if other == kind and n not in found)
        found.append(next(n for n in alike if positions[n].holds(images, 1e-4).any()))
    return tuple(found)


def _products(permutations: set[tuple[int, ...]]) -> set[tuple[int, ...]]:
    """All products of the permutations."""
    every, new = set(permutations), list(permutations)
    while new:
        made = {tuple(one[i] for i in other) for one in new for other in permutations}
        new = list(made - every)
        every |= made
    return every
