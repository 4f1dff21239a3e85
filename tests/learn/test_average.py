"""Averaged weights get the statistics of the samples that are sent through them, and nothing else changes."""

import copy
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.optim.swa_utils import update_bn
from toy import ToySystem

from argand.io.weights import load_weights
from argand.learn import loop
from argand.learn.average import WeightAverage
from argand.learn.train import train


def network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Linear(3, 8), nn.BatchNorm1d(8, momentum=0.3), nn.ReLU(), nn.Dropout(0.5), nn.Linear(8, 2),
        nn.BatchNorm1d(2),
    )  # fmt: skip


@pytest.fixture
def batches() -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    return [3 * torch.randn(16, 3, generator=generator) + 2 for _ in range(4)]


def spoilt() -> WeightAverage:
    """An average whose statistics are those of no data."""
    average = WeightAverage(network())
    for layer in (average.network[1], average.network[5]):
        layer.running_mean.fill_(7.0)
        layer.running_var.fill_(9.0)
        layer.num_batches_tracked.fill_(100)
    return average


def test_statistics_are_those_of_the_data(batches: list[torch.Tensor]):
    average = spoilt()
    # torch's own lets dropout drop; without it both must be the same.
    expected = copy.deepcopy(average.network)
    expected[3].p = 0.0
    update_bn(batches, expected)
    average.renormalise(lambda one: [one(batch) for batch in batches])
    for place in (1, 5):
        for name in ("running_mean", "running_var"):
            torch.testing.assert_close(
                getattr(average.network[place], name), getattr(expected[place], name), rtol=1e-5, atol=1e-6
            )
    assert (average.network[1].running_mean - 7).abs().min() > 0.1


def test_only_normalisation_learns_and_all_is_as_in_use_afterwards(batches: list[torch.Tensor]):
    average, seen = spoilt(), []

    def run(one: nn.Module) -> None:
        assert isinstance(one, nn.Sequential)
        seen.append([layer.training for layer in one])
        for batch in batches:
            one(batch)

    weights = copy.deepcopy(dict(average.network.named_parameters()))
    average.renormalise(run)
    assert seen == [[False, True, False, False, False, True]]
    assert not any(layer.training for layer in average.network.modules())
    assert [average.network[place].momentum for place in (1, 5)] == [0.3, 0.1]
    torch.testing.assert_close(dict(average.network.named_parameters()), weights, rtol=0, atol=0)
    assert average.normalises
    assert not WeightAverage(nn.Linear(2, 2)).normalises


def test_kept_weights_have_the_statistics_of_training_samples(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    taken, system = [], ToySystem()
    whole = loop.first_batches

    def first_batches(*asked: object) -> object:
        taken.extend(whole(*asked))
        return list(taken)

    monkeypatch.setattr(loop, "first_batches", first_batches)
    settings = {
        "max_time": None,
        "max_steps": 6,
        "batch_size": 4,
        "workers": 0,
        "val_count": 4,
        "quiet": True,
    }
    settings |= {"val_every_steps": 3, "accelerator": "cpu", "precision": "fp32"}
    summary = train(system, tmp_path, **settings)
    state, _ = load_weights(summary.weights)
    assert sum(len(batch["points"]) for batch in taken) == loop.STATISTICS_SAMPLES
    hidden = [batch["points"] @ state["0.weight"].float().T + state["0.bias"].float() for batch in taken]
    means, variances = (
        torch.stack([part(one, 0) for one in hidden]).mean(0) for part in (torch.mean, torch.var)
    )
    torch.testing.assert_close(state["1.running_mean"].float(), means, rtol=5e-3, atol=5e-3)
    torch.testing.assert_close(state["1.running_var"].float(), variances, rtol=1e-2, atol=5e-3)
