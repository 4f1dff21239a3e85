"""Files packed with gzip or bzip2, told by their first bytes."""

import bz2
import gzip


def unpacked_bytes(raw: bytes) -> bytes:
    """The bytes as they were before they were packed; others come back as they are.

    Raises EOFError, OSError or ValueError for packed bytes that are cut short or damaged.
    """
    if raw.startswith(b"BZh"):
        return bz2.decompress(raw)
    return gzip.decompress(raw) if raw.startswith(b"\x1f\x8b") else raw
