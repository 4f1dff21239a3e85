"""The commands by which a folder of results was made, so that its page can tell how to repeat them."""

import shlex
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

from argand.io.atomic import write_lines

COMMANDS = ".argand-command"
"""Hidden file of a folder of results: a command per line, as a shell takes it."""
_MOST_BYTES = 2**20
"""Of that file. By hand; a command line may be 2 MiB long, and is not shown then."""
_MOST = 20
"""Commands of a folder that are kept. By hand: a run that was resumed more often tells its last ones."""
_given: ContextVar[str | None] = ContextVar("command", default=None)


@contextmanager
def running(words: Sequence[str]) -> Iterator[None]:
    """Say which command line runs within; `words` follow the name of the program."""
    # A line break within a word would make two commands of one in the file.
    before = _given.set(" ".join(shlex.join(["argand", *words]).split("\n")))
    try:
        yield
    finally:
        _given.reset(before)


def keep_command(folder: Path, *, more: bool = False) -> None:
    """Store the running command with the results in `folder`, after the earlier ones if `more`.

    Nothing is stored where Python called the package itself.
    """
    command = _given.get()
    if command is None:
        return
    earlier = commands_of(folder) if more else []
    write_lines(folder / COMMANDS, [*(one for one in earlier if one != command), command][-_MOST:])


def commands_of(folder: Path) -> list[str]:
    """The commands that made the results in `folder`; none where they are not known."""
    path = folder / COMMANDS
    if not path.is_file() or path.stat().st_size > _MOST_BYTES:
        return []
    return path.read_text(encoding="utf-8", errors="replace").splitlines()[-_MOST:]
