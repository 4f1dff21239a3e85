"""Follows a folder while images arrive, and appends one JSON line per image as soon as it is predicted."""

import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from argand.crew import HERE, Crew, Died, Machines, in_chunks
from argand.errors import ConfigError, InputError
from argand.io.atomic import make_folder
from argand.io.image import expand_inputs
from argand.io.suffix import MANY_IMAGES
from argand.runs.course import Failure
from argand.runs.record import Record, append_records, drop_torn_line, read_records
from argand.runs.stacks import GIVE_UP
from argand.systems.geometry.files.batch import BatchPredictor, Stated
from argand.systems.geometry.files.record import failed
from argand.systems.geometry.files.work import CHUNK, Answer, ImageTask, ImageWork
from argand.systems.geometry.refine.options import PLAIN, Options

logger = logging.getLogger(__name__)

Stamp = tuple[int, int]
"""Size in bytes and time of last change in ns of a file."""


class Stamps:
    """Size and time of change of files, at this look and at the one before."""

    def __init__(self) -> None:
        self._before: dict[Path, Stamp | None] = {}
        self._now: dict[Path, Stamp | None] = {}

    def look(self) -> None:
        """Start a new look."""
        self._before, self._now = self._now, {}

    def of(self, path: Path) -> Stamp | None:
        """The stamp of a file; None if it is missing or empty."""
        if path not in self._now:
            try:
                state = path.stat()
            except OSError:
                self._now[path] = None
            else:
                self._now[path] = (state.st_size, state.st_mtime_ns) if state.st_size else None
        return self._now[path]

    def settled(self, path: Path) -> bool:
        """Whether a file exists and has not changed since the last look."""
        return self.of(path) is not None and self.of(path) == self._before.get(path)


@dataclass
class _File:
    """The state of a file of the folder."""

    done: set[int] = field(default_factory=set)
    """Images that are predicted, or have failed."""
    failures: int = 0
    """Images that have failed since the file last changed, without those of a hopeless file."""
    answered: bool = False
    """Whether any of its images has an answer."""
    stamps: tuple[Stamp | None, ...] = ()
    """Stamps of the file and its data files when it was last opened."""
    left: bool = False
    """Whether nothing remains to be done until it changes."""
    parts: tuple[Path, ...] = ()
    """Existing data files of an HDF5 master."""
    missing: InputError | None = None

    @property
    def is_hopeless(self) -> bool:
        """Whether GIVE_UP of its images have failed and none was ever predicted."""
        return self.failures >= GIVE_UP and not self.answered


@dataclass
class Watcher:
    """Predicts each image of `folder` once its file has stopped growing, and appends the answer to `out`.

    A file counts as complete if it has not changed between two looks, `interval_s` seconds apart. One second
    is by hand: an image waits for two looks at most. The images of an HDF5 file are predicted while it and
    its data files grow. Images with an answer in `out` are skipped. A file that failed, or of which GIVE_UP
    images have failed and none was predicted, is tried again when it has changed.
    """

    folder: Path
    out: Path
    predictor: BatchPredictor
    stated: Stated = field(default_factory=Stated)
    options: Options = PLAIN
    pattern: str | None = None
    interval_s: float = 1.0
    machines: Machines = HERE
    _files: dict[str, _File] = field(default_factory=dict)
    _stamps: Stamps = field(default_factory=Stamps)

    def run(self, once: bool = False, timeout_s: float | None = None) -> Iterator[Record]:
        """Records as they come, until `timeout_s` without a new image, or with `once` until all is done.

        Raises InputError if the folder or earlier answers cannot be read, ConfigError as `require_folder`.
        """
        self.require_folder()
        self._resume()
        since = time.monotonic()
        with Crew(self.machines, ImageWork(self.predictor, self.stated, self.options)) as crew:
            while True:
                waiting, tasks, failures = self._look()
                for record in self._written([failed(failure) for failure in failures]):
                    yield record
                for record in self._answered(tasks, crew):
                    yield record
                    since = time.monotonic()
                if once and not waiting and not tasks:
                    incomplete = [Failure(file, str(error)) for file, error in self._missing()]
                    yield from self._written([failed(failure) for failure in incomplete])
                    return
                if timeout_s is not None and time.monotonic() - since >= timeout_s:
                    return
                time.sleep(self.interval_s)

    def _look(self) -> tuple[bool, list[ImageTask], list[Failure]]:
        """Whether files are still changing, the images to predict, and files that cannot be read."""
        self._stamps.look()
        waiting = False
        tasks: list[ImageTask] = []
        failures: list[Failure] = []
        for file in sorted(self._names(), key=lambda name: (self._stamps.of(Path(name)) or (0, 0))[::-1]):
            known = self._files.setdefault(_key(file), _File())
            stamps = self._stand(file, known)
            if stamps[0] is None or (known.left and stamps == known.stamps):
                continue
            if stamps != known.stamps:
                known.left, known.failures = False, 0
            try:
                due = self._due(file, known)
            except Exception as error:
                logger.debug("%s", file, exc_info=True)
                due = []
                failures += [Failure.of(file, error)] if self._stamps.settled(Path(file)) else []
            tasks += due
            # The data files may have changed.
            known.stamps = self._stand(file, known)
            settled = all(self._stamps.settled(path) for path in (Path(file), *known.parts))
            # A missing data file is looked for again.
            known.left = settled and not due and known.missing is None
            waiting = waiting or not settled
        return waiting, tasks, failures

    def _stand(self, file: str, known: _File) -> tuple[Stamp | None, ...]:
        return tuple(self._stamps.of(path) for path in (Path(file), *known.parts))

    def _due(self, file: str, known: _File) -> list[ImageTask]:
        """Images of a file that can be predicted now; raises InputError for a bad HDF5 file."""
        if not MANY_IMAGES.search(file):
            due = self._stamps.settled(Path(file)) and not known.done and not known.failures
            return [ImageTask(file, None, "")] if due else []
        # h5py is slow to import, and only these files need it.
        from argand.io.nexus import growth

        found = growth(Path(file), self._stamps.settled)
        known.missing = found.missing
        known.parts = found.files[1:]
        if known.is_hopeless:
            return []
        return [ImageTask(file, index, "") for index in range(found.frames) if index not in known.done]

    def _answered(
        self, tasks: list[ImageTask], crew: Crew[ImageTask, list[Answer | Failure]]
    ) -> Iterator[Record]:
        """Records of the answers as they come; that of a bad file gives the reason."""
        pieces = in_chunks(tasks, self.machines, CHUNK)
        hopeless = lambda task: self._files[_key(task.file)].is_hopeless  # noqa: E731
        chunks = ([task for task in piece if not hopeless(task)] for piece in pieces)
        with closing(crew.results(chunks)) as results:
            for task, result in results:
                if isinstance(result, Died):
                    result = [Failure(task.file, result.text, task.index)]
                yield from self._written(self._noted(task, result))

    def _noted(self, task: ImageTask, outcomes: Sequence[Answer | Failure]) -> list[Record]:
        """Records of the outcomes of a task, which is done now."""
        known = self._files[_key(task.file)]
        records = []
        for outcome in outcomes:
            if isinstance(outcome, Failure):
                if known.is_hopeless:
                    return records
                known.failures += 1
                records.append(failed(outcome))
            else:
                known.answered = True
                # No files are written for these answers.
                unused = ("name", "downloads")
                records.append({k: v for k, v in outcome.record.items() if k not in unused})
        if task.index is None:
            known.done |= {record["index"] for record in records if not record.get("failed")}
        else:
            known.done.add(task.index)
        return records

    def _written(self, records: list[Record]) -> list[Record]:
        """The records, appended to the results."""
        append_records(self.out, records)
        return records

    def _missing(self) -> Iterator[tuple[str, InputError]]:
        """Masters with missing data files."""
        for file in self._names():
            missing = self._files[_key(file)].missing
            if missing is not None:
                yield file, missing

    def _names(self) -> list[str]:
        try:
            if self.pattern is None:
                return expand_inputs([str(self.folder)])
            # The results grow with each look, and may lie in the folder.
            found = (path for path in self.folder.glob(self.pattern) if path.is_file())
            return [str(path) for path in found if not (self.out.exists() and path.samefile(self.out))]
        except (InputError, OSError):  # the folder is gone, or still empty
            return []

    def require_folder(self) -> None:
        """Raise InputError for a missing folder, ConfigError for a pattern that is not of files below it."""
        if not self.folder.is_dir():
            raise InputError(f"{self.folder}: no such folder; give the one in which the images arrive")
        if self.pattern is None:
            return
        told = f"--pattern '{self.pattern}' does not match files below {self.folder}"
        if ".." in Path(self.pattern).parts:
            raise ConfigError(f"{told}; watch the folder of these files")
        try:
            next(self.folder.glob(self.pattern), None)
        except (NotImplementedError, ValueError, OSError) as error:  # absolute, no pattern, too long a name
            raise ConfigError(f"{told} ({error}); give one such as '*.cbf'") from error

    def _resume(self) -> None:
        """Skip the images that have an answer already."""
        make_folder(self.out.parent)
        if self.out.exists():
            drop_torn_line(self.out)
            for record in read_records(self.out, needed=("file", "index")):
                if not record.get("failed"):
                    known = self._files.setdefault(_key(record["file"]), _File())
                    known.done.add(record["index"])
                    known.answered = True


def _key(file: str) -> str:
    return str(Path(file).resolve())
