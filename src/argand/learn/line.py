"""A connection between two processes on which each message is a line of JSON."""

import json
import socket
import threading
from contextlib import suppress
from typing import Any

from argand.errors import ConfigError

SILENCE_S = 30
"""Seconds after which a machine that answers nothing is taken for lost. By hand: a network mends itself
within a few."""
HELLO_S = 10.0
"""Seconds for a process to say who it is; by hand, what does not say so is none of ours."""
POLL_S = 0.1
"""Seconds between looks at what is awaited, so that Ctrl-C is heard; by hand, no answer depends on it."""


class Line:
    """A connection on which each message is a line of JSON."""

    def __init__(self, connection: socket.socket) -> None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # Where the system has no such options, its own times hold.
        for name, value in (("KEEPIDLE", SILENCE_S // 2), ("KEEPINTVL", SILENCE_S // 6), ("KEEPCNT", 3)):
            if hasattr(socket, f"TCP_{name}"):
                connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, f"TCP_{name}"), value)
        self._connection, self._file = connection, connection.makefile("rb")
        self._sending = threading.Lock()

    def send(self, **message: Any) -> None:
        """Send a message; one to a process that is gone is lost."""
        with self._sending, suppress(OSError):
            self._connection.sendall(json.dumps(message).encode() + b"\n")

    def receive(self) -> dict[str, Any] | None:
        """The next message, or None at the end."""
        try:
            line = self._file.readline()
            message = json.loads(line) if line.endswith(b"\n") else None
        except (OSError, ValueError):
            return None
        return message if isinstance(message, dict) else None

    def have_patience(self, seconds: float | None) -> None:
        """Wait at most so long for a message; None: for ever."""
        self._connection.settimeout(seconds)

    def close(self) -> None:
        """End the connection."""
        with suppress(OSError):
            self._connection.shutdown(socket.SHUT_RDWR)
        self._connection.close()


def connect(addresses: list[str], port: int, hello: dict[str, Any]) -> Line | None:
    """A line to the first process at one of its addresses, or None where it is at none of them.

    Raises ConfigError where that has no place for this one.
    """
    for address in addresses:
        with suppress(OSError):
            line = Line(socket.create_connection((address, port), timeout=HELLO_S))
            line.send(**hello)
            answer = line.receive() or {}
            if "text" in answer:
                raise ConfigError(answer["text"])
            if "welcome" in answer:
                line.have_patience(None)
                return line
            line.close()
    return None
