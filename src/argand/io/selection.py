"""Selections of images in a file: `file.h5#3`, `file.h5#0-9`, counted from 0."""

import re
from collections.abc import Sequence

from argand.errors import InputError
from argand.io.limits import MOST_FRAMES, is_there, require_at_most

_SELECTED = re.compile(r"(\d{1,18})(?:-(\d{1,18}))?")
_MEANT = re.compile(r"[-\d]+")
"""Text that is meant as a selection, valid or not."""


def split_selection(path: str) -> tuple[str, range | None]:
    """Split a file name from the image numbers after its `#`; None if there are none or the name is a file
    itself.

    Raises InputError for an empty selection.
    """
    name, sign, stated = path.rpartition("#")
    if not sign or not name or not _MEANT.fullmatch(stated) or is_there(path):
        return path, None
    match = _SELECTED.fullmatch(stated)
    first, last = (int(match.group(1)), int(match.group(2) or match.group(1))) if match else (1, 0)
    if last < first:
        raise InputError(f"{path}: #{stated[:40]} selects no images; write #3 or #0-9, counted from 0")
    return name, range(first, last + 1)


def selected(path: str, wanted: Sequence[int] | None, count: int, what: str = "image") -> Sequence[int]:
    """The `wanted` of a file's `count` images (None: all); InputError for one that does not exist.

    A range is not expanded to a list.
    """
    if isinstance(wanted, range) and wanted[-1] >= count:
        # The last number of a range is the largest.
        raise InputError(f"{path}: has no {what} {wanted[-1]}; its {count} {what}s are counted from 0")
    return range(count) if wanted is None else wanted


def require_selected(path: str, count: int | None) -> None:
    """InputError for a selection that exceeds a file of `count` images, or any file (None: unknown)."""
    file, wanted = split_selection(path)
    if wanted is not None and count is not None:
        selected(file, wanted, count)
    elif wanted is not None:
        require_at_most(path, "images", wanted[-1] - wanted[0] + 1, MOST_FRAMES)
