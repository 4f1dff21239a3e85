"""Keep freed memory in the process: large arrays come and go, and each return is paid in page faults."""

import ctypes
import sys

M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_MAX = -1, -2, -4
"""Parameters of glibc's mallopt(3)."""


def keep_freed_memory() -> bool:
    """Let malloc reuse large blocks (glibc only); on a virtual machine, training runs several times faster.

    Returns whether the allocator took it. The peak of memory in use stays the same.
    """
    if not sys.platform.startswith("linux"):
        return False
    try:
        mallopt = ctypes.CDLL("libc.so.6").mallopt
    except (OSError, AttributeError):
        return False
    # No block by mmap, nothing given back, the heap grown by 64 MiB (by hand) at a time.
    limits = ((M_MMAP_MAX, 0), (M_TRIM_THRESHOLD, 2**31 - 1), (M_TOP_PAD, 64 * 2**20))
    return all(mallopt(name, value) == 1 for name, value in limits)
