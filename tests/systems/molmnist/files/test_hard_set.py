"""Patterns of a set of bundles: own masks, the truth beside the answer, and a twist by the length."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
from typer.testing import CliRunner, Result

from argand.cli import build
from argand.crew import HERE
from argand.physics.coherent.exposure import Detector
from argand.system import SYSTEMS
from argand.systems.molmnist.benchmark.dataset import write_pairs
from argand.systems.molmnist.benchmark.pairs import open_pairs
from argand.systems.molmnist.fibril.bundle import OUTLINES
from argand.systems.molmnist.files.inputs import read_cases
from argand.systems.molmnist.inversion import prediction
from argand.systems.molmnist.inversion.answer_text import found_text, title_of, turn_text, twist_text
from argand.systems.molmnist.presets import PRESETS

HARD = replace(PRESETS["tiny-chains"], detector=Detector(photons=(1e4, 1e5), gaps=1.0))


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A set of three bundles, each with gaps of its own."""
    return write_pairs(HARD, tmp_path_factory.mktemp("set") / "set.h5", 3, 0, machines=HERE, quiet=True)


@pytest.fixture
def run(tiny_chain_weights: Path) -> Callable[..., Result]:
    """Runs predict with a network of bundles that has learnt nothing."""

    def call(*words: object) -> Result:
        named = [*map(str, words), "--weights", str(tiny_chain_weights)]
        return CliRunner().invoke(build(SYSTEMS), ["molmnist", "predict", *named])

    return call


def test_cases_have_masks_of_their_own_the_length_and_the_truth(path: Path):
    cases, pairs = list(read_cases(str(path))), open_pairs(path)
    assert len(cases) == 3
    assert not np.array_equal(cases[0].live, cases[1].live)
    for case, row in zip(cases, pairs.rows, strict=True):
        sample = pairs.source[int(row)]
        np.testing.assert_array_equal(case.live, sample["live"])
        assert case.length == pytest.approx(float(sample["length"]))
        assert case.truth is not None
        assert case.truth.told == {
            "rotation_deg": pytest.approx(float(sample["rotation_deg"]) % 180),
            "chains": int(sample["sites"].sum()),
            "outline": OUTLINES[int(sample["outline"])],
            "turn_deg": pytest.approx(float(sample["turn_deg"])),
        }


@pytest.mark.usefixtures("quick_fit")
def test_a_set_of_bundles_is_answered_beside_its_truth(
    run: Callable[..., Result], path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    # A network that has learnt nothing does not tell a turn; here it is told all the same.
    monkeypatch.setattr(prediction, "LARGEST_TURN_SD", 1e3)
    out = tmp_path / "found"
    answer = run(f"{path}#0-1", "--out", out, "--json")
    assert answer.exit_code == 3, answer.output
    records = json.loads(answer.stdout)
    for record, case in zip(records, read_cases(f"{path}#0-1"), strict=True):
        assert {"chains", "outline", "turn_deg", "rotation_deg", "correlation"} == set(record["truth"])
        assert case.length is not None
        assert record["twist_deg_per_nm"] == pytest.approx(10 * record["turn_deg"] / case.length)
        assert sum(map(bool, record["sites"])) >= 1
        with h5py.File(out / record["hdf5"]) as file:
            np.testing.assert_array_equal(file["live"], case.live & (HARD.imaging.window.q > 0))
    page = (out / "index.html").read_text()
    assert "of 2 answers trusted" in page
    assert records[0]["outline"] in page


@pytest.mark.usefixtures("quick_fit")
def test_the_stated_length_makes_a_twist_of_the_turn(
    run: Callable[..., Result], path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(prediction, "LARGEST_TURN_SD", 1e3)
    case = next(read_cases(f"{path}#0"))
    np.save(tmp_path / "a.npy", np.where(case.live, case.intensity, -1))
    side = HARD.imaging.window.side
    records = []
    for words in ((), ("--length", 150.0)):
        answer = run(tmp_path / "a.npy", "--window", side, "--json", *words)
        assert answer.exit_code == 3, answer.output
        records += json.loads(answer.stdout)
    assert records[0]["twist_deg_per_nm"] is None
    assert records[1]["twist_deg_per_nm"] == pytest.approx(records[1]["turn_deg"] / 15.0)


def test_chains_and_turns_are_told_in_words():
    known = {"chains": 23.6, "chains_sd": 1.2, "fibril": None, "outline": "round", "twist_deg_per_nm": None}
    record = known | {"turn_deg": 61.7, "turn_sd_deg": 3.2}
    assert found_text(record) == "23.6 ± 1.2 chains, round"
    assert turn_text(record) == "62 ± 3"
    assert twist_text(record) == ""
    assert title_of(record) == "24 ± 1 chains"
    named = record | {"chains": 24.0, "chains_sd": 0.1, "fibril": "4x6"}
    assert found_text(named) == "24.0 ± 0.1 chains, 4x6"
    assert title_of(named) == "4x6, 24 chains"
    ten = {"fibril": "3x3", "probability": 0.98, "twist_deg_per_nm": 2.0, "twist_sd_deg_per_nm": 0.2}
    assert (found_text(ten), turn_text(ten), title_of(ten)) == ("3x3 (0.98)", "", "3x3")
    assert re.fullmatch(r"2\.00 ± 0\.20", twist_text(ten))
