"""Room on a disk that is made sure of before a large HDF5 file needs it.

HDF5 writes late, and ends the whole process where the disk is full as it closes a file: see
`argand.io.hdf5_file`, which is for files that memory can hold.
"""

import resource
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from argand.errors import OutputError, why_and_cure

SPARE_BYTES = 16 * 2**20
"""Room that is kept for what HDF5 writes late.

By hand: several times HDF5's own caches (1 MiB for a data set's chunks).
"""


class DiskFullError(OutputError):
    """There is no room for a file on its disk, or for its user there."""


@contextmanager
def kept_room(path: Path) -> Iterator[None]:
    """Take SPARE_BYTES of the disk of a file until the context ends, for what is then written at once.

    Whatever fills the disk, or the user's share of it, meanwhile has not taken these. Raises DiskFullError
    where they are not to be had.
    """
    spare = path.with_name(f"{path.name}.room")
    try:
        try:
            spare.write_bytes(bytes(SPARE_BYTES))
        except OSError as error:
            raise _full(path, *why_and_cure(error)) from error
        yield
    finally:
        spare.unlink(missing_ok=True)


def require_room(path: Path, needed: int) -> None:
    """DiskFullError where a file cannot grow by `needed` bytes, on its disk or by the limit on files."""
    if shutil.disk_usage(path.parent).free < needed:
        raise _full(path, "No space left on device", "make room")
    most, _ = resource.getrlimit(resource.RLIMIT_FSIZE)
    if most != resource.RLIM_INFINITY and path.stat().st_size + SPARE_BYTES + needed > most:
        raise _full(path, f"ulimit -f allows {most:,} bytes a file", "raise that")


def _full(path: Path, why: str, cure: str) -> DiskFullError:
    return DiskFullError(f"{path.parent}: no room ({why}); {cure}, then the same command completes the set")
