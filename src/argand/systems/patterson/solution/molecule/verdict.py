"""Whether a placed molecule is to be trusted: by misfit, next answer and contacts."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from argand.physics.crystal.atom import Atoms, is_hydrogen
from argand.physics.crystal.symmetry import Group
from argand.physics.molecule.assembly import Assembly, Copy
from argand.typing import Matrix3, Points3

# All of these were chosen on the part `choose` of benchmarks/patterson_molecule.py, and are reported on
# the other.
FEWEST = 12
"""Reflections below which nothing is trusted: a pose, a scale and a U have 8 parameters."""
_LARGEST = 0.05
"""Largest Σ (k F_c - F_o)² / Σ F_o² of very many reflections that is trusted."""
_CLEARLY = 1.6
"""How many times larger the misfit of the next answer must be."""
_FLOOR = 0.002
"""Added to both misfits before they are compared: below it lies what noise and form factors decide."""
_MOST_CONTACTS = 1
"""Pairs of atoms of different molecules that may be nearer than `_NEAREST`."""
_ITSELF = 0.8
"""Å; an image whose middle is so near to the molecule's is the molecule itself. By hand."""
_NEAREST = 2.1
"""Å between atoms but hydrogen of different molecules: shorter than any hydrogen bond (O...O 2.4 Å)."""


@dataclass(frozen=True)
class Answer:
    """A placed molecule: atoms of the asymmetric unit, its misfit, and that of the pose before atoms
    were freed.

    `contacts` are pairs of atoms of different molecules that are too near.
    """

    atoms: Atoms
    residual: float
    posed: float
    contacts: int = 0


def largest_residual(reflections: int, assembly: Assembly) -> float:
    """Misfit up to which an answer is trusted: what a fit of p parameters leaves of n shrinks with 1 -
    p/n."""
    free = sum(_moves(copy) / copy.keepers for copy in assembly.copies)
    return _LARGEST * max(1 - (free + 2) / reflections, 0.0)


def _moves(copy: Copy) -> int:
    """Numbers of a pose; those of a special position are about this by the operators that keep it."""
    return (6 if len(copy.body) > 1 else 3) + len(copy.body.torsions)


def equals(answers: Sequence[Answer]) -> list[Answer]:
    """The answers that fit about as well as the first."""
    most = _CLEARLY * (answers[0].residual + _FLOOR)
    return [answer for answer in answers if answer.residual + _FLOOR < most]


def verdict(answers: Sequence[Answer], assembly: Assembly, reflections: int) -> tuple[bool, str]:
    """Whether the first of different answers, best first, is trusted, and why."""
    best = answers[0].residual
    most = largest_residual(reflections, assembly)
    if reflections < FEWEST:
        return False, f"{reflections} reflections are too few (at least {FEWEST} needed)"
    if best > most:
        return False, f"misfit = {best:.3f} (limit {most:.3f} for {reflections} reflections)"
    alike = len(equals(answers))
    if alike > 1:
        return False, f"{alike} different answers fit about equally well, misfit = {best:.4f}"
    if answers[0].contacts > _MOST_CONTACTS:
        return (
            False,
            f"{answers[0].contacts} pairs of atoms of different molecules are closer than {_NEAREST} Å",
        )
    return True, f"misfit = {best:.4f} (limit {most:.3f}), and no different answer fits about as well"


def contacts(places: Points3, assembly: Assembly, group: Group, cell: Matrix3) -> int:
    """Pairs of atoms but hydrogen, nearer than atoms of different molecules are, of placed copies (Å).

    A molecule is none of its own neighbours, nor are the images by which a special position lays it on
    itself.
    """
    heavy = np.array([not is_hydrogen(element) for element in assembly.elements])
    frac, owner = (places @ np.linalg.inv(cell).T)[heavy], assembly.owner[heavy]
    middles = np.array([frac[owner == number].mean(0) for number in range(len(assembly.copies))])
    moved = group.images(middles) - middles
    itself = np.linalg.norm((moved - np.rint(moved)) @ cell.T, axis=-1) < _ITSELF
    apart = group.images(frac)[:, :, None] - frac[None, None]
    shifts = np.rint(apart)
    near = np.linalg.norm((apart - shifts) @ cell.T, axis=-1) < _NEAREST
    inside = (owner[:, None] == owner[None]) & itself[:, owner][:, :, None]
    return int((near & ~inside).sum() // 2)
