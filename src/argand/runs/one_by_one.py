"""Items that are answered one by one, by whatever process: what goes wrong with one is its failure alone."""

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
    """A setup for a `Crew`: `answer`, which must be picklable, gives the result of an item or raises.

    Items are called as `str` calls their files. Any error is the failure of its item.
    """

    answer: Callable[[Item], Result]

    def __call__(self) -> Callable[[Sequence[Item]], Iterator[Result | Failure]]:
        """What answers items."""
        return self.results

    def results(self, items: Sequence[Item]) -> Iterator[Result | Failure]:
        """A result or a failure for each item, in their order."""
        return map(self.result, items)

    def result(self, item: Item) -> Result | Failure:
        """The result of an item, or its failure."""
        try:
            return self.answer(item)
        except Exception as error:
            logger.debug("%s", item, exc_info=True)
            return Failure.of(str(item), error)
