"""What every system must keep, whatever it predicts; a toy shows that the checks can pass."""

import json
import os
import signal
from pathlib import Path

import numpy as np
import pytest
import torch
import toy
from torch import nn

from argand.io.weights import load_weights, restore, save_weights
from argand.learn import loop
from argand.learn.stream import collate
from argand.learn.train import train
from argand.system import SYSTEMS, Batch, Sample, System, from_config, system_module, to_config

OVERFIT = {
    "toy": ("error", 0.1, 300),
    "geometry": ("median_cells", 6.0, 160),
    "patterson": ("relative_error", 0.1, 200),
    "crystals": ("unexplained", 0.3, 300),
    "molmnist": ("variance_left", 0.1, 300),
    "molmnist/chains": ("site_entropy", 0.1, 200),
}
"""Metric that shows an error, the value it must fall below on four samples, and the steps allowed."""

NAMES = ["toy", *SYSTEMS, "molmnist/chains"]
"""Systems by their preset `tiny`; behind a stroke those with a second network, by `tiny-` and its name."""


def module_of(name: str):
    """Module of a system, or of the toy."""
    return toy if name == "toy" else system_module(name.split("/")[0])


@pytest.fixture(params=NAMES)
def name(request: pytest.FixtureRequest) -> str:
    """Name of each system in turn."""
    return request.param


@pytest.fixture
def tiny(name: str) -> System:
    """Its preset that trains in seconds."""
    return module_of(name).PRESETS["-".join(["tiny", *name.split("/")[1:]])]


def batch_of(system: System, count: int = 4, seed: int = 5) -> Batch:
    """The first samples of a seed, as the network takes them."""
    return collate([system.inputs(system.simulate(index, seed)) for index in range(count)])


def assert_same(first: Sample | Batch, second: Sample | Batch) -> None:
    """Both hold the same arrays, bit for bit."""
    assert first.keys() == second.keys()
    for key, value in first.items():
        np.testing.assert_array_equal(np.asarray(value), np.asarray(second[key]), strict=True)


def error_of(system: System, network: nn.Module, batch: Batch, metric: str) -> float:
    """One metric without randomness."""
    with torch.no_grad():
        return system.loss(network.eval(), batch, None)[1][metric].item()


def answer(system: System, network: nn.Module, batch: Batch) -> list[float]:
    """Loss and metrics without randomness."""
    torch.manual_seed(0)
    with torch.no_grad():
        loss, metrics = system.loss(network.eval(), batch, None)
    return [loss.item(), *(value.item() for value in metrics.values())]


def test_every_preset_is_told_by_its_configuration(name: str):
    module = module_of(name)
    for preset in module.PRESETS.values():
        assert from_config(module.SYSTEM, json.loads(json.dumps(to_config(preset)))) == preset


def test_a_sample_is_fixed_by_index_and_seed(tiny: System):
    first = tiny.simulate(3, 7)
    np.random.default_rng().random()
    assert_same(first, tiny.simulate(3, 7))
    for other in (tiny.simulate(4, 7), tiny.simulate(3, 8)):
        assert any(not np.array_equal(other[key], value, equal_nan=True) for key, value in first.items())


def test_same_seed_gives_the_same_batch(tiny: System):
    assert_same(batch_of(tiny, 2), batch_of(tiny, 2))


def test_four_samples_are_learnt_by_heart(name: str, tiny: System):
    metric, bound, steps = OVERFIT[name]
    torch.manual_seed(0)
    network, batch, generator = tiny.network(), batch_of(tiny), torch.Generator().manual_seed(0)
    optimiser, _ = tiny.optimiser(network)
    assert error_of(tiny, network, batch, metric) > 3 * bound
    for step in range(steps):
        loss, _ = tiny.loss(network.train(), batch, generator)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        if step % 20 == 19 and error_of(tiny, network, batch, metric) < bound:
            return
    pytest.fail(
        f"{metric} is {error_of(tiny, network, batch, metric)} after {steps} steps, not below {bound}"
    )


def test_saved_and_loaded_weights_answer_bit_for_bit_the_same(tmp_path: Path, name: str, tiny: System):
    network, batch = tiny.network(), batch_of(tiny, 2)
    header = {"system": name, "config": to_config(tiny), "seed": 0, "version": "0"}
    path = save_weights(tmp_path, network.state_dict(), header)
    state, header = load_weights(path)
    system = from_config(module_of(name).SYSTEM, header["config"])
    again = system.network()
    assert answer(system, again, batch) != answer(tiny, network, batch)
    restore(again, state, path)
    assert answer(system, again, batch) == answer(tiny, network, batch)


def test_a_resumed_run_equals_an_unbroken_one(tmp_path: Path, tiny: System, monkeypatch: pytest.MonkeyPatch):
    settings = {
        "max_time": None,
        "max_steps": 4,
        "batch_size": 2,
        "workers": 0,
        "val_count": 2,
        "quiet": True,
    }
    settings |= {"accelerator": "cpu", "precision": "fp32"}
    # For time: they are simulated anew in each run.
    monkeypatch.setattr(loop, "STATISTICS_SAMPLES", 4)
    train(tiny, tmp_path / "unbroken", **settings)
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        stop_at_step_two(type(tiny), patch)
        train(tiny, tmp_path / "broken", **settings)
    train(tiny, tmp_path / "broken", resume=True, **settings)
    states = [torch.load(tmp_path / part / "last.ckpt", weights_only=True) for part in ("unbroken", "broken")]
    for part in ("step", "network", "average", "optimiser"):
        torch.testing.assert_close(states[1][part], states[0][part], rtol=0, atol=0)


def stop_at_step_two(system: type, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have this process receive Ctrl-C in its second training step."""
    loss, seen = system.loss, []

    def interrupted(self, network, batch, generator=None):
        seen.append(network.training)
        if seen == [True, True]:
            os.kill(os.getpid(), signal.SIGINT)
        return loss(self, network, batch, generator)

    monkeypatch.setattr(system, "loss", interrupted)
