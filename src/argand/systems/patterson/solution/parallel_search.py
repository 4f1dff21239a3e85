"""Attempts from random phases in the order of their numbers, some of them made ahead by other processes.

Attempt number k draws from the seed and k alone, so that answers do not depend on the number of processes.
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
"""The number of atoms is only about known; each attempt takes another, within this share. By hand: the
volume for an atom varies by as much, and some atoms are too weak to be peaks."""


@runtime_checkable
class Phasing(Protocol):
    """What makes attempts: `dual_space.Search` in a group, `space_group.FreePhases` without one."""

    def attempt(self, atoms: float, rng: np.random.Generator) -> Phased:
        """One attempt; `atoms` other than hydrogen in the asymmetric unit."""
        ...


def phased_attempt(searches: Sequence[Phasing], atoms: float, seed: int, number: int) -> Phased:
    """Attempt `number` of the random `seed`, by one search after the other in turn.

    `atoms` is about the number of atoms other than hydrogen in the asymmetric unit.
    """
    rng = np.random.default_rng([seed, number])
    return searches[number % len(searches)].attempt(
        atoms * rng.uniform(1 - COUNT_SPREAD, 1 + COUNT_SPREAD), rng
    )


@dataclass(frozen=True)
class AttemptWork:
    """What a process needs to make attempts."""

    searches: Sequence[Phasing]
    atoms: float
    seed: int

    def __call__(self) -> "Callable[[Sequence[int]], list[Phased]]":
        """What makes attempts."""
        return self.attempts

    def attempts(self, numbers: Sequence[int]) -> list[Phased]:
        """The attempts of these numbers."""
        return [phased_attempt(self.searches, self.atoms, self.seed, number) for number in numbers]


class ParallelSearch:
    """All attempts of searches that take turns, in the order of their numbers.

    The first is made here, as one is often enough; then `machines` make them, some ahead of what was asked
    for. Processes are spawned, which is safe beside threads; a script that asks for them needs the usual
    `if __name__ == "__main__"`.
    """

    def __init__(
        self, searches: Sequence[Phasing], atoms: float, seed: int, machines: Machines = HERE
    ) -> None:
        self._work = AttemptWork(searches, atoms, seed)
        self._crew: Crew[int, Phased] = Crew(machines, self._work)
        self._asked = 0
        self._done: dict[int, Phased | Died] = {}
        self._coming = self._crew.results([number] for number in count(1))

    def next(self) -> Phased:
        """The next attempt in the order of numbers; InputError where processes died of it."""
        number = self._asked
        self._asked += 1
        if number == 0:
            return phased_attempt(self._work.searches, self._work.atoms, self._work.seed, 0)
        while number not in self._done:
            made, phased = next(self._coming)
            self._done[made] = phased
        phased = self._done.pop(number)
        if isinstance(phased, Died):
            raise InputError(f"attempt {number}: {phased.text} A larger --d-min needs less")
        return phased

    def close(self) -> None:
        """Stop what is under work."""
        self._coming.close()
        self._crew.close()
