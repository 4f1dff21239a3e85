"""Which images of a file a user names: `file.h5#3`, `file.h5#0-9`, counted from 0."""

import re
from collections.abc import Sequence

from argand.errors import InputError
from argand.io.limits import MOST_FRAMES, is_there, require_at_most

_SELECTED = re.compile(r"(\d{1,18})(?:-(\d{1,18}))?")
_MEANT = re.compile(r"[-\d]+")
"""What is meant to select images, whether or not it does."""


def split_selection(path: str) -> tuple[str, range | None]:
    """A file name and the image numbers behind its `#`; None when it has none, or is itself a file.

    Raises InputError for numbers that select nothing.
    """
    name, sign, stated = path.rpartition("#")
    if not sign or not name or not _MEANT.fullmatch(stated) or is_there(path):
        return path, None
    match = _SELECTED.fullmatch(stated)
    first, last = (int(match.group(1)), int(match.group(2) or match.group(1))) if match else (1, 0)
    if last < first:
        raise InputError(f"{path}: #{stated[:40]} means no images; write #3 or #0-9, counted from 0")
    return name, range(first, last + 1)


def selected(path: str, wanted: Sequence[int] | None, count: int, what: str = "image") -> Sequence[int]:
    """The `wanted` ones of the `count` images of a file, all with None; InputError for one it lacks.

    Of a range no list is made, however long it is.
    """
    if isinstance(wanted, range) and wanted[-1] >= count:
        # The last one of a range is the largest.
        raise InputError(f"{path}: no {what} {wanted[-1]}; it has {count} {what}s, counted from 0")
    return range(count) if wanted is None else wanted


def require_selected(path: str, count: int | None) -> None:
    """InputError for a selection that a file of `count` images cannot hold, or none (None: not known)."""
    file, wanted = split_selection(path)
    if wanted is not None and count is not None:
        selected(file, wanted, count)
    elif wanted is not None:
        require_at_most(path, "images", wanted[-1] - wanted[0] + 1, MOST_FRAMES)
