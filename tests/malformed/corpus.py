"""All malformed inputs: the cases are the same for every seed, what is in their files is not."""

from collections.abc import Iterator

from malformed import hdf5, images, rows
from malformed.case import Case


def cases_of() -> Iterator[Case]:
    """Every case."""
    for module in (rows, images, hdf5):
        yield from module.cases()
