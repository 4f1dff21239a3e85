"""The benchmark of twists: blocks, runs that still drift, and the table printed again from its report."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from argand.systems.molmnist.ensemble.trajectory import State, Trajectory

sys.path.insert(0, str(Path(__file__).parents[4] / "benchmarks"))

import molmnist_dynamics
import typer
from molmnist_tables import molmnist_dynamics_table


def write_run(folder: Path, twist: np.ndarray, seed: int, phases: tuple[str, ...]) -> Path:
    """A run of 2x2 with a block for each phase, frames 0.2 ps apart."""
    settings = {"fibril": "2x2", "solvent": "water", "force_field": "glycam06", "seed": seed}
    trajectory = Trajectory(folder)
    trajectory.begin({**settings, "length": 60.0, "padding": 8.0, "frame_ps": 0.2}, {})
    nowhere = np.zeros((2, 3))
    for number, (part, phase) in enumerate(zip(np.split(twist, len(phases)), phases, strict=True)):
        trajectory.append({"twist_deg_per_nm": part}, phase, State(number + 1, phase, nowhere, nowhere, None))
    return folder


@pytest.fixture
def runs(tmp_path: Path) -> list[Path]:
    noise = np.random.default_rng(0).standard_normal((2, 200))
    settled = write_run(
        tmp_path / "a",
        np.concatenate([np.zeros(100), 12 + noise[0, 100:]]),
        0,
        ("equilibration", "production"),
    )
    drifting = write_run(
        tmp_path / "b", np.linspace(0, 10, 200) + 0.1 * noise[1], 1, ("equilibration", "equilibration")
    )
    return [settled, drifting]


def test_production_alone_counts_and_what_drifts_is_said_to(runs: list[Path]):
    settled, drifting = (molmnist_dynamics.measured(molmnist_dynamics.read_run(run)) for run in runs)
    assert settled["settled"]
    assert settled["averaged_ps"] == 20.0
    assert settled["twist"] == pytest.approx(12, abs=0.3)
    assert settled["twist_error"] == pytest.approx(0.1, rel=0.3)
    assert settled["means_of_10_ps"][:2] == [0.0, 0.0]
    assert not drifting["settled"]
    assert drifting["plateau_ps"] is None
    assert drifting["twist"] == pytest.approx(7.5, abs=0.1)


def test_the_table_is_printed_again_without_the_runs(runs: list[Path], tmp_path: Path):
    app = typer.Typer()
    app.command()(molmnist_dynamics.main)
    first, second = tmp_path / "first.json", tmp_path / "second.json"
    shown = CliRunner().invoke(app, [*map(str, runs), "--json", str(first)])
    assert shown.exit_code == 0
    again = CliRunner().invoke(app, ["--again", str(first), "--json", str(second)])
    assert again.stdout == shown.stdout
    assert first.read_text() == second.read_text()
    report = json.loads(first.read_text())
    _, rows = molmnist_dynamics_table(report)
    assert [row.what for row in rows] == [
        *["twist in water"] * 2,
        "twist, mean of seeds",
        "twist, published",
    ]
    assert "still drifting" in rows[1].measured
    assert "0.78 to 1.55" in rows[3].measured
