"""What a worker process does: it sets up once, such as by loading a network, and answers chunks of tasks."""

import os
import pickle
import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import chdir
from typing import Any

from argand import __version__
from argand.errors import wording
from argand.machine import keep_freed_memory

_packed: dict[str, bytes] = {}
"""Setups of this process by their token, as they came."""
_ready: dict[str, Callable[[Sequence[Any]], Iterable[Any]]] = {}
"""What has been set up: the last one alone, for memory."""
_lock = threading.RLock()
"""Workers of a cluster may have several threads; libraries here are not made for that, and neither is a
process's working folder."""


def packed_setup(setup: Callable[[], Any]) -> bytes:
    """A `crew.Setup` as bytes for other processes, whose errors will be worded as those of this one."""
    return pickle.dumps((wording.of_command_line, setup))


def set_up(token: str, packed: bytes) -> None:
    """Take in what `answer_chunk` of this token will need, of `packed_setup`."""
    _packed.clear()
    _packed[token] = packed


def answer_chunk(token: str, chunk: Sequence[Any]) -> list[Any]:
    """One result for each task, by what was set up under the token."""
    try:
        with _lock:
            if token not in _ready:
                _ready.clear()
                # Packed by the process that began this.
                wording.of_command_line, setup = pickle.loads(_packed[token])  # noqa: S301
                _ready[token] = setup()
            return list(_ready[token](chunk))
    except Exception as error:
        sendable = _sendable(error)
        if sendable is error:
            raise
        raise sendable from None


def answer_in_folder(token: str, packed: bytes, folder: str, chunk: Sequence[Any]) -> list[Any]:
    """`answer_chunk` on a machine that may not know the token; names of files are relative to `folder`."""
    with _lock, chdir(folder):
        if token not in _packed:
            set_up(token, packed)
        return answer_chunk(token, chunk)


def what_is_here(folder: str) -> tuple[str, bool]:
    """The version of argand on this machine, and whether it has a folder."""
    keep_freed_memory()
    return __version__, os.path.isdir(folder)  # noqa: PTH112  another machine's path


def _sendable(error: Exception) -> Exception:
    """The error itself, or its text where it cannot be sent to another process."""
    try:
        pickle.loads(pickle.dumps(error))  # noqa: S301  of this process
    except Exception:  # noqa: BLE001  an error's class may refuse in any way
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error
