"""HDF5 files that are written whole or not at all, on a full disk too.

HDF5 ends the whole process (segmentation fault) where it cannot write what it still holds when it closes a
file; seen with HDF5 2.0 and h5py 3.16.
"""

import resource
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import BytesIO
from pathlib import Path

import h5py

from argand.errors import OutputError
from argand.io.atomic import told_of, write_bytes

SPARE_BYTES = 16 * 2**20
"""Room that is kept for what HDF5 writes late.

By hand: several times HDF5's own caches (1 MiB for a data set's chunks).
"""


@contextmanager
def written_hdf5(path: str | Path) -> Iterator[h5py.File]:
    """A new HDF5 file in memory, of which `path` is made at the end, in one move; after an error it is not.

    Raises OutputError where the disk refuses.
    """
    content = BytesIO()
    with h5py.File(content, "w") as file:
        yield file
    write_bytes(path, content.getbuffer())


@contextmanager
def hdf5_with_room(path: Path, needed: int) -> Iterator[h5py.File]:
    """A new HDF5 file on the disk, too large for the memory, that has room for `needed` bytes.

    SPARE_BYTES of the disk are taken while it is filled, and given back for what HDF5 writes as it closes:
    whatever fills the disk, or the user's share of it, meanwhile has not taken these. Raises OutputError
    where there is no room.
    """
    _require_room(path, needed)
    spare = path.with_name(f"{path.name}.room")
    try:
        with told_of(path, spare):
            spare.write_bytes(bytes(SPARE_BYTES))
        with h5py.File(path, "w") as file:
            try:
                yield file
            finally:
                spare.unlink()
    finally:
        with suppress(OSError):
            spare.unlink()


def _require_room(path: Path, needed: int) -> None:
    """OutputError where a file of so many bytes has no room on its disk, or by the limit on files."""
    if shutil.disk_usage(path.parent).free < needed:
        raise OutputError(f"{path.parent}: the disk is full; make room, then the same command goes on")
    most, _ = resource.getrlimit(resource.RLIMIT_FSIZE)
    if most != resource.RLIM_INFINITY and needed + SPARE_BYTES > most:
        raise OutputError(f"{path.parent}: files may have {most:,} bytes alone; raise that limit (ulimit -f)")
