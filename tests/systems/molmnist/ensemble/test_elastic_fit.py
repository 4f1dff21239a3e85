"""Parameters of an elastic network come back from runs that were drawn from one."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from argand.cli import build
from argand.errors import InputError
from argand.physics.fibre.twist import DEG_PER_NM
from argand.system import SYSTEMS
from argand.systems.molmnist.ensemble.elastic_ensemble import (
    SECTIONS,
    EnsembleParameters,
    ModeEnsemble,
    read_parameters,
)
from argand.systems.molmnist.ensemble.elastic_fit import compare, fit, observe
from argand.systems.molmnist.ensemble.fluctuation import fibril_twist, sections
from argand.systems.molmnist.ensemble.md_ensemble import FrameEnsemble
from argand.systems.molmnist.ensemble.trajectory import State, Trajectory
from argand.systems.molmnist.fibril.fibril import build_fibril

TRUTH = EnsembleParameters(1.3, 2.0, 20.0, 6.0, 2.5, 0.8, "drawn", glucose_rms=0.4)
FRAMES = 120
LENGTHS = {"2x2": 60.0, "3x3": 50.0}


@pytest.fixture(autouse=True, scope="module")
def few_draws():
    """Enough of them to tell what these tests ask."""
    with pytest.MonkeyPatch.context() as patch:
        for name, count in (("DRAWS", 100), ("MATCHED", 30), ("NEWTON", 2)):
            patch.setattr(f"argand.systems.molmnist.ensemble.elastic_fit.{name}", count)
        yield


def run(*words: object) -> Result:
    """The command line, `argand molmnist` and these words."""
    return CliRunner().invoke(build(SYSTEMS), ["molmnist", *map(str, words)])


def write_run(
    folder: Path, name: str, parameters: EnsembleParameters, frames: int, phase: str = "production"
) -> Path:
    """A run whose frames are variants of a network."""
    length = LENGTHS[name]
    source, random = ModeEnsemble(build_fibril(name, length), parameters), np.random.default_rng(7)
    fibril = source.fibril
    carts = [source.draw(number, random).cart for number in range(frames)]
    beads = np.stack([fibril.beads(cart.astype(float)) for cart in carts])
    twist = np.array([fibril_twist(fibril, one) for one in beads])
    time = 0.2 * np.arange(1, frames + 1)
    written = {
        "time_ps": time,
        "energy_kj_mol": random.standard_normal(frames),
        "twist_deg_per_nm": DEG_PER_NM * twist,
        "beads": beads,
        "atoms": np.stack(carts),
        "atoms_time_ps": time,
    }
    trajectory = Trajectory(folder)
    settings = {"fibril": name, "solvent": "scaled", "length": length}
    trajectory.begin({**settings, "temperature_k": 300.0, "frame_ps": 0.2}, {})
    trajectory.append(written, phase, State(1, phase, carts[-1], carts[-1], None))
    return folder


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("runs")
    return [write_run(folder / name, name, TRUTH, FRAMES) for name in LENGTHS]


@pytest.fixture(scope="module")
def fitted(runs: list[Path]) -> EnsembleParameters:
    return fit(runs)


def test_a_run_tells_its_twist_and_how_sure_it_is(runs: list[Path]):
    seen = observe(runs[0])
    assert seen.twist == pytest.approx(6.0, rel=0.03)
    assert seen.twist_error == pytest.approx(seen.twist_sd / np.sqrt(seen.independent))
    assert (seen.fibril, seen.solvent, seen.frames) == ("2x2", "scaled", FRAMES)
    assert seen.ps == pytest.approx(0.2 * FRAMES)


def test_twist_its_law_spring_and_own_motion_are_given_back(fitted: EnsembleParameters):
    assert fitted.twist_2x2_deg_per_nm == pytest.approx(TRUTH.twist_2x2_deg_per_nm, rel=0.03)
    assert fitted.own_stiffness_chains == pytest.approx(TRUTH.own_stiffness_chains, abs=0.7)
    assert fitted.twist_sd_2x2_deg_per_nm == pytest.approx(TRUTH.twist_sd_2x2_deg_per_nm, rel=0.12)
    assert fitted.spring == pytest.approx(TRUTH.spring, rel=0.15)
    assert fitted.glucose_rms == pytest.approx(TRUTH.glucose_rms, rel=0.15)
    assert f"2x2 scaled 60 Å, {FRAMES} frames (glycam06)" in fitted.source


def test_one_run_leaves_what_it_cannot_tell_as_it_was(runs: list[Path]):
    found = fit(runs[:1])
    assert found.own_stiffness_chains == read_parameters().own_stiffness_chains
    assert found.glucose_rms == read_parameters().glucose_rms


def test_a_chain_that_twists_by_itself_is_held_back_by_the_others():
    twists = np.linspace(0, 0.2, 20001)
    alone, together = 3.0 * (twists - 0.2) ** 2 / 2, 1.5 * twists**2 / 2
    least = {n: float(twists[(n * alone + n**2 * together).argmin()]) for n in (4, 9, 36)}
    law = replace(TRUTH, own_stiffness_chains=3.0 / 1.5)
    for chains in (9, 36):
        assert law.mean_twist(chains) / law.mean_twist(4) == pytest.approx(least[chains] / least[4], rel=2e-3)
        stiffness = [n * 3.0 + 1.5 * n**2 for n in (chains, 4)]
        expected = np.sqrt(stiffness[1] / stiffness[0])
        assert law.twist_deviation(chains) / law.twist_deviation(4) == pytest.approx(expected, rel=1e-6)


def test_runs_of_thicker_fibrils_that_twist_more_are_refused(tmp_path: Path):
    more = replace(TRUTH, twist_2x2_deg_per_nm=2 * TRUTH.twist_2x2_deg_per_nm)
    runs = [write_run(tmp_path / "2x2", "2x2", TRUTH, 8), write_run(tmp_path / "3x3", "3x3", more, 8)]
    with pytest.raises(InputError, match="do not twist less"):
        fit(runs)


def test_a_run_agrees_with_the_network_it_was_drawn_from_and_with_no_other(runs: list[Path]):
    same = compare(runs[0], TRUTH)
    assert abs(same["twist_relative_error"]) < 0.03
    assert same["bead_rms_ratio"] == pytest.approx(1.0, abs=0.05)
    for name in ("low", "high"):
        assert same["ks"][name] < same["ks_by_chance"][name]
        assert same["ks_frames"][name] > 0.4 * FRAMES
    soft = compare(runs[0], replace(TRUTH, spring=0.25 * TRUTH.spring))
    assert soft["bead_rms_ratio"] < 0.7
    assert soft["ks"]["high"] > same["ks_by_chance"]["high"]


def test_the_slope_of_a_random_walk_varies_inversely_with_its_length():
    steps = np.random.default_rng(0).standard_normal((4000, SECTIONS))
    slopes = [np.polyfit(np.arange(n), steps[:, :n].cumsum(1).T, 1)[0].std() for n in (12, SECTIONS)]
    assert slopes[0] / slopes[1] == pytest.approx(np.sqrt(SECTIONS / 12), rel=0.05)
    assert slopes[1] == pytest.approx(np.sqrt(6 / 5 / SECTIONS), rel=0.05)


def test_a_shorter_fibril_twists_more_unevenly():
    assert sections(build_fibril("2x2", 200.0)) == SECTIONS
    assert TRUTH.twist_deviation(4) * DEG_PER_NM == pytest.approx(TRUTH.twist_sd_2x2_deg_per_nm)
    assert TRUTH.twist_deviation(4, 8) == pytest.approx(2 * TRUTH.twist_deviation(4))


def test_runs_that_tell_nothing_are_refused(tmp_path: Path):
    left = replace(TRUTH, twist_2x2_deg_per_nm=-5.0)
    with pytest.raises(InputError, match="not to the right; leave this run out"):
        fit([write_run(tmp_path / "left", "2x2", left, 8)])
    with pytest.raises(InputError, match="no frames of production yet"):
        fit([write_run(tmp_path / "young", "2x2", TRUTH, 4, "equilibration")])
    still = write_run(tmp_path / "still", "2x2", replace(TRUTH, spring=1e9), 2)
    with pytest.raises(InputError, match="too similar to determine the springs"):
        fit([still])


def test_the_verb_fit_writes_what_it_found_and_compares(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("argand.systems.molmnist.ensemble.elastic_fit.DRAWS", 10)
    runs = [write_run(tmp_path / name, name, TRUTH, 10) for name in LENGTHS]
    out = tmp_path / "new" / "ensemble.json"
    words = ("fit", runs[0], "--held-out", runs[1], "--out", out)
    answer = run(*words)
    assert answer.exit_code == 0
    assert "2x2" in answer.stdout
    assert "3x3" in answer.stdout
    assert "fitted to molecular dynamics: 2x2 scaled" in read_parameters(out).source
    told = json.loads(run(*words, "--json", "--force").stdout)
    assert [row["fibril"] for row in told["runs"]] == ["2x2", "3x3"]
    assert told["parameters"] == json.loads(out.read_text())


@pytest.mark.parametrize("what", ["missing", "empty", "cut"])
def test_a_folder_that_is_no_run_is_one_clear_line(what: str, runs: list[Path], tmp_path: Path):
    folder = tmp_path / "run"
    if what != "missing":
        folder.mkdir()
    if what == "cut":
        (folder / "settings.json").write_text((runs[0] / "settings.json").read_text()[:20])
    answer = run("fit", folder, "--out", tmp_path / "ensemble.json")
    assert answer.exit_code == 1
    assert "not the folder of a dynamics run" in answer.stderr
    assert answer.stderr.count("\n") == 1
    assert not list(tmp_path.glob("*.json"))


def test_frames_without_water_have_the_energy_of_all_and_older_ones_in_water_have_none(
    runs: list[Path], tmp_path: Path
):
    energy = Trajectory(runs[0]).read("energy_kj_mol")["energy_kj_mol"]
    dry = FrameEnsemble(runs[0], LENGTHS["2x2"])
    np.testing.assert_allclose(dry.energy_kt, (energy - energy.mean()) / 2.494, rtol=1e-3)
    wet = write_run(tmp_path / "wet", "2x2", TRUTH, 4)
    settings = json.loads((wet / "settings.json").read_text())
    (wet / "settings.json").write_text(json.dumps(settings | {"solvent": "water"}))
    assert np.isnan(FrameEnsemble(wet, LENGTHS["2x2"]).energy_kt).all()


def test_a_damaged_block_is_one_clear_line(tmp_path: Path):
    folder = write_run(tmp_path / "run", "2x2", TRUTH, 4)
    block = next(folder.glob("block-*.h5"))
    block.write_bytes(block.read_bytes()[:500])
    answer = run("fit", folder, "--out", tmp_path / "ensemble.json")
    assert answer.exit_code == 1
    assert "block-00000.h5: damaged" in answer.stderr
    assert answer.stderr.count("\n") == 1
