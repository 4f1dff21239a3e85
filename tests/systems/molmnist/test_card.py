"""The card of weights: figures that are kept beside others, and what each network is known not to do."""

import shutil
from pathlib import Path

import pytest
import torch

from argand.io.weights import load_weights, packed, save_weights
from argand.system import to_config
from argand.systems.molmnist.card import keep_figures
from argand.systems.molmnist.presets import PRESETS

TRAINING = {"max_seconds": 60.0, "batch_size": 8, "replay": 4, "workers": 0}


def row(condition: str, **changes) -> dict:
    common = {"task": "chains", "condition": condition, "model": "network + fit", "count": 40}
    return common | {"mae_chains": 1.5, "exact": 0.5, "cpu_ms_per_pattern": 10.0} | changes


def test_figures_of_other_conditions_stay(tmp_path: Path, tiny_weights: Path):
    weights = tmp_path / "model.safetensors"
    state, header = load_weights(tiny_weights)
    save_weights(weights, state, header | {"training": TRAINING, "figures": {"validation": {"loss": 0.5}}})
    keep_figures(weights, [row("standard, noise-free")])
    card = keep_figures(weights, [row("hard, clean"), row("standard, noise-free", mae_chains=9.0)])
    figures = load_weights(weights)[1]["figures"]
    assert figures["validation"] == {"loss": 0.5}
    assert {name: line["mae_chains"] for name, line in figures["chains"].items()} == {
        "standard, noise-free: network + fit": 9.0,
        "hard, clean: network + fit": 1.5,
    }
    assert "hard, clean: network + fit" in card.read_text(encoding="utf-8")


@pytest.mark.parametrize("eight", [True, False])
def test_weights_stay_as_small_and_as_true_as_they_were(tmp_path: Path, tiny_weights: Path, eight: bool):
    weights = tmp_path / "model.safetensors"
    state, header = load_weights(tiny_weights)
    kept = packed(state) if eight else {name: one.half() for name, one in state.items()}
    save_weights(weights, kept, header | {"training": TRAINING})
    before, size = load_weights(weights)[0], weights.stat().st_size
    keep_figures(weights, [row("clean")])
    after = load_weights(weights)[0]
    assert all(torch.equal(after[name], one) for name, one in before.items())
    assert weights.stat().st_size == pytest.approx(size, abs=3000)  # the header has grown


@pytest.mark.parametrize(
    ("preset", "command", "load", "limit"),
    [
        ("best", "train best --out runs/best", 'load_predictor(network="ten")', "ten fibrils"),
        ("chains", "train chains --out runs/chains", 'argand.load("molmnist")', "turn between the ends"),
        ("standard", "train standard --out runs/standard", "published_model()", "does not say how sure"),
        ("published", "train published --out runs/published", "published_model(PUBLISHED_ALIGNED)", "noise"),
    ],
)
def test_each_network_has_its_command_and_limits(
    tmp_path: Path, tiny_weights: Path, preset: str, command: str, load: str, limit: str
):
    weights = Path(shutil.copy(tiny_weights, tmp_path))
    state, header = load_weights(tiny_weights)
    save_weights(weights, state, header | {"config": to_config(PRESETS[preset]), "training": TRAINING})
    card = keep_figures(weights, [row("clean")]).read_text(encoding="utf-8")
    assert f"argand molmnist {command} --max-time 0:01:00 --batch-size 8 --replay 4 --processes 0" in card
    assert load in card
    assert limit in card
