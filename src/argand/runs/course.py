"""Run a verb over many items: each gives answers or a failure, and a failure does not stop the others."""

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from argand.crew import Crew, Died
from argand.errors import explained
from argand.progress import ProgressDisplay

Item = TypeVar("Item")
Result = TypeVar("Result")

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Failure:
    """A file, or item `index` of a file, that could not be processed; `text` says why in one line."""

    file: str
    text: str
    index: int | None = None

    @classmethod
    def of(cls, file: str, error: Exception, index: int | None = None) -> "Failure":
        """The failure for an error; the text of an error that is not `explained` asks the user to report
        it."""
        told = explained(error)
        text = " ".join((str(error) if told is None else told).split()) or type(error).__name__
        if told is None:
            text = f"{type(error).__name__}: {text}; please report it with this file"
        return cls(file, text, index)

    @property
    def message(self) -> str:
        """The text, prefixed with the file name unless it already contains it."""
        where = self.file if self.index is None else f"{self.file}#{self.index}"
        return self.text if self.file.split("#")[0] in self.text else f"{where}: {self.text}"

    @property
    def reason(self) -> str:
        """The text without the leading file name."""
        return self.text.removeprefix(f"{self.file}: ")


def attempted(file: str, answer: Callable[[], Iterable[Result]]) -> Iterator[Result | Failure]:
    """Yield the results of one item; an error ends them with a Failure."""
    try:
        yield from answer()
    except Exception as error:
        logger.debug("%s", file, exc_info=True)
        yield Failure.of(file, error)


def worked(
    crew: Crew[Item, Result],
    chunks: Iterable[Sequence[Item]],
    display: ProgressDisplay,
    total: int,
    done: int = 0,
) -> Iterator[tuple[Item, Result | Failure]]:
    """Yield each task with its result as soon as the crew has it; `str` of a task is its file name.

    The display shows how many of `total` are done, including `done` from before. A task that was given up
    because processes died on it has a Failure instead of a result.
    """
    with display, closing(crew.results(chunks)) as results:
        for count, (task, result) in enumerate(results, start=1):
            yield task, Failure(str(task), result.text) if isinstance(result, Died) else result
            display.update(min(1.0, (done + count) / max(total, 1)), count, Path(str(task)).name)
