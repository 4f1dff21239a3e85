"""Structures of many files, each under a name that a file can have, and the work that is left of them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from argand.errors import InputError
from argand.io.structure import expand, is_structure_file, read_many
from argand.machine import available_cores
from argand.physics.crystal.structure import Structure
from argand.processes import Ticker, run_jobs
from argand.progress import ProgressDisplay
from argand.runs.course import Failure, attempted
from argand.runs.folder import file_stem, unique_name
from argand.runs.record import Record, append_records, drop_torn_line, read_records
from argand.runs.resume import ASKED, digest

_CHUNK = 16
"""Structures of one job. By hand: some seconds at most, and little to do again for a run that was stopped."""


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


def structures_of(patterns: Sequence[str]) -> Iterator[Entry]:
    """The entries of all files, no two of one name."""
    seen: set[str] = set()
    for path in expand(patterns):
        if not is_structure_file(path):
            reason = InputError(f"{path}: not a CIF, POSCAR, XYZ or parquet file, by its name")
            yield Entry(path.name, str(path), 0, reason)
            continue
        told: list[str] = []
        for entry, (name, found) in enumerate(read_many(path, tell=told.append)):
            yield Entry(unique_name(file_stem(name), seen), str(path), entry, found, tuple(told))
            told.clear()


def tasks_of(patterns: Sequence[str], settings: Any) -> tuple[list[Task], list[Record]]:
    """What is to be done with the structures of some files, which rests on the settings, and what is none."""
    tasks: list[Task] = []
    skipped: list[Record] = []
    for one in structures_of(patterns):
        if isinstance(one.found, Structure):
            asked = digest([settings, one.entry], one.source)
            tasks.append(Task(one.name, one.source, one.found, asked, one.entry, one.notes))
        else:
            skipped.append({"name": one.name, "source": one.source, "reason": str(one.found)})
    return tasks, skipped


def answered_tasks(
    doing: str,
    tasks: Sequence[Task],
    records: Path,
    answer: Callable[[Task], Record],
    *,
    earlier: Mapping[str, Record] | None = None,
    processes: int | None = None,
) -> None:
    """Append a record of each task to the file of records, several processes at a time.

    What `earlier` answers, by name, to the same question is not asked again. Whatever `answer`, which other
    processes are sent, does not stop at is the record's `reason`; it is asked again another time.
    """
    left = [task for task in tasks if (earlier or {}).get(task.name, {}).get(ASKED) != task.asked]
    begun = (len(tasks) - len(left)) / max(len(tasks), 1)
    jobs = [
        (answer_chunk, left[first : first + _CHUNK], records, answer) for first in range(0, len(left), _CHUNK)
    ]
    with ProgressDisplay(doing, "structures", begun) as display:
        watch = lambda done: display.update(begun + done / max(len(tasks), 1), done)  # noqa: E731
        run_jobs(jobs, processes or available_cores(), watch)


def answer_chunk(
    ticker: Ticker, tasks: Sequence[Task], records: Path, answer: Callable[[Task], Record]
) -> None:
    """A job: answer some tasks, and append the record of each as soon as it is there."""
    for task in tasks:
        # Lines of several processes never mix: each is one write in append mode.
        append_records(records, [answer_or_reason(task, answer)])
        ticker.tick()


def answer_or_reason(task: Task, answer: Callable[[Task], Record]) -> Record:
    """The record of a task; with a `reason`, and without what it rests on, where it has no answer."""
    about: Record = {"name": task.name, "source": task.source, "entry": task.entry}
    if task.notes:
        about["notes"] = list(task.notes)
    # Any error is that of this structure, and ends no other.
    (outcome,) = attempted(task.source, partial(_single, task, answer), (Exception,))
    if isinstance(outcome, Failure):
        return {**about, "reason": outcome.message}
    return {**about, ASKED: task.asked, **outcome}


def _single(task: Task, answer: Callable[[Task], Record]) -> Iterator[Record]:
    yield answer(task)


def records_by_name(records: Path) -> dict[str, Record]:
    """The records of a file, the last of a name; a line cut short is dropped."""
    if not records.exists():
        return {}
    drop_torn_line(records)
    return {record["name"]: record for record in read_records(records)}
