"""Worker processes: each sets up once, such as by loading a network, and then processes chunks of tasks."""

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
"""Pickled setups of this process by their token."""
_ready: dict[str, Callable[[Sequence[Any]], Iterable[Any]]] = {}
"""The function that the setup returned; only the latest is kept, to save memory."""
_lock = threading.RLock()
"""Workers of a cluster may have several threads; the libraries used here and the process's working folder are
not thread-safe."""


def packed_setup(setup: Callable[[], Any]) -> bytes:
    """Pickle a `crew.Setup` for other processes, which then word their errors as this one does."""
    return pickle.dumps((wording.of_command_line, setup))


def set_up(token: str, packed: bytes) -> None:
    """Store the setup, from `packed_setup`, that `answer_chunk` needs for this token."""
    _packed.clear()
    _packed[token] = packed


def answer_chunk(token: str, chunk: Sequence[Any]) -> list[Any]:
    """One result for each task, computed by the setup of this token."""
    try:
        with _lock:
            if token not in _ready:
                _ready.clear()
                # Pickled by the process that started this one.
                wording.of_command_line, setup = pickle.loads(_packed[token])  # noqa: S301
                _ready[token] = setup()
            return list(_ready[token](chunk))
    except Exception as error:
        sendable = _sendable(error)
        if sendable is error:
            raise
        raise sendable from None


def answer_in_folder(token: str, packed: bytes, folder: str, chunk: Sequence[Any]) -> list[Any]:
    """`answer_chunk` on a machine that may not know the token; file names are relative to `folder`."""
    with _lock, chdir(folder):
        if token not in _packed:
            set_up(token, packed)
        return answer_chunk(token, chunk)


def what_is_here(folder: str) -> tuple[str, bool]:
    """The version of argand on this machine, and whether the folder exists there."""
    keep_freed_memory()
    return __version__, os.path.isdir(folder)  # noqa: PTH112  another machine's path


def _sendable(error: Exception) -> Exception:
    """The error itself, or a RuntimeError with its text if it cannot be pickled."""
    try:
        pickle.loads(pickle.dumps(error))  # noqa: S301  pickled by this process
    except Exception:  # noqa: BLE001  an error's class may fail to pickle in any way
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error
