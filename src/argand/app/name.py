"""Names of files that were sent along: they become plain names, never paths, patterns or options."""

import re
import unicodedata
from collections.abc import Iterable

_MOST_BYTES = 120
"""Longest name that is kept. By hand: outputs append to it, and file systems allow 255."""
_ENDING_BYTES = 24
"""Of which belong to the ending. By hand: `.rodhypix.bz2` has 13."""
_STRANGE = re.compile(r"[^\w.+-]")
"""Also blanks; and `*`, `?`, `[`, `#`, `:`, which verbs read as patterns or as parts of a file."""


def plain_file_name(name: str) -> str:
    """The last part of a name, with all but letters, digits and `.+-_` replaced by `_`.

    It never begins with a dot or a dash and is never empty.
    """
    last = re.split(r"[/\\]", unicodedata.normalize("NFC", name))[-1]
    plain = _STRANGE.sub("_", last.encode(errors="replace").decode()).strip(".")
    stem, dot, ending = plain.partition(".")
    stem = stem.strip("_-") or "file"
    ending = _cut(dot + ending, _ENDING_BYTES, from_end=True)
    return _cut(stem, _MOST_BYTES - _ENDING_BYTES) + ending


def _cut(text: str, most: int, *, from_end: bool = False) -> str:
    """The text with at most so many bytes."""
    coded = text.encode()
    return (coded[-most:] if from_end else coded[:most]).decode(errors="ignore")


def free_name(name: str, taken: Iterable[str]) -> str:
    """The name, numbered before its ending if it is taken; upper and lower case count as the same."""
    known = {one.lower() for one in taken}
    stem, dot, ending = name.partition(".")
    number, free = 2, name
    while free.lower() in known:
        free, number = f"{stem}-{number}{dot}{ending}", number + 1
    return free
