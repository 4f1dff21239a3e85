"""The card of trained weights says what their header says, and figures are kept by preset."""

import shlex
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner

from argand.cli import build
from argand.io.weights import load_weights, read_header, save_weights
from argand.system import SYSTEMS, from_config, to_config
from argand.systems.geometry.card import keep_figures, limits, training_command
from argand.systems.geometry.predict import WEIGHTS
from argand.systems.geometry.presets import PRESETS
from argand.systems.geometry.system import Geometry

TRAINING = {
    "max_seconds": 5400.0,
    "seconds": 5398,
    "batch_size": 8,
    "replay": 2,
    "seed": 1,
    "workers": 1,
    "clip_norm": 5.0,
    "val_count": 192,
    "val_every_steps": 800,
    "precision": "32-true",
}


def errors(px: float) -> dict[str, float]:
    return {"centre_mean_px": px, "pitch_deg": 0.5, "yaw_deg": 0.25}


def result(preset: str, px: float) -> dict:
    """An evaluation whose errors are known."""
    stages = {"network": errors(2.0), "refined": errors(px), "answered": errors(0.125)}
    found = {"both": {**stages, "share_answered": 0.75}}
    return {"preset": preset, "count": 8, "full": True, "constant": errors(99.0), "evidence": found}


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    """Weights of a run, of one tensor."""
    header = {
        "system": "geometry",
        "config": to_config(PRESETS["realistic"]),
        "seed": 1,
        "version": "0.1.0",
        "training": TRAINING,
        "figures": {"validation": {"loss": 5.9}},
    }
    return save_weights(tmp_path / "best.safetensors", {"a": torch.arange(3.0)}, header)


def test_figures_are_kept_by_preset_and_the_tensors_as_they_are(weights: Path):
    for preset, px in (("standard", 0.5), ("realistic", 1.5), ("standard", 0.25)):
        card = keep_figures(weights, result(preset, px))
    state, header = load_weights(weights)
    assert torch.equal(state["a"], torch.arange(3.0))
    assert header["figures"]["validation"] == {"loss": 5.9}
    assert header["figures"]["simulated"]["standard"]["centre px, all"] == 0.25
    assert card == weights.parent / "card.md"
    text = card.read_text()
    assert "| standard | 8 | full | 0.75 | 0.125 | 0.25 | 2 | 99 | 0.375 |" in text
    assert "| realistic | 8 | full | 0.75 | 0.125 | 1.5 |" in text
    assert "80 to 700 mm" in text
    assert "argand geometry train realistic" in text


def test_the_command_of_the_card_gives_the_run_its_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    seen = {}

    def record(system: Geometry, out: Path, **settings: object) -> None:
        seen.update(settings, system=system)
        raise KeyboardInterrupt

    monkeypatch.setattr("argand.learn.train.train", record)
    system = replace(PRESETS["realistic"], learning_rate=0.003)
    words = shlex.split(training_command(system, TRAINING) or "")
    CliRunner().invoke(build(SYSTEMS), words[1:])
    assert seen["system"] == system
    assert seen["max_time"] == 5400.0
    for name in ("batch_size", "replay", "seed", "workers", "clip_norm", "val_count", "val_every_steps"):
        assert seen[name] == TRAINING[name]
    assert seen["precision"] == "fp32"


def test_a_system_that_is_no_preset_has_no_command():
    assert training_command(replace(PRESETS["realistic"], width=48), TRAINING) is None


def test_the_shipped_weights_can_be_trained_again():
    header = read_header(WEIGHTS)
    system = from_config(Geometry, header["config"])
    command = training_command(system, header["training"]) or ""
    assert command.startswith("argand geometry train best --out runs/again --max-time ")
    # They began from earlier ones, which the card names by their digest.
    assert "--start start.safetensors" in command
    assert "SHA-256 " in header["training"]["start"]
    assert any("within 3°" in limit for limit in limits(system))


def test_evaluate_writes_the_card_when_it_is_asked_to(weights: Path, shipped: object):
    app, words = build(SYSTEMS), ["geometry", "evaluate", "standard", "--count", "1", "--weights"]
    CliRunner().invoke(app, [*words, str(weights)])
    assert not (weights.parent / "card.md").exists()
    answer = CliRunner().invoke(app, [*words, str(weights), "--card"])
    assert answer.exit_code == 0
    assert str(weights.parent / "card.md") in answer.stdout.replace("\n", "")
    assert read_header(weights)["figures"]["simulated"]["standard"]["stills"] == 1
