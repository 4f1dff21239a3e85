"""How much memory and time a piece of code may take, for tests of files that would take all."""

import time
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager

MEGABYTES, SECONDS = 300, 8.0
"""Far above what the files of these tests take, and far below what they ask for; seconds of the processor."""


@contextmanager
def frugal(megabytes: float = MEGABYTES, seconds: float = SECONDS) -> Iterator[None]:
    """Fails where what is done within takes more memory or time."""
    began = time.process_time()
    tracemalloc.start()
    try:
        yield
        peak = tracemalloc.get_traced_memory()[1] / 2**20
    finally:
        tracemalloc.stop()
    assert peak < megabytes, f"{peak:.0f} MiB"
    assert time.process_time() - began < seconds
