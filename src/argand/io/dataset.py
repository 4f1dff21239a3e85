"""Data sets of simulated samples in HDF5, made by several processes and resumable at any point.

`set.h5` is a small file in which each array of a sample is one virtual data set, `h5["image"][i]`, over the
shards `set.shards/00000000.h5`, `00000250.h5`, ... (named after their first sample), which travel with it.
Every file has the attributes `provenance` (JSON: what was simulated, and how), `seed`, `first` and `count`. A
shard is written under a hidden name and moved when it is complete, so that what has its name is whole. One
that is stopped before is kept as `00000250.part`, with the number of its samples as the attribute `made`.
"""

import json
import os
import shutil
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import h5py
import numpy as np

from argand.errors import ConfigError, InputError, OutputError
from argand.io.atomic import make_folder, valid_text, written
from argand.io.disk_room import DiskFullError, kept_room, require_room
from argand.io.hdf5_file import written_hdf5
from argand.processes import Stopped, Ticker, run_jobs
from argand.system import Sample

Compression = Literal["gzip", "bitshuffle"]
"""gzip opens everywhere; bitshuffle is smaller and faster and needs `import hdf5plugin`."""

MAX_SHARDS = 800
"""HDF5 may hold all shards open; those beyond the usual limit of 1024 open files would read as missing.

By hand: that limit less some two hundred for all else.
"""

_CHUNK_BYTES = 65536
"""Size of a chunk of small rows; by hand, so that one read of a sample unpacks little else."""


@dataclass(frozen=True)
class SetPlan:
    """A data set: what makes its samples, `simulate(index, seed)`, and how they are stored.

    `provenance` tells in plain values what `simulate` is; sets of unequal provenance or seed are never mixed.

    The default of the shards' size is by hand. Raises ConfigError for an empty set.
    """

    simulate: Callable[[int, int], Sample]
    provenance: Mapping[str, Any]
    count: int
    seed: int
    shard_size: int = 250
    compression: Compression = "gzip"

    def __post_init__(self) -> None:
        if self.count < 1 or self.shard_size < 1:
            raise ConfigError(f"a data set of {self.count} samples in shards of {self.shard_size} cannot be")

    @property
    def shards(self) -> list[range]:
        """Sample numbers of each shard; shards of a very large set are larger than asked."""
        size = max(self.shard_size, -(-self.count // MAX_SHARDS))
        return [range(start, min(start + size, self.count)) for start in range(0, self.count, size)]

    def attributes(self, indices: range) -> dict[str, Any]:
        """Attributes of the file that holds the samples `indices`."""
        return {**self._origin, "first": indices.start, "count": len(indices)}

    @property
    def _origin(self) -> dict[str, Any]:
        """Attributes that all files of the set share."""
        return {"provenance": json.dumps(dict(self.provenance), sort_keys=True), "seed": self.seed}

    def files(self, out: Path) -> dict[Path, range]:
        """The shards of the data set `out` and the samples that each holds; OutputError for a folder."""
        if not out.name or out.is_dir():
            raise OutputError(f"{out}: is a folder; name a file to write")
        folder = out.with_suffix(".shards")
        return {folder / f"{indices.start:08d}.h5": indices for indices in self.shards}

    def kept(self, out: Path) -> int:
        """Number of samples in the shards of `out`; ConfigError when they belong to another set."""
        return sum(self.rows(path, indices) for path, indices in self.files(out).items())

    def missing(self, out: Path) -> dict[Path, range]:
        """The shards of `out` that are yet to be made; ConfigError as `kept`."""
        files = self.files(out).items()
        return {path: indices for path, indices in files if self._made(path, indices) < len(indices)}

    def rows(self, path: Path, indices: range) -> int:
        """How many of the samples `indices` a shard or its unfinished file has; ConfigError as `kept`."""
        return self._made(path, indices) or self._made(_unfinished(path), indices)

    def _made(self, path: Path, indices: range) -> int:
        """How many of the samples `indices` are in `path`."""
        found = _attributes(path) if path.exists() else None
        if not found:
            return 0
        if any(found.get(key) != value for key, value in self._origin.items()):
            raise ConfigError(f"{path} belongs to another data set; name another file or delete its folder")
        made = int(found.pop("made", len(indices)))
        return made if found == self.attributes(indices) else 0


def write_dataset(
    out: Path, plan: SetPlan, processes: int = 1, watch: Callable[[int], None] = lambda made: None
) -> None:
    """Write the data set `out` with its shards beside it; samples that are there already are kept.

    Calls `watch` every now and then with the number of samples made. An interruption keeps what is made, a
    kill loses the shards under work. Raises ConfigError when another data set has this name, and OutputError
    when the disk is full, which keeps what is made too.
    """
    missing = plan.missing(out)
    for folder in {path.parent for path in plan.files(out)}:
        make_folder(folder)
        for leftover in folder.glob(".*.h5.*"):
            leftover.unlink()
    run_jobs([(write_shard, path, plan, indices) for path, indices in missing.items()], processes, watch)
    _write_master(out, plan, plan.files(out))


def write_shard(ticker: Ticker, path: Path, plan: SetPlan, indices: range) -> None:
    """Simulate the samples `indices` into the file `path`, which appears when it is complete.

    Goes on from the unfinished file that an interruption left, and leaves one when it is stopped.
    """
    unfinished = _unfinished(path)
    with written(path) as temporary:
        done = plan.rows(path, indices)
        if done:
            shutil.copyfile(unfinished, temporary)
        try:
            _fill(ticker, temporary, plan, indices, done)
        except (Stopped, KeyboardInterrupt, DiskFullError):
            if temporary.exists():
                temporary.replace(unfinished)
            raise
    unfinished.unlink(missing_ok=True)


def _fill(ticker: Ticker, path: Path, plan: SetPlan, indices: range, done: int) -> None:
    """Simulate all but the first `done` of the samples `indices` into a file that tells how far it is."""
    import hdf5plugin  # noqa: F401 (bitshuffle is written through it)

    with ExitStack() as room:
        room.enter_context(kept_room(path))
        with h5py.File(path, "a") as file:
            try:
                for row in range(done, len(indices)):
                    sample = plan.simulate(indices[row], plan.seed)
                    require_room(path, sum(np.asarray(value).nbytes for value in sample.values()))
                    if row == 0:
                        _create_arrays(file, sample, len(indices), plan.compression)
                    for name, value in sample.items():
                        file[name][row] = value  # pyright: ignore[reportIndexIssue]
                    done = row + 1
                    ticker.tick()
            finally:
                room.close()
                file.attrs.update({**plan.attributes(indices), "made": done})
            del file.attrs["made"]


def _unfinished(path: Path) -> Path:
    """Where a shard that was stopped before its end is kept."""
    return path.with_suffix(".part")


def _create_arrays(file: h5py.File, sample: Sample, count: int, compression: Compression) -> None:
    """One array of `count` rows for each entry of a sample; a chunk is one image or many small rows."""
    for name, value in sample.items():
        value = np.asarray(value)
        rows = int(np.clip(_CHUNK_BYTES // max(value.nbytes, 1), 1, count))
        # The lowest level: higher ones take longer, and noise packs no better.
        packing: dict[str, Any] = {"compression": "gzip", "compression_opts": 1, "shuffle": True}
        if compression == "bitshuffle":
            import hdf5plugin

            packing = dict(hdf5plugin.Bitshuffle(cname="zstd"))
        shape = (count, *value.shape)
        file.create_dataset(name, shape, value.dtype, chunks=(rows, *value.shape), **packing)


def _write_master(out: Path, plan: SetPlan, files: Mapping[Path, range]) -> None:
    """The file that shows all shards as one; a lost shard reads as NaN or the largest integer."""
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
            file.create_virtual_dataset(name, layout, fillvalue=_missing_value(dtype))
        file.attrs.update(plan.attributes(range(plan.count)))
        names = [str(path.relative_to(out.parent)) for path in files]
        # HDF5's text has no other bytes than those of UTF-8, and names of files may.
        whole = all(name == valid_text(name) for name in names)
        file.attrs["shards"] = names if whole else np.array([os.fsencode(name) for name in names])


def _missing_value(dtype: np.dtype) -> Any:
    """NaN for floating-point numbers, the largest value for others."""
    if dtype.kind == "f":
        return np.nan
    return True if dtype.kind == "b" else np.iinfo(dtype).max


class StoredSamples:
    """A data set read sample by sample: `len(stored)`, `stored[i]`, `stored.provenance`.

    Raises InputError when the file is missing, is no data set, or lacks a shard.
    """

    def __init__(self, path: Path) -> None:
        self.path = Path(path)
        attributes = _attributes(self.path) if self.path.is_file() else None
        if not attributes or "shards" not in attributes:
            raise InputError(f"{self.path}: no data set there; write one with the verb simulate")
        for shard in map(os.fsdecode, attributes["shards"]):
            if not (self.path.parent / shard).is_file():
                raise InputError(f"{self.path}: its shard {shard} is missing; keep the two together")
        import hdf5plugin  # noqa: F401 (bitshuffle is read through it)

        self.provenance: dict[str, Any] = json.loads(attributes["provenance"])
        self.seed, self.count = int(attributes["seed"]), int(attributes["count"])
        self.file = h5py.File(self.path, "r")

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> Sample:
        if not 0 <= index < self.count:
            raise IndexError(f"{self.path} has {self.count} samples, no number {index}")
        return {name: np.asarray(array[index]) for name, array in self.file.items()}  # pyright: ignore[reportIndexIssue]

    def __enter__(self) -> "StoredSamples":
        return self

    def __exit__(self, *error: object) -> None:
        self.file.close()


def is_stored_set(path: Path) -> bool:
    """Whether a file is a data set that a verb simulate wrote."""
    attributes = _attributes(path) if path.is_file() else None
    return attributes is not None and {"provenance", "shards"} <= set(attributes)


def _attributes(path: Path) -> dict[str, Any] | None:
    """Attributes of an HDF5 file; None when it cannot be read."""
    try:
        with h5py.File(path, "r") as file:
            return dict(file.attrs)
    except OSError:
        return None
