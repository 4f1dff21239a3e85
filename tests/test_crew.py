"""Work that is shared out: every result once, whatever dies; no process outlives the one that began it."""

import os
import signal
import subprocess
import sys
import time
from collections import deque
from contextlib import closing
from pathlib import Path

import pytest
from worker_setups import Squares

from argand.crew import Crew, Died, Machines
from argand.errors import ConfigError

CHUNKS = [[0, 1, 2], [3, 4], [], [5]]


def alive(process: int) -> bool:
    """Whether a process runs; one that has ended but was not waited for does not."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def wait_until_gone(processes: list[int], seconds: float = 10.0) -> bool:
    end = time.monotonic() + seconds
    while any(map(alive, processes)) and time.monotonic() < end:
        time.sleep(0.05)
    return not any(map(alive, processes))


def setups(folder: Path) -> list[int]:
    """Processes that have set up."""
    return [int(path.name.split("-")[1]) for path in folder.glob("setup-*")]


def test_one_process_is_this_one_and_answers_in_order(tmp_path: Path):
    with Crew(Machines(1), Squares(tmp_path)) as workers:
        results = list(workers.results(CHUNKS)) + list(workers.results([[6]]))
    assert results == [(number, (number**2, os.getpid())) for number in range(7)]
    assert setups(tmp_path) == [os.getpid()]


def test_processes_answer_everything_once_and_set_up_once(tmp_path: Path):
    with Crew(Machines(2), Squares(tmp_path)) as workers:
        first = dict(workers.results(CHUNKS))
        second = dict(workers.results([[6], [7]]))
    squares = {
        number: result[0] for number, result in (first | second).items() if not isinstance(result, Died)
    }
    assert squares == {number: number**2 for number in range(8)}
    assert len(setups(tmp_path)) == 2
    assert os.getpid() not in setups(tmp_path)
    assert wait_until_gone(setups(tmp_path))


def test_what_a_process_that_dies_leaves_is_done_by_another(tmp_path: Path):
    with Crew(Machines(2), Squares(tmp_path, deadly=(1,), once=(3,))) as workers:
        results = dict(workers.results(CHUNKS))
    assert results.pop(1) == Died()
    assert {number: result[0] for number, result in results.items()} == {n: n**2 for n in (0, 2, 3, 4, 5)}


def test_an_error_of_the_program_is_raised_here_and_ends_all(tmp_path: Path):
    with (
        Crew(Machines(2), Squares(tmp_path, wrong=(4,))) as workers,
        pytest.raises(ValueError, match="4 is wrong"),
    ):
        list(workers.results(CHUNKS))
    assert wait_until_gone(setups(tmp_path))


def test_results_that_nobody_wants_any_more_end_the_processes(tmp_path: Path):
    with (
        Crew(Machines(2), Squares(tmp_path)) as workers,
        closing(workers.results([[n] for n in range(50)])) as results,
    ):
        next(results)
    assert wait_until_gone(setups(tmp_path))
    assert len(list(tmp_path.glob("done-*"))) < 50


def test_short_work_stays_in_this_process_and_long_work_is_shared(tmp_path: Path, monkeypatch):
    monkeypatch.setattr("argand.crew.available_cores", lambda: 2)
    with Crew(Machines(), Squares(tmp_path)) as workers:
        assert {process for _, (_, process) in workers.results(CHUNKS)} == {os.getpid()}
    monkeypatch.setattr("argand.crew.START_S", 0.0)
    with Crew(Machines(), Squares(tmp_path)) as workers:
        results = [(task, result) for task, result in workers.results(CHUNKS)]
    assert sorted(task for task, _ in results) == list(range(6))
    assert [process for _, (_, process) in results].count(os.getpid()) == 3  # the first chunk


@pytest.mark.parametrize("processes", [1, 2])
def test_results_may_lead_to_further_tasks(tmp_path: Path, processes: int):
    left = deque([[1], [2]])

    class Growing:
        def __iter__(self) -> "Growing":
            return self

        def __next__(self) -> list[int]:
            if not left:
                raise StopIteration
            return left.popleft()

    found = []
    with Crew(Machines(processes), Squares(tmp_path)) as workers:
        for task, (square, _) in workers.results(Growing()):
            found.append(square)
            if task < 10:
                left.append([task + 10])
    assert sorted(found) == [1, 4, 121, 144]


def test_machines_that_contradict_each_other_are_refused():
    with pytest.raises(ConfigError, match="exclude each other"):
        Machines(2, "tcp://localhost:8786")
    with pytest.raises(ConfigError, match="number of processes is 0"):
        Machines(0)


PROGRAM = """
import sys
from pathlib import Path
from worker_setups import Squares
from argand.crew import Crew, Machines
if __name__ == "__main__":
    with Crew(Machines(2), Squares(Path(sys.argv[1]), seconds=0.2)) as workers:
        for task, result in workers.results([[n] for n in range(100)]):
            pass
"""


@pytest.mark.parametrize("sent", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_no_process_outlives_the_one_that_began_it(tmp_path: Path, sent: signal.Signals):
    script = tmp_path / "program.py"
    script.write_text(PROGRAM)
    folders = [str(Path(__file__).parent), *sys.path]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(folders)}
    program = subprocess.Popen(
        [sys.executable, str(script), str(tmp_path)], env=environment, stderr=subprocess.DEVNULL
    )
    end = time.monotonic() + 60
    while len(list(tmp_path.glob("done-*"))) < 2 and time.monotonic() < end:
        time.sleep(0.05)
    program.send_signal(sent)
    program.wait(20)
    assert len(setups(tmp_path)) == 2
    assert wait_until_gone(setups(tmp_path))
