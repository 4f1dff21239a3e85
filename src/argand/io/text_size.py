"""Text of files in memory: decoded to few bytes per character, with limits on the number of lines and words.

Readers turn lines and words into separate objects, which take far more memory than the file.
"""

from pathlib import Path

import numpy as np

from argand.io.limits import MOST_REFLECTIONS, MOST_TEXT_BYTES, read_bytes, require_at_most

MOST_LINES = 2 * MOST_REFLECTIONS
"""Lines of one text file: the largest number of reflections, and as many other lines."""
MOST_WORDS = 6 * MOST_REFLECTIONS
"""Words of one CIF: indices, value, sigma and a flag of the largest number of reflections. gemmi uses 32
bytes for each."""
_LARGE = 2**24
"""Size in bytes above which UTF-8 is not decoded: one such character makes all take two or four bytes. By
hand; the numbers, tags and symbols of large files are ASCII."""
_WIDE = (b"\xff\xfe", b"\xfe\xff")
"""First bytes of UTF-16 text (the byte order mark)."""


def read_text(path: str | Path, most: int = MOST_TEXT_BYTES) -> str:
    """The text of a file, decompressed and `decoded`; InputError if it cannot be read or is too long."""
    return decoded(read_bytes(path, most))


def decoded(blob: bytes) -> str:
    """Decode UTF-8, UTF-16 with a byte order mark, or else Latin-1; line ends become \\n."""
    if blob.startswith(_WIDE):
        text = blob.decode("utf-16", errors="replace")
    elif blob.isascii():
        text = blob.decode("ascii")
    else:
        bare = blob.removeprefix(b"\xef\xbb\xbf")
        try:
            text = bare.decode("latin-1" if len(bare) > _LARGE else "utf-8")
        except UnicodeDecodeError:
            text = bare.decode("latin-1")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def lines_of(text: str, source: str | Path) -> list[str]:
    """The lines of a text without line ends; InputError if there are more than `MOST_LINES`."""
    require_at_most(source, "lines", text.count("\n"), MOST_LINES)
    # splitlines would also split at ten other characters, which are not counted.
    lines = text.split("\n")
    return lines if lines[-1] else lines[:-1]


def require_words(text: str, source: str | Path) -> None:
    """InputError if a text has more than `MOST_WORDS` words, separated by blanks."""
    if len(text) <= 2 * MOST_WORDS:
        return
    letters = np.frombuffer(text.encode("latin-1", "replace"), np.uint8)
    count = int(letters[0] > 32)
    for first in range(0, len(letters), _LARGE):
        # Codes up to 32 are blanks and control characters.
        is_blank = letters[first : first + _LARGE + 1] <= 32
        count += int((is_blank[:-1] & ~is_blank[1:]).sum())
    require_at_most(source, "words", count, MOST_WORDS)
