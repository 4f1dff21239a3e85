"""From what a user names (files, globs, folders) to the files of one kind; a bad name keeps no other back."""

import glob
from collections.abc import Callable, Sequence
from pathlib import Path

from argand.errors import InputError, why_and_cure
from argand.io.limits import is_there


def named_files(pattern: str, is_wanted: Callable[[Path], bool], wanted: str) -> list[Path]:
    """The files of a pattern: a file, a glob (the shell may have left it quoted), or those of a folder that
    are wanted.

    InputError, which says what is `wanted`, for a pattern that names nothing.
    """
    path = Path(pattern)
    if is_there(path):
        found = _files_of(path, is_wanted) if path.is_dir() else [path]
    else:
        found = [Path(name) for name in _matching(pattern)]
    if not found:
        raise InputError(f"{pattern}: no {wanted}")
    return found


def expand_named(
    patterns: Sequence[str], files_of: Callable[[str], list[Path]]
) -> dict[Path, InputError | None]:
    """The files of all patterns in their order, each once; under a pattern that names nothing it says why."""
    found: dict[Path, InputError | None] = {}
    for pattern in patterns:
        try:
            found |= dict.fromkeys(files_of(pattern))
        except InputError as error:
            found.setdefault(Path(pattern), error)
    return found


def _files_of(folder: Path, is_wanted: Callable[[Path], bool]) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if is_wanted(path) and path.is_file())
    except OSError as error:
        why, cure = why_and_cure(error)
        raise InputError(f"{folder}: cannot be opened ({why}); {cure}") from error


def _matching(pattern: str) -> list[str]:
    # A pattern may be absolute, which Path.glob takes for none.
    return sorted(glob.glob(pattern, recursive=True)) if pattern and "\0" not in pattern else []  # noqa: PTH207
