"""The errors that argand raises on purpose. Each message is one line: what is wrong and the cure."""

import errno
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager

PYTHON_NAMES = {"distance": "distance_mm", "pixel-size": "pixel_size_mm", "two-theta": "two_theta_deg"}
"""Keywords of Python whose options have another name at the command line."""
_OPTION = re.compile(r"(?<![\w-])--([a-z][a-z0-9]*(?:-[a-z0-9]+)*)")


class _Wording:
    """Whether errors of this process are read at the command line or in Python."""

    of_command_line = False


wording = _Wording()


@contextmanager
def command_line(used: bool = True) -> Iterator[None]:
    """Within this context, errors name options as the command line does."""
    before, wording.of_command_line = wording.of_command_line, used
    try:
        yield
    finally:
        wording.of_command_line = before


class ArgandError(Exception):
    """Base of every error that a user can act on; the command line prints its message alone.

    Messages name options as the command line does, `--pixel-size`; in Python, `str` of the error has
    `pixel_size_mm=` in their place.
    """

    def __str__(self) -> str:
        message = super().__str__()
        return message if wording.of_command_line else in_python(message)


class InputError(ArgandError):
    """A file or array that cannot be used as given: unreadable, wrong shape, missing metadata."""


class ConfigError(ArgandError):
    """A configuration, preset or option that does not exist or contradicts another."""


class OutputError(ConfigError):
    """A file or folder that cannot be written where the options say: no room, no permission, in the way."""


class MissingExtraError(ArgandError):
    """An optional dependency that is needed for this verb and is not installed."""


_CURES = {
    (errno.ENOSPC, errno.EDQUOT): "make room or name another --out",
    (errno.EACCES, errno.EPERM, errno.EROFS): "change the permissions or name another place",
    (errno.EISDIR, errno.ENOTDIR, errno.EEXIST, errno.ENOTEMPTY): "name another --out",
    (errno.ENOENT, errno.ELOOP): "check the name and where its links lead",
    (errno.ENAMETOOLONG, errno.EILSEQ, errno.EINVAL): "give a shorter, plainer name",
    (errno.EFBIG,): "raise the limit on the size of files (ulimit -f) or ask for less at a time",
    (errno.EMFILE, errno.ENFILE): "raise the limit on open files (ulimit -n) or give fewer --processes",
    (errno.EAGAIN, errno.ENOMEM): "give fewer --processes or ask for less at a time",
    (errno.EIO, errno.ESTALE, errno.EBUSY, errno.ETIMEDOUT, errno.ENXIO, errno.EREMOTEIO, errno.ENOTCONN): (
        "mend the disk or the network, then the same command goes on"
    ),
}
"""What helps against an error of the operating system, by its number."""

_WORDS = 30
"""Most words of what is quoted. By hand: torch tells how its memory is divided up."""
_ALLOCATORS = ("allocate memory", "out of memory", "bad_alloc")
"""What torch and C++ say in a RuntimeError where memory ends."""


def in_python(message: str) -> str:
    """A message with the keywords of Python in place of options of the command line."""
    return _OPTION.sub(lambda found: _keyword(found[1]) + "=", message)


def _keyword(option: str) -> str:
    return PYTHON_NAMES.get(option, option.replace("-", "_"))


def why_and_cure(error: OSError) -> tuple[str, str]:
    """What the operating system refused, and what helps; without the name of the file."""
    why = error.strerror or str(error) or type(error).__name__
    cures = (cure for numbers, cure in _CURES.items() if error.errno in numbers)
    return " ".join(why.split()), next(cures, "check the name and the disk")


def explained(error: BaseException) -> str | None:
    """One line for an error that a user can act on: one of argand's own, or of disk, memory and names.

    None for any other, which is a fault of the program.
    """
    if isinstance(error, ArgandError):
        return str(error)
    if isinstance(error, OSError):
        name, (why, cure) = error.filename2 or error.filename, why_and_cure(error)
        return f"{os.fsdecode(name)}: {why}; {cure}" if is_name(name) else f"{why}; {cure}"
    if _is_of_memory(error):
        told = " ".join(str(error).split()[:_WORDS])
        return f"out of memory ({told or type(error).__name__}); ask for less at a time, in fewer --processes"
    if isinstance(error, RecursionError):
        return f"something nests too deeply to be read ({error}); argand --verbose tells where"
    if isinstance(error, UnicodeError):
        return f"a name or text cannot be read or written ({error}); try again with LC_ALL=C.UTF-8"
    return None


def is_name(value: object) -> bool:
    """Whether what an error has as `filename` is one, and no number of an open file."""
    return isinstance(value, str | bytes | os.PathLike)


def _is_of_memory(error: BaseException) -> bool:
    told = str(error).lower()
    refused = isinstance(error, RuntimeError) and any(one in told for one in _ALLOCATORS)
    return refused or isinstance(error, MemoryError)
