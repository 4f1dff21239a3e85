"""Records that are kept as they come and found again by a key, by which a run that was stopped goes on."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from argand.errors import InputError
from argand.runs.record import Record, append_records, drop_torn_line
from argand.runs.resume import ASKED


class RecordStore:
    """The records in a file of JSON lines, of which the last of a key counts; one process adds to it.

    Keys and what the records rest on are in memory, and where the rest is, so that there may be millions.
    InputError for a file that holds anything else.
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
        """The keys, in the order in which each came first."""
        return iter(self._found)

    def asked(self, key: Any) -> str | None:
        """What the record of a key rests on; None where there is no record, or none with an answer."""
        return self._found[key][1] if key in self._found else None

    def add(self, record: Record) -> None:
        """Append a record, whole or, where the run is killed, not at all."""
        append_records(self.file, [record])
        self._note(record)
        self._end = self.file.stat().st_size

    def read(self, keys: Iterable[Any]) -> Iterator[Record]:
        """The records of some keys, one after the other."""
        places = [self._found[key][0] for key in keys]
        if not places:
            return
        with self.file.open("rb") as lines:
            for place in places:
                lines.seek(place)
                yield json.loads(lines.readline())

    def remove(self) -> None:
        """Forget all, the file too."""
        self.file.unlink(missing_ok=True)
        self._found.clear()
        self._end = 0

    def _note(self, record: Record) -> None:
        self._found[record[self._key]] = self._end, record.get(ASKED)


def _record(line: bytes, key: str, where: str) -> Record:
    """The record of a line; InputError, which says `where` it is, for another line."""
    try:
        found = json.loads(line.decode())
    except (ValueError, RecursionError):  # ValueError: no UTF-8, no JSON, numbers of thousands of digits
        found = None
    if not isinstance(found, dict) or not isinstance(found.get(key), str | int):
        raise InputError(f"{where} is no record of a run; delete it, or name another --out")
    return found
