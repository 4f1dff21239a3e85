"""Several copies of molecules laid out as one list of atoms, and the moves that are theirs."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Float, Int

from argand.physics.molecule.body import Body


@dataclass(frozen=True)
class Copy:
    """One molecule of the asymmetric unit; `keepers` operators map it onto itself (1 in a general place)."""

    body: Body
    keepers: int = 1


@dataclass(frozen=True)
class Assembly:
    """Copies one after the other: atoms are numbered through.

    The moves of a pose are for each copy three turns about the axes and three shifts along them, and then all
    torsions, in the order of the copies.
    """

    copies: tuple[Copy, ...]

    @cached_property
    def elements(self) -> tuple[str, ...]:
        """Of all atoms."""
        return tuple(element for copy in self.copies for element in copy.body.elements)

    @cached_property
    def starts(self) -> list[int]:
        """Number of each copy's first atom, and of all atoms at the end."""
        return [0, *np.cumsum([len(copy.body) for copy in self.copies]).tolist()]

    @cached_property
    def occupancy(self) -> Float[np.ndarray, " atoms"]:
        """1 over the operators that keep the atom's copy."""
        return np.concatenate([np.full(len(copy.body), 1 / copy.keepers) for copy in self.copies])

    @cached_property
    def masks(self) -> Bool[np.ndarray, "groups atoms"]:
        """Atoms that move together: those of each copy, then those of each torsion."""
        rows = [self.owner == number for number in range(len(self.copies))]
        for number, copy in enumerate(self.copies):
            for torsion in copy.body.torsions:
                row = np.zeros(len(self.elements), bool)
                row[self.starts[number] : self.starts[number + 1]] = torsion.moved
                rows.append(row)
        return np.array(rows)

    @cached_property
    def owner(self) -> Int[np.ndarray, " atoms"]:
        """Number of each atom's copy."""
        return np.repeat(np.arange(len(self.copies)), [len(copy.body) for copy in self.copies])

    @cached_property
    def axes(self) -> Int[np.ndarray, "torsions 2"]:
        """Numbers of the two atoms of each torsion's bond."""
        pairs = [
            (self.starts[number] + torsion.first, self.starts[number] + torsion.second)
            for number, copy in enumerate(self.copies)
            for torsion in copy.body.torsions
        ]
        return np.array(pairs, int).reshape(-1, 2)

    @cached_property
    def torsion_owner(self) -> Int[np.ndarray, " torsions"]:
        """Number of each torsion's copy."""
        return np.repeat(np.arange(len(self.copies)), [len(copy.body.torsions) for copy in self.copies])

    @cached_property
    def bonds(self) -> Int[np.ndarray, "m 2"]:
        """Of all copies, in numbers of the whole."""
        pairs = [copy.body.bonds + start for copy, start in zip(self.copies, self.starts, strict=False)]
        return np.concatenate(pairs).reshape(-1, 2) if pairs else np.zeros((0, 2), int)

    @property
    def moves(self) -> int:
        """How many moves a pose has."""
        return 6 * len(self.copies) + len(self.axes)

    def of(self, count: int) -> "Assembly":
        """The first `count` copies alone."""
        return Assembly(self.copies[:count])
