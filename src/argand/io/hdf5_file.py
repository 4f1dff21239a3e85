"""HDF5 files that are written whole or not at all, on a full disk too.

HDF5 ends the whole process (segmentation fault) where it cannot write what it still holds when it closes a
file; seen with HDF5 2.0 and h5py 3.16.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path

import h5py

from argand.io.atomic import write_bytes


@contextmanager
def written_hdf5(path: str | Path) -> Iterator[h5py.File]:
    """A new HDF5 file in memory, of which `path` is made at the end, in one move; after an error it is not.

    Raises OutputError where the disk refuses.
    """
    content = BytesIO()
    with h5py.File(content, "w") as file:
        yield file
    write_bytes(path, content.getbuffer())
