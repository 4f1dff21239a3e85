"""A connection between two processes that exchange lines of JSON."""

import json
import socket
import threading
from contextlib import suppress
from typing import Any

from argand.errors import ConfigError

SILENCE_S = 30
"""Seconds without an answer after which a machine counts as lost. By hand: networks recover within a few."""
HELLO_S = 10.0
"""Seconds that a process has to identify itself; by hand, anything slower is not one of ours."""
POLL_S = 0.1
"""Polling interval in s, so that Ctrl-C is noticed; by hand, no result depends on it."""


class Line:
    """A connection on which each message is a line of JSON."""

    def __init__(self, connection: socket.socket) -> None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # Systems without these options use their default times.
        for name, value in (("KEEPIDLE", SILENCE_S // 2), ("KEEPINTVL", SILENCE_S // 6), ("KEEPCNT", 3)):
            if hasattr(socket, f"TCP_{name}"):
                connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, f"TCP_{name}"), value)
        self._connection, self._file = connection, connection.makefile("rb")
        self._sending = threading.Lock()

    def send(self, **message: Any) -> None:
        """Send a message; it is lost if the other process has ended."""
        with self._sending, suppress(OSError):
            self._connection.sendall(json.dumps(message).encode() + b"\n")

    def receive(self) -> dict[str, Any] | None:
        """The next message, or None at the end of the connection."""
        try:
            line = self._file.readline()
            message = json.loads(line) if line.endswith(b"\n") else None
        except (OSError, ValueError):
            return None
        return message if isinstance(message, dict) else None

    def have_patience(self, seconds: float | None) -> None:
        """Set the timeout for a message in s; None: no timeout."""
        self._connection.settimeout(seconds)

    def close(self) -> None:
        """Close the connection."""
        with suppress(OSError):
            self._connection.shutdown(socket.SHUT_RDWR)
        self._connection.close()


def connect(addresses: list[str], port: int, hello: dict[str, Any]) -> Line | None:
    """Connect to the first process at one of its addresses; None if none of them answers.

    Raises ConfigError if that process rejects this one.
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
