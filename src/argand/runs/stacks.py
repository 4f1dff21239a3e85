"""Files of many images: a damaged image does not stop the others, and a hopeless file is given up."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

Item = TypeVar("Item")
Task = TypeVar("Task")

GIVE_UP = 3
"""Images of a file that may fail before the file is given up. By hand: one damaged image must not stop the
others, and a missing wavelength must not fill the results with failures."""


def read_each(
    read: Callable[[Sequence[int] | None], Iterator[Item]],
    wanted: Sequence[int] | None,
    count: Callable[[], int] = lambda: 0,
) -> Iterator[Item | Exception]:
    """Yield what `read` gives for each number in order, or the error that it raised there.

    If `wanted` is None, `read(None)` gives all items, and `count` returns their number when it stops at an
    error.
    """
    at = 0
    while wanted is None or at < len(wanted):
        try:
            for item in read(None if wanted is None else wanted[at:]):
                yield item
                at += 1
            return
        except Exception as error:  # noqa: BLE001  any error is the failure of this item only
            yield error
        wanted = range(count()) if wanted is None else wanted
        at += 1


@dataclass
class _Held(Generic[Task]):
    """Tasks of a file that wait for the outcome of its first tasks, then of its last ones."""

    waiting: int
    middle: Sequence[Task]
    tail: Sequence[Task]


class Stacks(Generic[Task]):
    """Iterator over chunks of tasks for a crew.

    Of a file with many tasks the first are tried; if all of them fail, the last; if these fail too, the rest
    is given up. This does not depend on the number of processes. `length` returns how many of the ready tasks
    make up the next chunk.
    """

    def __init__(self, length: Callable[[deque[Task]], int]) -> None:
        self._length = length
        self._ready: deque[Task] = deque()
        self._held: dict[str, _Held[Task]] = {}
        self.given_up: dict[str, Sequence[Task]] = {}
        """Tasks that were never run, by file."""

    def __iter__(self) -> "Stacks[Task]":
        return self

    def __next__(self) -> list[Task]:
        """The next chunk; StopIteration while all remaining tasks wait for results."""
        if not self._ready:
            raise StopIteration
        return [self._ready.popleft() for _ in range(self._length(self._ready))]

    def add(
        self, file: str, head: Sequence[Task], middle: Sequence[Task] = (), tail: Sequence[Task] = ()
    ) -> None:
        """Add the tasks of a file: the first, those in the middle, and the last."""
        self._ready += head
        if middle and file not in self._held:
            self._held[file] = _Held(len(head), middle, tail)
        else:
            self._ready += [*middle, *tail]

    def heard(self, file: str, answered: bool) -> None:
        """Record whether a task of a file succeeded."""
        held = self._held.get(file)
        if held is None:
            return
        held.waiting -= 1
        if answered:
            del self._held[file]
            self._ready += [*held.middle, *held.tail]
        elif not held.waiting and held.tail:
            self._ready += held.tail
            self._held[file] = _Held(len(held.tail), held.middle, ())
        elif not held.waiting:
            del self._held[file]
            self.given_up[file] = held.middle


def within(wanted: Sequence[int], count: int) -> Sequence[int]:
    """Of consecutive numbers, those below `count` and one more, which fails on behalf of the rest."""
    return wanted[: max(0, count - wanted[0]) + 1] if wanted else wanted
