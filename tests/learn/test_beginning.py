"""A training may begin from earlier weights, as far as they fit."""

from pathlib import Path

import pytest
import torch
from torch import nn

from argand.errors import InputError
from argand.io.weights import save_weights
from argand.learn.beginning import begin_from, described

HEADER = {"system": "toy", "config": {}, "seed": 0, "version": "0"}


def test_weights_that_fit_are_taken_and_others_left(tmp_path: Path):
    network = nn.Sequential(nn.Linear(3, 2), nn.Linear(2, 4))
    fresh = network[1].weight.clone()
    state = {"0.weight": torch.full((2, 3), 7.0), "1.weight": torch.zeros(5, 2), "other": torch.zeros(1)}
    path = save_weights(tmp_path / "start.safetensors", state, HEADER)
    begin_from(network, path)
    assert (network[0].weight == 7.0).all()
    assert torch.equal(network[1].weight, fresh)


def test_weights_of_another_network_are_refused(tmp_path: Path):
    path = save_weights(tmp_path / "start.safetensors", {"other": torch.zeros(1)}, HEADER)
    with pytest.raises(InputError, match="no weights that fit"):
        begin_from(nn.Linear(3, 2), path)


def test_a_beginning_is_told_by_name_digest_and_what_it_saw(tmp_path: Path):
    header = HEADER | {"training": {"samples": 30}}
    path = save_weights(tmp_path / "start.safetensors", {"a": torch.zeros(1)}, header)
    told = described(path)
    assert told.startswith("start.safetensors, SHA-256 ")
    assert told.endswith(", 30 samples")
    with pytest.raises(InputError, match="no weights found"):
        described(tmp_path / "missing.safetensors")
