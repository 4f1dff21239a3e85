"""The progress of one phase of a long measurement."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from argand.progress import ProgressDisplay


class Tick(Protocol):
    """Called after each step of a phase."""

    def __call__(self, count: int = 1, note: str = "") -> None:
        """Take note of so many more units that are done."""
        ...


def unheard(count: int = 1, note: str = "") -> None:
    """The tick of a phase that is not shown."""


@contextmanager
def shown_phase(title: str, unit: str, total: int, quiet: bool = False) -> Iterator[Tick]:
    """Show rate and time left of a phase of `total` units; gives what is called after each step."""
    done = 0
    with ProgressDisplay(title, unit, quiet=quiet) as display:

        def tick(count: int = 1, note: str = "") -> None:
            nonlocal done
            done += count
            display.update(min(1.0, done / max(total, 1)), done, note)

        yield tick
