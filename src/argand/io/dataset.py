"""Data sets of simulated samples in HDF5, written by several processes and resumable at any point.

`set.h5` is a small file in which each array of a sample is one virtual data set, `h5["image"][i]`, over the
shards `set.shards/00000000.h5`, `00000250.h5`, ... (named after their first sample), which travel with it.
Every file has the attributes `provenance` (JSON: what was simulated, and how), `seed`, `first` and `count`.
`argand.io.shard` describes how a shard is written.
"""

import json
import os
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from argand.crew import HERE, Crew, Died, Machines
from argand.errors import ConfigError, InputError, OutputError
from argand.io.atomic import make_folder, valid_text
from argand.io.hdf5_data import require_samples
from argand.io.hdf5_file import written_hdf5
from argand.io.hdf5_links import is_below
from argand.io.limits import is_there
from argand.io.shard import (
    PIECE,
    Compression,
    ShardTask,
    ShardWork,
    is_within,
    missing_value,
    piece_range,
    stored_attributes,
    stored_pieces,
)
from argand.system import Sample

MAX_SHARDS = 800
"""HDF5 may keep all shards open; those beyond the usual limit of 1024 open files would read as missing.

By hand: that limit minus about two hundred for everything else.
"""


@dataclass(frozen=True)
class SetPlan:
    """A data set: the function `simulate(index, seed)` that makes its samples, and how they are stored.

    `provenance` describes `simulate` in plain values; sets with different provenance or seed are never mixed.

    The default shard size was chosen by hand. Raises ConfigError for an empty set.
    """

    simulate: Callable[[int, int], Sample]
    provenance: Mapping[str, Any]
    count: int
    seed: int
    shard_size: int = 250
    compression: Compression = "gzip"

    def __post_init__(self) -> None:
        if self.count < 1 or self.shard_size < 1:
            raise ConfigError(f"{self.count} samples in shards of {self.shard_size}; give 1 or more")

    @property
    def shards(self) -> list[range]:
        """Sample numbers of each shard; shards of a very large set are larger than `shard_size`."""
        size = max(self.shard_size, -(-self.count // MAX_SHARDS))
        return [range(start, min(start + size, self.count)) for start in range(0, self.count, size)]

    @property
    def work(self) -> ShardWork:
        """The work that processes do to write the set."""
        origin = {"provenance": json.dumps(dict(self.provenance), sort_keys=True), "seed": self.seed}
        return ShardWork(self.simulate, self.seed, origin, self.compression)

    def files(self, out: Path) -> dict[Path, range]:
        """The shards of the data set `out` and the samples in each; OutputError for a folder."""
        if not out.name or out.is_dir():
            raise OutputError(f"{out}: is a folder; give a file to write")
        folder = out.with_suffix(".shards")
        return {folder / f"{indices.start:08d}.h5": indices for indices in self.shards}

    def kept(self, out: Path) -> int:
        """Number of samples in the shards of `out`; ConfigError if they belong to another set."""
        return sum(self.rows(path, indices) for path, indices in self.files(out).items())

    def rows(self, path: Path, indices: range) -> int:
        """How many of the samples `indices` a shard or its pieces have; ConfigError as for `kept`."""
        missing = sum(len(task.indices) for task in self.tasks(path, indices) if not task.join)
        return len(indices) - missing

    def tasks(self, path: Path, indices: range) -> list[ShardTask]:
        """The tasks left for a shard: pieces to simulate, then their join; ConfigError as for `kept`."""
        if self._holds(path, indices):
            return []
        made: set[int] = set()
        for first, piece in stored_pieces(path).items():
            found = piece_range(first, piece)
            if is_within(found, indices) and self._holds(piece, found):
                made |= set(found)
        starts = range(indices.start, indices.stop, PIECE)
        parts = [range(start, min(start + PIECE, indices.stop)) for start in starts]
        left = [[index for index in part if index not in made] for part in parts]
        # An interrupted piece counts as a piece, and what is missing of it as another.
        pieces = [ShardTask(path, range(part[0], part[-1] + 1)) for part in left if part]
        return [*pieces, ShardTask(path, indices, join=True)]

    def _holds(self, path: Path, indices: range) -> bool:
        """Whether a file contains the samples `indices` of this set."""
        found = stored_attributes(path) if path.exists() else None
        if not found:
            return False
        if any(found.get(key) != value for key, value in self.work.origin.items()):
            raise ConfigError(f"{path} belongs to another data set; choose another file or delete its folder")
        return found == self.work.attributes(indices)


class _Plan:
    """Iterator over the remaining tasks, one per chunk; a shard is joined as soon as its pieces exist."""

    def __init__(self, tasks: Iterable[Sequence[ShardTask]]) -> None:
        self._pieces: dict[Path, int] = {}
        self._due: deque[ShardTask] = deque()
        self._joins: dict[Path, ShardTask] = {}
        for of_shard in tasks:
            for task in of_shard:
                if task.join:
                    self._joins[task.shard] = task
                else:
                    self._pieces[task.shard] = self._pieces.get(task.shard, 0) + 1
                    self._due.append(task)
        for shard in self._joins.keys() - self._pieces.keys():
            self._due.appendleft(self._joins[shard])

    def __iter__(self) -> "_Plan":
        return self

    def __next__(self) -> list[ShardTask]:
        if not self._due:
            raise StopIteration
        return [self._due.popleft()]

    def done(self, task: ShardTask) -> None:
        """Record that a piece exists."""
        if not task.join:
            self._pieces[task.shard] -= 1
            if not self._pieces[task.shard]:
                self._due.appendleft(self._joins[task.shard])


def write_dataset(
    out: Path,
    plan: SetPlan,
    machines: Machines = HERE,
    watch: Callable[[int], None] = lambda made: None,
) -> None:
    """Write the data set `out` with its shards next to it; existing samples are kept.

    Calls `watch` regularly with the number of samples made. An interruption or a full disk keeps what is
    made; a kill loses the current pieces. Raises ConfigError if another data set has this name, OutputError
    if the disk is full, and InputError if a process that made samples died twice.
    """
    shards = plan.files(out)
    make_folder(out.with_suffix(".shards"))
    for folder in {path.parent for path in shards}:
        for leftover in chain(folder.glob(".*.h5.*"), folder.glob("*.pieces/.*")):
            leftover.unlink()
    left = _Plan(plan.tasks(path, indices) for path, indices in shards.items())
    made = 0
    with Crew(machines, plan.work) as crew, closing(crew.results(left)) as results:
        for task, result in results:
            if isinstance(result, Died):
                raise InputError(f"{task.shard}: {result.text} Run the same command again to continue")
            left.done(task)
            made += result
            watch(made)
    _write_master(out, plan, shards)


def _write_master(out: Path, plan: SetPlan, files: Mapping[Path, range]) -> None:
    """Write the file that presents all shards as one; a lost shard reads as NaN or the largest integer."""
    first = next(iter(files))
    with h5py.File(first, "r") as shard:
        arrays = {name: (array.shape[1:], array.dtype) for name, array in shard.items()}  # pyright: ignore[reportAttributeAccessIssue]
    with written_hdf5(out) as file:
        for name, (shape, dtype) in arrays.items():
            layout = h5py.VirtualLayout((plan.count, *shape), dtype)
            for path, indices in files.items():
                relative = path.relative_to(out.parent)
                source = h5py.VirtualSource(str(relative), name, (len(indices), *shape), dtype)
                layout[indices.start : indices.stop] = source
            file.create_virtual_dataset(name, layout, fillvalue=missing_value(dtype))
        file.attrs.update(plan.work.attributes(range(plan.count)))
        names = [str(path.relative_to(out.parent)) for path in files]
        # HDF5 strings must be UTF-8; file names need not be.
        whole = all(name == valid_text(name) for name in names)
        file.attrs["shards"] = names if whole else np.array([os.fsencode(name) for name in names])


class StoredSamples:
    """A data set read sample by sample: `len(stored)`, `stored[i]`, `stored.provenance`.

    Raises InputError if the file is missing, is not a data set, or lacks a shard, and for a sample that
    cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self.path = Path(path)
        attributes = stored_attributes(self.path) if self.path.is_file() else None
        if not attributes or "shards" not in attributes:
            raise InputError(f"{self.path}: no data set; write one with the verb simulate")
        import hdf5plugin  # noqa: F401 (for bitshuffle)

        try:
            shards = [os.fsdecode(shard) for shard in attributes["shards"]]
            self.provenance: dict[str, Any] = dict(json.loads(attributes["provenance"]))
            self.seed, self.count = int(attributes["seed"]), int(attributes["count"])
            self.file = h5py.File(self.path, "r")
        except (OSError, LookupError, TypeError, ValueError, OverflowError, RecursionError) as error:
            raise self._damaged(error) from error
        for shard in shards:
            place = self.path.parent / shard
            if not (is_there(place) and is_below(place, self.file, self.path.parent)):
                raise InputError(f"{self.path}: its shard {shard} is missing; keep the files together")

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> Sample:
        if not 0 <= index < self.count:
            raise IndexError(f"{self.path} has {self.count} samples, not number {index}")
        try:
            return {name: np.asarray(array[index]) for name, array in self.file.items()}  # pyright: ignore[reportIndexIssue]
        except (
            OSError,
            LookupError,
            RuntimeError,
            TypeError,
            ValueError,
        ) as error:  # any error of h5py
            raise self._damaged(error) from error

    def require_whole(self) -> None:
        """Raise InputError if an array does not cover all samples or a part of it is missing."""
        try:
            require_samples(self.file, self.count)
        except (OSError, RuntimeError, ValueError) as error:
            raise self._damaged(error) from error

    def _damaged(self, error: Exception) -> InputError:
        return InputError(f"{self.path}: damaged data set ({error}); simulate it again")

    def __enter__(self) -> "StoredSamples":
        return self

    def __exit__(self, *error: object) -> None:
        self.file.close()


def is_stored_set(path: Path) -> bool:
    """Whether a file is a data set written by a verb simulate."""
    attributes = stored_attributes(path) if path.is_file() else None
    return attributes is not None and {"provenance", "shards"} <= set(attributes)
