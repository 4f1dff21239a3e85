"""Work given to Dask: a cluster in one process, and a scheduler with worker processes, some of which die."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from test_crew import CHUNKS, setups
from worker_setups import Squares

from argand.crew import Crew, Died, Machines
from argand.errors import ConfigError

distributed = pytest.importorskip("distributed", reason="needs dask.distributed (extra cluster)")


@pytest.fixture(scope="module")
def environment() -> dict[str, str]:
    """What workers need to import what the tests give them; one death is enough to give a task up."""
    folders = [str(Path(__file__).parent), *sys.path]
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(folder for folder in folders if folder),
        "DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "0",
    }


class Processes:
    """A scheduler and two workers, each without a nanny that would start it anew."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.folder, self.environment = folder, environment
        self._all: list[subprocess.Popen] = []
        told = folder / "scheduler.json"
        self._start("scheduler", "--host", "127.0.0.1", "--port", "0", "--scheduler-file", str(told))
        end = time.monotonic() + 60
        while not (told.exists() and told.stat().st_size) and time.monotonic() < end:
            time.sleep(0.05)
        self.address = json.loads(told.read_text())["address"]
        self.workers = [self.start_worker() for _ in range(2)]
        with distributed.Client(self.address, set_as_default=False) as client:
            client.wait_for_workers(2, timeout=60)

    def start_worker(self) -> subprocess.Popen:
        return self._start(
            "worker", self.address, "--no-nanny", "--nthreads", "1", "--host", "127.0.0.1", "--no-dashboard"
        )

    def _start(self, *words: str) -> subprocess.Popen:
        with (self.folder / "log").open("ab") as log:
            command = [sys.executable, "-m", "distributed.cli.dask_" + words[0], *words[1:]]
            process = subprocess.Popen(command, env=self.environment, stdout=log, stderr=log, cwd=self.folder)
        self._all.append(process)
        return process

    def end(self) -> None:
        for process in self._all:
            process.kill()
            process.wait()


@pytest.fixture
def processes(tmp_path: Path, environment: dict[str, str]) -> Iterator[Processes]:
    (tmp_path / "dask").mkdir()
    started = Processes(tmp_path / "dask", environment)
    yield started
    started.end()


def test_a_cluster_answers_everything_and_each_worker_sets_up_once(tmp_path: Path):
    one = {"n_workers": 1, "threads_per_worker": 2, "processes": False, "dashboard_address": None}
    with (
        distributed.LocalCluster(**one) as cluster,
        Crew(Machines(scheduler=cluster.scheduler_address), Squares(tmp_path)) as crew,
    ):
        results = dict(crew.results(CHUNKS)) | dict(crew.results([[6]]))
    assert {task: square for task, (square, _) in results.items()} == {n: n**2 for n in range(7)}
    assert len(setups(tmp_path)) == 1


def test_an_error_within_a_task_is_raised_here(tmp_path: Path):
    with distributed.LocalCluster(n_workers=1, processes=False, dashboard_address=None) as cluster:
        scheduler = Machines(scheduler=cluster.scheduler_address)
        with Crew(scheduler, Squares(tmp_path, wrong=(4,))) as crew, pytest.raises(ValueError, match="4 is"):
            list(crew.results(CHUNKS))


def test_what_a_worker_that_is_killed_had_under_work_is_done_by_another(tmp_path: Path, processes: Processes):
    tasks = [[n] for n in range(40)]
    found = {}
    with Crew(Machines(scheduler=processes.address), Squares(tmp_path, seconds=0.05)) as crew:
        for number, (task, result) in enumerate(crew.results(tasks)):
            found[task] = result[0]
            if number == 10:
                processes.workers[0].send_signal(signal.SIGKILL)
    assert found == {n: n**2 for n in range(40)}


def test_a_task_that_kills_two_workers_is_given_up(tmp_path: Path, processes: Processes):
    found = {}
    with Crew(Machines(scheduler=processes.address), Squares(tmp_path, deadly=(3,))) as crew:
        for task, result in crew.results([[n] for n in range(8)]):
            if not isinstance(result, Died):
                processes.start_worker() if len(found) == 2 else None
            found[task] = result
    assert found.pop(3) == Died()
    assert {task: square for task, (square, _) in found.items()} == {n: n**2 for n in range(8) if n != 3}


def test_a_scheduler_that_goes_away_is_told_of(tmp_path: Path, processes: Processes):
    slow = Squares(tmp_path, seconds=0.05)
    with (
        Crew(Machines(scheduler=processes.address), slow) as crew,
        pytest.raises(ConfigError, match="lost the connection to the scheduler"),
    ):
        for _ in crew.results([[n] for n in range(100)]):
            processes.end()


def test_where_no_scheduler_answers_it_is_said(tmp_path: Path, monkeypatch):
    monkeypatch.setattr("argand.cluster.CONNECT_S", 1.0)
    for address in ("tcp://127.0.0.1:9", "nonsense://x"):
        crew = Crew(Machines(scheduler=address), Squares(tmp_path))
        with pytest.raises(ConfigError, match="no Dask scheduler answers"):
            list(crew.results(CHUNKS))


def test_a_scheduler_without_workers_is_told_of(tmp_path: Path, monkeypatch):
    monkeypatch.setattr("argand.cluster.CONNECT_S", 1.0)
    with distributed.LocalCluster(n_workers=0, processes=False, dashboard_address=None) as cluster:
        crew = Crew(Machines(scheduler=cluster.scheduler_address), Squares(tmp_path))
        with pytest.raises(ConfigError, match="has no workers; start some"):
            list(crew.results(CHUNKS))


def test_workers_of_another_version_are_refused(tmp_path: Path, monkeypatch):
    monkeypatch.setattr("argand.cluster.__version__", "0.0.other")
    with distributed.LocalCluster(n_workers=1, processes=False, dashboard_address=None) as cluster:
        crew = Crew(Machines(scheduler=cluster.scheduler_address), Squares(tmp_path))
        with pytest.raises(ConfigError, match=r"this is 0\.0\.other; install"):
            list(crew.results(CHUNKS))
