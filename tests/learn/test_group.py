"""Several processes, on one machine or many, must compute what one would, and end together."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest
import torch
from toy import HANG_S, NormedToySystem, wait_for

from argand.errors import ArgandError, ConfigError, InputError
from argand.learn import group as group_module
from argand.learn import meeting
from argand.learn.group import Group
from argand.learn.launch import Launch
from argand.learn.log import read_log
from argand.learn.train import train

SCRIPT = str(Path(__file__).with_name("group_script.py"))


def free_port() -> int:
    """A port that nothing listens at."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen]]:
    """Starts commands, whose outputs are kept in files, and ends them with the test."""
    processes: list[subprocess.Popen] = []

    def started(command: Sequence[object], **environment: object) -> subprocess.Popen:
        whole = {
            **os.environ,
            "OMP_NUM_THREADS": "1",
            **{key: str(value) for key, value in environment.items()},
        }
        with (tmp_path / f"said-{len(processes)}").open("w") as said:
            words = [str(word) for word in command]
            process = subprocess.Popen(
                words, env=whole, stdout=said, stderr=subprocess.STDOUT, start_new_session=True
            )
        processes.append(process)
        return process

    yield started
    for process in processes:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


def by_hand(start: Callable[..., subprocess.Popen], *arguments: object) -> list[subprocess.Popen]:
    """Two processes of the script whose places are set by hand."""
    place = {"WORLD_SIZE": 2, "MASTER_ADDR": "localhost", "MASTER_PORT": free_port()}
    command = [sys.executable, SCRIPT, *arguments]
    return [start(command, RANK=rank, **place) for rank in range(2)]


def codes(processes: list[subprocess.Popen]) -> list[int]:
    """Exit codes of processes, once all have ended."""
    return [process.wait(HANG_S) for process in processes]


def said(folder: Path) -> list[str]:
    """All lines that the processes have printed, in the order of the processes."""
    files = sorted(folder.glob("said-*"))
    return [line for file in files for line in file.read_text().splitlines()]


TOGETHER_S = 30
"""Seconds in which threads that stand for processes come to their end; only a defect takes as long."""


@pytest.fixture
def together() -> Iterator[Callable[..., list[object]]]:
    """Calls a function with each process of a group, all at the same time; gives results or exceptions."""
    groups: list[Group] = []

    def called(function: Callable[[Group], object], count: int = 3) -> list[object]:
        port = free_port()

        def process(rank: int) -> object:
            group = Group(Launch(rank, count, None, None, "localhost", port, "the user"))
            groups.append(group)
            try:
                return function(group)
            except (ArgandError, KeyboardInterrupt) as error:
                return error
            finally:
                assert group.lifeline is not None
                # Or else it would end this process, which is that of the tests.
                group.lifeline.spare()
                if rank == 0:
                    group.lifeline.close()

        with ThreadPoolExecutor(count) as pool:
            return list(pool.map(process, range(count), timeout=TOGETHER_S))

    yield called
    for group in groups:
        assert group.lifeline is not None
        group.lifeline.close()


def test_values_are_exchanged_in_the_order_of_the_processes(together: Callable[..., list[object]]):
    def exchanged(group: Group) -> object:
        group.meet()
        return [
            group.exchange(group.rank * 10),
            group.exchange("end", last=True),
            group.here,
            group.local_rank,
        ]

    assert together(exchanged) == [[[0, 10, 20], ["end"] * 3, [0, 1, 2], rank] for rank in range(3)]


def test_the_first_process_makes_what_the_others_wait_for(
    together: Callable[..., list[object]], tmp_path: Path
):
    def made(group: Group) -> object:
        group.by_first(lambda: (tmp_path / f"made-by-{group.rank}").touch())
        return [file.name for file in tmp_path.iterdir()]

    assert together(made) == [["made-by-0"]] * 3


def test_processes_of_different_commands_are_told_apart(together: Callable[..., list[object]]):
    def required(group: Group) -> None:
        group.meet()
        group.require_alike({"settings": {"seed": int(group.rank == 2)}, "device": "cpu"})

    for error in together(required):
        assert isinstance(error, ConfigError)
        assert "process 2 on" in str(error)
        assert "has settings.seed = 1, the first one 0; start all with the same command" in str(error)


@pytest.mark.parametrize("failing", [0, 2])
def test_an_error_of_one_process_is_told_to_all(together: Callable[..., list[object]], failing: int):
    def failed(group: Group) -> object:
        if group.rank == failing:
            group.end_with(InputError("no such file"))
            return "told"
        return group.meet()

    outcomes = together(failed)
    assert outcomes.pop(failing) == "told"
    for error in outcomes:
        assert isinstance(error, ArgandError)
        assert str(error) == f"process {failing} on {socket.gethostname()}: no such file"


@pytest.mark.parametrize("stopped", [0, 1])
def test_a_stop_before_the_first_step_stops_all(together: Callable[..., list[object]], stopped: int):
    def interrupted(group: Group) -> object:
        if group.rank == stopped:
            return group.end_with(KeyboardInterrupt("stopped before the first step was finished"))
        return group.meet()

    outcomes = together(interrupted)
    del outcomes[stopped]
    assert [repr(error) for error in outcomes] == [
        "KeyboardInterrupt('stopped before the first step was finished')"
    ] * 2


@pytest.mark.parametrize("lost", [0, 1])
def test_the_loss_of_a_process_is_told_to_all(together: Callable[..., list[object]], lost: int):
    def gone(group: Group) -> object:
        group.meet()
        group.at_loss(lambda: "resume it")
        group.exchange(None)
        if group.rank == lost:
            assert group.lifeline is not None
            group.lifeline.close()
            return "gone"
        return group.exchange(None)

    outcomes = together(gone)
    assert outcomes.pop(lost) == "gone"
    name = f"process 1 on {socket.gethostname()}" if lost else "the first process"
    for error in outcomes:
        assert str(error) == f"lost {name} (killed, out of memory, or its machine failed); resume it"


def test_an_end_after_the_last_exchange_is_no_loss(together: Callable[..., list[object]]):
    def ended(group: Group) -> object:
        group.meet()
        group.exchange(None, last=True)
        assert group.lifeline is not None
        if group.rank:
            group.lifeline.close()
        else:
            group.lifeline.wait(lambda: False, 1.0)
        return group.lifeline.end

    assert together(ended) == [None] * 3


def test_processes_that_do_not_come_are_missed(
    together: Callable[..., list[object]], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(group_module, "START_S", 0.5)
    monkeypatch.setattr(meeting, "START_S", 0.5)

    def missed(group: Group) -> None:
        group.world += 1
        group.meet()

    first, _ = together(missed, 2)
    assert str(first) == "2 of 3 processes connected in 0 s; start all at the same time"
    launch = Launch(1, 2, None, None, "localhost", free_port(), "the user")
    with pytest.raises(ConfigError, match=r"no first process at localhost:\d+ within"):
        Group(launch)


def test_a_process_that_has_no_place_ends_all(together: Callable[..., list[object]]):
    def twice(group: Group) -> object:
        if group.rank == 1:
            with pytest.raises(ConfigError, match="is not one of the 3 expected"):
                Group(group.launch)
        return group.meet()

    for error in together(twice):
        assert "process 1 on" in str(error)
        assert "give each its own RANK" in str(error)


@pytest.mark.slow
def test_two_machines_under_torchrun_compute_what_one_process_computes(
    tmp_path: Path, start: Callable[..., subprocess.Popen]
):
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--nnodes", 2, "--nproc-per-node", 2]
    torchrun += ["--rdzv-backend", "c10d", "--rdzv-endpoint", f"localhost:{free_port()}"]
    agents = [start([*torchrun, SCRIPT, tmp_path / "four", 4]) for _ in range(2)]
    train(
        NormedToySystem(),
        tmp_path / "one",
        max_time=None,
        max_steps=4,
        batch_size=8,
        workers=0,
        accelerator="cpu",
        val_count=8,
        val_every_steps=2,
        precision="fp32",
        quiet=True,
    )
    assert codes(agents) == [0, 0]
    one, four = (torch.load(tmp_path / name / "last.ckpt", weights_only=True) for name in ("one", "four"))
    for part in ("network", "average"):
        torch.testing.assert_close(four[part], one[part], rtol=1e-4, atol=1e-5)
    logs = [[r for r in read_log(tmp_path / name / "log.jsonl") if "val" in r] for name in ("one", "four")]
    assert [record["samples"] for record in logs[1]] == [16, 32]
    for own, other in zip(*logs, strict=True):
        assert other["val"]["error"] == pytest.approx(own["val"]["error"], rel=1e-4)
    # The first process alone tells what came of it.
    assert sum("4 steps, 32 lines" in line for line in said(tmp_path)) == 1


@pytest.mark.slow
@pytest.mark.parametrize("lost", [0, 1])
def test_a_lost_process_ends_the_other_with_one_message(
    tmp_path: Path, start: Callable[..., subprocess.Popen], lost: int
):
    processes = by_hand(start, tmp_path / "run", 10, "--gates", tmp_path)
    # Two steps are done, validated and saved; each process waits for a sample.
    wait_for([tmp_path / "waiting-8", tmp_path / "waiting-10"], processes[lost])
    processes[lost].kill()
    (tmp_path / "open").touch()
    assert codes(processes)[1 - lost] == 1
    (line,) = said(tmp_path)
    assert f"{'process 1 on' if lost else 'the first process'}" in line
    assert f"(killed, out of memory, or its machine failed); continue {tmp_path / 'run'}" in line
    assert torch.load(tmp_path / "run" / "last.ckpt", weights_only=True)["step"] == 2


@pytest.mark.slow
def test_a_stop_asked_of_one_process_stops_all_and_the_run_goes_on_as_unbroken(
    tmp_path: Path, start: Callable[..., subprocess.Popen]
):
    broken = by_hand(start, tmp_path / "broken", 5, "--gates", tmp_path)
    wait_for([tmp_path / "waiting-8", tmp_path / "waiting-10"], broken[1])
    broken[1].send_signal(signal.SIGTERM)
    (tmp_path / "open").touch()
    assert codes(broken) == [130, 130]
    assert said(tmp_path) == [f"error: stopped at step 3; continue {tmp_path / 'broken'} with --resume"]
    assert codes(by_hand(start, tmp_path / "broken", 5, "--gates", tmp_path, "--resume")) == [0, 0]
    assert codes(by_hand(start, tmp_path / "unbroken", 5, "--gates", tmp_path)) == [0, 0]
    states = [torch.load(tmp_path / f"{name}broken" / "last.ckpt", weights_only=True) for name in ("un", "")]
    for part in ("step", "network", "average", "optimiser"):
        torch.testing.assert_close(states[1][part], states[0][part], rtol=0, atol=0)


@pytest.mark.slow
def test_an_error_ends_all_processes_with_one_message(tmp_path: Path, start: Callable[..., subprocess.Popen]):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "last.ckpt").write_bytes(b"no checkpoint")
    assert codes(by_hand(start, tmp_path / "run", 4, "--resume")) == [1, 1]
    (line,) = said(tmp_path)
    assert line.startswith(
        f"error: {tmp_path / 'run' / 'last.ckpt'}: damaged checkpoint; choose another folder"
    )
