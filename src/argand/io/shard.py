"""A shard of an HDF5 data set: simulated in pieces, by any process, which are then joined into one file.

The pieces of `00000250.h5` are in the folder `00000250.pieces`, each named after its first sample. Files are
written under a hidden name and renamed when complete, so that a file with its final name is complete.
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
"""Most samples of a piece. By hand: the most that a kill loses per process, and few files."""
_CHUNK_BYTES = 65536
"""Size of a chunk of small rows; by hand, so that reading one sample decompresses little else."""


@dataclass(frozen=True)
class ShardTask:
    """Simulate the samples `indices` as a piece of a shard or, with `join`, join all its pieces."""

    shard: Path
    indices: range
    join: bool = False

    def __str__(self) -> str:
        return str(self.shard)


@dataclass(frozen=True)
class ShardWork:
    """What a process needs to simulate samples, `simulate(index, seed)`, and to store them.

    `origin` contains the attributes shared by all files of the set.
    """

    simulate: Callable[[int, int], Sample]
    seed: int
    origin: Mapping[str, Any]
    compression: Compression

    def __call__(self) -> "Callable[[Sequence[ShardTask]], list[int]]":
        """The function that does tasks and returns the number of samples made for each."""
        return lambda tasks: [self._joined(task) if task.join else self._made(task) for task in tasks]

    def attributes(self, indices: range) -> dict[str, Any]:
        """Attributes of a file with the samples `indices`."""
        return {**self.origin, "first": indices.start, "count": len(indices)}

    def _made(self, task: ShardTask) -> int:
        samples: list[Sample] = []
        try:
            for index in task.indices:
                samples.append(self.simulate(index, self.seed))  # noqa: PERF401  see below
        finally:  # samples made before an interruption are kept
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
        """Join the pieces of a shard, then remove them."""
        pieces = stored_pieces(task.shard)
        if self.compression == "bitshuffle":
            import hdf5plugin  # noqa: F401 (needed to write bitshuffle)
        covered: set[int] = set()
        with written(task.shard) as temporary, LargeHdf5(temporary) as shard:
            for first, path in sorted(pieces.items()):
                found = piece_range(first, path)
                if is_within(found, task.indices):
                    self._copy(path, shard.file, first - task.indices.start, len(task.indices))
                    shard.require_taken()
                    covered |= set(found)
            if covered != set(task.indices):
                raise InputError(f"{task.shard}: pieces of it were removed; run the same command again")
            shard.file.attrs.update(self.attributes(task.indices))
        shutil.rmtree(pieces_folder(task.shard), ignore_errors=True)
        return 0

    def _copy(self, path: Path, file: h5py.File, row: int, count: int) -> None:
        """Copy a piece into a shard of `count` samples, starting at row `row`."""
        with h5py.File(path, "r") as piece:
            for name, array in piece.items():
                values = np.asarray(array)
                if name not in file:
                    _create_array(file, name, values, count, self.compression)
                file[name][row : row + len(values)] = values  # pyright: ignore[reportIndexIssue]


def pieces_folder(shard: Path) -> Path:
    """Folder of a shard's pieces until they are joined."""
    return shard.with_suffix(".pieces")


def stored_pieces(shard: Path) -> dict[int, Path]:
    """The existing pieces of a shard, by the number of their first sample."""
    return {int(path.stem): path for path in pieces_folder(shard).glob("[0-9]*.h5")}


def piece_range(first: int, path: Path) -> range:
    """Sample numbers of a piece; empty if it cannot be read."""
    return range(first, first + int((stored_attributes(path) or {}).get("count", 0)))


def is_within(found: range, indices: range) -> bool:
    """Whether `found` is not empty and lies within a shard's `indices`."""
    return bool(found) and found[0] in indices and found[-1] in indices


def stored_attributes(path: Path) -> dict[str, Any] | None:
    """Attributes of an HDF5 file; None if it cannot be read."""
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
    ):  # a damaged file
        return None


def missing_value(dtype: np.dtype) -> Any:
    """Fill value for lost data: NaN for floating-point numbers, the largest value for other types."""
    if dtype.kind == "f":
        return np.nan
    return True if dtype.kind == "b" else np.iinfo(dtype).max


def _create_array(
    file: h5py.File, name: str, values: np.ndarray, count: int, compression: Compression
) -> None:
    """Create an array of `count` rows like those of `values`; a chunk is one image or many small rows."""
    rows = int(np.clip(_CHUNK_BYTES // max(values[0].nbytes, 1), 1, count))
    # The lowest level: higher ones take longer and compress noise no better.
    packing: dict[str, Any] = {"compression": "gzip", "compression_opts": 1, "shuffle": True}
    if compression == "bitshuffle":
        import hdf5plugin

        packing = dict(hdf5plugin.Bitshuffle(cname="zstd"))
    shape = (count, *values.shape[1:])
    file.create_dataset(name, shape, values.dtype, chunks=(rows, *values.shape[1:]), **packing)
