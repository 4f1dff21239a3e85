"""Progress of a long job: a bar in a terminal, a log line every half minute elsewhere."""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn
from rich.text import Text

LOG_INTERVAL_S = 30.0
"""Seconds between log lines; by hand, no result depends on it."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class JobProgress:
    """How far a job is: the fraction done, `done` units of it in this run, and seconds left, if known."""

    title: str
    unit: str
    share: float
    done: int
    rate: float
    """Units per second."""
    left_s: float | None
    note: str


class _Listeners:
    """Who hears of the progress of this process; a display may be updated by any of its threads."""

    heard: Callable[[JobProgress], None] | None = None


@contextmanager
def heard_by(listener: Callable[[JobProgress], None]) -> Iterator[None]:
    """Context in which every display of this process, shown or quiet, tells the listener of each update."""
    before, _Listeners.heard = _Listeners.heard, listener
    try:
        yield
    finally:
        _Listeners.heard = before


class ProgressDisplay:
    """Shows the fraction done, the rate in `unit` per second, the time left and a note.

    A context manager; a `quiet` display shows nothing. `begun` is the fraction that was done before.
    """

    def __init__(self, title: str, unit: str = "samples", begun: float = 0.0, quiet: bool = False) -> None:
        self.title, self.unit, self.begun, self.quiet = title, unit, begun, quiet
        console = Console(stderr=True)
        columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[status]}"))
        self._bar = Progress(*columns, console=console) if console.is_terminal and not quiet else None
        self._task = self._bar.add_task(title, total=1.0, status="") if self._bar else None
        self._started = self._logged = time.monotonic()

    def __enter__(self) -> "ProgressDisplay":
        self.restart()
        if self._bar:
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar:
            self._bar.stop()

    def restart(self) -> None:
        """Start measuring the rate now, after preparations."""
        self._started = self._logged = time.monotonic()

    def warn(self, text: str) -> None:
        """Print a line in yellow on the error stream, above the bar where there is one."""
        console = self._bar.console if self._bar else Console(stderr=True)
        console.print(Text(text, style="yellow"), soft_wrap=True)

    def update(self, share: float, done: int, note: str = "") -> None:
        """Show that the fraction `share` (0 to 1) of the job is done, `done` units of it in this run."""
        now = time.monotonic()
        here = max(now - self._started, 1e-9)
        left = here * (1 - share) / (share - self.begun) if share > self.begun else None
        if _Listeners.heard is not None:
            _Listeners.heard(JobProgress(self.title, self.unit, share, done, done / here, left, note))
        status = f"{done / here:.3g} {self.unit}/s, {duration(left)} left"
        status += f", {note}" if note else ""
        if self._bar and self._task is not None:
            self._bar.update(self._task, completed=share, status=status)
        elif not self.quiet and now - self._logged >= LOG_INTERVAL_S:
            self._logged = now
            logger.info("%s: %.0f %%, %s", self.title, 100 * share, status)


def duration(seconds: float | None) -> str:
    """Time as H:MM:SS, or `?` for None."""
    if seconds is None:
        return "?"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{rest:02d}"
