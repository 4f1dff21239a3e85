"""A network too small to be right, for tests of everything around it."""

from functools import partial
from pathlib import Path

import pytest
import torch

from argand.io.weights import save_weights
from argand.physics.coherent.phase_retrieval import retrieve
from argand.system import to_config
from argand.systems.molmnist.benchmark import baselines
from argand.systems.molmnist.inversion import chain_fit
from argand.systems.molmnist.presets import PRESETS


@pytest.fixture(scope="session")
def tiny_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights of an untrained network of two fibrils."""
    return untrained("tiny", tmp_path_factory)


@pytest.fixture(scope="session")
def tiny_chain_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights of an untrained network of bundles."""
    return untrained("tiny-chains", tmp_path_factory)


def untrained(preset: str, folders: pytest.TempPathFactory) -> Path:
    """Weights of a preset as they are drawn."""
    torch.manual_seed(0)
    system = PRESETS[preset]
    path = folders.mktemp("weights") / "model.safetensors"
    header = {"system": "molmnist", "config": to_config(system), "seed": 0, "version": "0"}
    save_weights(path, system.network().state_dict(), header)
    return path


@pytest.fixture
def quick_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fit of chains that ends soon, where how well it does is not asked."""
    monkeypatch.setattr(chain_fit, "STAGES", (chain_fit.Stage(0.8, 0.2, 1, 1, 1),))
    monkeypatch.setattr(chain_fit, "KICKS", 0)


@pytest.fixture
def quick_retrieval(monkeypatch: pytest.MonkeyPatch) -> None:
    """Phase retrieval of so few rounds that it finds little, where how well it does is not asked."""
    monkeypatch.setattr(baselines, "retrieve", partial(retrieve, starts=2, rounds=20, settling=5))
