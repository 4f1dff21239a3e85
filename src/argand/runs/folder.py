"""The folder of a run: results as they come, its page at the end, also after Ctrl-C; a killed run goes on."""

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
"""By hand: of the 255 that the usual file systems take, without numbers, endings, and what `written` adds."""


def unique_name(name: str, taken: set[str]) -> str:
    """The name, with the first free number from 2 where it is taken; `taken` then holds it too."""
    numbered = (f"{name}-{number}" for number in count(2))
    # Some file systems do not tell capitals from small letters.
    free = next(one for one in chain([name], numbered) if one.lower() not in taken)
    taken.add(free.lower())
    return free


def file_stem(name: str) -> str:
    """The name as a file can have it, with room for an ending and for the name it is written under.

    Slashes and control characters become `_`, and it is cut between two letters.
    """
    plain = re.sub(r"[\x00-\x1f\x7f/]", "_", name).encode(errors="replace")[:_STEM_BYTES]
    return plain.decode(errors="ignore").strip(". ") or "structure"


@dataclass
class RunFolder:
    """The folder of a run, or of none where `folder` is None, and the records of its answers.

    Entering the context claims the folder (`runs.claim`): ConfigError where it holds results, unless `force`
    removes them or `resume` continues them. Each record is written at once, so that a run that was killed can
    be resumed: answers of the earlier run for a file are kept where `settings` and the file have not changed,
    and so are those for files that this run is not asked about. Leaving the context writes the results in
    their order and the page, after an error too.
    """

    folder: Path | None
    page: Callable[[Path], Path] | None = field(default=None, kw_only=True)
    """What writes the page of a folder; without it there is none."""
    settings: Record = field(default_factory=dict, kw_only=True)
    """What the answers rest on beside the files: options, weights, what is written. To be complete before the
    first answer."""
    force: bool = field(default=False, kw_only=True)
    """Whether the results of an earlier run are removed first."""
    resume: bool = field(default=False, kw_only=True)
    """Whether an earlier run is continued."""
    records: list[Record] = field(default_factory=list, kw_only=True)
    _earlier: dict[str, list[Record]] = field(default_factory=dict, kw_only=True)
    """What the results held when the run began, by file."""
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
            # What was not reached is still answered.
            kept = {id(record) for record in self.records}
            self.records += [record for record in self._taken_over if id(record) not in kept]
        self._remove_replaced(self.folder)
        self.write_results(self.folder)
        if self.page is not None:
            self.page(self.folder)

    def take_over(self, file: str | Path, asked: str) -> dict[int, Record]:
        """Answers of an earlier run for a file, by the index of the image, that still hold.

        They rest on the same, `asked`, and all that was written is there. To be called for all files before
        the first new name is taken: it keeps the names of what is there.
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
        """Answers of the earlier run for files that this one is not asked about; they stay in the results.

        To be used once `take_over` was called for all files.
        """
        told = (records for file, records in self._earlier.items() if file not in self._asked_files)
        return [record for records in told for record in records if self._is_whole(record)]

    def asked(self, file: str | Path, *more: Any) -> str:
        """What answers for a file rest on, `more` for this file alone; their records have it as `ASKED`."""
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
        """Append the records of one file, all or, when the run is killed, none of them."""
        self.records += records
        if self.folder is not None:
            append_records(self.folder / RESULTS, records)

    def unused(self, name: str) -> str:
        """The name, numbered where outputs in the folder have it already."""
        return unique_name(name, self._taken)

    def is_unused(self, name: str) -> bool:
        """Whether no outputs in the folder have the name yet."""
        return name.lower() not in self._taken

    @cached_property
    def _taken(self) -> set[str]:
        self._names |= {record["name"].lower() for record in self.others if "name" in record}
        return self._names

    def write_results(self, folder: Path) -> None:
        """Write the records as lines of JSON."""
        write_lines(folder / RESULTS, [to_line(record) for record in self.all_records])

    @property
    def all_records(self) -> list[Record]:
        """The records of this run, then those that the folder keeps for other files."""
        return [*self.records, *self.others]

    def _remove_replaced(self, folder: Path) -> None:
        """Remove outputs of earlier answers that have none in the folder's results any more."""
        kept = {name for record in self.all_records for name in self.written(record)}
        earlier = (record for file in self._asked_files for record in self._earlier.get(file, []))
        for name in {name for record in earlier for name in self.written(record)} - kept:
            (folder / name).unlink(missing_ok=True)

    def _is_whole(self, record: Record) -> bool:
        return self.folder is not None and all((self.folder / name).exists() for name in self.written(record))
