"""A shard of a data set in HDF5: made in pieces, by any process, which are then joined to one file.

The pieces of `00000250.h5` lie in the folder `00000250.pieces`, each named after its first sample. A file is
written under a hidden name and moved when it is complete, so that what has its name is whole.
"""

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import h5py
import numpy as np

from argand.errors import InputError
from argand.io.atomic import make_folder, written
from argand.io.hdf5_file import LargeHdf5, written_hdf5
from argand.io.hdf5_heaps import require_heaps
from argand.system import Sample

Compression = Literal["gzip", "bitshuffle"]
"""gzip opens everywhere; bitshuffle is smaller and faster and needs `import hdf5plugin`."""

PIECE = 16
"""Samples of a piece, at most. By hand: a kill loses no more for each process, and files stay few."""
_CHUNK_BYTES = 65536
"""Size of a chunk of small rows; by hand, so that one read of a sample unpacks little else."""


@dataclass(frozen=True)
class ShardTask:
    """The samples `indices` of a shard to be made as a piece of it, or with `join` all its pieces joined."""

    shard: Path
    indices: range
    join: bool = False

    def __str__(self) -> str:
        return str(self.shard)


@dataclass(frozen=True)
class ShardWork:
    """What a process needs to make the samples `simulate(index, seed)` of a set and to store them.

    `origin` are the attributes that all files of the set share.
    """

    simulate: Callable[[int, int], Sample]
    seed: int
    origin: Mapping[str, Any]
    compression: Compression

    def __call__(self) -> "Callable[[Sequence[ShardTask]], list[int]]":
        """What does some tasks and gives for each how many samples were made."""
        return lambda tasks: [self._joined(task) if task.join else self._made(task) for task in tasks]

    def attributes(self, indices: range) -> dict[str, Any]:
        """Attributes of a file of the samples `indices`."""
        return {**self.origin, "first": indices.start, "count": len(indices)}

    def _made(self, task: ShardTask) -> int:
        samples: list[Sample] = []
        try:
            for index in task.indices:
                samples.append(self.simulate(index, self.seed))  # noqa: PERF401  see below
        finally:  # what was made before an interruption is kept
            if samples:
                self._write_piece(task, samples)
        return len(samples)

    def _write_piece(self, task: ShardTask, samples: Sequence[Sample]) -> None:
        arrays = {name: np.stack([sample[name] for sample in samples]) for name in samples[0]}
        folder = make_folder(pieces_folder(task.shard))
        with written_hdf5(folder / f"{task.indices.start:08d}.h5") as file:
            for name, array in arrays.items():
                file.create_dataset(name, data=array)
            file.attrs.update(self.attributes(task.indices[: len(samples)]))

    def _joined(self, task: ShardTask) -> int:
        """Join the pieces of a shard, which are removed then."""
        pieces = stored_pieces(task.shard)
        if self.compression == "bitshuffle":
            import hdf5plugin  # noqa: F401 (bitshuffle is written through it)
        covered: set[int] = set()
        with written(task.shard) as temporary, LargeHdf5(temporary) as shard:
            for first, path in sorted(pieces.items()):
                found = piece_range(first, path)
                if is_within(found, task.indices):
                    self._copy(path, shard.file, first - task.indices.start, len(task.indices))
                    shard.require_taken()
                    covered |= set(found)
            if covered != set(task.indices):
                raise InputError(f"{task.shard}: pieces of it were taken away; the same command makes them")
            shard.file.attrs.update(self.attributes(task.indices))
        shutil.rmtree(pieces_folder(task.shard), ignore_errors=True)
        return 0

    def _copy(self, path: Path, file: h5py.File, row: int, count: int) -> None:
        """Copy a piece into a shard of `count` samples, from a row on."""
        with h5py.File(path, "r") as piece:
            for name, array in piece.items():
                values = np.asarray(array)
                if name not in file:
                    _create_array(file, name, values, count, self.compression)
                file[name][row : row + len(values)] = values  # pyright: ignore[reportIndexIssue]


def pieces_folder(shard: Path) -> Path:
    """Where the pieces of a shard lie until they are joined."""
    return shard.with_suffix(".pieces")


def stored_pieces(shard: Path) -> dict[int, Path]:
    """The pieces of a shard that are there, by the number of their first sample."""
    return {int(path.stem): path for path in pieces_folder(shard).glob("[0-9]*.h5")}


def piece_range(first: int, path: Path) -> range:
    """The samples of a piece; none where it cannot be read."""
    return range(first, first + int((stored_attributes(path) or {}).get("count", 0)))


def is_within(found: range, indices: range) -> bool:
    """Whether there are samples, and all are of a shard's `indices`."""
    return bool(found) and found[0] in indices and found[-1] in indices


def stored_attributes(path: Path) -> dict[str, Any] | None:
    """Attributes of an HDF5 file; None when it cannot be read."""
    try:
        require_heaps(path)
        with h5py.File(path, "r") as file:
            return dict(file.attrs)
    except (
        OSError,
        RuntimeError,
        LookupError,
        TypeError,
        ValueError,
    ):  # a damaged one
        return None


def missing_value(dtype: np.dtype) -> Any:
    """What stands for a lost value: NaN for floating-point numbers, the largest value for others."""
    if dtype.kind == "f":
        return np.nan
    return True if dtype.kind == "b" else np.iinfo(dtype).max


def _create_array(
    file: h5py.File, name: str, values: np.ndarray, count: int, compression: Compression
) -> None:
    """An array of `count` rows as those of `values`; a chunk is one image or many small rows."""
    rows = int(np.clip(_CHUNK_BYTES // max(values[0].nbytes, 1), 1, count))
    # The lowest level: higher ones take longer, and noise packs no better.
    packing: dict[str, Any] = {"compression": "gzip", "compression_opts": 1, "shuffle": True}
    if compression == "bitshuffle":
        import hdf5plugin

        packing = dict(hdf5plugin.Bitshuffle(cname="zstd"))
    shape = (count, *values.shape[1:])
    file.create_dataset(name, shape, values.dtype, chunks=(rows, *values.shape[1:]), **packing)
