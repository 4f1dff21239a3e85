"""A process pool whose jobs report how far they are and can be stopped between two units of work.

A scheduler on several machines can later take its place behind `run_jobs`.
"""

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ProcessPoolExecutor, wait
from typing import Any

from argand.machine import keep_freed_memory, single_threads

WATCH_S = 0.5
"""How often a process looks for the one that started it, in seconds; by hand, no answer depends on it."""
POLL_S = 0.2
"""How often the progress of the jobs is looked at, in seconds; by hand, no answer depends on it."""

Job = tuple[Any, ...]
"""A function, which takes a Ticker first, and its further arguments."""


class Stopped(Exception):  # noqa: N818 (not an error of the job)
    """Ends a job whose pool was interrupted."""


class Ticker:
    """Counts units of work over all jobs; a tick is where a job may be stopped."""

    def __init__(self, done: Any, stop: Any) -> None:
        self._done, self._stop = done, stop

    def tick(self) -> None:
        """One unit more is done; raises Stopped when the pool was interrupted."""
        with self._done.get_lock():
            self._done.value += 1
        if self._stop.value:
            raise Stopped

    @property
    def shared(self) -> tuple[Any, Any]:
        """What another process makes its ticker of."""
        return self._done, self._stop

    @property
    def done(self) -> int:
        """Units done so far."""
        return self._done.value

    def stop(self) -> None:
        """Have every job end at its next tick."""
        self._stop.value = 1


_ticker: Ticker | None = None
"""The ticker of the pool that this process works for."""


def run_jobs(jobs: Sequence[Job], processes: int, watch: Callable[[int], None]) -> None:
    """Run the jobs in as many processes, calling `watch` with the units done every now and then.

    With one process they run in this one. The first error of a job, or Ctrl-C, stops the others at their next
    tick and is raised. Functions and arguments must be importable and picklable.
    """
    # Not forked: threads of BLAS, torch and HDF5 do not live on in a fork, and their locks may stay shut.
    context = multiprocessing.get_context("spawn")
    ticker = Ticker(context.Value("q", 0), context.Value("b", 0))
    if processes <= 1 or len(jobs) <= 1:
        _run_here(jobs, _WatchedTicker(ticker, watch))
        return
    processes = min(processes, len(jobs))
    with single_threads(), ProcessPoolExecutor(processes, context, _enter, ticker.shared) as pool:
        futures = [pool.submit(_work, job) for job in jobs]
        try:
            _await(futures, ticker, watch)
        except BaseException:
            ticker.stop()
            pool.shutdown(wait=True, cancel_futures=True)
            raise


class _WatchedTicker(Ticker):
    """A ticker of jobs in this process, which shows each unit at once."""

    def __init__(self, ticker: Ticker, watch: Callable[[int], None]) -> None:
        super().__init__(*ticker.shared)
        self._watch = watch

    def tick(self) -> None:
        super().tick()
        self._watch(self.done)


def _run_here(jobs: Sequence[Job], ticker: Ticker) -> None:
    """Run the jobs one after the other."""
    for function, *arguments in jobs:
        function(ticker, *arguments)


def _await(futures: Sequence[Future], ticker: Ticker, watch: Callable[[int], None]) -> None:
    """Watch until all jobs are done; raise the first error."""
    pending = set(futures)
    while pending:
        finished, pending = wait(pending, timeout=POLL_S, return_when=FIRST_EXCEPTION)
        for future in finished:
            future.result()
        watch(ticker.done)


def _enter(done: Any, stop: Any) -> None:
    """Begin a worker process, which leaves Ctrl-C to the one that started it."""
    global _ticker  # the pool's way of handing state to its processes
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    keep_freed_memory()
    parent = multiprocessing.parent_process()
    end_with(parent.pid if parent else None)
    _ticker = Ticker(done, stop)


def end_with(starter: int | None = None) -> None:
    """From now on, end this process at once when the one that started it (by default its parent) is gone.

    `starter` is the process to look for where it may have died before this call.
    """
    threading.Thread(target=_watch, args=(starter or os.getppid(),), daemon=True).start()


def _watch(starter: int) -> None:
    """End this process when another one has adopted it."""
    # Waiting for data of the other is no way out: where it died in between, the data never come.
    while os.getppid() == starter:
        time.sleep(WATCH_S)
    os._exit(1)


def _work(job: Job) -> None:
    """Run one job in a worker process."""
    function, *arguments = job
    function(_ticker, *arguments)
