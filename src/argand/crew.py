"""Work that is shared out among processes of this machine or the workers of a Dask cluster.

Every verb over many items goes through a `Crew`: chunks of tasks in, the result of each task out as it comes,
the same whatever works on them. A process that dies loses nothing: its tasks are done by another one.
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
"""Seconds of work after which it pays to share it out. By hand: a process takes about as long to start, so
that at most twice the time is spent."""
WORKERS = 64
"""Workers that chunks are made small enough for where a cluster does the work, whose workers come and go. By
hand: with more of them a chunk waits for one of the last images, with fewer nothing is lost."""
LOOK_S = 5.0
"""Seconds without any result after which it is looked whether there is room for more. By hand."""

logger = logging.getLogger(__name__)

Setup = Callable[[], Callable[[Sequence[Task]], Iterable[Result]]]
"""Makes, once in each process, what gives one result for each of some tasks, in their order."""


@dataclass(frozen=True)
class Machines:
    """What works on the items of a verb: processes of this machine, or the workers of a Dask scheduler.

    With one process all is done in this one. None: in this one for START_S seconds, and then, where work is
    left, in as many as there are cores. Raises ConfigError for what cannot be.
    """

    processes: int | None = None
    scheduler: str | None = None

    def __post_init__(self) -> None:
        if self.processes is not None and self.processes < 1:
            raise ConfigError(f"{self.processes} processes cannot work; give 1 or more")
        if self.processes is not None and self.scheduler is not None:
            raise ConfigError("--processes and --scheduler exclude each other: the cluster has its workers")

    @property
    def most(self) -> int:
        """Processes that there may be: of this machine, or as many as a cluster is expected to have."""
        return self.processes or (available_cores() if self.scheduler is None else WORKERS)


HERE = Machines(1)
"""This process alone."""
CORES = Machines()
"""This process, and where that takes long all cores."""


@dataclass(frozen=True)
class Died:
    """In place of a result: each process that worked on the task ended without one; `text` tells that."""

    text: ClassVar[str] = "the process that worked on it ended, twice: out of memory?"


@runtime_checkable
class Team(Protocol):
    """Processes that wait for chunks."""

    deaths: tuple[type[Exception], ...]
    """What futures raise when the process that worked on them has ended."""

    @property
    def size(self) -> int:
        """Chunks that may be under work or wait for it at a time."""
        ...

    def submit(self, chunk: Sequence[Any]) -> "Future[list[Any]]":
        """Have some process answer a chunk."""
        ...

    def close(self) -> None:
        """End what is under work and let the processes go."""
        ...


class Crew(Generic[Task, Result]):
    """What works on tasks: this process, others of this machine, or a cluster.

    `setup` must be picklable. A context: leaving it ends the processes, which also end when this one is gone.
    Processes of this machine are started when they are needed.
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
        """Each task with its result, as they come; the tasks of a chunk are for one process.

        `chunks` is asked for more as long as there are results, so that these may lead to further chunks. An
        error within a task, which is one of the program, is raised here. Tasks of a process that died are
        done last, each by itself; one on which a process dies again is given up. Closing the generator stops
        all.
        """
        source = iter(chunks)
        if self._team is None and self.machines.scheduler is None and self.machines.processes in (1, None):
            yield from self._here(source)
        yield from self._shared_out(_Drawn(source))

    def close(self) -> None:
        """End the processes, once each is through with its present chunk, or soon."""
        team, self._team = self._team, None
        if team is not None:
            team.close()

    def _here(self, source: Iterator[Sequence[Task]]) -> Iterator[tuple[Task, Result]]:
        """Results of this process, until it pays to have others."""
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
                        text = "this run lost its scheduler; the same command goes on where it was"
                        raise ConfigError(f"{self.machines.scheduler}: {text}") from error
                    except self._present_team().deaths:
                        logger.warning("a worker process ended before its work; another takes over")
                        if alone:
                            yield chunk[0], Died()
                        else:
                            suspects += chunk
                        continue
                    if not alone:  # nobody is to wait while these results are looked at
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
        """Give out chunks as long as there is room; whether a suspect is under work, alone."""
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
    """A source of chunks, some drawn while others are under work: to read them takes time too."""

    def __init__(self, source: Iterator[Sequence[Task]]) -> None:
        self._source = source
        self._chunks: deque[Sequence[Task]] = deque()

    def next(self) -> Sequence[Task] | None:
        """The next chunk; None where there is none now."""
        return self._chunks.popleft() if self._chunks else next(self._source, None)

    def draw(self, count: int) -> None:
        """Have so many chunks at hand."""
        while len(self._chunks) < count and (chunk := next(self._source, None)) is not None:
            self._chunks.append(chunk)


def chunk_length(left: int, machines: Machines, most: int) -> int:
    """How many of the tasks that are left make a chunk: at most `most`, fewer at the end."""
    # A quarter, by hand, of what each process has still to expect.
    return max(1, min(most, left // (4 * machines.most)))


def in_chunks(tasks: Sequence[Task], machines: Machines, most: int) -> Iterator[Sequence[Task]]:
    """The tasks in chunks of at most `most`, smaller ones at the end, so that all processes end together."""
    at = 0
    while at < len(tasks):
        length = chunk_length(len(tasks) - at, machines, most)
        yield tasks[at : at + length]
        at += length
