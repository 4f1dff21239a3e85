"""Records that are stored as they come and looked up by key, so that a stopped run can be resumed."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from argand.errors import InputError
from argand.runs.record import Record, append_records, drop_torn_line
from argand.runs.resume import ASKED


class RecordStore:
    """Records in a JSON lines file; the last one of each key counts. Only one process may append.

    Only keys, digests and file offsets are in memory, so that there may be millions of records. Raises
    InputError for a file with any other content.
    """

    def __init__(self, file: Path, key: str = "name") -> None:
        self.file, self._key = file, key
        self._found: dict[Any, tuple[int, str | None]] = {}
        self._end = 0
        if file.exists():
            drop_torn_line(file)
            with file.open("rb") as lines:
                for number, line in enumerate(lines, start=1):
                    self._note(_record(line, key, f"{file}: line {number}"))
                    self._end += len(line)

    def __contains__(self, key: Any) -> bool:
        return key in self._found

    def __iter__(self) -> Iterator[Any]:
        """The keys, in order of first appearance."""
        return iter(self._found)

    def asked(self, key: Any) -> str | None:
        """Digest of what the record of a key depends on; None without a record, or for a failure."""
        return self._found[key][1] if key in self._found else None

    def add(self, record: Record) -> None:
        """Append a record: all of it or, if the run is killed, nothing."""
        append_records(self.file, [record])
        self._note(record)
        self._end = self.file.stat().st_size

    def read(self, keys: Iterable[Any]) -> Iterator[Record]:
        """Yield the records of the given keys."""
        places = [self._found[key][0] for key in keys]
        if not places:
            return
        with self.file.open("rb") as lines:
            for place in places:
                lines.seek(place)
                yield json.loads(lines.readline())

    def remove(self) -> None:
        """Remove all records and the file."""
        self.file.unlink(missing_ok=True)
        self._found.clear()
        self._end = 0

    def _note(self, record: Record) -> None:
        self._found[record[self._key]] = self._end, record.get(ASKED)


def _record(line: bytes, key: str, where: str) -> Record:
    """The record of a line; InputError, which names the place `where`, for any other line."""
    try:
        found = json.loads(line.decode())
    except (ValueError, RecursionError):  # ValueError: not UTF-8, not JSON, or a number with too many digits
        found = None
    if not isinstance(found, dict) or not isinstance(found.get(key), str | int):
        raise InputError(f"{where}: not a record of a run; delete it, or choose another --out")
    return found
