"""An output that exists is refused, resumed or replaced, and no file of the user is lost."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from argand.cli import build
from argand.system import SYSTEMS
from argand.systems.geometry.cli import PRESET_NAMES
from argand.systems.geometry.command.options import FORMATS
from argand.systems.geometry.files.geometry_files import FORMATS as WRITTEN
from argand.systems.geometry.presets import PRESETS

KNOWN = ["--wavelength", "1.0", "--distance", "150", "--pixel-size", "0.1"]


def run(*words: object) -> Result:
    return CliRunner().invoke(build(SYSTEMS), ["geometry", *map(str, words)])


def files_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def names_in(folder: Path) -> list[str]:
    lines = (folder / "results.jsonl").read_text().splitlines()
    return [Path(json.loads(line)["file"]).name for line in lines]


@pytest.fixture
def found(tmp_path: Path, write_image: Callable[..., Path], shipped: object) -> Path:
    """The output of predict for a.npy and b.npy, with a file of the user's beside it."""
    images = [write_image(tmp_path / f"{name}.npy") for name in "ab"]
    assert run("predict", *images, *KNOWN, "--out", tmp_path / "found").exit_code == 0
    (tmp_path / "found" / "mine.txt").write_text("mine")
    return tmp_path / "found"


def test_results_are_not_written_over(found: Path, tmp_path: Path):
    before = files_of(found)
    answer = run("predict", tmp_path / "a.npy", *KNOWN, "--out", found)
    assert answer.exit_code == 1
    assert "--resume continues it, --force replaces it, or give another --out" in answer.stderr
    assert files_of(found) == before


def test_force_removes_what_argand_wrote_and_nothing_else(
    found: Path, tmp_path: Path, write_image: Callable[..., Path]
):
    other = write_image(tmp_path / "c.npy")
    assert run("predict", other, *KNOWN, "--out", found, "--force").exit_code == 0
    assert names_in(found) == ["c.npy"]
    assert (found / "mine.txt").read_text() == "mine"
    assert {path.stem for path in found.glob("*.poni")} == {"c"}


def test_resume_keeps_good_answers_beside_new_ones_and_failures(
    found: Path, tmp_path: Path, write_image: Callable[..., Path]
):
    other = write_image(tmp_path / "c.npy")
    for _ in range(2):
        assert run("predict", tmp_path / "gone.cbf", other, *KNOWN, "-o", found, "--resume").exit_code == 1
        assert sorted(names_in(found)) == ["a.npy", "b.npy", "c.npy", "gone.cbf", "pooled"]
    assert {path.stem for path in found.glob("*.poni")} == {"a", "b", "c", "pooled"}
    table = (found / "results.csv").read_text()
    assert all(name in table for name in ("a.npy", "b.npy", "c.npy", "gone.cbf"))
    assert "c.npy" in (found / "index.html").read_text()


def test_a_resumed_run_replaces_the_pooled_answer_of_its_images(
    found: Path, tmp_path: Path, write_image: Callable[..., Path]
):
    write_image(tmp_path / "b.npy", (40, 30))
    assert run("predict", tmp_path / "b.npy", *KNOWN, "--out", found, "--resume").exit_code == 0
    assert sorted(names_in(found)) == ["a.npy", "b.npy"]
    assert not list(found.glob("pooled*"))


def test_a_file_of_the_users_in_place_of_an_output_is_kept(
    tmp_path: Path, write_image: Callable[..., Path], shipped: object
):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "a.poni").write_text("mine")
    answer = run("predict", write_image(tmp_path / "a.npy"), *KNOWN, "--out", tmp_path / "out")
    assert answer.exit_code == 1
    assert "a.poni" in answer.stderr
    assert (tmp_path / "out" / "a.poni").read_text() == "mine"


def test_watch_goes_on_with_resume_alone(tmp_path: Path, write_image: Callable[..., Path], shipped: object):
    lines, once = tmp_path / "lines.jsonl", ["--once", "--interval", "0.05s"]
    write_image(tmp_path / "images" / "a.npy")
    words = ["watch", tmp_path / "images", "--out", lines, *KNOWN, *once]
    assert run(*words).exit_code == 0
    write_image(tmp_path / "images" / "b.npy", None)
    before = lines.read_text()
    assert run(*words).exit_code == 1
    assert lines.read_text() == before
    assert run(*words, "--resume").exit_code == 3
    assert lines.read_text().startswith(before)
    assert [Path(json.loads(line)["file"]).name for line in lines.read_text().splitlines()] == [
        "a.npy",
        "b.npy",
    ]
    assert run(*words, "--force", "--accept-untrusted").exit_code == 0
    assert len(lines.read_text().splitlines()) == 2


def test_a_wrong_folder_costs_no_results(tmp_path: Path, shipped: object):
    lines = tmp_path / "lines.jsonl"
    lines.write_text("{}\n")
    assert run("watch", tmp_path / "gone", "--out", lines, "--force").exit_code == 1
    assert lines.exists()


@pytest.mark.parametrize(
    ("verb", "words", "output"),
    [
        ("simulate", ["tiny", "--count", "2", "--processes", "1"], "set.h5"),
        ("hard", ["a.npy", *KNOWN], "hard"),
        ("drift", ["found"], "drift.html"),
    ],
)
def test_other_verbs_ask_for_force_too(
    found: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, verb: str, words: list[str], output: str
):
    monkeypatch.chdir(tmp_path)
    assert run(verb, *words, "--out", output).exit_code == 0
    answer = run(verb, *words, "--out", output)
    assert answer.exit_code == 1
    assert "--force" in answer.stderr
    assert run(verb, *words, "--out", output, "--force").exit_code == 0


def test_a_picture_of_simulated_stills_is_not_overwritten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tiny.png").write_bytes(b"mine")
    assert run("simulate", "tiny", "--count", "1").exit_code == 1
    assert (tmp_path / "tiny.png").read_bytes() == b"mine"
    assert run("simulate", "tiny", "--count", "1", "--force").exit_code == 0


def test_lists_of_names_that_the_help_has_agree_with_their_modules():
    assert set(PRESET_NAMES) == set(PRESETS)
    assert FORMATS == WRITTEN
