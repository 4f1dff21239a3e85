"""The progress of one phase of a long measurement."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from argand.progress import ProgressDisplay

Tick = Callable[[int, str], None]
"""Called after each step of a phase with the number of units done in it and a note."""


def unheard(count: int, note: str) -> None:
    """The tick of a phase that is not shown."""


@contextmanager
def shown_phase(title: str, unit: str, total: int, quiet: bool = False) -> Iterator[Tick]:
    """Show rate and time left of a phase of `total` units; gives what is called after each step."""
    done = 0
    with ProgressDisplay(title, unit, quiet=quiet) as display:

        def tick(count: int, note: str) -> None:
            nonlocal done
            done += count
            display.update(min(1.0, done / max(total, 1)), done, note)

        yield tick
