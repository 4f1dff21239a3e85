"""Worker processes that answer tasks and hand back each result as it comes; one that dies loses nothing.

`argand.processes` is for jobs that leave files behind; here results come back. Each process keeps what it has
set up, such as a loaded network, from one task to the next.
"""

import logging
import multiprocessing
import pickle
import signal
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from types import TracebackType
from typing import Any, Generic, TypeVar

from argand.machine import keep_freed_memory, single_threads
from argand.processes import end_with

Task = TypeVar("Task")
Result = TypeVar("Result")

TRIES = 2
"""How often a task is given to a process before it is taken for the one that kills it. By hand: a process may
die of what others do to the machine, but hardly twice on one task."""
PATIENCE_S = 10.0
"""Seconds that processes are given to end their present task when the others are stopped. By hand: more than
a task takes; who still works then is ended."""

logger = logging.getLogger(__name__)

Setup = Callable[[], Callable[[Sequence[Task]], Iterable[Result]]]
"""Makes, in each process, what gives one result for each of some tasks, in their order."""


@dataclass(frozen=True)
class Died:
    """In place of a result: each process that worked on the task ended without one."""

    exitcode: int | None


@dataclass
class _Worker(Generic[Task]):
    """A process, our end of the pipe to it, and the tasks that it has not answered yet."""

    process: Any
    pipe: Connection
    tasks: deque[Task] = field(default_factory=deque)


class _Queue(Generic[Task]):
    """Chunks of tasks still to be given out, taken from their source when they are due."""

    def __init__(self, chunks: Iterable[Sequence[Task]]) -> None:
        self._source = iter(chunks)
        self._again: deque[Sequence[Task]] = deque()
        self._deaths: dict[int, int] = {}

    def next(self) -> Sequence[Task] | None:
        """A chunk, those of processes that have died first; None when there is none left."""
        if self._again:
            return self._again.popleft()
        return next((chunk for chunk in self._source if chunk), None)

    def put_back(self, tasks: Sequence[Task]) -> bool:
        """Take back what a process left when it died at the first of these; whether that is tried again."""
        first, others = tasks[0], list(tasks)[1:]
        self._deaths[id(first)] = self._deaths.get(id(first), 0) + 1
        again = self._deaths[id(first)] < TRIES
        self._again += [chunk for chunk in ([first] if again else [], others) if chunk]
        return again


class Workers(Generic[Task, Result]):
    """As many processes, started when they are needed; with one, all is done in this one.

    `setup` must be picklable. A context: leaving it ends the processes, which also end when this one is gone.
    """

    def __init__(self, processes: int, setup: Setup) -> None:
        self.processes, self.setup = processes, setup
        self._here: Callable[[Sequence[Task]], Iterable[Result]] | None = None
        self._workers: list[_Worker[Task]] = []

    def __enter__(self) -> "Workers[Task, Result]":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()

    def results(self, chunks: Iterable[Sequence[Task]]) -> Generator[tuple[Task, Result | Died], None, None]:
        """Each task with its result, as they come; the tasks of a chunk are for one process.

        An error within a task, which is one of the program, is raised here. A task on which a process has
        died is given to another one, once.
        """
        if self.processes > 1:
            yield from self._shared_out(_Queue(chunks))
            return
        for chunk in chunks:
            self._here = self._here or self.setup()
            yield from zip(chunk, self._here(chunk), strict=True)

    def end(self) -> None:
        """End the processes once each is through with its present task."""
        for worker in self._workers:
            worker.pipe.close()
        for worker in self._workers:
            worker.process.join(PATIENCE_S)
            if worker.process.is_alive():
                worker.process.kill()
                worker.process.join()
        self._workers.clear()

    def _shared_out(self, queue: "_Queue[Task]") -> Iterator[tuple[Task, Result | Died]]:
        try:
            while True:
                self._give(queue)
                busy = {worker.pipe: worker for worker in self._workers if worker.tasks}
                if not busy:
                    return
                for pipe in wait(list(busy)):
                    worker = busy[pipe]  # pyright: ignore[reportArgumentType]
                    try:
                        error, result = worker.pipe.recv()
                    except (EOFError, OSError):
                        yield from self._buried(worker, queue)
                        continue
                    if error is not None:
                        raise error
                    yield worker.tasks.popleft(), result
        except BaseException:
            self.end()
            raise

    def _give(self, queue: "_Queue[Task]") -> None:
        """Give each idle process a chunk, starting processes as long as there are fewer than allowed."""
        idle = [worker for worker in self._workers if not worker.tasks]
        while idle or len(self._workers) < self.processes:
            chunk = queue.next()
            if chunk is None:
                return
            worker = idle.pop() if idle else self._start()
            worker.tasks = deque(chunk)
            with suppress(OSError):  # it has died since: its end of the pipe says so when it is waited for
                worker.pipe.send(chunk)

    def _start(self) -> _Worker[Task]:
        # Not forked: threads of BLAS, torch and HDF5 do not live on in a fork, and their locks may stay shut.
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        # Packed here: what torch does for tensors on their way to another process shares their memory.
        packed = pickle.dumps(self.setup)
        process = context.Process(target=_work, args=(theirs, packed), daemon=True)
        with single_threads():
            process.start()
        theirs.close()
        self._workers.append(_Worker(process, ours))
        return self._workers[-1]

    def _buried(self, worker: _Worker[Task], queue: "_Queue[Task]") -> Iterator[tuple[Task, Died]]:
        """Take leave of a process that has died; others do its tasks, but one that has killed before."""
        self._workers.remove(worker)
        worker.pipe.close()
        worker.process.join()
        code = worker.process.exitcode
        logger.warning("a worker process ended before its work (exit code %s); another takes over", code)
        if not queue.put_back(worker.tasks):
            yield worker.tasks[0], Died(code)


def _work(pipe: Connection, packed: bytes) -> None:
    """Answer chunks of tasks until the other end of the pipe is closed; Ctrl-C is left to that end."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    keep_freed_memory()
    parent = multiprocessing.parent_process()
    end_with(parent.pid if parent else None)
    answer = None
    try:
        while True:
            chunk = pipe.recv()
            try:
                answer = answer or pickle.loads(packed)()  # noqa: S301  packed by the process that began this
                for result in answer(chunk):
                    pipe.send((None, result))
            except OSError:
                raise
            except Exception as error:  # noqa: BLE001  whatever it is, the other process must hear of it
                pipe.send((_sendable(error), None))
    except (EOFError, OSError):
        return


def _sendable(error: Exception) -> Exception:
    """The error itself, or its text where it cannot be sent to another process."""
    try:
        pickle.loads(pickle.dumps(error))  # noqa: S301  of this process
    except Exception:  # noqa: BLE001  an error's class may refuse in any way
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error
