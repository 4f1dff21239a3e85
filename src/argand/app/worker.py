"""The process in which verbs run, one after the other: libraries and weights stay loaded between them.

It speaks over a pipe. Jobs come in; what goes out is ("progress", JobProgress) while one runs and
("end", code, message) after it. Ctrl-C (SIGINT) reaches the verb that runs, as on the command line.
"""

import importlib
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from types import FrameType
from typing import Any, cast

import typer

from argand.errors import ConfigError, command_line, explained
from argand.lanes import end_with
from argand.machine import keep_freed_memory
from argand.progress import JobProgress, heard_by
from argand.runs.command import running
from argand.runs.verbs import FAILED, INTERRUPTED, require_sensible
from argand.system import SYSTEMS

SAY_S = 0.2
"""Least seconds between two messages on progress. By hand: a page asks twice a second."""

USAGE = 2
"""Exit code of wrong usage, as click has it."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Job:
    """The words of a command line without `argand`, and the file for what it prints."""

    words: tuple[str, ...]
    log: Path


class _Busy:
    """Whether a verb runs, which alone is to be interrupted."""

    now = False


def serve(pipe: Connection, starter: int, systems: Mapping[str, str]) -> None:
    """Run verbs of these systems until the pipe closes; the process ends with its starter."""
    # Ctrl-C in a terminal is for the server, which then decides what becomes of the verb.
    os.setsid()
    signal.signal(signal.SIGINT, _interrupt)
    end_with(starter)
    keep_freed_memory()
    while True:
        try:
            job = pipe.recv()
        except (EOFError, OSError):
            return
        with _printed_to(job.log):
            code, message = _run(job, pipe, systems)
        pipe.send(("end", code, message))


def _interrupt(number: int, frame: FrameType | None) -> None:
    if _Busy.now:
        raise KeyboardInterrupt


def _run(job: Job, pipe: Connection, systems: Mapping[str, str]) -> tuple[int, str]:
    """Run a job; its exit code and, where it failed, why."""
    try:
        _Busy.now = True
        with heard_by(_teller(pipe)):
            return run_verb(job.words, systems)
    except KeyboardInterrupt:  # between two statements of ours
        return INTERRUPTED, "interrupted"
    finally:
        _Busy.now = False


def _teller(pipe: Connection) -> Callable[[JobProgress], None]:
    """What sends progress on, not too often."""
    last, guard = 0.0, threading.Lock()

    def tell(progress: JobProgress) -> None:
        nonlocal last
        with guard:  # a display may have a thread of its own
            now = time.monotonic()
            if now - last >= SAY_S or progress.share >= 1.0:
                last = now
                pipe.send(("progress", progress))

    return tell


def run_verb(words: Sequence[str], systems: Mapping[str, str] = SYSTEMS) -> tuple[int, str]:
    """Run a verb of a system as the command line does: its exit code and, if it failed, one line."""
    try:
        with command_line(), running(words):
            return _invoked(systems, words[0], list(words[1:])), ""
    except typer.Exit as end:
        return end.exit_code, ""
    except (KeyboardInterrupt, typer.Abort) as interrupt:
        return INTERRUPTED, str(interrupt) or "interrupted; files written so far are complete"
    except Exception as error:  # noqa: BLE001  the worker outlives what is wrong with a verb
        return _told(error)


def _told(error: Exception) -> tuple[int, str]:
    """Exit code and one line for an error, which is printed too."""
    usage: Any = typer.BadParameter.__base__
    if isinstance(error, usage):
        code, message = USAGE, cast(Any, error).format_message()
    else:
        told = explained(error)
        if told is None:
            logger.error("this is a bug; please report it", exc_info=error)
            told = f"{type(error).__name__}: {error}; please report it with the log"
        code, message = FAILED, told
    message = " ".join(message.split())
    print(f"error: {message}", file=sys.stderr)  # noqa: T201  the log of the job
    return code, message


def _invoked(systems: Mapping[str, str], system: str, words: list[str]) -> int:
    if system not in systems:
        raise ConfigError(f"unknown system {system!r}")
    group: Any = typer.main.get_command(importlib.import_module(f"{systems[system]}.cli").app)
    verb = group.commands[words[0]]
    with verb.make_context(f"argand {system} {words[0]}", words[1:]) as context:
        require_sensible(context.params)
        verb.invoke(context)
    return 0


@contextmanager
def _printed_to(log: Path) -> Iterator[None]:
    """What this process and those that it starts print goes to a file."""
    before = [os.dup(number) for number in (1, 2)]
    target = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        for number in (1, 2):
            os.dup2(target, number)
        with _logged():
            yield
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        for number, old in zip((1, 2), before, strict=True):
            os.dup2(old, number)
            os.close(old)
        os.close(target)


@contextmanager
def _logged() -> Iterator[None]:
    """Notes and warnings of the package are printed, as by the command line."""
    handler = logging.StreamHandler(sys.stderr)
    own = logging.getLogger("argand")
    before = own.level
    own.setLevel(logging.INFO)
    own.addHandler(handler)
    try:
        yield
    finally:
        own.removeHandler(handler)
        own.setLevel(before)
