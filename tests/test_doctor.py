"""The doctor must report what is there, and what is broken, without breaking."""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
import typer
from typer.testing import CliRunner

from argand import __version__, cli, doctor
from argand.io.weights import save_weights


def test_versions_name_what_is_missing(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(doctor, "PACKAGES", ("torch", "no-such-package"))
    found = doctor.versions()
    assert found["argand"] == __version__
    assert found["torch"] == torch.__version__
    assert found["no-such-package"] is None


def test_processor_features_are_read(tmp_path: Path):
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text("model name\t: Great CPU\nflags\t\t: fpu avx2 amx_bf16 sse\n\nprocessor\t: 1\n")
    found = doctor.processor(cpuinfo)
    assert found["model"] == "Great CPU"
    assert found["features"] == ["avx2", "amx_bf16"]


def test_processor_is_named_without_cpuinfo(tmp_path: Path):
    assert doctor.processor(tmp_path / "missing")["model"]


@pytest.mark.parametrize(
    ("cuda", "hip", "build"), [(None, None, "CPU"), ("13.0", None, "CUDA 13.0"), (None, "7.2", "ROCm 7.2")]
)
def test_the_build_of_torch_is_told(
    monkeypatch: pytest.MonkeyPatch, cuda: str | None, hip: str | None, build: str
):
    monkeypatch.setattr(torch.version, "cuda", cuda)
    monkeypatch.setattr(torch.version, "hip", hip, raising=False)
    assert doctor.torch_build() == build


def test_weights_are_listed_with_their_figures_and_damage_is_told(tmp_path: Path):
    header = {"system": "toy", "config": {}, "seed": 0, "version": "9", "figures": {"real": {"error": 0.5}}}
    save_weights(tmp_path / "toy-good", {"a": torch.zeros(3)}, header)
    (tmp_path / "toy-bad").mkdir()
    (tmp_path / "toy-bad" / "model.safetensors").write_bytes(b"nonsense")
    found = doctor.weights(tmp_path)
    assert found["toy-good"]["figures"] == {"real": {"error": 0.5}}
    assert "damaged weights" in found["toy-bad"]["error"]


def test_a_failing_self_test_is_reported_and_fails_the_verb(monkeypatch: pytest.MonkeyPatch):
    def selftest() -> str:
        raise RuntimeError("no answer")

    monkeypatch.setattr(doctor, "SYSTEMS", {"toy": "toy"})
    monkeypatch.setattr(doctor, "system_module", lambda name: SimpleNamespace(selftest=selftest))
    app = typer.Typer()
    app.command()(cli.doctor)
    result = CliRunner().invoke(app, ["--json"])
    report = json.loads(result.stdout)
    assert result.exit_code == 1
    assert report["systems"]["toy"]["message"] == "RuntimeError: no answer"
    assert report["speed_gflops"]["cpu fp32"] > 0


def test_tables_show_every_part(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(doctor, "SYSTEMS", {"toy": "toy"})
    monkeypatch.setattr(
        doctor, "system_module", lambda name: SimpleNamespace(selftest=lambda: "found the line")
    )
    app = typer.Typer()
    app.command()(cli.doctor)
    result = CliRunner().invoke(app, [])
    assert result.exit_code == 0
    for part in ("Versions", "Processor", "Convolution speed", "Weights", "Extras", "found the line"):
        assert part in result.stdout
    assert "torch build" in result.stdout
