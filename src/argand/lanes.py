"""Processes of this machine that compute chunks of tasks, each in a pool of its own."""

import os
import signal
import threading
from collections.abc import Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context, parent_process
from time import sleep
from typing import Any
from uuid import uuid4

from argand.answering import answer_chunk, packed_setup, set_up
from argand.machine import keep_freed_memory, single_threads

PATIENCE_S = 10.0
"""Seconds that a process has to finish its current chunk when stopped; then it is killed. By hand: longer
than most chunks take."""
WATCH_S = 0.5
"""Interval in seconds at which a process checks that its starter is alive; by hand, no result depends on
it."""


class Lanes:
    """A fixed number of single-threaded processes, started when they are needed.

    Each is a pool of one: a larger pool is lost as a whole when one of its processes dies.
    """

    deaths: tuple[type[Exception], ...] = (BrokenProcessPool,)

    def __init__(self, count: int, setup: Any) -> None:
        self.size = count
        # Pickled here: torch would pass tensors to other processes through shared memory.
        self._setup = str(uuid4()), packed_setup(setup)
        self._lanes: list[_Lane] = []

    def submit(self, chunk: Sequence[Any]) -> "Future[list[Any]]":
        """Submit a chunk to an idle process, or start another one for it."""
        for lane in self._lanes:
            if lane.is_idle:
                try:
                    return lane.submit(self._setup[0], chunk)
                except BrokenProcessPool:  # it has died in the meantime
                    continue
        self._lanes = [lane for lane in self._lanes if not lane.is_idle]
        self._lanes.append(_Lane(self._setup))
        return self._lanes[-1].submit(self._setup[0], chunk)

    def close(self) -> None:
        """End the processes, each after its current chunk or after PATIENCE_S."""
        enders = [threading.Thread(target=lane.end) for lane in self._lanes]
        for ender in enders:
            ender.start()
        for ender in enders:
            ender.join()
        self._lanes.clear()


class _Lane:
    """One process, which computes its chunks in turn."""

    def __init__(self, setup: tuple[str, bytes]) -> None:
        # Not forked: threads of BLAS, torch and HDF5 do not survive a fork, and their locks may stay locked.
        self._pool = ProcessPoolExecutor(1, get_context("spawn"), _enter, (os.getpid(), *setup))
        with single_threads():
            self._process = self._pool.submit(os.getpid)
        self._last: Future[Any] = self._process

    @property
    def is_idle(self) -> bool:
        """Whether no chunk is running."""
        return self._last is not self._process and self._last.done()

    def submit(self, token: str, chunk: Sequence[Any]) -> "Future[list[Any]]":
        """Submit a chunk."""
        self._last = self._pool.submit(answer_chunk, token, chunk)
        return self._last

    def end(self) -> None:
        """End the process after its current chunk or after PATIENCE_S."""
        ender = threading.Thread(target=self._pool.shutdown, kwargs={"cancel_futures": True})
        ender.start()
        ender.join(PATIENCE_S)
        if ender.is_alive() and self._process.done() and not self._process.exception():
            os.kill(self._process.result(), signal.SIGKILL)
        ender.join()


def _enter(starter: int, token: str, packed: bytes) -> None:
    """Initialise a worker process, which leaves Ctrl-C to its starter and ends with it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    keep_freed_memory()
    end_with(starter)
    set_up(token, packed)


def end_with(starter: int | None = None) -> None:
    """From now on, end this process as soon as its starter (by default its parent) is gone.

    `starter` is the process id to watch, in case that process died before this call.
    """
    parent = parent_process()
    process = starter or (parent.pid if parent else None) or os.getppid()
    threading.Thread(target=_watch, args=(process,), daemon=True).start()


def _watch(starter: int) -> None:
    """End this process once it has a new parent."""
    # Waiting for data from the starter does not work: if it died in between, they never arrive.
    while os.getppid() == starter:
        sleep(WATCH_S)
    os._exit(1)
