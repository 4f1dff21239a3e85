"""The errors that argand raises on purpose. Each message is one line: what is wrong and how to fix it."""

import errno
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager

PYTHON_NAMES = {
    "distance": "distance_mm",
    "pixel-size": "pixel_size_mm",
    "two-theta": "two_theta_deg",
    "window": "window_side",
}
"""Python keyword arguments that differ from the name of their command-line option."""
_OPTION = re.compile(r"(?<![\w-])--([a-z][a-z0-9]*(?:-[a-z0-9]+)*)")


class _Wording:
    """Whether error messages of this process are worded for the command line or for Python."""

    of_command_line = False


wording = _Wording()


@contextmanager
def command_line(used: bool = True) -> Iterator[None]:
    """Context in which errors name options as the command line does."""
    before, wording.of_command_line = wording.of_command_line, used
    try:
        yield
    finally:
        wording.of_command_line = before


class ArgandError(Exception):
    """Base of every error that a user can act on; the command line prints only its message.

    Messages name options as the command line does, `--pixel-size`; in Python, `str` of the error has
    `pixel_size_mm=` instead.
    """

    def __str__(self) -> str:
        message = super().__str__()
        return message if wording.of_command_line else in_python(message)


class InputError(ArgandError):
    """A file or array that cannot be used as given: unreadable, wrong shape, missing metadata."""


class ConfigError(ArgandError):
    """A configuration, preset or option that does not exist or contradicts another."""


class OutputError(ConfigError):
    """An output that cannot be written: disk full, no permission, or the name is taken."""


class MissingExtraError(ArgandError):
    """An optional dependency that this verb needs is not installed."""


_CURES = {
    (errno.ENOSPC, errno.EDQUOT): "free some space or choose another --out",
    (errno.EACCES, errno.EPERM, errno.EROFS): "change the permissions or choose another folder",
    (errno.EISDIR, errno.ENOTDIR, errno.EEXIST, errno.ENOTEMPTY): "choose another --out",
    (errno.ENOENT, errno.ELOOP): "check the name and its symbolic links",
    (errno.ENAMETOOLONG, errno.EILSEQ, errno.EINVAL): "choose a shorter, simpler name",
    (errno.EFBIG,): "raise the limit on file size (ulimit -f) or process less at a time",
    (errno.EMFILE, errno.ENFILE): "raise the limit on open files (ulimit -n) or use fewer --processes",
    (errno.EAGAIN, errno.ENOMEM): "use fewer --processes or process less at a time",
    (errno.EIO, errno.ESTALE, errno.EBUSY, errno.ETIMEDOUT, errno.ENXIO, errno.EREMOTEIO, errno.ENOTCONN): (
        "repair the disk or the network, then run the same command again to continue"
    ),
}
"""How to fix an error of the operating system, by its errno."""

_WORDS = 30
"""Most words of a quoted message. By hand: torch adds how its memory is divided up."""
_ALLOCATORS = ("allocate memory", "out of memory", "bad_alloc")
"""Texts of torch's and C++'s RuntimeError when memory runs out."""


def in_python(message: str) -> str:
    """A message with Python keyword arguments in place of command-line options."""
    return _OPTION.sub(lambda found: _keyword(found[1]) + "=", message)


def _keyword(option: str) -> str:
    return PYTHON_NAMES.get(option, option.replace("-", "_"))


def why_and_cure(error: OSError) -> tuple[str, str]:
    """What the operating system refused and how to fix it, without the file name."""
    why = error.strerror or str(error) or type(error).__name__
    cures = (cure for numbers, cure in _CURES.items() if error.errno in numbers)
    return " ".join(why.split()), next(cures, "check the name and the disk")


def explained(error: BaseException) -> str | None:
    """One line for an error that a user can act on: argand's own, or one of disk, memory or file names.

    None for any other error, which is a bug.
    """
    if isinstance(error, ArgandError):
        return str(error)
    if isinstance(error, OSError):
        name, (why, cure) = error.filename2 or error.filename, why_and_cure(error)
        return f"{os.fsdecode(name)}: {why}; {cure}" if is_name(name) else f"{why}; {cure}"
    if _is_of_memory(error):
        told = " ".join(str(error).split()[:_WORDS])
        return f"out of memory ({told or type(error).__name__}); process less at a time, in fewer --processes"
    if isinstance(error, RecursionError):
        return f"the input is nested too deeply ({error}); argand --verbose shows where"
    if isinstance(error, UnicodeError):
        return f"a name or text cannot be encoded or decoded ({error}); try again with LC_ALL=C.UTF-8"
    return None


def is_name(value: object) -> bool:
    """Whether the `filename` of an error is a name, not a file descriptor."""
    return isinstance(value, str | bytes | os.PathLike)


def _is_of_memory(error: BaseException) -> bool:
    told = str(error).lower()
    refused = isinstance(error, RuntimeError) and any(one in told for one in _ALLOCATORS)
    return refused or isinstance(error, MemoryError)
