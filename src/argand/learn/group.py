"""The processes of a training run: how they find each other, agree and end together.

torchrun, srun or a user starts them, on one machine or many; or the first starts the others on its machine.
All of them run the same command.
"""

import logging
import os
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import timedelta
from json import dumps, loads
from typing import Any, TypeVar

import torch
from torch import distributed
from torch.distributed import PrefixStore, TCPStore  # pyright: ignore[reportPrivateImportUsage]

from argand.errors import ArgandError, ConfigError
from argand.learn.checkpoint import first_difference
from argand.learn.companion import Companions
from argand.learn.launch import Launch, launched
from argand.learn.lifeline import End, FirstLifeline, Lifeline, OtherLifeline
from argand.learn.line import POLL_S, connect
from argand.learn.meeting import START_S, nobody, open_store, own_addresses, poll
from argand.machine import available_cores

VERDICT_S = 5.0
"""Seconds to wait for the reason of a failed collective; by hand: many times what a message takes."""
FAREWELL_S = 5.0
"""Seconds that the others wait for the first process to end, so that its message is seen. By hand: less than
PATIENCE_S of the lifeline."""
COLLECTIVE_S = 1800.0
"""Timeout of a collective in s; the default of Lightning and torch."""
_KEY = "argand/lifeline"
"""Key under which the first process stores its address."""

T = TypeVar("T")
logger = logging.getLogger(__name__)


class Group:
    """The processes of a run; a single process without `launch`."""

    def __init__(
        self, launch: Launch | None = None, store: Any = None, companions: Companions | None = None
    ) -> None:
        self.launch = launch
        self.rank, self.world = (launch.rank, launch.world) if launch else (0, 1)
        self.by = launch.by if launch else "argand"
        # Until all have met, as if all were on one machine.
        self.machines = [socket.gethostname()] * self.world
        self._runs, self._met = 0, False
        if launch is None or launch.world == 1:
            self.lifeline: Lifeline | None = None
            return
        self._store = store or open_store(launch)
        self._companions = companions or Companions([])
        self.lifeline = self._first_lifeline() if self.is_first else self._other_lifeline(launch)

    @property
    def is_first(self) -> bool:
        """Whether this process prints and writes."""
        return self.rank == 0

    @property
    def here(self) -> list[int]:
        """Ranks of the processes on this machine."""
        return [rank for rank, machine in enumerate(self.machines) if machine == self.machines[self.rank]]

    @property
    def local_rank(self) -> int:
        """Index of this process on its machine."""
        told = self.launch.local_rank if self.launch else 0
        return self.here.index(self.rank) if told is None else told

    @property
    def per_node(self) -> int:
        """Number of processes started on this machine, or per node if the machine hosts several nodes."""
        told = self.launch.per_node if self.launch else 1
        return len(self.here) if told is None else told

    def meet(self) -> None:
        """Wait for all processes, and divide the cores of a machine among its processes."""
        if self.lifeline is None:
            return
        if isinstance(self.lifeline, FirstLifeline):
            self._await_all(self.lifeline)
        self.machines, self._met = self.exchange(socket.gethostname()), True
        self.lifeline.leads = self.rank == min((rank for rank in self.here if rank), default=0)
        if "OMP_NUM_THREADS" not in os.environ:
            torch.set_num_threads(max(1, available_cores() // len(self.here)))

    def at_loss(self, cure: Callable[[], str]) -> None:
        """Let messages about a lost process end with the text of `cure`."""
        if self.lifeline is not None:
            self.lifeline.cure = cure

    def exchange(self, value: T, last: bool = False) -> list[T]:
        """The values (JSON) of all processes in order of rank, once all have called this.

        After the `last` exchange of a run, processes may end. Raises the error if the run ends before.
        """
        return [value] if self.lifeline is None else self.lifeline.exchange(value, last)

    def by_first(self, make: Callable[[], object]) -> None:
        """Call `make` in the first process only, e.g. to write a file; the others wait until it has
        returned."""
        if self.is_first:
            make()
        # Processes that the first one starts begin after this, so they need not wait.
        if self.by != "argand" or self._met:
            self.exchange(None)

    def require_alike(self, value: Mapping[str, Any]) -> None:
        """Raise ConfigError if a process has other settings or finds another run."""
        values = self.exchange(loads(dumps(value)))
        for rank, other in enumerate(values):
            found = first_difference(values[0], other)
            if found:
                name, first, its = found
                raise ConfigError(
                    f"process {rank} on {self.machines[rank]} has {name} = {its!r}, the first one {first!r}; "
                    "start all with the same command, in a folder shared by all machines"
                )

    @contextmanager
    def collectives(self, device: torch.device) -> Iterator[None]:
        """Context in which torch's collectives work between processes with one device each."""
        if self.lifeline is None:
            yield
            return
        self._runs += 1
        distributed.init_process_group(
            "nccl" if device.type == "cuda" else "gloo",
            store=PrefixStore(f"argand/run{self._runs}", self._store),
            rank=self.rank,
            world_size=self.world,
            timeout=timedelta(seconds=COLLECTIVE_S),
            device_id=device if device.type == "cuda" else None,
        )
        try:
            yield
        finally:
            distributed.destroy_process_group()

    def end_with(self, error: BaseException) -> None:
        """End all processes because of an error in this one, or one that it has received."""
        if self.lifeline is None:
            return
        text = " ".join(str(error).split())
        if not isinstance(error, ArgandError | KeyboardInterrupt):
            text = f"{type(error).__name__}: {text}"
        kind = "stopped" if isinstance(error, KeyboardInterrupt) else "error"
        named = text if kind == "stopped" else f"process {self.rank} on {socket.gethostname()}: {text}"
        self.lifeline.tell(End(kind, text), named)
        if isinstance(self.lifeline, FirstLifeline) and self.by != "argand":
            # Late processes receive the message too; those that this process has started end with it.
            with suppress(ArgandError, KeyboardInterrupt):
                self._await_all(self.lifeline, heeding=False)
        elif isinstance(self.lifeline, OtherLifeline) and isinstance(error, ArgandError | KeyboardInterrupt):
            self.lifeline.await_first(FAREWELL_S)
        self.lifeline.spare()

    def reason(self, error: Exception) -> BaseException:
        """The reason for a failed collective, if it arrives in time; else the error itself."""
        if self.lifeline is None or isinstance(error, ArgandError):
            return error
        try:
            self.lifeline.wait(lambda: False, VERDICT_S)
        except (ArgandError, KeyboardInterrupt) as reason:
            return reason
        return error

    def _await_all(self, lifeline: FirstLifeline, heeding: bool = True) -> None:
        """Wait until all processes are connected; unless `heeding`, even if the run has already ended."""
        until = time.monotonic() + START_S
        while lifeline.connected < self.world:
            if heeding:
                lifeline.raise_end()
            self._companions.require_alive()
            if time.monotonic() > until:
                raise ConfigError(
                    f"{lifeline.connected} of {self.world} processes connected in {START_S:.0f} s; start all "
                    "at the same time"
                )
            time.sleep(POLL_S)

    def _first_lifeline(self) -> FirstLifeline:
        """Listen, and publish the address in the store."""
        assert self.launch is not None
        lifeline = FirstLifeline(self.world)
        # Addresses at which the others may reach this machine, the likeliest first.
        addresses = [self.launch.address, *own_addresses(self.launch), socket.gethostname()]
        word = {"addresses": list(dict.fromkeys(addresses)), "port": lifeline.port, "token": lifeline.token}
        self._store.set(_KEY, dumps(word))
        return lifeline

    def _other_lifeline(self, launch: Launch) -> OtherLifeline:
        """Connect to the first process."""
        poll(lambda: self._store.check([_KEY]), nobody(launch))
        word = loads(self._store.get(_KEY))
        hello = {"token": word["token"], "rank": self.rank, "world": self.world, "host": socket.gethostname()}
        line = connect(word["addresses"], word["port"], hello)
        if line is None:
            tried = ", ".join(word["addresses"])
            raise ConfigError(
                f"cannot reach the first process on port {word['port']} of {tried}; open the ports "
                "between the machines, or set MASTER_ADDR to one of its addresses"
            )
        return OtherLifeline(self.rank, self.world, line)


_current: Group | None = None
"""The group of this process, created once."""


def group_here() -> Group:
    """The group that this process was started in, joined on the first call."""
    global _current  # one process, one group
    if _current is None:
        launch = launched()
        if launch is None:
            return Group()
        _current = Group(launch)
    return _current


def start_group(processes: int) -> Group:
    """The group that this process was started in; else start others on this machine, `processes` in all."""
    global _current  # one process, one group
    if _current is None and launched() is not None:
        return group_here()
    if _current is None:
        if processes == 1:
            return Group()
        store = TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False)
        launch = Launch(0, processes, 0, processes, "127.0.0.1", store.port, "argand")
        _current = Group(launch, store, Companions.started(processes, store.port))
    return _current


@contextmanager
def ended_together() -> Iterator[None]:
    """Context in which an error ends all processes of the group, with one message each."""
    try:
        yield
    except (Exception, KeyboardInterrupt) as error:
        group = _group_to_tell()
        reason = group.reason(error) if isinstance(error, Exception) else error
        group.end_with(reason)
        if reason is error:
            raise
        raise reason from error


def tells() -> bool:
    """Whether this process reports what has ended the run."""
    return _current is None or _current.lifeline is None or _current.lifeline.tells


def _group_to_tell() -> Group:
    """The group, if it can be joined to report an error; else this process alone."""
    try:
        return group_here()
    except ArgandError:
        logger.debug("no group to report an error to", exc_info=True)
        return Group()
