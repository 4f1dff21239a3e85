"""The primitive lattice of indexed spots: a coarser one if a class of indices is absent."""

from itertools import product

import numpy as np
from jaxtyping import Int

from argand.typing import Miller

PRESENT = 0.95
"""Least share of the spots that obey a rule of absences. By hand: a spot in twenty may be from another
crystal or false; by chance every second or third obeys."""
FEWEST = 15
"""Least number of spots for such a rule. By hand: 15 obey by chance once in 30,000 times."""


def primitive_transform(hkl: Miller) -> Int[np.ndarray, "3 3"]:
    """Integer matrix M for which basis @ M is the coarsest reciprocal lattice that contains the spots.

    `hkl` [n, 3] are indices in `basis` (reciprocal vectors as columns); the identity if all classes of
    indices are present. Rules are n·hkl = 0 modulo 2 or 3, applied one after the other.
    """
    change = np.eye(3, dtype=int)
    while (rule := _rule(hkl)) is not None:
        step = _sublattice(*rule)
        hkl = hkl[(hkl @ rule[0]) % rule[1] == 0]
        hkl = np.rint(hkl @ np.linalg.inv(step).T).astype(int)
        change = change @ step
    return change


def _rule(hkl: Miller) -> tuple[np.ndarray, int] | None:
    """A rule that nearly all indices obey."""
    if len(hkl) < FEWEST:
        return None
    for modulus in (2, 3):
        rules = np.array([n for n in product(range(modulus), repeat=3) if any(n)])
        obeyed = ((hkl @ rules.T) % modulus == 0).mean(axis=0)
        if obeyed.max() > PRESENT:
            return rules[int(np.argmax(obeyed))], modulus
    return None


def _sublattice(normal: np.ndarray, modulus: int) -> Int[np.ndarray, "3 3"]:
    """Columns that span the indices h with normal·h = 0 modulo a prime."""
    pivot = int(np.flatnonzero(normal)[0])
    inverse = pow(int(normal[pivot]), -1, modulus)
    columns = np.eye(3, dtype=int)
    for other in range(3):
        if other != pivot:
            columns[pivot, other] = -int(normal[other]) * inverse
    columns[pivot, pivot] = modulus
    return columns
