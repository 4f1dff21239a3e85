"""Runs a case as a child of a process that has argand loaded: a start costs milliseconds, not seconds.

The child calls the same function as the command `argand` does, in a folder of its own, and its time, memory
and end are watched from outside.
"""

import atexit
import contextlib
import ctypes
import faulthandler
import fcntl
import gc
import importlib
import multiprocessing.util
import os
import resource
import signal
import sys
import time
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from malformed.case import Case, Outcome

MOST_BYTES = 2**31
"""Memory that a command may take beyond what it has after its start."""
ALLOWED_BYTES = 10 * 2**30
"""Address space beyond that, so that no input takes the machine's memory; a refusal then counts as well."""
STUCK_S = 6.0
"""Seconds without any use of a core after which a command waits for something that does not come."""
MOST_TIMES = 20
"""Seconds of the clock for each that a command may use of a core, on however busy a machine: one that looks
for something again and again hardly uses any."""
_PIPE_BYTES = 2**20
SHOWN = 2**23
"""Bytes of output that are kept."""
_PR_SET_PDEATHSIG = 1
"""Of Linux's prctl."""
_CAPABILITY_VERSION, _OVERRIDES = 0x20080522, 1 << 1 | 1 << 2
"""Of Linux's capset: its version, and the rights CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH."""
WARM = (
    "argand.cli",
    "argand.systems.geometry.cli",
    "argand.systems.geometry.predict",
    "argand.systems.geometry.files.run",
    "argand.systems.geometry.files.watch",
    "argand.systems.geometry.view",
    "argand.systems.patterson.predict",
    "argand.systems.patterson.view",
    "argand.systems.patterson.solution.file_search",
    "argand.systems.patterson.solution.outputs",
    "argand.systems.crystals.files.run",
    "argand.systems.crystals.files.explore",
    "argand.systems.crystals.view",
    "argand.systems.molmnist.cli",
    "argand.systems.molmnist.predict",
    "argand.systems.molmnist.files.run",
    "argand.systems.molmnist.view",
    "argand.io.nexus",
    "fabio.fabioformats",
    "matplotlib.figure",
    "pyarrow.parquet",
)
"""What is loaded before the first case."""


def warm() -> None:
    """Load what the cases need; with one thread, as a child of a process of several may not go on."""
    for name in WARM:
        importlib.import_module(name)
    import torch

    torch.set_num_threads(1)
    gc.collect()
    gc.freeze()


def run_case(case: Case, folder: Path) -> Outcome:
    """Run the command of a case, whose files are in the folder, and say how it ended."""
    # Pipes and no files, which a limit on the size of files would cut as well.
    pipes = [os.pipe() for _ in range(2)]
    child = start(case, folder, *(write for _, write in pipes))
    for _, write in pipes:
        os.close(write)
    spoken = [Spoken(read) for read, _ in pipes]
    outcome = _watched(child, case, spoken)
    for one in spoken:
        one.close()
    return outcome


def start(case: Case, folder: Path, stdout: int, stderr: int) -> int:
    """Start the command of a case in a session of its own; its number, which leads the group.

    What it prints goes to two open files.
    """
    child = os.fork()
    if child == 0:
        _be_child(case, folder, stdout, stderr)
    return child


class Spoken:
    """What comes out of a pipe, read whenever there is some."""

    def __init__(self, pipe: int) -> None:
        self.pipe, self._parts = pipe, bytearray()
        fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
        os.set_blocking(pipe, False)

    def take(self) -> None:
        """Read what is there."""
        with contextlib.suppress(BlockingIOError):
            while part := os.read(self.pipe, _PIPE_BYTES):
                self._parts += part[: max(SHOWN - len(self._parts), 0)]

    @property
    def text(self) -> str:
        """All that was read."""
        return self._parts.decode(errors="replace")

    def close(self) -> None:
        """Close the pipe."""
        os.close(self.pipe)


def _be_child(case: Case, folder: Path, stdout: int, stderr: int) -> NoReturn:
    code = 70
    try:
        os.setsid()
        faulthandler.disable()
        # With its parent the child ends too.
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        # What the parent would do at its end is not this child's to do.
        atexit._clear()
        atexit.register(multiprocessing.util._exit_function)
        for number, printed in ((1, stdout), (2, stderr)):
            os.dup2(printed, number)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
        sys.stderr = open(2, "w", encoding="utf-8", errors="backslashreplace", closefd=False)  # noqa: SIM115
        os.chdir(folder)
        Path("/proc/self/clear_refs").write_text("5")
        _limit(case)
        code = _called(case)
    except BaseException:  # noqa: BLE001 (an error of this file, which must not pass for one of argand's)
        traceback.print_exc()
    finally:
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(Exception):
                stream.flush()
        with contextlib.suppress(Exception):
            atexit._run_exitfuncs()
        os._exit(code)


def _limit(case: Case) -> None:
    size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (size + ALLOWED_BYTES,) * 2)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if case.limits.file_bytes is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (case.limits.file_bytes,) * 2)
    if case.limits.as_user and os.geteuid() == 0:
        _drop_override()


def _drop_override() -> None:
    """Give up root's right to read and write what the modes of files forbid."""
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION, 0)
    data = (ctypes.c_uint32 * 6)()
    libc = ctypes.CDLL(None)
    libc.capget(header, data)
    # The first three words are the effective, permitted and inherited rights.
    for word in range(3):
        data[word] &= ~_OVERRIDES
    if libc.capset(header, data):
        raise OSError("root's rights cannot be given up")


def _called(case: Case) -> int:
    """Exit code of the command, and the traceback on the error stream as the interpreter prints it."""
    try:
        if case.call:
            return _called_function(case)
        from argand.cli import main

        sys.argv = ["argand", *case.argv]
        main()
    except SystemExit as end:
        if end.code is None or isinstance(end.code, int):
            return end.code or 0
        print(end.code, file=sys.stderr)  # noqa: T201
        return 1
    except BaseException:  # noqa: BLE001 (whatever it is, it is what a user would see)
        traceback.print_exc()
        return 1
    return 0


def _called_function(case: Case) -> int:
    from argand.errors import ArgandError

    module, name = case.call.split(":")
    try:
        print(getattr(importlib.import_module(module), name)(*case.argv))  # noqa: T201
    except ArgandError as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201
        return 1
    return 0


def _watched(child: int, case: Case, spoken: Sequence[Spoken]) -> Outcome:
    begun = time.monotonic()
    grown, core_s, hung, base = 0, 0.0, "", None
    last_use, last_core = begun, 0.0
    while True:
        done, status, use = os.wait4(child, os.WNOHANG)
        now = time.monotonic()
        for one in spoken:
            one.take()
        if done:
            break
        rss = _peak_bytes(child)
        base = rss if base is None else min(base, rss)
        grown = max(grown, rss - base)
        if now - begun > 1.0:
            core_s = _core_seconds(child)
            if core_s > last_core + 0.05:
                last_use, last_core = now, core_s
            hung = hung or _hanging(core_s, now - last_use, case)
            if now - begun > MOST_TIMES * case.hang_s:
                hung = hung or f"still there after {now - begun:.0f} s"
        if hung or grown > 1.2 * MOST_BYTES:
            _end_group(child)
        time.sleep(0.005 if now - begun < 2 else 0.05)
    _end_group(child)
    peak = use.ru_maxrss * 1024
    grown = max(grown, peak - (base or peak))
    killed = os.WTERMSIG(status) if os.WIFSIGNALED(status) else None
    code = os.WEXITSTATUS(status) if os.WIFEXITED(status) else None
    for one in spoken:
        one.take()
    texts = [one.text for one in spoken]
    core_s = use.ru_utime + use.ru_stime
    return Outcome(code, killed, now - begun, core_s, grown, hung, texts[0], texts[1])


def _hanging(core_s: float, idle_s: float, case: Case) -> str:
    if core_s > case.hang_s:
        return f"still at work after {core_s:.0f} s of a core"
    return f"waiting for {idle_s:.0f} s" if idle_s > STUCK_S else ""


def _peak_bytes(process: int) -> int:
    try:
        text = Path(f"/proc/{process}/status").read_text()
    except OSError:
        return 0
    found = [line.split()[1] for line in text.splitlines() if line.startswith("VmHWM")]
    return int(found[0]) * 1024 if found else 0


def _core_seconds(session: int) -> float:
    """Seconds of a core that all processes of the session have used."""
    total = 0
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError, ValueError, IndexError):
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
                if int(fields[3]) == session:
                    total += sum(map(int, fields[11:15]))
    return total / os.sysconf("SC_CLK_TCK")


def _end_group(child: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child, signal.SIGKILL)
