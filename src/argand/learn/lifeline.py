"""Connections between the processes of a run, through the first one: what each has to tell, and who is gone.

A collective of torch tells neither which process is lost nor why, and with NCCL it may wait for half an hour.
Here each process holds a line to the first one all the while: the end of a process closes it at once, that of
a machine within SILENCE_S. Whatever then ends the run is told to all, and those that do not come to their end
by themselves are ended.
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
"""Seconds that a process is given to end after another one has; then it is ended. By hand: more than a step
takes, and more than it takes to close the files of a run."""


logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class End:
    """What ends a run before its time: an error or a loss, told in `text`, or that it was `stopped`."""

    kind: Literal["error", "stopped"]
    text: str

    def raised(self) -> BaseException:
        """The exception that tells it."""
        return KeyboardInterrupt(self.text) if self.kind == "stopped" else ArgandError(self.text)


class Lifeline:
    """What the first process (`FirstLifeline`) and the others (`OtherLifeline`) have in common.

    `end` is what ends the run, once anything does. While `busy`, the end of another process does; `cure` then
    says what to do. One process `tells` it: the first or, where that is gone, those that `leads` marks.
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
        """End the run here, and with `text`, which says of which process it is, everywhere else."""
        raise NotImplementedError

    def raise_end(self) -> None:
        """Raise what ends the run, if anything does."""
        if self.end is not None:
            raise self.end.raised()

    def wait(self, done: Callable[[], bool], seconds: float = float("inf")) -> bool:
        """Wait for something; whether it has come within so many seconds. Raises what ends the run before."""
        until = time.monotonic() + seconds
        with self._changed:
            while not done():
                self.raise_end()
                if time.monotonic() > until:
                    return False
                self._changed.wait(POLL_S)
        return True

    def close(self) -> None:
        """End all connections, as the end of this process does."""
        raise NotImplementedError

    def spare(self) -> None:
        """This process has come to an end by itself, and is not to be ended."""
        self._spared = True

    def _lost(self, name: str) -> End:
        """The end of a run of which a process is gone."""
        return End("error", f"{name} is gone (killed, out of memory, or its machine lost); {self.cure()}")

    def _take(self, end: End) -> bool:
        """Take note of what ends the run; whether nothing did before."""
        with self._changed:
            if self.end is not None:
                return False
            self.end = end
            self._changed.notify_all()
        threading.Thread(target=self._end_process, daemon=True).start()
        return True

    def _end_process(self) -> None:
        """End this process where it does not come to its end: it waits for one that is gone."""
        time.sleep(PATIENCE_S)
        if not self._spared and self.end is not None:
            if self.tells:
                logger.error("%s", " ".join(self.end.text.split()))
            os._exit(1)


@dataclass
class _Other:
    """What the first process knows of another one."""

    name: str
    line: Line
    values: list[Any] = field(default_factory=list)
    gone: bool = False


class FirstLifeline(Lifeline):
    """The lifeline of the first process, to which the others connect at `port` with the word `token`."""

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
        """How many processes have come, this one too."""
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
        """As of `Lifeline`; those that are still to come hear it then."""
        with self._changed:
            if self._take(end):
                self._word = {"kind": end.kind, "text": text}
                for other in self._others.values():
                    other.line.send(**self._word)

    def close(self) -> None:
        """As of `Lifeline`."""
        with self._changed:  # that the lines end here is no loss of the others
            self.busy = False
        self._server.close()
        for other in list(self._others.values()):
            other.line.close()

    def _missed(self, other: _Other) -> bool:
        """Have the end of a process between two runs end the next."""
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
        """Listen to one process from its hello to its end."""
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
        """Whether the process has a place, which it then takes; else the run ends."""
        with self._changed:
            if world == self.world and 0 < rank < world and rank not in self._others:
                self._others[rank] = other
                other.line.send(welcome=True)
                if self._word is not None:
                    other.line.send(**self._word)
                self._changed.notify_all()
                return True
            text = (
                f"{other.name} of {world} is none of the {self.world} that were to come; give each its own "
            )
            text += "RANK and all the same WORLD_SIZE"
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
    """The lifeline of any other process, over its `line` to the first one, which has welcomed it."""

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
        """Wait until the first process has ended, at most so long."""
        until = time.monotonic() + seconds
        while not self.first_is_gone and time.monotonic() < until:
            time.sleep(POLL_S)

    def _missed(self) -> bool:
        if self.first_is_gone:
            self._lose_first()
        return False

    def _lose_first(self) -> None:
        """End the run of which the first process is gone, unless it had told of another end before."""
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
