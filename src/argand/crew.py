"""Work shared among processes of this machine or the workers of a Dask cluster.

Every verb over many items uses a `Crew`: chunks of tasks go in, and the result of each task comes out as soon
as it is ready, the same whatever computes it. If a process dies nothing is lost: another one does its tasks.
"""

import logging
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, CancelledError, Future, wait
from dataclasses import dataclass
from types import TracebackType
from typing import Any, ClassVar, Generic, Protocol, TypeVar, runtime_checkable

from argand.errors import ConfigError
from argand.machine import available_cores

Task = TypeVar("Task")
Result = TypeVar("Result")

START_S = 3.0
"""Seconds of work after which sharing it pays. By hand: a process takes about as long to start, so that at
most twice the time is spent."""
WORKERS = 64
"""Assumed number of workers of a cluster, where they come and go; it sets the chunk size. By hand: with more
workers, some wait at the end; with fewer, nothing is lost."""
LOOK_S = 5.0
"""Seconds without any result after which to check whether more chunks can be submitted. By hand."""

logger = logging.getLogger(__name__)

Setup = Callable[[], Callable[[Sequence[Task]], Iterable[Result]]]
"""Called once in each process; returns a function that maps a sequence of tasks to their results, in
order."""


@dataclass(frozen=True)
class Machines:
    """Where the items of a verb are processed: on this machine, or by the workers of a Dask scheduler.

    With one process, everything runs in this one. None: in this one for START_S seconds, then, if work is
    left, in one process per core. Raises ConfigError for an invalid combination.
    """

    processes: int | None = None
    scheduler: str | None = None

    def __post_init__(self) -> None:
        if self.processes is not None and self.processes < 1:
            raise ConfigError(f"the number of processes is {self.processes}; give 1 or more")
        if self.processes is not None and self.scheduler is not None:
            raise ConfigError("--processes and --scheduler exclude each other; leave one of them out")

    @property
    def most(self) -> int:
        """Largest number of processes: of this machine, or assumed for a cluster."""
        return self.processes or (available_cores() if self.scheduler is None else WORKERS)


HERE = Machines(1)
"""This process only."""
CORES = Machines()
"""This process, and all cores if the work takes long."""


@dataclass(frozen=True)
class Died:
    """Stands for a result if each process that worked on the task died; `text` says so."""

    text: ClassVar[str] = "the process that worked on it died twice: out of memory?"


@runtime_checkable
class Team(Protocol):
    """Processes that take chunks."""

    deaths: tuple[type[Exception], ...]
    """Exceptions that futures raise when the process that worked on them has died."""

    @property
    def size(self) -> int:
        """Largest number of chunks running or waiting."""
        ...

    def submit(self, chunk: Sequence[Any]) -> "Future[list[Any]]":
        """Submit a chunk to any process."""
        ...

    def close(self) -> None:
        """Stop the running chunks and release the processes."""
        ...


class Crew(Generic[Task, Result]):
    """Computes tasks in this process, in others of this machine, or on a cluster.

    `setup` must be picklable. A context manager: leaving it ends the processes, which also end when this one
    does. Processes of this machine are started when they are needed.
    """

    def __init__(self, machines: Machines, setup: Setup) -> None:
        self.machines, self.setup = machines, setup
        self._answer: Callable[[Sequence[Task]], Iterable[Result]] | None = None
        self._team: Team | None = None

    def __enter__(self) -> "Crew[Task, Result]":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def results(self, chunks: Iterable[Sequence[Task]]) -> Generator[tuple[Task, Result | Died], None, None]:
        """Yield each task with its result as soon as it is ready; one process does all tasks of a chunk.

        `chunks` is read as results arrive, so that results may lead to further chunks. An error within a task
        is a bug and is raised here. Tasks of a process that died are done last, one at a time; a task on
        which a process dies again is given up. Closing the generator stops all work.
        """
        source = iter(chunks)
        if self._team is None and self.machines.scheduler is None and self.machines.processes in (1, None):
            yield from self._here(source)
        yield from self._shared_out(_Drawn(source))

    def close(self) -> None:
        """End the processes, each after its current chunk or after a short wait."""
        team, self._team = self._team, None
        if team is not None:
            team.close()

    def _here(self, source: Iterator[Sequence[Task]]) -> Iterator[tuple[Task, Result]]:
        """Results of this process, until it pays to start others."""
        may_share = self.machines.most > 1
        spent = 0.0
        while not (may_share and spent > START_S) and (chunk := next(source, None)) is not None:
            self._answer = self._answer or self.setup()
            begun = time.monotonic()
            yield from zip(chunk, self._answer(chunk), strict=True)
            spent += time.monotonic() - begun

    def _shared_out(self, source: "_Drawn[Task]") -> Iterator[tuple[Task, Result | Died]]:
        running: dict[Future[list[Result]], Sequence[Task]] = {}
        suspects: deque[Task] = deque()
        alone = whole = False
        try:
            while True:
                alone = self._fill(running, source, suspects) or alone
                if not running:
                    break
                source.draw(self._present_team().size)
                for future in wait(running, LOOK_S, FIRST_COMPLETED).done:
                    chunk = running.pop(future)
                    try:
                        results = future.result()
                    except CancelledError as error:
                        text = "lost the connection to the scheduler; run the same command again to continue"
                        raise ConfigError(f"{self.machines.scheduler}: {text}") from error
                    except self._present_team().deaths:
                        logger.warning("a worker process died; another one takes over its work")
                        if alone:
                            yield chunk[0], Died()
                        else:
                            suspects += chunk
                        continue
                    if not alone:  # no process should wait while these results are used
                        self._fill(running, source)
                    yield from zip(chunk, results, strict=True)
                alone = alone and bool(running)
            whole = True
        finally:
            if not whole:
                self.close()

    def _fill(
        self,
        running: dict[Future[list[Result]], Sequence[Task]],
        source: "_Drawn[Task]",
        suspects: deque[Task] | None = None,
    ) -> bool:
        """Submit chunks while there is room; whether a suspect task is now running alone."""
        while self._team is None or len(running) < self._team.size:
            chunk = source.next()
            if chunk is None:
                break
            if chunk:
                running[self._present_team().submit(chunk)] = chunk
        if suspects and not running:
            chunk = [suspects.popleft()]
            running[self._present_team().submit(chunk)] = chunk
            return True
        return False

    def _present_team(self) -> Team:
        if self._team is None:
            self._team = self._gathered()
        return self._team

    def _gathered(self) -> Team:
        if self.machines.scheduler is None:
            from argand.lanes import Lanes

            return Lanes(self.machines.most, self.setup)
        from argand.cluster import Cluster

        return Cluster(self.machines.scheduler, self.setup)


class _Drawn(Generic[Task]):
    """A source of chunks that reads ahead while others are running, since reading takes time too."""

    def __init__(self, source: Iterator[Sequence[Task]]) -> None:
        self._source = source
        self._chunks: deque[Sequence[Task]] = deque()

    def next(self) -> Sequence[Task] | None:
        """The next chunk; None if there is none at present."""
        return self._chunks.popleft() if self._chunks else next(self._source, None)

    def draw(self, count: int) -> None:
        """Read ahead until this many chunks are ready."""
        while len(self._chunks) < count and (chunk := next(self._source, None)) is not None:
            self._chunks.append(chunk)


def chunk_length(left: int, machines: Machines, most: int) -> int:
    """Number of the remaining tasks that make up the next chunk: at most `most`, fewer at the end."""
    # A quarter, by hand, of each process's share of the remaining tasks.
    return max(1, min(most, left // (4 * machines.most)))


def in_chunks(tasks: Sequence[Task], machines: Machines, most: int) -> Iterator[Sequence[Task]]:
    """The tasks in chunks of at most `most`, smaller towards the end, so that all processes finish
    together."""
    at = 0
    while at < len(tasks):
        length = chunk_length(len(tasks) - at, machines, most)
        yield tasks[at : at + length]
        at += length
