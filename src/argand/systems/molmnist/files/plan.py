"""Which patterns are asked for, in which order and which together, and what has come of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from itertools import count, takewhile
from os import fsencode

from argand.io.suffix import MANY_IMAGES
from argand.runs.course import Failure
from argand.runs.record import Record
from argand.runs.stacks import Stacks, read_each, within
from argand.systems.molmnist.files.inputs import count_cases, is_sample, stack_of
from argand.systems.molmnist.files.outputs import RunFolder, failed, output_name
from argand.systems.molmnist.files.work import Outcome, PatternTask

COUNT = "patterns"
"""Key of the record of a file's first pattern under which stands how many it has, where that is not told
without reading it and there are more."""

Place = tuple[int, int]
"""Where a pattern stands among those that are asked for: that of its name, and its number."""


@dataclass
class Plan:
    """What is still to be asked, `together` at a time, and the records so far.

    Which patterns are answered together follows from the names alone, so that neither the number of processes
    nor an interruption changes an answer. Records of a batch are kept in one piece.
    """

    folder: RunFolder
    together: int
    rests_on: Mapping[str, str]
    earlier: Mapping[str, Mapping[int, Record]]
    stacks: Stacks[PatternTask] = field(init=False)
    total: int = 0
    done: int = 0
    _places: dict[tuple[str, int | None], Place] = field(default_factory=dict)
    _order: dict[int, Place] = field(default_factory=dict)
    """Places of records, by their identity."""
    _waiting: dict[int, int] = field(default_factory=dict)
    """How many tasks of each batch have no outcome yet."""
    _came: dict[int, list[Record]] = field(default_factory=dict)
    """Records of batches that are not whole yet."""
    _batches: "count[int]" = field(default_factory=count)
    _firsts: dict[str, str] = field(default_factory=dict)
    """What is made from the first pattern of a file is called."""

    def __post_init__(self) -> None:
        self.stacks = Stacks(
            lambda ready: len(list(takewhile(lambda one: one.batch == ready[0].batch, ready)))
        )

    @classmethod
    def of(cls, names: Sequence[str], folder: RunFolder, together: int) -> "Plan":
        """The plan for these names, with or without selections, less what an earlier run has answered."""
        split = {name: stack_of(name) for name in names}
        whole = {name: f"{file}:{inner}" if inner else file for name, (file, inner, _) in split.items()}
        rests_on = {whole[name]: folder.asked(*split[name][:2]) for name in names}
        files = {whole[name]: split[name][0] for name in names}
        earlier = {name: folder.take_over(file, rests_on[name]) for name, file in files.items()}
        plan = cls(folder, together, rests_on, earlier)
        few: dict[tuple[str, int | None], None] = {}
        for name in names:
            wanted = _wanted(whole[name], split[name][2])
            wanted = [index for index in wanted if (whole[name], index) not in plan._places]
            for index in wanted:
                plan._places[whole[name], index] = len(plan._places), 0
            if len(wanted) > together:
                plan._add(whole[name], wanted)
            else:
                few |= dict.fromkeys((whole[name], index) for index in wanted)
        plan._add_few(list(few))
        return plan

    def heard(self, task: PatternTask, result: Outcome | Failure) -> list[Failure]:
        """Take note of what came of a task, and keep the records of its batch once it is whole.

        Returns what is to be told.
        """
        # A process that died says nothing of the pattern.
        outcome, number = (replace(result, index=task.index), 1) if isinstance(result, Failure) else result
        if isinstance(outcome, Failure) and number > 1:
            outcome = replace(outcome, index=task.index or 0)
        failures = [outcome] if isinstance(outcome, Failure) else []
        record = failed(outcome) if isinstance(outcome, Failure) else outcome
        if task.index is None and number > 1:
            record[COUNT] = number
            self._add(task.name, range(1, number), after=self._places[task.name, None])
        self._came.setdefault(task.batch, []).append(record)
        self._order[id(record)] = self._places[task.name, task.index]
        self._waiting[task.batch] -= 1
        if not self._waiting[task.batch]:
            self.folder.keep_all(self._came.pop(task.batch))
        self.stacks.heard(task.name, not failures)
        return failures

    def given_up(self) -> list[Failure]:
        """What is said of patterns that were not asked for, which then have a record."""
        found = []
        for tasks in self.stacks.given_up.values():
            text = f"{len(tasks)} patterns were not asked for, since the first and the last ones fail"
            found.append(Failure(tasks[0].file, f"{tasks[0].file}: {text}", tasks[0].index))
            record = self.folder.keep(failed(found[-1]))
            self._order[id(record)] = self._places[tasks[0].name, tasks[0].index]
        return found

    def finish(self) -> None:
        """Keep what has come of batches that are not whole, and put the records in order."""
        self.folder.keep_all([record for records in self._came.values() for record in records])
        self._came.clear()
        # What has no place are names that no pattern was found for.
        self.folder.records.sort(key=lambda record: self._order.get(id(record), (-1, 0)))

    def _add(self, name: str, indices: Sequence[int | None], after: Place | None = None) -> None:
        """Ask for patterns of one file, `together` at a time."""
        parts = [indices[first : first + self.together] for first in range(0, len(indices), self.together)]
        if after is not None:
            self._places |= {(name, index): (after[0], index or 0) for index in indices}
        batches = [batch for part in parts if (batch := self._batch([(name, index) for index in part]))]
        between = [task for batch in batches[1:-1] for task in batch]
        if batches:
            self.stacks.add(name, batches[0], between, batches[-1] if len(batches) > 1 else ())

    def _add_few(self, keys: Sequence[tuple[str, int | None]]) -> None:
        """Ask for single patterns of many files, `together` at a time."""
        for first in range(0, len(keys), self.together):
            self.stacks.add("", self._batch(keys[first : first + self.together]))
        # What an earlier run tells of a stack's first pattern is its length.
        for name, index in keys:
            if index is None and 0 in self.earlier[name]:
                number = self.earlier[name][0].get(COUNT, 1)
                self._add(name, range(1, number), after=self._places[name, None])

    def _batch(self, keys: Sequence[tuple[str, int | None]]) -> list[PatternTask]:
        """Tasks for those patterns that no earlier run has answered, to be answered together."""
        number, tasks = next(self._batches), []
        for name, index in keys:
            record = self.earlier[name].get(index or 0)
            self.total += 1
            if record is None:
                output = self._output(name, index)
                tasks.append(PatternTask(name, index, output, number, self.rests_on[name]))
                continue
            self.done += 1
            self.folder.records.append(record)
            self._order[id(record)] = self._places[name, index]
            if index is None:
                self._firsts[name] = record["name"]
        self._waiting[number] = len(tasks)
        return tasks

    def _output(self, name: str, index: int | None) -> str:
        """A name that no other pattern's outputs have, whichever is answered first."""
        file = stack_of(name)[0]
        if name not in self._firsts:
            free = self.folder.unused(output_name(file, index or 0))
            if index is None:
                self._firsts[name] = free
            return free
        # Of a stack whose number was not known beforehand.
        free = f"{self._firsts[name]}-{index}"
        return free if self.folder.is_unused(free) else f"{free}-{sha256(fsencode(name)).hexdigest()[:8]}"


def _wanted(name: str, selected: Sequence[int] | None) -> Sequence[int | None]:
    """Numbers of the patterns of a name; None for the first where it is not told how many there are.

    Of those selected that there are not, the first stands for all.
    """
    path = stack_of(name)[0]
    if selected and len(selected) == 1:
        return selected
    if not (selected or is_sample(name) or MANY_IMAGES.search(path) or path.lower().endswith(".npy")):
        return [None]
    (number,) = read_each(lambda _: iter([count_cases(name)]), [0])
    if isinstance(number, Exception) or not number:  # who reads it will tell
        return selected[:1] if selected else [None]
    return within(selected, number) if selected else range(number)
