"""How far a long job is: a bar in a terminal, a line in the log every half minute elsewhere."""

import logging
import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

LOG_INTERVAL_S = 30.0

logger = logging.getLogger(__name__)


class ProgressDisplay:
    """Shows the share done, the rate in `unit` per second, the time left and a note.

    Used as a context; a `quiet` display shows nothing.
    """

    def __init__(self, title: str, unit: str = "samples", quiet: bool = False) -> None:
        self.title, self.unit, self.quiet = title, unit, quiet
        console = Console(stderr=True)
        columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[status]}"))
        self._bar = Progress(*columns, console=console) if console.is_terminal and not quiet else None
        self._task = self._bar.add_task(title, total=1.0, status="") if self._bar else None
        self._started = self._logged = time.monotonic()

    def __enter__(self) -> Self:
        self._started = self._logged = time.monotonic()
        if self._bar:
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar:
            self._bar.stop()

    def update(self, share: float, done: int, elapsed: float | None = None, note: str = "") -> None:
        """Show that `share` of the job (0 to 1) is done, with `done` units made by this display's job.

        `elapsed` is the time that the share took when the job began before this display, in seconds.
        """
        now = time.monotonic()
        here = max(now - self._started, 1e-9)
        left = (here if elapsed is None else elapsed) * (1 / share - 1) if share > 0 else None
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
