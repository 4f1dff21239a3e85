"""Follows a folder while images arrive: one JSON line an image, appended as soon as it is answered."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from argand.errors import InputError
from argand.io.image import expand_inputs
from argand.runs.record import Record, read_records, to_line
from argand.systems.geometry.files.batch import BatchPredictor, FrameAnswer, Stated, answer_file
from argand.systems.geometry.files.record import failed
from argand.systems.geometry.refine.options import PLAIN, Options

Stamp = tuple[int, int]
"""Size in bytes and time of last change in ns of a file."""


@dataclass
class Watcher:
    """Answers each image of `folder` once its file has stopped growing, and appends to `out`.

    A file counts as complete when two looks, `interval_s` seconds apart, find it unchanged. One second is by
    hand: an image waits for two looks at most. Files that `out` names already are left alone. A file that
    failed is tried again when it has changed since.
    """

    folder: Path
    out: Path
    predictor: BatchPredictor
    stated: Stated = field(default_factory=Stated)
    options: Options = PLAIN
    pattern: str | None = None
    interval_s: float = 1.0
    _answered: dict[str, Stamp | None] = field(default_factory=dict)
    """File -> None when nothing remains to be done, or its stamp when it failed."""

    def run(self, once: bool = False, timeout_s: float | None = None) -> Iterator[Record]:
        """Records as they come, until `timeout_s` pass without a new image, or with `once` until all is done.

        Raises InputError for a folder or results that cannot be read.
        """
        if not self.folder.is_dir():
            raise InputError(f"{self.folder}: no such folder; name the one that the images arrive in")
        self._resume()
        before: dict[str, Stamp] = {}
        since = time.monotonic()
        while True:
            waiting = {file: stamp for file, stamp in self.look().items() if self._is_new(file, stamp)}
            for file in [file for file, stamp in waiting.items() if before.get(file) == stamp]:
                yield from self.answer(file, waiting.pop(file))
                since = time.monotonic()
            spent = timeout_s is not None and time.monotonic() - since >= timeout_s
            if spent or (once and not waiting):
                return
            before = waiting
            time.sleep(self.interval_s)

    def look(self) -> dict[str, Stamp]:
        """The images that are there, empty files left out, in the order of their last change."""
        stamps = {}
        for file in self._names():
            try:
                state = Path(file).stat()
            except FileNotFoundError:
                continue
            if state.st_size:
                stamps[file] = (state.st_size, state.st_mtime_ns)
        return dict(sorted(stamps.items(), key=lambda item: (item[1][1], item[0])))

    def answer(self, file: str, stamp: Stamp) -> list[Record]:
        """Answer all images of a file and append their records to the results; a bad file has one that says
        why.
        """
        records = []
        for outcome in answer_file(file, self.predictor, self.stated, self.options):
            good = isinstance(outcome, FrameAnswer)
            records.append(outcome.prediction.to_json() if good else failed(outcome))
            self._answered[_key(file)] = None if good else stamp
        append(self.out, records)
        return records

    def _names(self) -> list[str]:
        if self.pattern is not None:
            return [str(path) for path in self.folder.glob(self.pattern) if path.is_file()]
        try:
            return expand_inputs([str(self.folder)])
        except InputError:
            return []

    def _is_new(self, file: str, stamp: Stamp) -> bool:
        """Whether a file is still to be answered."""
        key = _key(file)
        return key not in self._answered or self._answered[key] not in (None, stamp)

    def _resume(self) -> None:
        """Take note of what the results hold already."""
        self.out.parent.mkdir(parents=True, exist_ok=True)
        if self.out.exists():
            drop_torn_line(self.out)
            self._answered |= {_key(record["file"]): None for record in read_records(self.out)}


def append(path: Path, records: list[Record]) -> None:
    """Append records as JSON lines in one piece, so that an interruption leaves all of a file or nothing."""
    # One unbuffered write: a buffer would be flushed in parts.
    text = "".join(to_line(record) + "\n" for record in records)
    with path.open("ab", buffering=0) as results:
        results.write(text.encode())


def drop_torn_line(path: Path) -> None:
    """Cut off a last line without its end, which a power cut may leave."""
    with path.open("rb+") as results:
        content = results.read()
        results.truncate(content.rfind(b"\n") + 1)


def _key(file: str) -> str:
    return str(Path(file).resolve())
