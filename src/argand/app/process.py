"""The worker process as the server sees it: started when it is needed, interrupted, killed, started again."""

import os
import signal
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess

from argand.app.worker import Job, serve
from argand.machine import single_threads
from argand.progress import JobProgress
from argand.system import SYSTEMS

GRACE_S = 20.0
"""Seconds that an interrupted verb has to write its files; then its process is killed. By hand: the longest
step of a verb that cannot be interrupted takes about ten."""
END_S = 3.0
"""Seconds that an idle process has to end. By hand."""

Outcome = tuple[int | None, str]
"""Exit code of a verb and why it failed; the code is None where its process died."""


class WorkerProcess:
    """One process that runs one verb at a time; it stays until `close`, so that what it loaded stays too."""

    def __init__(self, systems: Mapping[str, str] = SYSTEMS) -> None:
        self._systems = dict(systems)
        self._process: BaseProcess | None = None
        self._pipe: Connection | None = None
        self._killer: threading.Timer | None = None
        self._unwanted = False

    @property
    def pid(self) -> int | None:
        """Id of the process; None if there is none."""
        return None if self._process is None or not self._process.is_alive() else self._process.pid

    def run(self, job: Job, heard: Callable[[JobProgress], None]) -> Outcome:
        """Run a job and wait for its end; `heard` is told of its progress, in this thread."""
        pipe = self._ready()
        try:
            pipe.send(job)
            if self._unwanted:  # asked while the process started
                self.interrupt()
            while (message := pipe.recv())[0] == "progress":
                heard(message[1])
        except (EOFError, OSError):
            self._drop()
            return None, "the process that worked on it died: out of memory?"
        return message[1], message[2]

    def interrupt(self) -> None:
        """Ctrl-C for the verb that runs; its process is killed if it does not end within GRACE_S."""
        self._unwanted = True
        pid = self.pid
        if pid is None:
            return
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGINT)
        if self._killer is None:
            self._killer = threading.Timer(GRACE_S, self.kill)
            self._killer.daemon = True
            self._killer.start()

    def settle(self) -> None:
        """The job that was to be interrupted is over."""
        self._unwanted = False
        if self._killer is not None:
            self._killer.cancel()
            self._killer = None

    def kill(self) -> None:
        """End the process at once, with those that it started; the next job starts another."""
        pid = self.pid
        if pid is not None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(pid, signal.SIGKILL)

    def close(self) -> None:
        """End the process."""
        self.settle()
        if self._pipe is not None:
            self._pipe.close()
        if self._process is not None:
            self._process.join(END_S)
            self.kill()
        self._drop()

    def _ready(self) -> Connection:
        if self.pid is None or self._pipe is None:
            self._drop()
            # Not forked: the threads of a server do not survive a fork.
            context = get_context("spawn")
            self._pipe, theirs = context.Pipe()
            self._process = context.Process(
                target=serve, args=(theirs, os.getpid(), self._systems), name="argand-app"
            )
            with single_threads():
                self._process.start()
            theirs.close()
        return self._pipe

    def _drop(self) -> None:
        if self._process is not None:
            self._process.join(END_S)
        if self._pipe is not None:
            self._pipe.close()
        self._process = self._pipe = None
