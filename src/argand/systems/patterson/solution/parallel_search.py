"""Tries from random phases in the order of their numbers, some of them made ahead by other processes.

Try number k draws from the seed and k alone, so the answers do not depend on how many processes there are.
"""

import multiprocessing
import queue
import signal
import time
from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np

from argand.machine import single_threads
from argand.physics.phasing.dual_space import Phased

COUNT_SPREAD = 0.15
"""The number of atoms is only about known; each try takes another, within this share. By hand: the
volume for an atom varies by as much, and some atoms are too weak to be peaks."""
_AHEAD = 8
"""Tries that all processes may be ahead of what was asked for. By hand: so much work is lost once
a crystal is solved."""
_PAUSE_S = 0.02
"""Seconds that a process waits where it is too far ahead. By hand: short beside a try."""
_PATIENCE_S = 0.2
"""Seconds of waiting for others before it is looked whether they still live. By hand."""


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


class ParallelSearch:
    """All tries of searches that take turns, one after the other; with `processes` above 1 others are made
    meanwhile.

    The other processes start after the first try, as that is often enough. They are spawned, which is safe
    beside threads; a script that asks for them needs the usual `if __name__ == "__main__"`.
    """

    def __init__(self, searches: Sequence[Phasing], atoms: float, seed: int, processes: int = 1) -> None:
        self._what = (searches, atoms, seed)
        self._count = processes
        self._asked = 0
        self._done: dict[int, Phased] = {}
        self._processes: list[Any] = []

    def next(self) -> Phased:
        """The next try in the order of numbers."""
        number = self._asked
        if number == 0 or self._count <= 1:
            self._asked += 1
            return phased_try(*self._what, number)
        if not self._processes:
            self._start()
        self._asked_shared.value = number
        self._collect(0.0)
        while number not in self._done:
            self._advance(number)
        self._asked += 1
        return self._done.pop(number)

    def close(self) -> None:
        """End the other processes."""
        for process in self._processes:
            process.terminate()
        self._processes = []
        self._count = 1

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._counter, self._asked_shared = context.Value("q", self._asked), context.Value("q", self._asked)
        self._queue = context.Queue()
        shared = (self._what, self._counter, self._asked_shared, self._queue)
        with single_threads():
            for _ in range(self._count - 1):
                process = context.Process(target=_make_tries, args=shared, daemon=True)
                process.start()
                self._processes.append(process)

    def _advance(self, number: int) -> None:
        """Make a try here, or wait for `number` where others are far enough ahead."""
        mine = _taken(self._counter, self._asked_shared)
        if mine is not None:
            self._done[mine] = phased_try(*self._what, mine)
            self._collect(0.0)
            return
        self._collect(_PATIENCE_S)
        if number not in self._done and not any(process.is_alive() for process in self._processes):
            self._done[number] = phased_try(*self._what, number)

    def _collect(self, patience_s: float) -> None:
        """Take in what the others have made."""
        while True:
            try:
                number, phased = self._queue.get(patience_s > 0, patience_s)
            except queue.Empty:
                return
            self._done[number] = phased
            patience_s = 0.0


def _taken(counter: Any, asked: Any) -> int | None:
    """The next number that nobody has taken, unless it is too far ahead of what was asked for."""
    with counter.get_lock():
        number = counter.value
        if number > asked.value + _AHEAD:
            return None
        counter.value = number + 1
        return number


def _make_tries(what: tuple[Sequence[Phasing], float, int], counter: Any, asked: Any, results: Any) -> None:
    """What another process does until it is ended or its parent is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    while parent is None or parent.is_alive():
        number = _taken(counter, asked)
        if number is None:
            time.sleep(_PAUSE_S)
        else:
            results.put((number, phased_try(*what, number)))
