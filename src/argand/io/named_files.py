"""Find the files of one kind that a user names (files, globs, folders); a bad name does not stop the
others."""

import glob
from collections.abc import Callable, Sequence
from pathlib import Path

from argand.errors import InputError, why_and_cure
from argand.io.limits import is_there


def named_files(pattern: str, is_wanted: Callable[[Path], bool], wanted: str) -> list[Path]:
    """The files of a pattern: a file, a (quoted) glob, or all wanted files of a folder.

    Raises InputError, which says what is `wanted`, if a pattern matches nothing.
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
    """The files of all patterns in order, each once; a pattern that matches nothing is mapped to its
    error."""
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
        raise InputError(f"{folder}: cannot be listed ({why}); {cure}") from error


def _matching(pattern: str) -> list[str]:
    # A pattern may be absolute, which Path.glob does not support.
    return sorted(glob.glob(pattern, recursive=True)) if pattern and "\0" not in pattern else []  # noqa: PTH207
