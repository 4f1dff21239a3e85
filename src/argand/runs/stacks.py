"""Files of many images: one that is damaged keeps no other from its answer, and a hopeless file is left."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

Item = TypeVar("Item")
Task = TypeVar("Task")

GIVE_UP = 3
"""Images of a file that may fail before nothing more is asked of it. By hand: one damaged image must not keep
the others from their answers, nor a missing wavelength fill the results."""


def read_each(
    read: Callable[[Sequence[int] | None], Iterator[Item]],
    wanted: Sequence[int] | None,
    count: Callable[[], int] = lambda: 0,
) -> Iterator[Item | Exception]:
    """What `read` gives for each number in its turn, or the error that it raised there.

    Where nothing is `wanted`, `read(None)` gives all there is, and `count` says how much that is when it
    stops at an error.
    """
    at = 0
    while wanted is None or at < len(wanted):
        try:
            for item in read(None if wanted is None else wanted[at:]):
                yield item
                at += 1
            return
        except Exception as error:  # noqa: BLE001  whatever it is, it is the failure of this one alone
            yield error
        wanted = range(count()) if wanted is None else wanted
        at += 1


@dataclass
class _Held(Generic[Task]):
    """What is held back of a file until some of its first tasks are answered, then its last ones."""

    waiting: int
    middle: Sequence[Task]
    tail: Sequence[Task]


class Stacks(Generic[Task]):
    """Chunks of tasks for a crew, as long as it asks for them.

    Of a file with many tasks the first are asked; where all of them fail, the last; and where these fail too,
    what lies between is given up. That does not depend on how many processes work on them. `length` says how
    many of the tasks that are ready make the next chunk.
    """

    def __init__(self, length: Callable[[deque[Task]], int]) -> None:
        self._length = length
        self._ready: deque[Task] = deque()
        self._held: dict[str, _Held[Task]] = {}
        self.given_up: dict[str, Sequence[Task]] = {}
        """Tasks that were not given out, by their file."""

    def __iter__(self) -> "Stacks[Task]":
        return self

    def __next__(self) -> list[Task]:
        """The next chunk; StopIteration while all that is left waits for answers."""
        if not self._ready:
            raise StopIteration
        return [self._ready.popleft() for _ in range(self._length(self._ready))]

    def add(
        self, file: str, head: Sequence[Task], middle: Sequence[Task] = (), tail: Sequence[Task] = ()
    ) -> None:
        """Take the tasks of a file: the first, the last, and what lies between."""
        self._ready += head
        if middle and file not in self._held:
            self._held[file] = _Held(len(head), middle, tail)
        else:
            self._ready += [*middle, *tail]

    def heard(self, file: str, answered: bool) -> None:
        """Take note of how a task of a file has gone."""
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
    """Of numbers that rise by one those below `count`, and one more, whose failure stands for the rest."""
    return wanted[: max(0, count - wanted[0]) + 1] if wanted else wanted
