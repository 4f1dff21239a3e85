"""Atomic writes: files are written, and lines appended, completely or not at all.

Errors of the disk are raised as OutputError, with the file name and a cure.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path

from argand.errors import OutputError, is_name, why_and_cure
from argand.io.manifest import is_foreign, note

NAMES = "backslashreplace"
"""Error handler of the encoding: undecodable bytes of file names become `\\udcff`, so that text stays
valid."""
_STEM_BYTES = 200
"""Bytes of a file's name kept in its temporary name. By hand: of the 255 that common file systems allow."""
_numbers = count()
"""Distinguishes files that one process writes at the same time."""


@contextmanager
def written(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path next to `path`, renamed to it at the end; after an error nothing is left.

    The name is hidden and ends in `.part`, so that no search for a file type finds an incomplete file. It is
    different for each process and call: if two write the same file, the last to finish wins.

    In a folder with a list of `argand.io.manifest`, the file is added to it, and a file that is not listed is
    not replaced.

    Raises OutputError if the write fails or such a file exists.
    """
    path = Path(path)
    if not path.name:
        raise OutputError(f"'{path}' is not a file name; give one")
    require_own(path)
    stem = os.fsdecode(os.fsencode(path.name)[:_STEM_BYTES])
    temporary = path.with_name(f".{stem}.{os.getpid()}-{next(_numbers)}.part")
    try:
        with told_of(path, temporary):
            yield temporary
            if not path.exists():
                note(path)
            temporary.replace(path)
    finally:
        # It does not exist if its folder is missing or its name too long, which was reported.
        with suppress(OSError):
            temporary.unlink()


def make_folder(folder: str | Path) -> Path:
    """Create an output folder if it is missing; OutputError if that fails."""
    folder = Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        why, cure = why_and_cure(error)
        raise OutputError(f"{folder}: cannot be created ({why}); {cure}") from error
    return folder


def write_bytes(path: str | Path, content: bytes | memoryview) -> None:
    """Write bytes atomically; errors as for `written`.

    Used for the output of libraries that may abort the process, or report nothing, when the disk is full.
    """
    with written(path) as temporary:
        temporary.write_bytes(content)


def write_text(path: str | Path, text: str) -> None:
    """Write text (UTF-8) unchanged and atomically; errors as for `written`.

    Undecodable bytes of file names are written as `\\udcff`, so that the file is valid.
    """
    write_bytes(path, text.encode(errors=NAMES))


def write_lines(path: str | Path, lines: Sequence[str]) -> None:
    """Write lines of text, each ending in a newline, atomically; errors as for `written`."""
    write_text(path, "\n".join(lines) + "\n")


def drop_leftovers(path: Path) -> None:
    """Remove temporary files of `written` that killed runs left for a file about to be written."""
    for leftover in path.parent.iterdir():
        if leftover.name.startswith(f".{path.name}.") and leftover.suffix == ".part":
            leftover.unlink(missing_ok=True)


def valid_text(text: str) -> str:
    """The text with valid UTF-8 only: for titles and attributes that other libraries write."""
    return text.encode(errors=NAMES).decode()


def append_text(path: Path, text: str) -> None:
    """Append text in one piece: an interruption or a full disk leaves all of it or none.

    Raises OutputError if the write fails.
    """
    content = text.encode(errors=NAMES)
    require_own(path)
    if not path.exists():
        with told_of(path):
            note(path)
    # Unbuffered, since a buffer would be flushed in parts: several processes append to one file.
    with told_of(path), path.open("ab", buffering=0) as file:
        end, done = None, file.write(content)
        try:
            end = file.tell()
            while done < len(content):
                done += file.write(content[done:])
                end = file.tell()
        except BaseException:
            # Unless another process has appended since: then the incomplete line stays.
            if end is not None and os.fstat(file.fileno()).st_size == end:
                file.truncate(end - done)
            raise


def require_own(path: Path) -> None:
    """OutputError if a file of the user has the name of an output."""
    if is_foreign(path):
        raise in_the_way(path)


def in_the_way(path: Path) -> OutputError:
    """The error for a file of the user that has the name of an output."""
    return OutputError(f"{path}: exists and was not written by argand; move it, or choose another --out")


@contextmanager
def told_of(path: Path, *aliases: Path) -> Iterator[None]:
    """Context that turns OSErrors about this file (unnamed, or by one of its aliases) into OutputError."""
    try:
        yield
    except OSError as error:
        if is_name(error.filename) and Path(os.fsdecode(error.filename)) not in (path, *aliases):
            raise
        why, cure = why_and_cure(error)
        raise OutputError(f"{path}: cannot be written ({why}); {cure}") from error
