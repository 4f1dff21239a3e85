"""The queue of jobs: one runs at a time, in a process that stays; others wait, and may be taken out."""

import logging
import threading
from collections import deque
from collections.abc import Callable

from argand.app.process import WorkerProcess
from argand.app.run import LOG, Run
from argand.app.store import RunStore
from argand.app.worker import Job
from argand.errors import ArgandError, ConfigError
from argand.progress import JobProgress

MOST_WAITING = 100
"""Most jobs that wait. By hand: more are a mistake or an attack, and each keeps its files."""

logger = logging.getLogger(__name__)


class JobQueue:
    """Runs the jobs of a store, in the order in which they were put in, in a thread of its own."""

    def __init__(self, store: RunStore, process: WorkerProcess | None = None) -> None:
        self.store, self.process = store, process or WorkerProcess()
        self.progress: dict[str, JobProgress] = {}
        """Of the run that is running."""
        self._waiting: deque[Run] = deque()
        self._current: Run | None = None
        self._cancelled = self._closed = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._work, name="argand-app-queue", daemon=True)

    def start(self) -> None:
        """Begin to work."""
        self._thread.start()

    def put(self, run: Run) -> None:
        """Add a run; ConfigError if too many wait."""
        with self._changed:
            self.require_room()
            self.store.save(run)
            self._waiting.append(run)
            self._changed.notify_all()

    def require_room(self) -> None:
        """Raise ConfigError if too many jobs wait."""
        if len(self._waiting) >= MOST_WAITING:
            raise ConfigError(f"{MOST_WAITING} jobs wait already; let some end or cancel them")

    def place(self, run: Run) -> int | None:
        """How many jobs are before a waiting one; None if it does not wait."""
        with self._changed:
            waiting = list(self._waiting)
            return waiting.index(run) + (self._current is not None) if run in waiting else None

    def cancel(self, run: Run) -> bool:
        """Take a waiting run out, or interrupt the running one; whether there was anything to cancel."""
        with self._changed:
            if run is self._current:
                self._cancelled = True
                self.process.interrupt()
                return True
            if run not in self._waiting:
                return False
            self._waiting.remove(run)
            run.end(None, "cancelled before it began", cancelled=True)
            self.store.save(run)
            return True

    def close(self) -> None:
        """Interrupt what runs, take out what waits, and end the process."""
        with self._changed:
            self._closed = True
            for run in list(self._waiting):
                self.cancel(run)
            if self._current is not None:
                self.cancel(self._current)
            self._changed.notify_all()
        if self._thread.is_alive():
            self._thread.join()
        self.process.close()

    def _work(self) -> None:
        while (run := self._next()) is not None:
            try:
                self._do(run)
            except Exception as error:  # the queue outlives a full disk
                logger.exception("run %s", run.id)
                told = str(error) if isinstance(error, ArgandError) else type(error).__name__
                run.end(1, f"its state cannot be stored: {told}")
            finally:
                with self._changed:
                    self._current = None

    def _next(self) -> Run | None:
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._waiting)
            if self._closed:
                return None
            self._current, self._cancelled = self._waiting.popleft(), False
            self._current.begin()
            return self._current

    def _do(self, run: Run) -> None:
        self.store.save(run)
        job = Job(tuple(run.command), self.store.place(run) / LOG)
        code, message = self.process.run(job, self._listener(run))
        with self._changed:
            # From here on a request to cancel comes too late; the next job must not suffer from it.
            self._current = None
            self.process.settle()
            cancelled = self._cancelled and code != 0
        self.progress.pop(run.id, None)
        run.end(code, message, cancelled=cancelled)
        self.store.save(run)

    def _listener(self, run: Run) -> Callable[[JobProgress], None]:
        def heard(progress: JobProgress) -> None:
            self.progress[run.id] = progress

        return heard
