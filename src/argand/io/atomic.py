"""Files that are written whole or not at all."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path

_numbers = count()
"""Tells apart what one process writes at the same time."""


@contextmanager
def written(path: str | Path) -> Iterator[Path]:
    """A name beside `path` to write under, which takes its place at the end; after an error nothing is left.

    The name is hidden, and its ending is `.part`, so that no search for files of a kind finds half of one. It
    is another for each process and each call: of two that write the same file, the last to end has its way.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}-{next(_numbers)}.part")
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: str | Path, text: str) -> None:
    """Write text (UTF-8) as it is, in one move."""
    with written(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_lines(path: str | Path, lines: Sequence[str]) -> None:
    """Write lines of text, the last one ended too, in one move."""
    write_text(path, "\n".join(lines) + "\n")
