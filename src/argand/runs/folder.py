"""The folder of a run: made at its beginning, with its results and page at its end, also after Ctrl-C."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import chain, count
from pathlib import Path
from types import TracebackType

from argand.errors import ConfigError
from argand.io.atomic import write_lines, written
from argand.runs.record import RESULTS, Record, to_line


def make_folder(folder: Path) -> Path:
    """Make a folder for outputs where it is missing; ConfigError where that cannot be."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"{folder}: cannot be made ({error}); name another --out") from error
    return folder


@contextmanager
def output_file(path: Path) -> Iterator[Path]:
    """A name to write an output under, moved to `path` at the end; ConfigError where the disk refuses."""
    try:
        with written(path) as temporary:
            yield temporary
    except OSError as error:
        why = error.strerror or error
        raise ConfigError(f"{path}: cannot be written ({why}); make room or name another --out") from error


def unique_name(name: str, taken: set[str]) -> str:
    """The name, with the first free number from 2 where it is taken; `taken` then holds it too."""
    numbered = (f"{name}-{number}" for number in count(2))
    # Some file systems do not tell capitals from small letters.
    free = next(one for one in chain([name], numbered) if one.lower() not in taken)
    taken.add(free.lower())
    return free


@dataclass
class RunFolder:
    """The folder of a run, or of none where `folder` is None, and the records of its answers.

    Leaving the context writes the results and the page of what was answered, after an error too.
    """

    folder: Path | None
    page: Callable[[Path], Path] | None = field(default=None, kw_only=True)
    """What writes the page of a folder; without it there is none."""
    records: list[Record] = field(default_factory=list, kw_only=True)
    _names: set[str] = field(default_factory=set, kw_only=True)

    def __enter__(self) -> "RunFolder":
        if self.folder is not None:
            make_folder(self.folder)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.folder is None:
            return
        self.write_results(self.folder)
        if self.page is not None:
            self.page(self.folder)

    def keep(self, record: Record) -> Record:
        """Append a record and return it."""
        self.records.append(record)
        return record

    def unused(self, name: str) -> str:
        """The name, numbered where outputs of this run have it already."""
        return unique_name(name, self._names)

    def write_results(self, folder: Path) -> None:
        """Write the records as lines of JSON."""
        write_lines(folder / RESULTS, [to_line(record) for record in self.records])
