"""No process of a training outlives the one that it serves, however that one ends."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from argand.processes import end_with

FIRST_PROCESS = "ARGAND_FIRST_PROCESS"
"""Environment variable that tells the processes that Lightning starts who started them."""


@contextmanager
def bound_companions() -> Iterator[None]:
    """Context in which the processes that Lightning starts for this one end with it.

    Those have this context, too, and know by their environment which process they serve.
    """
    first = os.environ.get(FIRST_PROCESS)
    if first and os.environ.get("LOCAL_RANK", "0") != "0":
        end_with(int(first))
        yield
        return
    os.environ[FIRST_PROCESS] = str(os.getpid())
    try:
        yield
    finally:
        del os.environ[FIRST_PROCESS]
