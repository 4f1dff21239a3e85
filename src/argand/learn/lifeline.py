"""Connections between the processes of a run, through the first one: messages, and detection of lost ones.

A collective of torch says neither which process is lost nor why, and with NCCL it may wait for half an hour.
Here each process keeps a connection to the first one: it closes at once when a process ends, and within
SILENCE_S when a machine fails. The reason is then sent to all processes, and those that do not end by
themselves are killed.
"""

import logging
import os
import secrets
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from argand.errors import ArgandError
from argand.learn.line import HELLO_S, POLL_S, Line

PATIENCE_S = 10.0
"""Seconds that a process has to end after another one has ended; then it is killed. By hand: longer than a
step, and longer than closing the files of a run."""


logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class End:
    """Why a run ends early: an error or a lost process, described by `text`, or because it was `stopped`."""

    kind: Literal["error", "stopped"]
    text: str

    def raised(self) -> BaseException:
        """The corresponding exception."""
        return KeyboardInterrupt(self.text) if self.kind == "stopped" else ArgandError(self.text)


class Lifeline:
    """Base of the lifelines of the first process (`FirstLifeline`) and the others (`OtherLifeline`).

    `end` is why the run ends, or None. While `busy`, the end of another process ends the run; `cure` then
    says what to do. The process that `tells` reports it: the first or, if that is lost, those marked by
    `leads`.
    """

    def __init__(self, rank: int, world: int) -> None:
        self.rank, self.world = rank, world
        self.busy = True
        self.tells, self.leads = rank == 0, False
        self.end: End | None = None
        self.cure: Callable[[], str] = lambda: "start all again"
        self._spared = False
        self._changed = threading.Condition(threading.RLock())

    def exchange(self, value: Any, last: bool = False) -> list[Any]:
        """The values (for JSON) of all processes in their order, once all have called this.

        After the `last` exchange of a run no process minds that others end. Raises what ends the run before.
        """
        raise NotImplementedError

    def tell(self, end: End, text: str) -> None:
        """End the run here with `end`, and in all other processes with `text`, which names this process."""
        raise NotImplementedError

    def raise_end(self) -> None:
        """Raise the reason if the run has ended."""
        if self.end is not None:
            raise self.end.raised()

    def wait(self, done: Callable[[], bool], seconds: float = float("inf")) -> bool:
        """Wait until `done` returns true; whether it did within `seconds`. Raises the error if the run ends
        before."""
        until = time.monotonic() + seconds
        with self._changed:
            while not done():
                self.raise_end()
                if time.monotonic() > until:
                    return False
                self._changed.wait(POLL_S)
        return True

    def close(self) -> None:
        """Close all connections, as the end of this process would."""
        raise NotImplementedError

    def spare(self) -> None:
        """This process ends by itself and need not be killed."""
        self._spared = True

    def _lost(self, name: str) -> End:
        """The end of a run that has lost a process."""
        return End("error", f"lost {name} (killed, out of memory, or its machine failed); {self.cure()}")

    def _take(self, end: End) -> bool:
        """Store why the run ends; whether this is the first reason."""
        with self._changed:
            if self.end is not None:
                return False
            self.end = end
            self._changed.notify_all()
        threading.Thread(target=self._end_process, daemon=True).start()
        return True

    def _end_process(self) -> None:
        """Kill this process if it has not ended by then: it waits for a lost one."""
        time.sleep(PATIENCE_S)
        if not self._spared and self.end is not None:
            if self.tells:
                logger.error("%s", " ".join(self.end.text.split()))
            os._exit(1)


@dataclass
class _Other:
    """What the first process knows about another one."""

    name: str
    line: Line
    values: list[Any] = field(default_factory=list)
    gone: bool = False


class FirstLifeline(Lifeline):
    """The lifeline of the first process, to which the others connect at `port` with the secret `token`."""

    def __init__(self, world: int) -> None:
        super().__init__(0, world)
        self.token = secrets.token_hex(16)
        self._others: dict[int, _Other] = {}
        self._word: dict[str, str] | None = None
        both = socket.has_dualstack_ipv6()
        family = socket.AF_INET6 if both else socket.AF_INET
        self._server = socket.create_server(("", 0), family=family, backlog=world, dualstack_ipv6=both)
        self.port: int = self._server.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def connected(self) -> int:
        """Number of connected processes, including this one."""
        return 1 + len(self._others)

    def exchange(self, value: Any, last: bool = False) -> list[Any]:
        """As of `Lifeline`."""
        with self._changed:
            self.busy = True
        self.wait(lambda: all(rank in self._others for rank in range(1, self.world)))
        self.wait(lambda: all(other.values or self._missed(other) for other in self._others.values()))
        with self._changed:
            self.raise_end()
            others = [self._others[rank] for rank in range(1, self.world)]
            values = [value, *(other.values.pop() for other in others)]
            self.busy = not last
            for other in others:
                other.line.send(values=values, last=last)
        return values

    def tell(self, end: End, text: str) -> None:
        """See `Lifeline`; processes that connect later receive it then."""
        with self._changed:
            if self._take(end):
                self._word = {"kind": end.kind, "text": text}
                for other in self._others.values():
                    other.line.send(**self._word)

    def close(self) -> None:
        """As of `Lifeline`."""
        with self._changed:  # closing these connections must not count as a loss
            self.busy = False
        self._server.close()
        for other in list(self._others.values()):
            other.line.close()

    def _missed(self, other: _Other) -> bool:
        """End the run if the process was lost between two runs."""
        if other.gone:
            end = self._lost(other.name)
            self.tell(end, end.text)
            self.raise_end()
        return False

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._server.accept()
            except OSError:
                return
            threading.Thread(target=self._listen, args=(Line(connection),), daemon=True).start()

    def _listen(self, line: Line) -> None:
        """Listen to one process from its greeting to its end."""
        line.have_patience(HELLO_S)
        hello = line.receive()
        if hello is None or hello.get("token") != self.token:
            line.close()
            return
        line.have_patience(None)
        other = _Other(f"process {hello['rank']} on {hello['host']}", line)
        if not self._welcomes(other, hello["rank"], hello["world"]):
            return
        while (message := line.receive()) is not None:
            self._hear(other, message)
        with self._changed:
            other.gone = True
            if self.busy:
                end = self._lost(other.name)
                self.tell(end, end.text)

    def _welcomes(self, other: _Other, rank: int, world: int) -> bool:
        """Whether the process belongs to the run, which it then joins; else the run ends."""
        with self._changed:
            if world == self.world and 0 < rank < world and rank not in self._others:
                self._others[rank] = other
                other.line.send(welcome=True)
                if self._word is not None:
                    other.line.send(**self._word)
                self._changed.notify_all()
                return True
            text = f"{other.name} of {world} is not one of the {self.world} expected; give each its own "
            text += "RANK, and all of them the same WORLD_SIZE"
            self.tell(End("error", text), text)
            other.line.send(kind="error", text=text)
            return False

    def _hear(self, other: _Other, message: dict[str, Any]) -> None:
        with self._changed:
            if "value" in message:
                other.values.append(message["value"])
                self._changed.notify_all()
            else:
                self.tell(End(message["kind"], message["text"]), message["text"])


class OtherLifeline(Lifeline):
    """The lifeline of any other process, over its accepted connection `line` to the first one."""

    def __init__(self, rank: int, world: int, line: Line) -> None:
        super().__init__(rank, world)
        self._line = line
        self._values: list[list[Any]] = []
        self.first_is_gone = False
        threading.Thread(target=self._listen, daemon=True).start()

    def exchange(self, value: Any, last: bool = False) -> list[Any]:
        """As of `Lifeline`."""
        with self._changed:
            self.busy = True
        self._line.send(value=value)
        self.wait(lambda: bool(self._values) or self._missed())
        return self._values.pop()

    def tell(self, end: End, text: str) -> None:
        """As of `Lifeline`."""
        if self._take(end):
            self._line.send(kind=end.kind, text=text)

    def close(self) -> None:
        """As of `Lifeline`."""
        self._line.close()

    def await_first(self, seconds: float) -> None:
        """Wait until the first process has ended, at most `seconds`."""
        until = time.monotonic() + seconds
        while not self.first_is_gone and time.monotonic() < until:
            time.sleep(POLL_S)

    def _missed(self) -> bool:
        if self.first_is_gone:
            self._lose_first()
        return False

    def _lose_first(self) -> None:
        """End the run because the first process is lost, unless it has sent another reason before."""
        with self._changed:
            self.tells = self.leads and self.end is None
        self._take(self._lost("the first process"))

    def _listen(self) -> None:
        while (message := self._line.receive()) is not None:
            with self._changed:
                if "values" in message:
                    self._values.append(message["values"])
                    self.busy = not message["last"]
                    self._changed.notify_all()
                else:
                    self._take(End(message["kind"], message["text"]))
        with self._changed:
            self.first_is_gone = True
            if self.busy:
                self._lose_first()
