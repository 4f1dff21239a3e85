"""The workers of a Dask scheduler (extra `cluster`), on any number of machines, that answer chunks of tasks.

Workers need the same argand and see the same files: they work in the folder that this process works in.
"""

import logging
import os
import time
import warnings
from collections.abc import Sequence
from concurrent.futures import Future
from contextlib import suppress
from typing import TYPE_CHECKING, Any, cast
from uuid import uuid4

from argand import __version__
from argand.answering import answer_in_folder, packed_setup, what_is_here
from argand.errors import ConfigError, MissingExtraError

if TYPE_CHECKING:
    from distributed import Client

CONNECT_S = 20.0
"""Seconds that a scheduler and its first worker are waited for. By hand: schedulers answer at once, and jobs
of workers are to run before this is called."""
AHEAD = 2
"""Chunks for each worker that are given to the scheduler at a time. By hand: one waits."""
COUNT_EVERY_S = 5.0
"""Seconds after which workers are counted again, as some come and go. By hand."""


logger = logging.getLogger(__name__)


class Cluster:
    """A team of Dask workers.

    The scheduler itself gives what a worker that went away had under work to others, and gives up what
    `distributed.scheduler.allowed-failures` further workers went away with.

    Raises ConfigError where no scheduler answers, or workers lack argand, another version of it, or the
    folder; MissingExtraError without dask.distributed.
    """

    def __init__(self, address: str, setup: Any) -> None:
        client, killed = _connected(address)
        self.deaths: tuple[type[Exception], ...] = (killed,)
        self._address, self._client = address, client
        self._futures: set[Future[Any]] = set()
        self._counted, self._workers = 0.0, 0
        folder = os.getcwd()  # noqa: PTH109  as text for other machines
        try:
            self._check(folder)
            # Not pure: the same chunk again is to be done again.
            self._executor = client.get_executor(pure=False)
            self._token, self._packed, self._folder = str(uuid4()), packed_setup(setup), folder
            self._setup = self._held()
        except BaseException:
            client.close()
            raise

    @property
    def size(self) -> int:
        """AHEAD chunks for each worker that is there; one where there is none, to wait for some."""
        now = time.monotonic()
        if now - self._counted > COUNT_EVERY_S:
            self._counted, self._workers = now, len(cast(dict, self._client.nthreads()))
            if not self._workers:
                logger.warning("%s has no workers; waiting for some", self._address)
        return max(1, AHEAD * self._workers)

    def submit(self, chunk: Sequence[Any]) -> "Future[list[Any]]":
        """Have some worker answer a chunk."""
        if self._setup.status not in ("pending", "finished"):  # a worker died while it was handed on
            self._setup = self._held()
        asked = self._token, self._setup, self._folder, chunk
        future = self._executor.submit(answer_in_folder, *asked)
        self._futures = {one for one in self._futures if not one.done()} | {future}
        return future

    def close(self) -> None:
        """Cancel what has not begun, and leave the cluster as it is."""
        for future in self._futures:
            future.cancel()
        with suppress(Exception):  # a scheduler that is gone has nothing to cancel
            self._client.close(timeout=CONNECT_S)

    def _check(self, folder: str) -> None:
        """ConfigError where workers cannot do what this process does."""
        try:
            self._client.wait_for_workers(1, timeout=CONNECT_S)
        except TimeoutError as error:
            cure = f"start some with `dask worker {self._address}`"
            raise ConfigError(f"{self._address}: the scheduler has no workers; {cure}") from error
        cure = "install the one of this machine there"
        try:
            found = cast(dict[str, tuple[str, bool]], self._client.run(what_is_here, folder))
        except ImportError as error:
            raise ConfigError(f"{self._address}: its workers have no argand ({error}); {cure}") from error
        for worker, (version, sees) in found.items():
            if version != __version__:
                raise ConfigError(f"{worker} has argand {version}, this is {__version__}; {cure}")
            if not sees:
                raise ConfigError(f"{worker} does not see {folder}; work in a folder that all machines share")

    def _held(self) -> Any:
        """The setup as the result of a task: workers pass it on, and where it is lost it is made again."""
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Sending large graph")
            return self._client.submit(bytes, self._packed, pure=False)


def _connected(address: str) -> "tuple[Client, type[Exception]]":
    """A client of the scheduler, and what its futures raise where workers have died."""
    try:
        from distributed import Client, KilledWorker
    except ImportError as error:
        raise MissingExtraError("--scheduler needs dask.distributed; install argand[cluster]") from error
    try:
        return Client(address, timeout=CONNECT_S, set_as_default=False), KilledWorker
    except (OSError, ValueError) as error:
        why = " ".join(str(error).split())
        cure = "start one with `dask scheduler` and give the address that it tells"
        raise ConfigError(f"{address}: no Dask scheduler answers ({why}); {cure}") from error
