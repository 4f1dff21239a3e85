"""Harker sections of a space group: the planes and lines of vectors between an atom and its images."""

from dataclasses import dataclass
from fractions import Fraction
from itertools import product

import numpy as np

from argand.physics.crystal.symmetry import Group
from argand.physics.phasing.patterson_map import triplet

_TWENTYFOURTHS = 24
"""Translations of space groups are multiples of 1/24."""
_INDICES = range(-2, 3)
_ROWS: list[tuple[int, int, int]] = sorted(
    (row for row in product(_INDICES, _INDICES, _INDICES) if any(row) and next(filter(None, row)) > 0),
    key=lambda row: (sum(value * value for value in row), [-value for value in row]),
)
"""Directions (h, k, l), short ones first. Indices to 2 suffice: of twofold axes in hexagonal cells."""


@dataclass(frozen=True)
class HarkerSection:
    """Vectors u with h·u = c, up to lattice translations, for each of one (plane) or two (line) equations."""

    equations: tuple[tuple[tuple[int, int, int], Fraction], ...]
    """(h, c), with c in [0, 1)."""
    operators: tuple[str, ...]
    """Triplets of the operators whose vectors lie there."""

    @property
    def is_plane(self) -> bool:
        """Whether it is a plane, of a rotation or screw axis; else a line, of a mirror or glide plane."""
        return len(self.equations) == 1

    @property
    def words(self) -> str:
        """Its equations, as `v = 1/2` or `u = 0, w = 1/2`."""
        return ", ".join(f"{_sum(row)} = {value}" for row, value in self.equations)


def harker_sections_of(group: Group) -> list[HarkerSection]:
    """The Harker planes and then lines of a space group, each once, in the order of its operators.

    The vectors R x + t - x of an operator satisfy h·u = h·t for all h with h R = h, up to integers. The map
    is centrosymmetric, so that a section and its inverse count as one. Pure translations have a single
    vector, and inversions allow any: both are left out. Harker, J. Chem. Phys. 4, 381 (1936).
    """
    found: dict[tuple[tuple[tuple[int, int, int], int], ...], list[str]] = {}
    for rotation, translation in zip(group.rotations, group.translations, strict=True):
        rows = _kept_rows(rotation)
        if len(rows) not in (1, 2):
            continue
        shifts = np.rint(_TWENTYFOURTHS * np.array(rows) @ translation).astype(int)
        signs = [tuple(int(value) % _TWENTYFOURTHS for value in sign * shifts) for sign in (1, -1)]
        equations = tuple(zip(rows, min(signs), strict=True))
        found.setdefault(equations, []).append(triplet(rotation, translation))
    sections = [
        HarkerSection(tuple((row, Fraction(value, _TWENTYFOURTHS)) for row, value in equations), tuple(names))
        for equations, names in found.items()
    ]
    return sorted(sections, key=lambda section: not section.is_plane)


def _kept_rows(rotation: np.ndarray) -> list[tuple[int, int, int]]:
    """A basis of the rows h with h R = h: the shortest, which generate all others with whole numbers."""
    kept: list[tuple[int, int, int]] = []
    for row in _ROWS:
        if (row @ rotation == row).all() and np.linalg.matrix_rank(np.array([*kept, row])) > len(kept):
            kept.append(row)
    return kept


def _sum(row: tuple[int, int, int]) -> str:
    """`u - 2v` of (1, -2, 0)."""
    told = ""
    for value, letter in zip(row, "uvw", strict=True):
        if value:
            # The first one is positive.
            sign = "" if not told else " - " if value < 0 else " + "
            told += f"{sign}{abs(value) if abs(value) > 1 else ''}{letter}"
    return told
