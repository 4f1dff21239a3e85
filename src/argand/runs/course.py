"""The course of a verb over many items: each gives answers, and one that fails stops no other."""

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

from argand.crew import Crew, Died
from argand.errors import ArgandError
from argand.progress import ProgressDisplay

Item = TypeVar("Item")
Result = TypeVar("Result")

Errors = tuple[type[Exception], ...]

UNEXPECTED: Errors = (ArithmeticError, LookupError, RuntimeError, ValueError)
"""What a file that nobody thought of may raise in code that is right about all others."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Failure:
    """What has no answer: a file, or number `index` of what it holds; `text` is one line that says why."""

    file: str
    text: str
    index: int | None = None

    @classmethod
    def of(cls, file: str, error: Exception, index: int | None = None) -> "Failure":
        """The failure that an error means; whoever meets one that is no ArgandError is asked to report it."""
        text = " ".join(str(error).split()) or type(error).__name__
        if not isinstance(error, ArgandError):
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


def attempted(
    file: str, answer: Callable[[], Iterable[Result]], errors: Errors = (ArgandError,)
) -> Iterator[Result | Failure]:
    """The results of one item as they come; an error of these kinds ends them with a failure."""
    try:
        yield from answer()
    except errors as error:
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


def answered(
    items: Sequence[Item],
    answer: Callable[[Item], Iterable[Result | Failure]],
    display: ProgressDisplay,
    *,
    errors: Errors = (ArgandError,),
    tell: Callable[[Failure], None] = lambda failure: None,
    size: Callable[[Item], int] = lambda item: 1,
) -> Iterator[Result | Failure]:
    """The results of all items as they come; items are called as `str` calls them.

    An error of the kinds `errors` ends its item with a failure, and any other ends the course. Failures are
    told. The display shows the share of all results, of which an item is expected to have `size`.
    """
    sizes = [max(size(item), 1) for item in items]
    before = done = 0
    with display:
        for item, expected in zip(items, sizes, strict=True):
            results = attempted(str(item), partial(answer, item), errors)
            for place, outcome in enumerate(results, start=1):
                if isinstance(outcome, Failure):
                    tell(outcome)
                yield outcome
                done += 1
                # The last is counted when the item has ended: it may hold more than was expected.
                reached = before + min(place, expected - 1)
                display.update(reached / sum(sizes), done, Path(str(item)).name)
            before += expected
            display.update(before / sum(sizes), done, Path(str(item)).name)
