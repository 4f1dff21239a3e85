"""How the processes of a training run meet: torch's key-value store, at an address known to all."""

import socket
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from torch import distributed
from torch.distributed import TCPStore  # pyright: ignore[reportPrivateImportUsage]

from argand.errors import ConfigError
from argand.learn.launch import Launch
from argand.learn.line import POLL_S

START_S = 300.0
"""Seconds within which all processes of a run must connect; by hand: longer than Python and torch take to
start from a disk that many machines read at once."""


def open_store(launch: Launch) -> Any:
    """torch's key-value store, which torchrun or the first process opens."""
    opens = launch.is_first and not launch.has_store
    if not opens:
        poll(lambda: _is_open(launch), nobody(launch))
    try:
        return TCPStore(launch.address, launch.port, is_master=opens, wait_for_workers=False)
    except distributed.DistError as error:
        raise ConfigError(
            f"port {launch.port} cannot be opened at {launch.address}; give another MASTER_PORT"
        ) from error


def _is_open(launch: Launch) -> bool:
    try:
        socket.create_connection((launch.address, launch.port), timeout=2).close()
    except OSError:
        return False
    return True


def own_addresses(launch: Launch) -> list[str]:
    """The address of this machine in the network of the store."""
    with suppress(OSError), socket.create_connection((launch.address, launch.port), timeout=2) as connection:
        return [connection.getsockname()[0]]
    return []


def poll(done: Callable[[], bool], message: str) -> None:
    """Wait until `done` returns true, interruptible by Ctrl-C; ConfigError after START_S."""
    until = time.monotonic() + START_S
    while not done():
        if time.monotonic() > until:
            raise ConfigError(message)
        time.sleep(POLL_S)


def nobody(launch: Launch) -> str:
    """Error message if the first process does not appear."""
    return (
        f"no first process at {launch.address}:{launch.port} within {START_S:.0f} s; start all at "
        "the same time, with its address and port as MASTER_ADDR and MASTER_PORT"
    )
