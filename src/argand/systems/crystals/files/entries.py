"""Structures of many files, each under a name that a file can have, and the work that is left of them."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from argand.crew import Crew, Died, Machines, chunk_length
from argand.errors import ConfigError, InputError
from argand.io.structure import expand_all, is_structure_file, read_many
from argand.io.structure_parquet import count_rows
from argand.physics.crystal.structure import Structure
from argand.progress import ProgressDisplay
from argand.runs.course import Failure
from argand.runs.folder import file_stem, unique_name
from argand.runs.one_by_one import OneByOne
from argand.runs.record import SCHEMA_VERSION, Record
from argand.runs.resume import ASKED, digest
from argand.runs.store import RecordStore

_CHUNK = 8
"""Structures that are sent to a process at a time, at most. By hand: some seconds, and little to do again for
a run that was killed."""


class Entry(NamedTuple):
    """A structure of a source, or why there is none; `entry` is its number there, from 0.

    `notes` are lines on how it was read.
    """

    name: str
    source: str
    entry: int
    found: Structure | InputError
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Task:
    """One structure to encode, or to write from itself or from a latent; `asked` is what that rests on."""

    name: str
    source: str
    given: Structure | np.ndarray
    asked: str
    entry: int | None = None
    notes: tuple[str, ...] = ()

    def __str__(self) -> str:
        return self.source


class StructureFiles:
    """The entries of some files, no two of one name, read as they are asked for.

    A pattern that names nothing is an entry of its own, which says why; InputError where all do. `taken` are
    names (in small letters) that are not to be given again.
    """

    def __init__(self, patterns: Sequence[str]) -> None:
        self._files = expand_all(patterns)
        self.taken: set[str] = set()
        if all(self._files.values()):
            raise next(filter(None, self._files.values()), InputError("no structures; name some files"))
        self._counts = {path: 1 if why else count_rows(path) for path, why in self._files.items()}
        self._read, self._unread = 0, sum(self._counts.values())

    def __len__(self) -> int:
        """How many there are, as far as that is known: for files other than tables it is known at the end."""
        return self._read + self._unread

    @property
    def paths(self) -> list[Path]:
        """The files."""
        return [path for path, why in self._files.items() if why is None]

    def __iter__(self) -> Iterator[Entry]:
        seen = set(self.taken)
        for path, count in self._counts.items():
            behind = self._unread - count
            why = self._files[path]
            absent = [] if why is None else [Entry(str(path), str(path), 0, why)]
            for one in absent or _entries_of(path, seen):
                self._read, self._unread = self._read + 1, max(self._unread - 1, behind)
                yield one
            self._unread = behind


def _entries_of(path: Path, seen: set[str]) -> Iterator[Entry]:
    if not is_structure_file(path):
        reason = InputError(f"{path}: not a CIF, POSCAR, XYZ or parquet file, by its name")
        yield Entry(path.name, str(path), 0, reason)
        return
    told: list[str] = []
    for entry, (name, found) in enumerate(read_many(path, tell=told.append)):
        yield Entry(unique_name(file_stem(name), seen), str(path), entry, found, tuple(told))
        told.clear()


@dataclass
class Tasks:
    """What is to be done, and what is kept of it: name and digest of each task, its notes, what failed.

    `source` is gone through once, a task at a time, and tells by its length how many there are. `origins` are
    the files that the command names, `holds` tells whether a record of an earlier run is still an answer for
    one of these, and `take` is told names that are not to be used.
    """

    source: Iterable[Task | Record]
    count: Callable[[], int]
    origins: frozenset[str]
    holds: Callable[[Record], bool]
    take: Callable[[set[str]], None]
    asked: dict[str, str] = field(default_factory=dict)
    skipped: list[Record] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    taken_over: int = 0
    is_read: bool = False

    def left(self, store: RecordStore, is_there: Callable[[str], bool]) -> Iterator[Task]:
        """The tasks that the store does not answer, or whose outputs are gone."""
        for one in self.source:
            if not isinstance(one, Task):
                self.skipped.append(one)
                continue
            self.asked[one.name] = one.asked
            self.notes += one.notes
            if store.asked(one.name) == one.asked and is_there(one.name):
                self.taken_over += 1
            else:
                yield one
        self.is_read = True

    def answered(self, store: RecordStore) -> list[str]:
        """Names of the tasks whose answers the store holds, in their order."""
        return [name for name, asked in self.asked.items() if store.asked(name) == asked]

    def failed(self, store: RecordStore) -> list[str]:
        """Names of the tasks of which the store says why they have no answer."""
        return [name for name in self.asked if name in store and store.asked(name) is None]

    def keep_clear_of(self, store: RecordStore) -> None:
        """Use no name that an answer for another file has in the store."""
        self.take({str(record["name"]).lower() for record in store.read(store) if self._is_of_other(record)})

    def earlier(self, store: RecordStore) -> list[str]:
        """Names of answers of an earlier run that stay: for other files, and for what was not reached now."""
        return [
            record["name"]
            for record in store.read(name for name in store if name not in self.asked)
            if record.get(ASKED) and (self._is_of_other(record) or (not self.is_read and self.holds(record)))
        ]

    def _is_of_other(self, record: Record) -> bool:
        return origin_of(record) not in self.origins

    @property
    def share_before(self) -> float:
        """Share of all that was done before."""
        return self.taken_over / max(self.count(), 1)

    def share(self, done: int) -> float:
        """Share of all that is done, `done` of them here."""
        return min(1.0, (self.taken_over + len(self.skipped) + done) / max(self.count(), 1))


def tasks_of(patterns: Sequence[str], settings: Any, out: Path) -> Tasks:
    """What is to be done with the structures of some files, which rests on the settings.

    ConfigError where one of them lies in `out`, the folder of the results.
    """
    files = StructureFiles(patterns)
    require_apart(out, files.paths)
    source = (_task(one, settings) for one in files)
    origins = frozenset(map(str, files.paths))
    return Tasks(source, files.__len__, origins, partial(_asked_so, settings), files.taken.update)


def require_apart(out: Path, inputs: Iterable[Path]) -> None:
    """ConfigError where a file that is read is the output, or lies below the folder of the outputs."""
    target = out.resolve()
    for path in inputs:
        if path.resolve() == target or target in path.resolve().parents:
            raise ConfigError(
                f"{out}: contains the input {path}, which is never replaced; give another --out"
            )


def origin_of(record: Record) -> str:
    """The file that a command named for a record: that of the structure, or of its vector."""
    return str(record.get("latents", record["source"]))


def _asked_so(settings: Any, record: Record) -> bool:
    """Whether a record answers the same question, as far as it tells.

    Rows of latents do not say which structure of a file they are of. They stay until the same command, which
    finds what has changed, runs to the end.
    """
    entry = record.get("entry")
    return entry is None or record[ASKED] == asked_of(settings, entry, record["source"])


def asked_of(settings: Any, entry: int, source: str) -> str:
    """What the answer for a structure of a file rests on."""
    return digest([settings, entry], source)


def _task(one: Entry, settings: Any) -> Task | Record:
    if isinstance(one.found, InputError):
        return failed({"name": one.name, "source": one.source}, str(one.found))
    return Task(
        one.name, one.source, one.found, asked_of(settings, one.entry, one.source), one.entry, one.notes
    )


def answered_tasks(
    doing: str,
    tasks: Tasks,
    store: RecordStore,
    answer: Callable[[Task], Record],
    machines: Machines,
    is_there: Callable[[str], bool] = lambda name: True,
) -> None:
    """Add a record of each task to the store as it comes, whatever works on it.

    What the store answers to the same question is not asked again where its outputs are there. Whatever
    `answer`, which other processes are sent, does not stop at is the record's `reason`; it is asked again
    another time.
    """
    chunks = _chunks(tasks, tasks.left(store, is_there), machines)
    with (
        ProgressDisplay(doing, "structures") as display,
        Crew(machines, OneByOne(answer)) as crew,
        closing(crew.results(chunks)) as results,
    ):
        for done, (task, result) in enumerate(results, start=1):
            outcome = Failure(str(task), result.text) if isinstance(result, Died) else result
            store.add(record_of(task, outcome))
            display.begun = tasks.share_before
            display.update(tasks.share(done), done)


def _chunks(tasks: Tasks, left: Iterator[Task], machines: Machines) -> Iterator[Sequence[Task]]:
    """The tasks in chunks, smaller ones at the end, so that all processes end together."""
    sent = 0
    while True:
        expected = tasks.count() - sent - tasks.taken_over - len(tasks.skipped)
        chunk = list(islice(left, chunk_length(expected, machines, _CHUNK)))
        if not chunk:
            return
        yield chunk
        sent += len(chunk)


def record_of(task: Task, outcome: Record | Failure) -> Record:
    """The record of a task; `failed`, and without what it rests on, where it has no answer."""
    about: Record = {"name": task.name, "source": task.source, "entry": task.entry}
    if task.notes:
        about["notes"] = list(task.notes)
    if isinstance(outcome, Failure):
        return failed(about, outcome.message)
    return {**about, ASKED: task.asked, **outcome}


def failed(about: Record, reason: str) -> Record:
    """The record of what has no answer."""
    return {"schema_version": SCHEMA_VERSION, **about, "failed": True, "trusted": False, "reason": reason}
