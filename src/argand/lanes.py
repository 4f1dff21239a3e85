"""Processes of this machine that answer chunks of tasks, each a pool of its own."""

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
"""Seconds that a process is given to end its present chunk when it is stopped. By hand: more than most take;
who still works then is ended."""
WATCH_S = 0.5
"""How often a process looks for the one that started it, in seconds; by hand, no answer depends on it."""


class Lanes:
    """As many processes as asked for, started when they are needed, computing with one thread each.

    Each is a pool of one: a pool of many is lost as a whole when one of its processes dies.
    """

    deaths: tuple[type[Exception], ...] = (BrokenProcessPool,)

    def __init__(self, count: int, setup: Any) -> None:
        self.size = count
        # Packed here: what torch does for tensors on their way to another process shares their memory.
        self._setup = str(uuid4()), packed_setup(setup)
        self._lanes: list[_Lane] = []

    def submit(self, chunk: Sequence[Any]) -> "Future[list[Any]]":
        """Have an idle process answer a chunk, or one more where there are fewer than asked for."""
        for lane in self._lanes:
            if lane.is_idle:
                try:
                    return lane.submit(self._setup[0], chunk)
                except BrokenProcessPool:  # it has died since
                    continue
        self._lanes = [lane for lane in self._lanes if not lane.is_idle]
        self._lanes.append(_Lane(self._setup))
        return self._lanes[-1].submit(self._setup[0], chunk)

    def close(self) -> None:
        """End the processes once each is through with its present chunk, or after PATIENCE_S."""
        enders = [threading.Thread(target=lane.end) for lane in self._lanes]
        for ender in enders:
            ender.start()
        for ender in enders:
            ender.join()
        self._lanes.clear()


class _Lane:
    """One process; what is submitted to it is done in turn."""

    def __init__(self, setup: tuple[str, bytes]) -> None:
        # Not forked: threads of BLAS, torch and HDF5 do not live on in a fork, and their locks may stay shut.
        self._pool = ProcessPoolExecutor(1, get_context("spawn"), _enter, (os.getpid(), *setup))
        with single_threads():
            self._process = self._pool.submit(os.getpid)
        self._last: Future[Any] = self._process

    @property
    def is_idle(self) -> bool:
        """Whether nothing is under work."""
        return self._last is not self._process and self._last.done()

    def submit(self, token: str, chunk: Sequence[Any]) -> "Future[list[Any]]":
        """Have the process answer a chunk."""
        self._last = self._pool.submit(answer_chunk, token, chunk)
        return self._last

    def end(self) -> None:
        """End the process once it is through with what it does, or after PATIENCE_S."""
        ender = threading.Thread(target=self._pool.shutdown, kwargs={"cancel_futures": True})
        ender.start()
        ender.join(PATIENCE_S)
        if ender.is_alive() and self._process.done() and not self._process.exception():
            os.kill(self._process.result(), signal.SIGKILL)
        ender.join()


def _enter(starter: int, token: str, packed: bytes) -> None:
    """Begin a worker process, which leaves Ctrl-C to the one that started it and ends with it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    keep_freed_memory()
    end_with(starter)
    set_up(token, packed)


def end_with(starter: int | None = None) -> None:
    """From now on, end this process at once when the one that started it (by default its parent) is gone.

    `starter` is the process to look for where it may have died before this call.
    """
    parent = parent_process()
    process = starter or (parent.pid if parent else None) or os.getppid()
    threading.Thread(target=_watch, args=(process,), daemon=True).start()


def _watch(starter: int) -> None:
    """End this process when another one has adopted it."""
    # Waiting for data of the other is no way out: where it died in between, the data never come.
    while os.getppid() == starter:
        sleep(WATCH_S)
    os._exit(1)
