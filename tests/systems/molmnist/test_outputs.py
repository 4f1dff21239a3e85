"""Verbs that write refuse a place with results unless told to replace or continue them; exit codes; CSV."""

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
from typer.testing import CliRunner, Result

from argand.cli import build
from argand.errors import ConfigError, InputError
from argand.io.manifest import MANIFEST
from argand.runs.verbs import FAILED, UNTRUSTED
from argand.system import SYSTEMS
from argand.systems.molmnist.benchmark import names, sample
from argand.systems.molmnist.benchmark.conditions import CONDITIONS
from argand.systems.molmnist.benchmark.dataset import SETS
from argand.systems.molmnist.ensemble.trajectory import Trajectory, claim_run
from argand.systems.molmnist.files.stored_answer import read_answer
from argand.systems.molmnist.presets import PRESETS

TINY = PRESETS["tiny"]
SIDE = str(TINY.imaging.window.side)

Run = Callable[..., Result]


@pytest.fixture
def run() -> Run:
    """Runs a verb of `argand molmnist`."""
    return lambda *words: CliRunner().invoke(build(SYSTEMS), ["molmnist", *map(str, words)])


@pytest.fixture
def pattern(tmp_path: Path) -> Path:
    np.save(tmp_path / "a.npy", TINY.simulate(1, 3)["pattern"])
    return tmp_path / "a.npy"


def refused(answer: Result, *words: str) -> bool:
    """Whether a verb ended in one line with these words."""
    told = " ".join(answer.stderr.split())
    return answer.exit_code == 1 and all(word in told for word in words)


def test_a_data_set_is_replaced_or_completed_only_when_told(run: Run, tmp_path: Path):
    out = tmp_path / "set.h5"
    asked = ("simulate", "tiny", "--out", out, "--count", 2, "--processes", 1)
    assert run(*asked).exit_code == 0
    before = out.with_suffix(".md").read_text()
    assert refused(run(*asked), "exists", "--resume", "--force")
    assert run(*asked, "--resume").exit_code == 0
    assert run(*asked, "--seed", 7, "--force").exit_code == 0
    assert out.with_suffix(".md").read_text() != before
    out.unlink()
    assert refused(run(*asked), "set.shards", "--resume"), "part of a set is one, too"


def test_a_file_of_the_users_is_not_replaced_by_a_card(run: Run, tmp_path: Path):
    (tmp_path / "README.md").write_text("mine")
    asked = ("simulate", "tiny", "--out", tmp_path / "README.h5", "--count", 2, "--force")
    assert refused(run(*asked), "README.md: exists and was not written by argand")
    assert (tmp_path / "README.md").read_text() == "mine"


@pytest.mark.parametrize(
    ("asked", "made"),
    [
        (("build", "2x2", "--length", 20), "2x2.pdb"),
        (("figures", "sample"), "molmnist-1.png"),
    ],
)
def test_folders_of_files_are_replaced_only_when_told(
    run: Run, tmp_path: Path, asked: tuple[object, ...], made: str
):
    out = tmp_path / "out"
    out.mkdir()
    (out / "mine.txt").write_text("mine")
    assert run(*asked, "--out", out).exit_code == 0
    assert (out / made).is_file()
    (out / made).write_bytes(b"old")
    assert refused(run(*asked, "--out", out), "holds results of an earlier run", "--force")
    assert (out / made).read_bytes() == b"old"
    assert run(*asked, "-o", out, "--force").exit_code == 0
    assert (out / made).read_bytes() != b"old"
    assert (out / "mine.txt").read_text() == "mine"


def test_answers_are_replaced_or_continued_only_when_told(
    run: Run, tmp_path: Path, pattern: Path, tiny_weights: Path
):
    out = tmp_path / "found"
    asked = ("predict", pattern, "--window", SIDE, "--weights", tiny_weights, "--out", out, "--json")
    (first,) = json.loads(run(*asked).stdout)
    gone = ("predict", tmp_path / "gone.npy", *asked[2:])
    assert refused(run(*gone), "holds results of an earlier run")
    assert run(*gone, "--resume").exit_code == FAILED
    kept = json.loads((out / "summary.json").read_text())["records"]
    assert first in kept, "answers for other files stay"
    assert run(*asked, "--force").exit_code == UNTRUSTED
    assert [one["name"] for one in json.loads((out / "summary.json").read_text())["records"]] == ["a"]


def test_a_run_of_dynamics_is_continued_only_when_told(tmp_path: Path):
    out = tmp_path / "run"
    claim_run(out)
    Trajectory(out).begin({"fibril": "2x2"}, {})
    with pytest.raises(ConfigError, match="--resume continues it"):
        claim_run(out)
    claim_run(out, resume=True)
    claim_run(out, force=True)
    assert not (out / "settings.json").exists()
    # A folder of an older version, without a list of its files.
    Trajectory(out).begin({"fibril": "2x2"}, {})
    (out / MANIFEST).unlink()
    with pytest.raises(ConfigError, match="--resume continues it"):
        claim_run(out)


def test_fitted_parameters_are_replaced_only_when_told(run: Run, tmp_path: Path):
    (tmp_path / "ensemble.json").write_text("{}")
    assert refused(run("fit", tmp_path, "--out", tmp_path / "ensemble.json"), "exists", "--force")


def test_exit_codes_tell_failed_from_untrusted(run: Run, tmp_path: Path, pattern: Path, tiny_weights: Path):
    asked = ("predict", pattern, "--window", SIDE, "--weights", tiny_weights)
    assert run(*asked).exit_code == UNTRUSTED
    assert run(*asked, "--accept-untrusted").exit_code == 0
    assert run(*asked, tmp_path / "gone.npy", "--accept-untrusted").exit_code == FAILED


def test_an_answer_that_is_not_trusted_is_a_best_guess_in_table_and_page(
    run: Run, tmp_path: Path, pattern: Path, tiny_weights: Path
):
    out = tmp_path / "found"
    asked = ("predict", pattern, "--window", SIDE, "--weights", tiny_weights)
    shown = run(*asked, "--out", out)
    assert "not trusted: residual" in shown.stdout
    page = (out / "index.html").read_text()
    assert page.count('class="best-guess"') >= 3
    assert "✗ not trusted: best guess" in page
    assert '"colours":"grey"' in page
    with h5py.File(out / "a.h5") as file:
        assert not file.attrs["trusted"]
    with h5py.File(out / "a.cxi") as file:
        assert b"trusted: False" in file["entry_1/image_1/process_1/comments"][()]


def test_answers_as_csv_have_a_row_each(run: Run, tmp_path: Path, pattern: Path, tiny_weights: Path):
    answer = run(
        *("predict", pattern, tmp_path / "gone.npy", "--window", SIDE, "--weights", tiny_weights, "--csv")
    )
    rows = list(csv.DictReader(io.StringIO(answer.stdout)))
    assert len(rows) == 2
    failed, found = sorted(rows, key=lambda row: row["failed"] != "True")
    assert (failed["trusted"], failed["rotation_deg"]) == ("False", "")
    assert float(found["probabilities.2x2"]) + float(found["probabilities.3x3"]) == pytest.approx(1)
    wrong = run("predict", pattern, "--json", "--csv")
    assert wrong.exit_code == 2


def test_figures_of_models_as_csv(run: Run, tmp_path: Path):
    out = tmp_path / "set.h5"
    assert run("simulate", "tiny", "--out", out, "--count", 60, "--processes", 1).exit_code == 0
    asked = ("evaluate", "--set", out, "--baselines", "--training", 8, "--task", "classification", "--csv")
    rows = list(csv.DictReader(io.StringIO(run(*asked).stdout)))
    assert {row["task"] for row in rows} == {"classification"}
    assert all(row["baseline"] == row["floor"] == "True" for row in rows)


def test_names_that_complete_are_those_that_there_are():
    assert set(names.TRAINED) | set(names.SIMULATED) <= set(PRESETS)
    assert SETS == names.SETS
    assert {name: tuple(known) for name, known in CONDITIONS.items()} == names.CONDITIONS


def heap(path: Path) -> Path:
    """An HDF5 file with a heap in which libhdf5 would turn in a circle."""
    with h5py.File(path, "w") as file:
        file["text"] = ["a" * 40, "b" * 40]
    content = bytearray(path.read_bytes())
    at = content.find(b"GCOL") + 16
    # The first object's number, uses and size: that of what is left, of no size.
    content[at : at + 16] = bytes(16)
    path.write_bytes(content)
    return path


def test_files_with_a_damaged_heap_are_told_instead_of_read_for_ever(tmp_path: Path):
    with pytest.raises(InputError, match="damaged"):
        read_answer(heap(tmp_path / "a.h5"))
    with pytest.raises(InputError, match="damaged"):
        sample.read_sample(heap(tmp_path / "sample.h5"))
    np.savez(tmp_path / "state-00000.npz", cart=np.zeros(3))
    heap(tmp_path / "block-00000.h5")
    with pytest.raises(InputError, match="damaged"):
        Trajectory(tmp_path).phases()
