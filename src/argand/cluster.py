"""Workers of a Dask scheduler (extra `cluster`), on any number of machines, that process chunks of tasks.

Workers need the same version of argand and the same files: they run in the working folder of this process.
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
"""Timeout for the scheduler and its first worker, in seconds. By hand: schedulers answer at once, and worker
jobs should be running before this is called."""
AHEAD = 2
"""Chunks submitted per worker at a time. By hand: one runs while one waits."""
COUNT_EVERY_S = 5.0
"""Seconds between counts of the workers, since they come and go. By hand."""


logger = logging.getLogger(__name__)


class Cluster:
    """A team of Dask workers.

    The scheduler itself reassigns the tasks of a lost worker, and gives up on a task after
    `distributed.scheduler.allowed-failures` further losses.

    Raises ConfigError if no scheduler answers, or if the workers lack argand, this version of it, or the
    folder; MissingExtraError without dask.distributed.
    """

    def __init__(self, address: str, setup: Any) -> None:
        client, killed = _connected(address)
        self.deaths: tuple[type[Exception], ...] = (killed,)
        self._address, self._client = address, client
        self._futures: set[Future[Any]] = set()
        self._counted, self._workers = 0.0, 0
        folder = os.getcwd()  # noqa: PTH109  a string for other machines
        try:
            self._check(folder)
            # Not pure: a chunk that is submitted again is computed again.
            self._executor = client.get_executor(pure=False)
            self._token, self._packed, self._folder = str(uuid4()), packed_setup(setup), folder
            self._setup = self._held()
        except BaseException:
            client.close()
            raise

    @property
    def size(self) -> int:
        """AHEAD chunks for each worker; one if there are none yet, which waits for a worker."""
        now = time.monotonic()
        if now - self._counted > COUNT_EVERY_S:
            self._counted, self._workers = now, len(cast(dict, self._client.nthreads()))
            if not self._workers:
                logger.warning("%s has no workers; waiting for some", self._address)
        return max(1, AHEAD * self._workers)

    def submit(self, chunk: Sequence[Any]) -> "Future[list[Any]]":
        """Submit a chunk to any worker."""
        if self._setup.status not in ("pending", "finished"):  # a worker died while it was passed on
            self._setup = self._held()
        asked = self._token, self._setup, self._folder, chunk
        future = self._executor.submit(answer_in_folder, *asked)
        self._futures = {one for one in self._futures if not one.done()} | {future}
        return future

    def close(self) -> None:
        """Cancel what has not started, and leave the cluster running."""
        for future in self._futures:
            future.cancel()
        with suppress(Exception):  # a scheduler that is gone has nothing to cancel
            self._client.close(timeout=CONNECT_S)

    def _check(self, folder: str) -> None:
        """Raise ConfigError if the workers cannot do what this process does."""
        try:
            self._client.wait_for_workers(1, timeout=CONNECT_S)
        except TimeoutError as error:
            cure = f"start some with `dask worker {self._address}`"
            raise ConfigError(f"{self._address}: the scheduler has no workers; {cure}") from error
        cure = "install the same version there"
        try:
            found = cast(dict[str, tuple[str, bool]], self._client.run(what_is_here, folder))
        except ImportError as error:
            raise ConfigError(f"{self._address}: its workers have no argand ({error}); {cure}") from error
        for worker, (version, sees) in found.items():
            if version != __version__:
                raise ConfigError(f"{worker} has argand {version}, this machine {__version__}; {cure}")
            if not sees:
                raise ConfigError(f"{worker} does not see {folder}; work in a folder that all machines share")

    def _held(self) -> Any:
        """The setup as the result of a task: workers pass it on, and Dask recreates it if it is lost."""
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Sending large graph")
            return self._client.submit(bytes, self._packed, pure=False)


def _connected(address: str) -> "tuple[Client, type[Exception]]":
    """A client of the scheduler, and the exception that its futures raise when workers have died."""
    try:
        from distributed import Client, KilledWorker
    except ImportError as error:
        raise MissingExtraError("--scheduler needs dask.distributed; install argand[cluster]") from error
    try:
        return Client(address, timeout=CONNECT_S, set_as_default=False), KilledWorker
    except (OSError, ValueError) as error:
        why = " ".join(str(error).split())
        cure = "start one with `dask scheduler` and give the address that it prints"
        raise ConfigError(f"{address}: no Dask scheduler answers ({why}); {cure}") from error
