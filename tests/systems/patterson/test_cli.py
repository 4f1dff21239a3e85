"""The verbs of `argand patterson` as a user and as a script meets them."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from patterson_foreign_crystals import CrystalKind, crystal_map, random_cell
from typer.testing import CliRunner, Result

from argand.cli import build
from argand.io.dataset import StoredSamples
from argand.io.map import read_map
from argand.runs.record import read_results
from argand.system import SYSTEMS
from argand.systems.patterson.predict import Predictor
from argand.systems.patterson.published.ablation import Arm, Curve

VERBS = ("simulate", "train", "predict", "view", "evaluate", "figures")


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, ideal: object) -> Callable[..., Result]:
    """Runs `argand patterson` with some arguments; the network is an ideal one."""
    monkeypatch.setattr("argand.systems.patterson.predict.load", lambda path=None: ideal)

    def call(*words: object) -> Result:
        return CliRunner().invoke(build(SYSTEMS), ["patterson", *map(str, words)])

    return call


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_shows_an_example(run: Callable[..., Result], verb: str):
    answer = run(verb, "--help")
    assert answer.exit_code == 0
    assert f"Example: argand patterson {verb}" in re.sub(r"\s+", " ", answer.stdout)


def test_predict_writes_atoms_maps_and_a_page(
    run: Callable[..., Result], tmp_path: Path, map_files: list[Path]
):
    out = tmp_path / "found"
    answer = run("predict", *map_files, "--atoms", 6, "--out", out, "--json")
    records = json.loads(answer.stdout)
    assert answer.exit_code == 0
    assert [record["trusted"] for record in records] == [True, True]
    assert [record["solved"] for record in records] == [True, True]
    assert {"path", "residual", "attempts", "positions_voxel", "seconds"} <= records[0].keys()
    assert (out / "map0.xyz").read_text().splitlines()[0] == "6"
    np.testing.assert_allclose(read_map(out / "map0.ccp4"), np.load(map_files[0]))
    page = (out / "index.html").read_text()
    assert "2 of 2 trusted" in page
    assert page.count('data-view="sections"') == page.count('data-view="structure"') == 2
    # The same command again needs --resume, and keeps the answers: even the seconds are those of the first.
    again = run("predict", *map_files, "--atoms", 6, "--out", out)
    assert again.exit_code == 1
    assert "--resume" in again.stderr
    same = run("predict", *map_files, "--atoms", 6, "--out", out, "--json", "--resume")
    assert json.loads(same.stdout) == records
    assert run("view", out).exit_code == 0
    # Another question replaces what argand wrote, and nothing else.
    (out / "notes.txt").write_text("mine")
    assert run("predict", map_files[0], "--atoms", 6, "-o", out, "--force").exit_code == 0
    assert [record["file"] for record in read_results(out)] == [str(map_files[0])]
    assert not (out / "map1.xyz").exists()
    assert (out / "notes.txt").read_text() == "mine"


def test_a_cell_that_is_no_cube_is_solved_as_a_crystal(run: Callable[..., Result], tmp_path: Path):
    from argand.io.cell_map import read_cell_map
    from argand.io.solution import write_ccp4
    from argand.physics.crystal.symmetry import Group

    rng = np.random.default_rng(1)
    true = random_cell(CrystalKind(), rng)
    patterson = crystal_map(CrystalKind(), true, rng)
    write_ccp4(tmp_path / "cell.ccp4", np.fft.fftshift(patterson), true.cell, Group.from_name("P 1"))
    np.save(tmp_path / "array.npy", patterson)
    words = ("--atoms", len(true.atoms), "--json")
    out = tmp_path / "found"
    answer = run("predict", tmp_path / "cell.ccp4", "--centred", *words, "--out", out)
    (record,) = json.loads(answer.stdout)
    assert answer.exit_code == 0
    assert record["trusted"]
    assert record["path"] == "dual-space iteration of crystals"
    assert "R1 = " in record["reason"]
    assert record["verdict"] == record["reason"]
    assert record["cell"] == pytest.approx(true.cell, abs=1e-3)
    np.testing.assert_allclose(read_cell_map(out / "cell.ccp4").values, patterson, atol=1e-4)
    # In Å: no two atoms are nearer than they were made.
    lines = (out / "cell.xyz").read_text().splitlines()
    assert lines[1].endswith("Å")
    places = np.array([line.split()[1:] for line in lines[2:]], float)
    apart = np.linalg.norm(places[:, None] - places, axis=-1)[np.triu_indices(len(places), 1)]
    assert apart.min() > 1.2
    assert '"unit":"\\u00c5"' in (out / "index.html").read_text()
    refused = run("predict", tmp_path / "array.npy", *words)
    assert refused.exit_code == 1
    assert "the cell in Å" in refused.stderr


def test_a_map_with_its_origin_in_the_middle_is_taken_with_the_option(
    run: Callable[..., Result], tmp_path: Path, map_files: list[Path]
):
    file = tmp_path / "shifted.npy"
    np.save(file, np.fft.fftshift(np.load(map_files[0])))
    refused = run("predict", file, "--atoms", 6)
    assert refused.exit_code == 1
    assert "origin" in refused.stderr
    assert json.loads(run("predict", file, "--atoms", 6, "--centred", "--json").stdout)[0]["trusted"]


def test_bad_files_are_told_and_the_others_answered(
    run: Callable[..., Result], tmp_path: Path, map_files: list[Path]
):
    (tmp_path / "junk.npy").write_bytes(b"nothing")
    (tmp_path / "junk.ccp4").write_bytes(b"nothing")
    (tmp_path / "empty").mkdir()
    names = [tmp_path / "junk.npy", tmp_path / "junk.ccp4", tmp_path / "gone.map", map_files[0]]
    names += [tmp_path / "empty", tmp_path / "*.mrc", map_files[0]]
    answer = run("predict", *names, "--atoms", 6, "--json")
    assert answer.exit_code == 1
    records = json.loads(answer.stdout)
    assert [record["trusted"] for record in records] == [False, False, False, True, False, False]
    assert [record.get("failed", False) for record in records] == [
        not record["trusted"] for record in records
    ]
    assert [record["file"] for record in records] == [str(name) for name in names[:-1]]
    for name in {*names} - {map_files[0]}:
        assert sum(str(name) in line for line in answer.stderr.splitlines()) == 1
    assert "Traceback" not in answer.output


def test_a_formula_needs_a_cell(run: Callable[..., Result], map_files: list[Path]):
    answer = run("predict", map_files[0], "--formula", "C6", "--json")
    assert answer.exit_code == 1
    assert "the cell is not known" in answer.stderr
    (record,) = json.loads(answer.stdout)
    assert record["failed"]
    assert "the cell is not known" in record["reason"]


def test_maps_of_one_name_do_not_overwrite_each_other(
    run: Callable[..., Result], tmp_path: Path, map_files: list[Path]
):
    (tmp_path / "other").mkdir()
    other = tmp_path / "other" / map_files[0].name
    other.write_bytes(map_files[1].read_bytes())
    answer = run("predict", map_files[0], other, "--atoms", 6, "--out", tmp_path / "found", "--json")
    assert [record["map"] for record in json.loads(answer.stdout)] == ["map0.ccp4", "map0-2.ccp4"]
    np.testing.assert_allclose(read_map(tmp_path / "found" / "map0.ccp4"), np.load(map_files[0]))
    np.testing.assert_allclose(read_map(tmp_path / "found" / "map0-2.ccp4"), np.load(other))


def test_an_interrupted_run_keeps_what_was_answered(
    run: Callable[..., Result],
    tmp_path: Path,
    map_files: list[Path],
    ideal: Predictor,
    monkeypatch: pytest.MonkeyPatch,
):
    predict, calls = ideal.predict, []

    def interrupted(*arguments: object, **told: object) -> object:
        calls.append(arguments)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return predict(*arguments, **told)

    monkeypatch.setattr(ideal, "predict", interrupted)
    out = tmp_path / "found"
    assert run("predict", *map_files, "--atoms", 6, "--out", out).exit_code == 130
    assert [record["file"] for record in read_results(out)] == [str(map_files[0])]
    assert "1 of 1 trusted" in (out / "index.html").read_text()


def test_simulate_writes_maps(run: Callable[..., Result], tmp_path: Path):
    out = tmp_path / "set.h5"
    assert run("simulate", "tiny", "--out", out, "--count", 3, "--processes", 1).exit_code == 0
    with StoredSamples(out) as stored:
        assert stored[0]["patterson"].shape == (16, 16, 16)
        assert stored[0]["positions"].shape == (3, 3)


def test_evaluate_prints_the_table_and_json(
    run: Callable[..., Result], ideal: object, monkeypatch: pytest.MonkeyPatch
):
    from argand.systems.patterson import presets
    from argand.systems.patterson.system import Patterson

    monkeypatch.setitem(presets.PRESETS, "six", Patterson(ideal.settings))  # pyright: ignore
    told = run("evaluate", "six", "--count", 6, "--seed", 11)
    assert "refined" in told.stdout
    result = json.loads(run("evaluate", "six", "--count", 6, "--seed", 11, "--json").stdout)
    assert result["refined"]["matched"] == 36
    assert result["refined"]["solved"] == 1.0
    assert sum(result["refined"]["histogram"]["counts"]) == 36


def test_evaluate_keeps_its_figures_in_weights_and_card(
    run: Callable[..., Result], tmp_path: Path, ideal: object, monkeypatch: pytest.MonkeyPatch
):
    from argand.io.weights import read_header, save_weights
    from argand.system import to_config
    from argand.systems.patterson import presets
    from argand.systems.patterson.system import Patterson

    monkeypatch.setitem(presets.PRESETS, "six", Patterson(ideal.settings))  # pyright: ignore
    header = {"system": "patterson", "config": to_config(ideal.system), "seed": 0, "version": "0"}
    training = {"training": {"batch_size": 16, "max_seconds": 3600.0}}
    save_weights(tmp_path, ideal.network.state_dict(), header | training)
    file = tmp_path / "model.safetensors"
    told = run("evaluate", "six", "--count", 6, "--seed", 11, "--weights", file, "--card")
    assert told.exit_code == 0
    card = (tmp_path / "card.md").read_text()
    assert "argand patterson train best --out runs/best --max-time 1:00:00 --batch-size 16" in card
    assert read_header(file)["figures"]["simulated"]["six"]["matched, refined"] == 36


def test_figures_are_drawn(run: Callable[..., Result], tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    import torch

    from argand.systems.patterson.predict import Predictor
    from argand.systems.patterson.presets import PRESETS
    from argand.systems.patterson.published import figures

    torch.manual_seed(0)
    fresh = Predictor(PRESETS["best"], PRESETS["best"].network())
    monkeypatch.setattr("argand.systems.patterson.predict.load", lambda path=None: fresh)
    monkeypatch.setattr(figures, "SWAPS", 20)
    out = tmp_path / "drawn"
    assert run("figures", "--out", out, "--count", 1).exit_code == 0
    assert {path.name for path in out.glob("*.png")} == {f"patterson-{number}.png" for number in (10, 11, 12)}


def test_figures_that_compare_trainings_are_drawn_when_asked_for(
    run: Callable[..., Result],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    curve: Callable[[Arm], Curve],
):
    from argand.systems.patterson.published import ablation, figures

    asked = []

    def trained(arms: list, runs: Path, minutes: float, tell: object) -> list[dict]:
        asked.append((runs, minutes))
        return [curve(arm) for arm in arms]

    monkeypatch.setattr(figures, "draw_figures", lambda *words: [])
    monkeypatch.setattr(ablation, "train_arms", trained)
    out = tmp_path / "drawn"
    assert run("figures", "--out", out, "--max-time", "3m").exit_code == 0
    assert asked == [(out / "runs", 3.0)]
    wrong = run("figures", "--out", out, "--max-time", "3m", "--maps", "huge")
    assert wrong.exit_code == 2
    assert "'paper'" in wrong.stderr
    assert {path.name for path in out.glob("*.png")} == {f"patterson-{number}.png" for number in (7, 8, 9)}
