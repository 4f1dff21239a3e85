"""Items processed one by one, in any process: an error is the failure of its item only."""

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from argand.runs.course import Failure

Item = TypeVar("Item")
Result = TypeVar("Result")

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class OneByOne(Generic[Item, Result]):
    """A setup for a `Crew`: `answer`, which must be picklable, returns the result of an item or raises.

    `str` of an item is its file name. Any error becomes the failure of its item.
    """

    answer: Callable[[Item], Result]

    def __call__(self) -> Callable[[Sequence[Item]], Iterator[Result | Failure]]:
        """The function that processes items."""
        return self.results

    def results(self, items: Sequence[Item]) -> Iterator[Result | Failure]:
        """A result or a failure for each item, in order."""
        return map(self.result, items)

    def result(self, item: Item) -> Result | Failure:
        """The result of an item, or its failure."""
        try:
            return self.answer(item)
        except Exception as error:
            logger.debug("%s", item, exc_info=True)
            return Failure.of(str(item), error)
