"""No process of a training outlives the one that it serves, however that one ends."""

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

POLL_S = 0.5
"""How often a process looks for the one that it serves, in seconds; by hand, no answer depends on it."""

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


def end_with(parent: int) -> None:
    """From now on, end this process at once when `parent`, which started it, is gone."""
    threading.Thread(target=_watch, args=(parent,), daemon=True).start()


def _watch(parent: int) -> None:
    """End this process when another one has adopted it."""
    # Waiting for data of the other is no way out: where it died in between, the data never come.
    while os.getppid() == parent:
        time.sleep(POLL_S)
    os._exit(1)
