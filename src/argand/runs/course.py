"""The course of a verb over many items: each gives answers, and one that fails stops no other."""

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
    """What has no answer: a file, or number `index` of what it holds; `text` is one line that says why."""

    file: str
    text: str
    index: int | None = None

    @classmethod
    def of(cls, file: str, error: Exception, index: int | None = None) -> "Failure":
        """The failure that an error means; one that is not `explained` is asked to be reported."""
        told = explained(error)
        text = " ".join((str(error) if told is None else told).split()) or type(error).__name__
        if told is None:
            text = f"{type(error).__name__}: {text}; please report it with this file"
        return cls(file, text, index)

    @property
    def message(self) -> str:
        """The text with the file's name in front, where it does not name the file itself."""
        where = self.file if self.index is None else f"{self.file}#{self.index}"
        return self.text if self.file.split("#")[0] in self.text else f"{where}: {self.text}"

    @property
    def reason(self) -> str:
        """The text without the file's name in front."""
        return self.text.removeprefix(f"{self.file}: ")


def attempted(file: str, answer: Callable[[], Iterable[Result]]) -> Iterator[Result | Failure]:
    """The results of one item as they come; an error ends them with a failure."""
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
    """Each task with its result as it comes from the crew; tasks are called as `str` calls their files.

    The display shows how many of `total` are done, `done` of which were before. A task that is given up,
    since processes died of it, has a failure in place of its result.
    """
    with display, closing(crew.results(chunks)) as results:
        for count, (task, result) in enumerate(results, start=1):
            yield task, Failure(str(task), result.text) if isinstance(result, Died) else result
            display.update(min(1.0, (done + count) / max(total, 1)), count, Path(str(task)).name)
