"""Processes that the first process of a training run starts on its machine; they end with it."""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence

from argand.errors import ArgandError
from argand.lanes import end_with
from argand.learn.launch import FIRST_PROCESS


class Companions:
    """The other processes of this machine that run the same command."""

    def __init__(self, processes: Sequence[subprocess.Popen]) -> None:
        self._processes = processes

    @classmethod
    def started(cls, world: int, port: int) -> "Companions":
        """Start this process's command again until there are `world` processes, which meet at `port`."""
        same = [sys.executable, *sys.orig_argv[1:]]
        return cls(
            [
                subprocess.Popen(same, env={**os.environ, **_place(rank, world, port)})  # noqa: S603  as started
                for rank in range(1, world)
            ]
        )

    def require_alive(self) -> None:
        """Raise ArgandError if one has ended."""
        for rank, process in enumerate(self._processes, start=1):
            if process.poll() is not None:
                raise ArgandError(f"process {rank} failed to start (exit code {process.returncode})")


def _place(rank: int, world: int, port: int) -> Mapping[str, str]:
    """Environment variables of a process, as torchrun sets them."""
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
    """If another process has started this one, make it end with that process."""
    first = os.environ.get(FIRST_PROCESS)
    if first:
        end_with(int(first))
