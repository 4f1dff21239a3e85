"""Files that are written whole or not at all, and lines that are appended whole or not at all.

What the disk refuses is told as OutputError, with the name of the file and the cure.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path

from argand.errors import OutputError, is_name, why_and_cure
from argand.io.manifest import is_foreign, note

NAMES = "backslashreplace"
"""How text is encoded: bytes of names of files that are no UTF-8 become `\\udcff`, so that it stays valid."""
_STEM_BYTES = 200
"""Of a file's name in the name it is written under. By hand: of the 255 that the usual file systems take."""
_numbers = count()
"""Tells apart what one process writes at the same time."""


@contextmanager
def written(path: str | Path) -> Iterator[Path]:
    """A name beside `path` to write under, which takes its place at the end; after an error nothing is left.

    The name is hidden, and its ending is `.part`, so that no search for files of a kind finds half of one. It
    is another for each process and each call: of two that write the same file, the last to end has its way.

    In a folder that `argand.io.manifest` keeps a list of, the file is added to it, and a file that is not on
    the list is not replaced.

    Raises OutputError where the disk refuses, or where such a file is in the way.
    """
    path = Path(path)
    if not path.name:
        raise OutputError(f"'{path}' is not the name of a file; give one")
    _require_own(path)
    stem = os.fsdecode(os.fsencode(path.name)[:_STEM_BYTES])
    temporary = path.with_name(f".{stem}.{os.getpid()}-{next(_numbers)}.part")
    try:
        with told_of(path, temporary):
            yield temporary
            if not path.exists():
                note(path)
            temporary.replace(path)
    finally:
        # It is not there to be removed where its folder is none or its name too long, as was told.
        with suppress(OSError):
            temporary.unlink()


def make_folder(folder: str | Path) -> Path:
    """Make a folder for outputs where it is missing; OutputError where that cannot be."""
    folder = Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        why, cure = why_and_cure(error)
        raise OutputError(f"{folder}: cannot be made ({why}); {cure}") from error
    return folder


def write_bytes(path: str | Path, content: bytes | memoryview) -> None:
    """Write bytes in one move; errors as `written`.

    What other libraries write goes through here where they may end the process, or keep silent, on a full
    disk.
    """
    with written(path) as temporary:
        temporary.write_bytes(content)


def write_text(path: str | Path, text: str) -> None:
    """Write text (UTF-8) as it is, in one move; errors as `written`.

    Bytes of names of files that are no UTF-8 are written as `\\udcff`, since the file is to be valid.
    """
    write_bytes(path, text.encode(errors=NAMES))


def write_lines(path: str | Path, lines: Sequence[str]) -> None:
    """Write lines of text, the last one ended too, in one move; errors as `written`."""
    write_text(path, "\n".join(lines) + "\n")


def drop_leftovers(path: Path) -> None:
    """Remove what killed runs left of a file that is about to be written: hidden names of `written`."""
    for leftover in path.parent.iterdir():
        if leftover.name.startswith(f".{path.name}.") and leftover.suffix == ".part":
            leftover.unlink(missing_ok=True)


def valid_text(text: str) -> str:
    """The text as UTF-8 has it: for titles and attributes, which other libraries write."""
    return text.encode(errors=NAMES).decode()


def append_text(path: Path, text: str) -> None:
    """Append text in one piece, so that an interruption or a full disk leaves all of it or none.

    Raises OutputError where the disk refuses.
    """
    content = text.encode(errors=NAMES)
    _require_own(path)
    if not path.exists():
        with told_of(path):
            note(path)
    # Without a buffer, which would be flushed in parts: several processes append to one file.
    with told_of(path), path.open("ab", buffering=0) as file:
        end, done = None, file.write(content)
        try:
            end = file.tell()
            while done < len(content):
                done += file.write(content[done:])
                end = file.tell()
        except BaseException:
            # Unless another process has appended since: then the line before it stays torn.
            if end is not None and os.fstat(file.fileno()).st_size == end:
                file.truncate(end - done)
            raise


def _require_own(path: Path) -> None:
    """OutputError for a file of the user's that has the name of an output."""
    if is_foreign(path):
        raise OutputError(f"{path}: not written by argand and in the way; move it, or give another --out")


@contextmanager
def told_of(path: Path, *aliases: Path) -> Iterator[None]:
    """Tell errors of the disk about this file, by no name or one of its aliases, as OutputError."""
    try:
        yield
    except OSError as error:
        if is_name(error.filename) and Path(os.fsdecode(error.filename)) not in (path, *aliases):
            raise
        why, cure = why_and_cure(error)
        raise OutputError(f"{path}: cannot be written ({why}); {cure}") from error
