"""Several molecules laid out as one list of atoms, and their degrees of freedom."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Float, Int

from argand.physics.molecule.body import Body


@dataclass(frozen=True)
class Copy:
    """One molecule of the asymmetric unit; `keepers` operators map it onto itself (1 in a general
    position)."""

    body: Body
    keepers: int = 1


@dataclass(frozen=True)
class Assembly:
    """Copies in sequence: atoms are numbered consecutively.

    The moves of a pose are, for each copy, three rotations about the axes and three shifts along them, and
    then all torsions, in the order of the copies.
    """

    copies: tuple[Copy, ...]

    @cached_property
    def elements(self) -> tuple[str, ...]:
        """Elements of all atoms."""
        return tuple(element for copy in self.copies for element in copy.body.elements)

    @cached_property
    def starts(self) -> list[int]:
        """Index of each copy's first atom, and finally the number of all atoms."""
        return [0, *np.cumsum([len(copy.body) for copy in self.copies]).tolist()]

    @cached_property
    def occupancy(self) -> Float[np.ndarray, " atoms"]:
        """1 / (number of operators that map the atom's copy onto itself)."""
        return np.concatenate([np.full(len(copy.body), 1 / copy.keepers) for copy in self.copies])

    @cached_property
    def masks(self) -> Bool[np.ndarray, "groups atoms"]:
        """Groups of atoms that move together: those of each copy, then those of each torsion."""
        rows = [self.owner == number for number in range(len(self.copies))]
        for number, copy in enumerate(self.copies):
            for torsion in copy.body.torsions:
                row = np.zeros(len(self.elements), bool)
                row[self.starts[number] : self.starts[number + 1]] = torsion.moved
                rows.append(row)
        return np.array(rows)

    @cached_property
    def owner(self) -> Int[np.ndarray, " atoms"]:
        """Index of each atom's copy."""
        return np.repeat(np.arange(len(self.copies)), [len(copy.body) for copy in self.copies])

    @cached_property
    def axes(self) -> Int[np.ndarray, "torsions 2"]:
        """Indices of the two atoms of each torsion's bond."""
        pairs = [
            (self.starts[number] + torsion.first, self.starts[number] + torsion.second)
            for number, copy in enumerate(self.copies)
            for torsion in copy.body.torsions
        ]
        return np.array(pairs, int).reshape(-1, 2)

    @cached_property
    def torsion_owner(self) -> Int[np.ndarray, " torsions"]:
        """Index of each torsion's copy."""
        return np.repeat(np.arange(len(self.copies)), [len(copy.body.torsions) for copy in self.copies])

    @cached_property
    def bonds(self) -> Int[np.ndarray, "m 2"]:
        """Bonds of all copies, in indices of the assembly."""
        pairs = [copy.body.bonds + start for copy, start in zip(self.copies, self.starts, strict=False)]
        return np.concatenate(pairs).reshape(-1, 2) if pairs else np.zeros((0, 2), int)

    @property
    def moves(self) -> int:
        """Number of moves of a pose."""
        return 6 * len(self.copies) + len(self.axes)

    def of(self, count: int) -> "Assembly":
        """The first `count` copies only."""
        return Assembly(self.copies[:count])
