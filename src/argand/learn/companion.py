"""Processes that the first one of a training starts on its own machine; none of them outlives it."""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence

from argand.errors import ArgandError
from argand.lanes import end_with
from argand.learn.launch import FIRST_PROCESS


class Companions:
    """The processes that run the same command beside this one."""

    def __init__(self, processes: Sequence[subprocess.Popen]) -> None:
        self._processes = processes

    @classmethod
    def started(cls, world: int, port: int) -> "Companions":
        """Start the command of this process again until there are `world`, which meet at `port`."""
        same = [sys.executable, *sys.orig_argv[1:]]
        return cls(
            [
                subprocess.Popen(same, env={**os.environ, **_place(rank, world, port)})  # noqa: S603  as started
                for rank in range(1, world)
            ]
        )

    def require_alive(self) -> None:
        """Raise ArgandError where one has ended."""
        for rank, process in enumerate(self._processes, start=1):
            if process.poll() is not None:
                raise ArgandError(
                    f"process {rank} has ended at its start, with exit code {process.returncode}"
                )


def _place(rank: int, world: int, port: int) -> Mapping[str, str]:
    """What tells a process its place, as torchrun would."""
    return {
        "RANK": str(rank),
        "WORLD_SIZE": str(world),
        "LOCAL_RANK": str(rank),
        "LOCAL_WORLD_SIZE": str(world),
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
        FIRST_PROCESS: str(os.getpid()),
    }


def serve_first_process() -> None:
    """Have this process, where another one has started it, end with that one."""
    first = os.environ.get(FIRST_PROCESS)
    if first:
        end_with(int(first))
