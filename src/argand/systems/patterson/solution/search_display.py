"""How far a search is, on the screen, also while a single attempt takes long."""

import time
from threading import Event, Thread
from types import TracebackType

from argand.progress import ProgressDisplay

TICK_S = 0.5
"""Seconds between updates of the display; by hand, no answer depends on it."""


class SearchDisplay:
    """Shows the phase of a search, its attempts, the best R1 so far and the time; a context.

    A thread of its own keeps the time going. It is the `file_search.Observer` of the command line.
    """

    def __init__(self, title: str, time_limit: float) -> None:
        self.time_limit = time_limit
        self._display = ProgressDisplay(title, "attempts")
        self._phase, self._attempts, self._figure = "reading", 0, 1.0
        self._started = time.monotonic()
        self._over = Event()
        self._ticker = Thread(target=self._tick, daemon=True)

    def __enter__(self) -> "SearchDisplay":
        self._started = time.monotonic()
        self._display.__enter__()
        self.show()
        self._ticker.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._ticker.join()
        self._display.__exit__(kind, error, trace)

    def begin(self, phase: str) -> None:
        """A part of the work begins."""
        self._phase = phase
        self.show()

    def warn(self, note: str) -> None:
        """Something about the data that the user should know."""
        self._display.warn(f"warning: {note}")

    def attempt(self, attempts: int, figure: float) -> None:
        """So many attempts were made, of which the best has this R1, or misfit of a placed molecule."""
        self._attempts, self._figure = attempts, figure
        self.show()

    def show(self) -> None:
        """Update the display."""
        spent = time.monotonic() - self._started
        best = f", {self._attempts} attempts, best R1 {self._figure:.3f}" if self._attempts else ""
        share = min(spent / self.time_limit, 1.0)
        self._display.update(share, self._attempts, f"{self._phase}{best}, {spent:.0f} s")

    def _tick(self) -> None:
        while not self._over.wait(TICK_S):
            self.show()
