"""Text of files in memory: decoded to few bytes a letter, with a bound on its lines and words.

Lines and words become objects of their own in readers, which take far more memory than the file.
"""

from pathlib import Path

import numpy as np

from argand.io.limits import MOST_REFLECTIONS, MOST_TEXT_BYTES, read_bytes, require_at_most

MOST_LINES = 2 * MOST_REFLECTIONS
"""Of one text file: as many reflections as are read, with as many lines of other things."""
MOST_WORDS = 6 * MOST_REFLECTIONS
"""Of one CIF: indices, value, sigma and a flag of as many reflections as are read. gemmi keeps 32 bytes of
each."""
_LARGE = 2**24
"""Bytes from which on letters beyond ASCII are not decoded: one such letter makes all take two or four bytes.
By hand; the numbers, tags and symbols of large files are ASCII."""
_WIDE = (b"\xff\xfe", b"\xfe\xff")
"""How texts of two bytes a letter begin (the byte order mark)."""


def read_text(path: str | Path, most: int = MOST_TEXT_BYTES) -> str:
    """The text of a file, unpacked, as `decoded`; InputError for what cannot be read or is too long."""
    return decoded(read_bytes(path, most))


def decoded(blob: bytes) -> str:
    """Text of UTF-8, UTF-16 with its mark, or else Latin-1, with \\n alone at the ends of lines."""
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
    """The lines of a text without their ends; InputError where they are more than are read."""
    require_at_most(source, "lines", text.count("\n"), MOST_LINES)
    # splitlines would part at ten other signs too, which are not counted.
    lines = text.split("\n")
    return lines if lines[-1] else lines[:-1]


def require_words(text: str, source: str | Path) -> None:
    """InputError where a text has more words, parted by blanks, than are read."""
    if len(text) <= 2 * MOST_WORDS:
        return
    letters = np.frombuffer(text.encode("latin-1", "replace"), np.uint8)
    count = int(letters[0] > 32)
    for first in range(0, len(letters), _LARGE):
        # Blanks and control characters are those up to 32.
        is_blank = letters[first : first + _LARGE + 1] <= 32
        count += int((is_blank[:-1] & ~is_blank[1:]).sum())
    require_at_most(source, "words", count, MOST_WORDS)
