"""Tries from random phases in the order of their numbers, some of them made ahead by other processes.

Try number k draws from the seed and k alone, so the answers do not depend on how many processes there are.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Protocol, runtime_checkable

import numpy as np

from argand.crew import HERE, Crew, Died, Machines
from argand.errors import InputError
from argand.physics.phasing.dual_space import Phased

COUNT_SPREAD = 0.15
"""The number of atoms is only about known; each try takes another, within this share. By hand: the
volume for an atom varies by as much, and some atoms are too weak to be peaks."""


@runtime_checkable
class Phasing(Protocol):
    """What makes tries: `dual_space.Search` in a group, `space_group.FreePhases` without one."""

    def attempt(self, atoms: float, rng: np.random.Generator) -> Phased:
        """One try; `atoms` other than hydrogen in the asymmetric unit."""
        ...


def phased_try(searches: Sequence[Phasing], atoms: float, seed: int, number: int) -> Phased:
    """Try `number` of `seed`, by the search whose turn it is; `atoms` other than hydrogen is about how many
    the asymmetric unit holds."""
    rng = np.random.default_rng([seed, number])
    return searches[number % len(searches)].attempt(
        atoms * rng.uniform(1 - COUNT_SPREAD, 1 + COUNT_SPREAD), rng
    )


@dataclass(frozen=True)
class TryWork:
    """What a process needs to make tries."""

    searches: Sequence[Phasing]
    atoms: float
    seed: int

    def __call__(self) -> "Callable[[Sequence[int]], list[Phased]]":
        """What makes tries."""
        return self.tries

    def tries(self, numbers: Sequence[int]) -> list[Phased]:
        """The tries of these numbers."""
        return [phased_try(self.searches, self.atoms, self.seed, number) for number in numbers]


class ParallelSearch:
    """All tries of searches that take turns, in the order of their numbers.

    The first is made here, as one is often enough; then `machines` make them, some ahead of what was asked
    for. Processes are spawned, which is safe beside threads; a script that asks for them needs the usual
    `if __name__ == "__main__"`.
    """

    def __init__(
        self, searches: Sequence[Phasing], atoms: float, seed: int, machines: Machines = HERE
    ) -> None:
        self._work = TryWork(searches, atoms, seed)
        self._crew: Crew[int, Phased] = Crew(machines, self._work)
        self._asked = 0
        self._done: dict[int, Phased | Died] = {}
        self._coming = self._crew.results([number] for number in count(1))

    def next(self) -> Phased:
        """The next try in the order of numbers; InputError where processes died of it."""
        number = self._asked
        self._asked += 1
        if number == 0:
            return phased_try(self._work.searches, self._work.atoms, self._work.seed, 0)
        while number not in self._done:
            made, phased = next(self._coming)
            self._done[made] = phased
        phased = self._done.pop(number)
        if isinstance(phased, Died):
            raise InputError(f"try {number}: {phased.text} A larger --d-min needs less")
        return phased

    def close(self) -> None:
        """Stop what is under work."""
        self._coming.close()
        self._crew.close()
