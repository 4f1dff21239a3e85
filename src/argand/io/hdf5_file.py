"""HDF5 files that are written completely or not at all, even on a full disk.

HDF5 crashes the process (segmentation fault) when it closes a file of which a part could not be written, and
does not report lost chunks; seen with HDF5 2.0 and h5py 3.16. So it writes to objects that never fail.
"""

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py

from argand.io.atomic import told_of, write_bytes
from argand.io.interrupts import interrupts_wait


@contextmanager
def written_hdf5(path: str | Path) -> Iterator[h5py.File]:
    """Yield a new HDF5 file in memory, written to `path` atomically at the end, but not after an error.

    Raises OutputError if the write fails.
    """
    content = io.BytesIO()
    with h5py.File(content, "w") as file:
        yield file
    write_bytes(path, content.getbuffer())


class LargeHdf5:
    """Context manager of a new HDF5 file, `file`, that is too large for memory.

    `require_taken` and the end of the context raise OutputError if a write failed. Ctrl-C is delayed until
    the end of the context: within it, HDF5 would treat it as a write error.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> "LargeHdf5":
        with told_of(self._path):
            self._disk = _Held(self._path)
        self._interrupts = interrupts_wait()
        self._interrupts.__enter__()
        self.file = h5py.File(self._disk, "w")
        return self

    def __exit__(self, kind: type[BaseException] | None, *error: object) -> None:
        try:
            self.file.close()
            if kind is None:
                self.require_taken()
        finally:
            self._disk.close()
            self._interrupts.__exit__(None, None, None)

    def require_taken(self) -> None:
        """OutputError if a write failed: to be called regularly, since failed writes are held in memory."""
        if self._disk.refusal is not None:
            with told_of(self._path):
                raise self._disk.refusal


class _Held(io.RawIOBase):
    """A file that accepts all writes: after the first failed write, everything is held in memory."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("w+b", buffering=0)
        self._at = 0
        self._held: list[tuple[int, bytes]] = []
        self.refusal: OSError | None = None

    def close(self) -> None:
        super().close()
        self._file.close()

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        begin = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._end}[whence]
        self._at = begin + offset
        return self._at

    def tell(self) -> int:
        return self._at

    def truncate(self, size: int | None = None, /) -> int:
        size = self._at if size is None else size
        if self.refusal is None:
            self._attempt(lambda: self._file.truncate(size))
        return size

    def write(self, data: Any, /) -> int:
        content = bytes(data)
        if self.refusal is None:
            self._attempt(lambda: self._put(content))
        if self.refusal is not None:
            self._held.append((self._at, content))
        self._at += len(content)
        return len(content)

    def readinto(self, buffer: Any, /) -> int:
        length = len(buffer)
        found = bytearray(os.pread(self._file.fileno(), length, self._at).ljust(length, b"\0"))
        for start, content in self._held:
            first, last = max(start, self._at), min(start + len(content), self._at + length)
            if first < last:
                found[first - self._at : last - self._at] = content[first - start : last - start]
        buffer[:] = found
        self._at += length
        return length

    @property
    def _end(self) -> int:
        return max(
            [os.fstat(self._file.fileno()).st_size, *(start + len(part) for start, part in self._held)]
        )

    def _put(self, content: bytes) -> None:
        done = 0
        while done < len(content):
            done += os.pwrite(self._file.fileno(), content[done:], self._at + done)

    def _attempt(self, write: Any) -> None:
        try:
            write()
        except OSError as error:
            self.refusal = error
