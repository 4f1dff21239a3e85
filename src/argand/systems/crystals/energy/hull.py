"""The convex hull of known phases: the energy of the mixture of phases that a composition falls apart to."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations

import gemmi
import numpy as np
from jaxtyping import Float

from argand.systems.crystals.database.fingerprint_index import Formula

SYSTEM_SIZE = 9
"""Largest number of elements of a composition that has an answer, as its subsets are listed. By hand: the
pool has 9."""


@dataclass(frozen=True)
class Hull:
    """Phases as reduced formulas, with their energies in eV for an atom, all by one potential."""

    formulas: Sequence[Formula]
    energies: Float[np.ndarray, " n"]

    def __len__(self) -> int:
        return len(self.formulas)

    @cached_property
    def rows_of(self) -> dict[tuple[int, ...], list[int]]:
        """The rows of the phases that have just these elements."""
        rows: dict[tuple[int, ...], list[int]] = {}
        for row, (numbers, _) in enumerate(self.formulas):
            rows.setdefault(numbers, []).append(row)
        return rows

    def lacking(self, formula: Formula) -> list[str]:
        """Symbols of the elements of which there is no phase of the element itself."""
        return [gemmi.Element(z).name for z in formula[0] if (z,) not in self.rows_of]

    def energy_of_mixture(self, formula: Formula) -> float | None:
        """eV for an atom of the phases that a composition falls apart to; None where that cannot be told.

        That is where an element has no phase of its own, or where there are more than nine elements.
        """
        if len(formula[0]) > SYSTEM_SIZE or self.lacking(formula):
            return None
        rows = [row for part in _subsets(formula[0]) for row in self.rows_of.get(part, ())]
        return lowest_mixture(formula, [self.formulas[row] for row in rows], self.energies[rows])

    def above(self, formula: Formula, energy: float) -> float | None:
        """How far in eV for an atom an energy lies above the hull; below zero for a phase that is a new one.

        None as of `energy_of_mixture`.
        """
        mixture = self.energy_of_mixture(formula)
        return None if mixture is None else energy - mixture


def lowest_mixture(
    formula: Formula, phases: Sequence[Formula], energies: Float[np.ndarray, " n"]
) -> float | None:
    """The least energy in eV for an atom of any mixture of phases of this composition; None if there is none.

    A linear programme over the phases' shares of atoms (Akbarzadeh, Ozoliņš and Wolverton, Adv. Mater. 19,
    3233, 2007), solved by HiGHS. Phases have no elements beyond the formula's.
    """
    from scipy.optimize import linprog  # slow to import

    if not phases:
        return None
    numbers, counts = formula
    shares = np.zeros((len(numbers), len(phases)))
    place = {z: row for row, z in enumerate(numbers)}
    for column, (own, many) in enumerate(phases):
        for z, count in zip(own, many, strict=True):
            shares[place[z], column] = count / sum(many)
    wanted = np.array(counts) / sum(counts)
    answer = linprog(energies, A_eq=shares, b_eq=wanted, bounds=(0, None), method="highs")
    return float(answer.fun) if answer.success else None


def vertices(formulas: Sequence[Formula], energies: Float[np.ndarray, " n"]) -> Iterator[list[int]]:
    """For each chemical system in turn, the rows of its phases that no mixture of others is below.

    These alone decide on any hull. Systems come by their number of elements, so that of the smaller ones only
    what was found is asked. Of one formula the lowest phase counts.
    """
    lowest: dict[Formula, int] = {}
    for row, formula in enumerate(formulas):
        if formula not in lowest or energies[row] < energies[lowest[formula]]:
            lowest[formula] = row
    systems: dict[tuple[int, ...], list[int]] = {}
    for (numbers, _), row in lowest.items():
        systems.setdefault(numbers, []).append(row)
    found: dict[tuple[int, ...], list[int]] = {}
    for numbers in sorted(systems, key=len):
        inner = [row for part in _subsets(numbers) for row in found.get(part, ())]
        own = systems[numbers]
        found[numbers] = []
        for row in own:
            others = [one for one in (*inner, *own) if one != row]
            mixture = lowest_mixture(formulas[row], [formulas[one] for one in others], energies[others])
            if mixture is None or energies[row] < mixture:
                found[numbers].append(row)
        yield found[numbers]


def _subsets(numbers: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    for size in range(1, len(numbers) + 1):
        yield from combinations(numbers, size)
