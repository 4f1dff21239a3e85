"""A training run must end in time, learn, leave what is promised, and resume exactly."""

import json
import os
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from toy import HANG_S, ToySystem, wait_for

from argand.errors import ArgandError, ConfigError, InputError, MissingExtraError
from argand.io.weights import load_weights
from argand.learn import budget, loop
from argand.learn.log import read_log
from argand.learn.train import TrainingSummary, train
from argand.system import to_config

SHORT = {
    "max_time": None,
    "max_steps": 12,
    "batch_size": 4,
    "workers": 0,
    "val_count": 8,
    "val_every_steps": 4,
}


def run(folder: Path, system: ToySystem | None = None, **changes) -> TrainingSummary:
    """A short run on the CPU in fp32."""
    settings = {**SHORT, "accelerator": "cpu", "precision": "fp32", "quiet": True, **changes}
    return train(system or ToySystem(), folder, **settings)


def stop_at_step(step: int, number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have this process receive signal `number` during its training step `step` (from 1)."""
    loss, seen = ToySystem.loss, []

    def interrupted(self, network, batch, generator=None):
        seen.append(network.training)
        if sum(seen) == step and network.training:
            os.kill(os.getpid(), number)
        return loss(self, network, batch, generator)

    monkeypatch.setattr(ToySystem, "loss", interrupted)


@dataclass
class Clock:
    """Stands in for the module `time` where a run looks at it: only what a test says takes time."""

    now: float = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock of a run in which each training step takes an eighth of a second and all else nothing."""
    clock, loss = Clock(), ToySystem.loss

    def timed(self, network, batch, generator=None):
        clock.now += 0.125 * network.training
        return loss(self, network, batch, generator)

    monkeypatch.setattr(ToySystem, "loss", timed)
    for looking in (budget, loop):
        monkeypatch.setattr(looking, "time", clock)
    return clock


def test_a_run_learns_and_leaves_what_is_promised(tmp_path: Path):
    summary = run(tmp_path, max_steps=150, val_every_steps=50, batch_size=16, val_count=32)
    values = [record["val"]["error"] for record in read_log(tmp_path / "log.jsonl") if "val" in record]
    assert len(values) == 3
    assert values[-1] < 0.5 * values[0] or values[-1] < 0.1
    assert summary.best.value == min(values)
    assert {"last.ckpt", "best.safetensors", "log.jsonl", "tensorboard", "curve.png"} == {
        path.name for path in tmp_path.iterdir()
    }


def test_best_weights_say_how_they_were_made(tmp_path: Path):
    summary = run(tmp_path, seed=5)
    state, header = load_weights(summary.weights)
    assert header["config"] == to_config(ToySystem())
    assert header["seed"] == 5
    assert header["training"]["samples"] == 4 * summary.best.step
    assert header["training"]["max_steps"] == 12
    assert "cores" in header["training"]["hardware"]
    assert header["figures"]["validation"]["error"] == summary.best.value
    assert state.keys() == ToySystem().network().state_dict().keys()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("replay", [1, 2])
def test_a_stopped_and_resumed_run_equals_an_unbroken_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, replay: int
):
    run(tmp_path / "unbroken", replay=replay)
    with (
        monkeypatch.context() as patch,
        pytest.raises(KeyboardInterrupt, match="stopped at step 6; continue"),
    ):
        stop_at_step(6, number, patch)
        run(tmp_path / "broken", replay=replay)
    run(tmp_path / "broken", replay=replay, resume=True)
    states = [torch.load(tmp_path / name / "last.ckpt", weights_only=True) for name in ("unbroken", "broken")]
    assert states[1]["best"] == states[0]["best"]
    for part in ("step", "network", "average", "optimiser"):
        torch.testing.assert_close(states[1][part], states[0][part], rtol=0, atol=0)
    best = [(tmp_path / name / "best.safetensors") for name in ("unbroken", "broken")]
    torch.testing.assert_close(load_weights(best[1])[0], load_weights(best[0])[0], rtol=0, atol=0)


def test_a_finished_run_goes_on_with_a_larger_budget(tmp_path: Path):
    run(tmp_path, max_steps=4)
    spent = run(tmp_path, max_steps=4, resume=True)
    assert (spent.steps, spent.steps_here, spent.best.step) == (4, 0, 4)
    assert spent.best.metric == "error"
    assert spent.best.value < 10
    assert run(tmp_path, max_steps=8, resume=True).steps == 8
    assert [record["step"] for record in read_log(tmp_path / "log.jsonl") if "val" in record] == [4, 8]


@pytest.mark.usefixtures("clock")
def test_time_ends_a_run(tmp_path: Path):
    summary = run(tmp_path, max_time="00:00:01", max_steps=None, val_every_steps=10**6)
    assert (summary.seconds, summary.steps, summary.best.step) == (1.0, 8, 8)


def test_the_last_validation_is_within_the_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clock: Clock
):
    validate = loop.validate

    def slow(*arguments):
        clock.now += 1.0
        return validate(*arguments)

    monkeypatch.setattr(loop, "validate", slow)
    limits = {"max_time": 4.0, "max_steps": None, "val_every_steps": 12}
    summary = run(tmp_path, **limits)
    *_, last_step, last_validation = read_log(tmp_path / "log.jsonl")
    # 12 steps and their validation take 2.5 s; of the 3 s that leave room for another, 4 steps take the rest.
    assert last_step["step"] == last_validation["step"] == 16
    assert (last_step["seconds"], summary.seconds) == (3.0, 4.0)
    assert run(tmp_path, **limits, resume=True).steps_here == 0


def test_a_run_is_not_overwritten(tmp_path: Path):
    run(tmp_path, max_steps=1)
    with pytest.raises(
        ConfigError, match="contains a training run; --resume continues it, --force replaces it"
    ):
        run(tmp_path, max_steps=1)


def test_a_run_is_begun_where_there_is_none_to_resume(tmp_path: Path):
    assert run(tmp_path, max_steps=1, resume=True).steps_here == 1


def test_force_begins_again_and_leaves_other_files_alone(tmp_path: Path):
    run(tmp_path, max_steps=2)
    (tmp_path / "notes.txt").write_text("mine")
    assert run(tmp_path, max_steps=1, force=True).steps_here == 1
    assert (tmp_path / "notes.txt").read_text() == "mine"
    assert len(list((tmp_path / "tensorboard").iterdir())) == 1
    with pytest.raises(ConfigError, match="--force and --resume exclude each other"):
        run(tmp_path, max_steps=1, force=True, resume=True)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"batch_size": 8}, "settings.batch_size = 4, not 8"),
        ({"system": ToySystem(noise=0.2)}, "config.noise = 0.1, not 0.2"),
    ],
)
def test_a_run_resumes_only_with_its_own_settings(tmp_path: Path, changes: dict, message: str):
    run(tmp_path, max_steps=1)
    with pytest.raises(ConfigError, match=message):
        run(tmp_path, resume=True, **changes)


def test_the_number_of_workers_matters_only_where_samples_are_replayed(tmp_path: Path):
    for replay in (1, 2):
        run(tmp_path / str(replay), max_steps=1, replay=replay)
    assert run(tmp_path / "1", max_steps=1, workers=1, resume=True).steps_here == 0
    with pytest.raises(ConfigError, match=r"settings\.workers = 0, not 1"):
        run(tmp_path / "2", max_steps=1, replay=2, workers=1, resume=True)


def test_a_damaged_checkpoint_is_named(tmp_path: Path):
    run(tmp_path, max_steps=1)
    checkpoint = tmp_path / "last.ckpt"
    checkpoint.write_bytes(checkpoint.read_bytes()[:500])
    with pytest.raises(InputError, match=r"last\.ckpt: damaged checkpoint"):
        run(tmp_path, resume=True)


def test_a_diverging_run_ends_before_its_checkpoint_is_spoilt(tmp_path: Path):
    with pytest.raises(ArgandError, match=r"the loss is .* lower the learning rate"):
        run(tmp_path, ToySystem(plain=True, learning_rate=1e30), max_steps=100)
    assert not (tmp_path / "last.ckpt").exists()


def test_training_needs_a_limit(tmp_path: Path):
    with pytest.raises(ConfigError, match="give a time or a number of steps"):
        run(tmp_path, max_steps=None)


def test_a_missing_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("argand.learn.train.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"pip install 'argand\[train\]'"):
        run(tmp_path)


def test_bf16_trains(tmp_path: Path):
    assert run(tmp_path, precision="bf16", max_steps=2).best.value < 10


DDP_SCRIPT = [sys.executable, str(Path(__file__).with_name("ddp_script.py"))]


@pytest.mark.slow
def test_two_processes_compute_what_one_computes(tmp_path: Path):
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    subprocess.run([*DDP_SCRIPT, tmp_path / "two"], check=True, timeout=HANG_S, env=environment)
    run(tmp_path / "one", ToySystem(plain=True), max_steps=4, batch_size=8, average=False)
    one, two = (torch.load(tmp_path / name / "last.ckpt", weights_only=True) for name in ("one", "two"))
    torch.testing.assert_close(two["network"], one["network"], rtol=1e-5, atol=1e-6)
    assert json.loads(two["identity"])["settings"]["world"] == 2
    validations = [read_log(tmp_path / name / "log.jsonl")[-1]["val"]["error"] for name in ("one", "two")]
    assert validations[1] == pytest.approx(validations[0], rel=1e-4)


@pytest.mark.slow
def test_no_process_outlives_the_first_of_two(tmp_path: Path):
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    command = [*DDP_SCRIPT, tmp_path / "two", tmp_path]
    first = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, start_new_session=True)
    try:
        # Both processes are between two steps by then, and each waits for a sample that never comes.
        wait_for([tmp_path / "waiting-8", tmp_path / "waiting-12"], first)
        first.kill()
        # The pipe ends when the last process that could write to it has ended.
        first.communicate(timeout=HANG_S)
    finally:
        end_session(first.pid)
    assert not (tmp_path / "two" / "last.ckpt").exists()


def end_session(number: int) -> None:
    """End what a failed test would leave behind."""
    with suppress(ProcessLookupError):
        os.killpg(number, signal.SIGKILL)
