"""A network too small to be right, for tests of everything around it."""

from functools import partial
from pathlib import Path

import pytest
import torch

from argand.io.weights import save_weights
from argand.physics.coherent.phase_retrieval import retrieve
from argand.system import to_config
from argand.systems.molmnist.benchmark import baselines
from argand.systems.molmnist.presets import PRESETS


@pytest.fixture(scope="session")
def tiny_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights of an untrained network of two fibrils."""
    torch.manual_seed(0)
    system = PRESETS["tiny"]
    path = tmp_path_factory.mktemp("weights") / "model.safetensors"
    header = {"system": "molmnist", "config": to_config(system), "seed": 0, "version": "0"}
    save_weights(path, system.network().state_dict(), header)
    return path


@pytest.fixture
def quick_retrieval(monkeypatch: pytest.MonkeyPatch) -> None:
    """Phase retrieval of so few rounds that it finds little, where how well it does is not asked."""
    monkeypatch.setattr(baselines, "retrieve", partial(retrieve, starts=2, rounds=20, settling=5))
