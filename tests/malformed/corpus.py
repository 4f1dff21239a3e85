"""All malformed inputs: the cases are the same for every seed, what is in their files is not."""

from collections.abc import Iterator

from malformed import (
    batches,
    crystal_facts,
    hdf5,
    hdf5_headers,
    images,
    maps,
    names,
    options,
    outputs,
    reflections,
    rows,
    run_folders,
    structures,
    weights,
)
from malformed.case import Case

MODULES = (
    rows,
    images,
    hdf5,
    hdf5_headers,
    maps,
    reflections,
    structures,
    weights,
    run_folders,
    names,
    outputs,
    options,
    batches,
    crystal_facts,
)


def cases_of() -> Iterator[Case]:
    """Every case; no two have one name."""
    for module in MODULES:
        yield from module.cases()
