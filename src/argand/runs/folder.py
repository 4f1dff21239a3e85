"""The folder of a run: records are written as they come, the page at the end; a killed run can be resumed."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain, count
from pathlib import Path
from types import TracebackType
from typing import Any

from argand.io.atomic import write_lines
from argand.runs.claim import claim_folder
from argand.runs.record import OUTPUTS, RESULTS, Record, append_records, drop_torn_line, read_records, to_line
from argand.runs.resume import ASKED, digest

_STEM_BYTES = 200
"""By hand: of the 255 bytes that common file systems allow, room for numbers, suffixes and what `written`
adds."""


def unique_name(name: str, taken: set[str]) -> str:
    """The name, with the first free number from 2 appended if it is taken; it is added to `taken`."""
    numbered = (f"{name}-{number}" for number in count(2))
    # Some file systems ignore case.
    free = next(one for one in chain([name], numbered) if one.lower() not in taken)
    taken.add(free.lower())
    return free


def file_stem(name: str) -> str:
    """The name as a valid file stem, with room for a suffix and for the temporary name.

    Slashes and control characters become `_`, and long names are cut between two characters.
    """
    plain = re.sub(r"[\x00-\x1f\x7f/]", "_", name).encode(errors="replace")[:_STEM_BYTES]
    return plain.decode(errors="ignore").strip(". ") or "structure"


@dataclass
class RunFolder:
    """The output folder of a run (none if `folder` is None) and the records of its answers.

    Entering the context claims the folder (`runs.claim`): ConfigError if it contains results, unless `force`
    removes them or `resume` continues them. Each record is written at once, so that a killed run can be
    resumed: earlier answers for a file are kept if `settings` and the file have not changed, and so are those
    for files that this run does not name. Leaving the context writes the results in order and the page, also
    after an error.
    """

    folder: Path | None
    page: Callable[[Path], Path] | None = field(default=None, kw_only=True)
    """Writes the page of a folder; if None, there is no page."""
    settings: Record = field(default_factory=dict, kw_only=True)
    """What the answers depend on besides the files: options, weights, output formats. Must be complete before
    the first answer."""
    force: bool = field(default=False, kw_only=True)
    """Whether the results of an earlier run are removed first."""
    resume: bool = field(default=False, kw_only=True)
    """Whether an earlier run is continued."""
    records: list[Record] = field(default_factory=list, kw_only=True)
    _earlier: dict[str, list[Record]] = field(default_factory=dict, kw_only=True)
    """Records that the folder contained when the run started, by file."""
    _taken_over: list[Record] = field(default_factory=list, kw_only=True)
    _names: set[str] = field(default_factory=set, kw_only=True)
    _asked_files: set[str] = field(default_factory=set, kw_only=True)
    """Files that this run answers or has taken over."""

    def __enter__(self) -> "RunFolder":
        if self.folder is not None:
            results = claim_folder(self.folder, force=self.force, resume=self.resume) / RESULTS
            if results.exists():
                drop_torn_line(results)
                for record in read_records(results):
                    self._earlier.setdefault(str(record.get("file")), []).append(record)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.folder is None or (kind is not None and not self.records):
            return
        if kind is not None:
            # Files that were not reached keep their earlier answers.
            kept = {id(record) for record in self.records}
            self.records += [record for record in self._taken_over if id(record) not in kept]
        self._remove_replaced(self.folder)
        self.write_results(self.folder)
        if self.page is not None:
            self.page(self.folder)

    def take_over(self, file: str | Path, asked: str) -> dict[int, Record]:
        """Answers of an earlier run for a file that are still valid, by image index.

        They have the same digest `asked`, and all their output files exist. Call it for all files before the
        first new name is taken, since it reserves the names of existing outputs.
        """
        self._asked_files.add(str(file))
        found: dict[int, Record] = {}
        for record in self._earlier.get(str(file), []):
            if record.get(ASKED) == asked and self._is_whole(record):
                found[record.get("index") or 0] = record
        self._taken_over += found.values()
        self._names |= {record["name"].lower() for record in found.values() if "name" in record}
        return found

    @cached_property
    def others(self) -> list[Record]:
        """Answers of the earlier run for files that this one does not name; they stay in the results.

        Valid once `take_over` has been called for all files.
        """
        told = (records for file, records in self._earlier.items() if file not in self._asked_files)
        return [record for records in told for record in records if self._is_whole(record)]

    def asked(self, file: str | Path, *more: Any) -> str:
        """Digest of what the answers for a file depend on, with `more` specific to it; stored as `ASKED` in
        its records."""
        return digest([self._settings_digest, *more], file)

    @cached_property
    def _settings_digest(self) -> str:
        return digest(self.settings)

    def written(self, record: Record) -> list[str]:
        """Names of the files that belong to a record, under the keys of `OUTPUTS`."""
        return [record[key] for key in OUTPUTS if key in record]

    def keep(self, record: Record) -> Record:
        """Append a record, write it, and return it."""
        self.keep_all([record])
        return record

    def keep_all(self, records: Sequence[Record]) -> None:
        """Append the records of one file: all of them or, if the run is killed, none."""
        self.records += records
        self._asked_files |= {str(record.get("file")) for record in records}
        if self.folder is not None:
            append_records(self.folder / RESULTS, records)

    def unused(self, name: str) -> str:
        """The name, numbered if outputs in the folder already use it."""
        return unique_name(name, self._taken)

    def is_unused(self, name: str) -> bool:
        """Whether no outputs in the folder use the name yet."""
        return name.lower() not in self._taken

    @cached_property
    def _taken(self) -> set[str]:
        self._names |= {record["name"].lower() for record in self.others if "name" in record}
        return self._names

    def write_results(self, folder: Path) -> None:
        """Write the records as JSON lines."""
        write_lines(folder / RESULTS, [to_line(record) for record in self.all_records])

    @property
    def all_records(self) -> list[Record]:
        """The records of this run, then those that the folder keeps for other files."""
        return [*self.records, *self.others]

    def _remove_replaced(self, folder: Path) -> None:
        """Remove output files of earlier answers that no record refers to any more."""
        kept = {name for record in self.all_records for name in self.written(record)}
        earlier = (record for records in self._earlier.values() for record in records)
        for name in {name for record in earlier for name in self.written(record)} - kept:
            (folder / name).unlink(missing_ok=True)

    def _is_whole(self, record: Record) -> bool:
        return self.folder is not None and all((self.folder / name).exists() for name in self.written(record))
