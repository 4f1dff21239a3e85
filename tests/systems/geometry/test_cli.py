"""The verbs of `argand geometry` as a user and as a script meets them."""

import csv
import io
import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from argand.cli import build
from argand.io.expt import write_expt
from argand.io.manifest import MANIFEST
from argand.io.poni import read_poni
from argand.learn.record import Best
from argand.learn.train import TrainingSummary
from argand.physics.still.detector import BeamGeometry
from argand.system import SYSTEMS
from argand.systems.geometry.presets import PRESETS

KNOWN = ["--wavelength", "1.0", "--distance", "150", "--pixel-size", "0.1"]
VERBS = ("simulate", "train", "predict", "view", "drift", "watch", "evaluate", "hard")


@pytest.fixture
def run() -> Callable[..., Result]:
    """Runs `argand geometry` with some arguments."""
    app = build(SYSTEMS)
    return lambda *words: CliRunner().invoke(app, ["geometry", *map(str, words)])


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_shows_an_example(run: Callable[..., Result], verb: str):
    answer = run(verb, "--help")
    assert answer.exit_code == 0
    assert f"Example: argand geometry {verb}" in re.sub(r"\s+", " ", answer.stdout)


@pytest.mark.parametrize("verb", ["simulate", "train", "evaluate"])
def test_the_help_names_every_preset(run: Callable[..., Result], verb: str):
    words = re.split(r"[\s,.│]+", run(verb, "--help").stdout)
    assert set(PRESETS) <= set(words)


def test_an_unknown_calibrant_is_told_in_one_line(
    run: Callable[..., Result], tmp_path: Path, shipped: object
):
    for words in (["predict", tmp_path], ["watch", tmp_path, "--out", tmp_path / "x.jsonl", "--once"]):
        answer = run(*words, "--calibrant", "LaB7")
        assert answer.exit_code == 1
        assert "unknown calibrant 'LaB7'; did you mean 'LaB6'" in answer.stderr.replace("\n", " ")


def test_json_is_a_list_with_one_object_a_file_and_the_pooled_one_last(
    run: Callable[..., Result], tmp_path: Path, write_image: Callable[..., Path], shipped: object
):
    files = [write_image(tmp_path / "a.npy", (60, 45)), write_image(tmp_path / "b.npy", (62, 41))]
    answer = run("predict", *files, *KNOWN, "--json")
    first, second, pooled = json.loads(answer.stdout)
    assert answer.exit_code == 0
    assert (first["file"], second["file"]) == (str(files[0]), str(files[1]))
    assert first["trusted"] is True
    assert first["beam_centre_px"] == [60.5, 45.5]
    assert second["beam_centre_px"] == [62.5, 41.5]
    assert pooled["file"] == "pooled"
    assert pooled["pooled"] is True
    assert pooled["beam_centre_px"] == [61.5, 43.5]
    wanted = {"reason", "sigma_px", "tilt_deg", "poni_px", "header_beam_centre_px", "seconds"}
    assert wanted <= first.keys()


@pytest.mark.parametrize(("words", "count"), [([], 1), (["--no-pool"], 2)])
def test_nothing_is_pooled_from_one_frame_or_against_the_users_will(
    run: Callable[..., Result],
    tmp_path: Path,
    write_image: Callable[..., Path],
    shipped: object,
    words: list[str],
    count: int,
):
    files = [write_image(tmp_path / f"{number}.npy") for number in range(count)]
    records = json.loads(run("predict", *files, *KNOWN, *words, "--json").stdout)
    assert [record["pooled"] for record in records] == [False] * count


def test_bad_files_are_told_and_the_others_answered(
    run: Callable[..., Result], tmp_path: Path, write_image: Callable[..., Path], shipped: object
):
    (tmp_path / "junk.cbf").write_bytes(b"no image at all")
    good = write_image(tmp_path / "good.npy")
    missing = tmp_path / "gone*.cbf"
    answer = run("predict", missing, tmp_path / "junk.cbf", good, *KNOWN, "--json")
    records = {Path(record["file"]).name: record for record in json.loads(answer.stdout)}
    assert answer.exit_code == 1
    assert records["good.npy"]["trusted"]
    for name in ("junk.cbf", "gone*.cbf"):
        assert records[name]["trusted"] is False
        assert records[name]["reason"]
        lines = [line for line in answer.stderr.splitlines() if name in line]
        assert len(lines) == 1
        assert ";" in lines[0]


def test_a_missing_wavelength_is_one_line_with_its_option(
    run: Callable[..., Result], tmp_path: Path, write_image: Callable[..., Path], shipped: object
):
    answer = run("predict", write_image(tmp_path / "a.npy"), "--json")
    assert answer.exit_code == 1
    assert "--wavelength" in answer.stderr
    assert "Traceback" not in answer.output


def test_an_image_without_a_trusted_answer_ends_with_3_unless_that_is_accepted(
    run: Callable[..., Result], tmp_path: Path, write_image: Callable[..., Path], shipped: object
):
    image = write_image(tmp_path / "blank.npy", None)
    answer = run("predict", image, *KNOWN)
    assert answer.exit_code == 3
    assert "blank.npy: not trusted, near-blank image; best guess 0.50, 0.50 px" in answer.stdout
    assert "best guess 0.50, 0.50" in answer.stdout.splitlines()[1]
    assert run("predict", image, *KNOWN, "--accept-untrusted").exit_code == 0


def test_a_mixture_of_sizes_is_no_data_set(run: Callable[..., Result], tmp_path: Path):
    answer = run("simulate", "best", "--out", tmp_path / "set.h5")
    assert answer.exit_code != 0
    assert "differ in size" in answer.stderr
    assert not (tmp_path / "set.h5").exists()


def test_what_a_header_confuses_is_pointed_out(
    run: Callable[..., Result],
    tmp_path: Path,
    write_image: Callable[..., Path],
    shipped: object,
    monkeypatch: pytest.MonkeyPatch,
):
    answer = shipped.predict_frame
    note = "its Beam_xy may be the foot of the perpendicular"
    monkeypatch.setattr(shipped, "predict_frame", lambda *a, **k: replace(answer(*a, **k), notes=(note,)))
    told = run("predict", write_image(tmp_path / "a.npy"), *KNOWN)
    assert f"a.npy: {note}" in told.stdout
    told = run("predict", *(write_image(tmp_path / name) for name in ("b.npy", "c.npy")), *KNOWN)
    assert told.stdout.count(note) == 1
    assert f"b.npy and 1 more: {note}" in told.stdout


def test_csv_has_one_line_a_record(
    run: Callable[..., Result], tmp_path: Path, write_image: Callable[..., Path], shipped: object
):
    answer = run("predict", write_image(tmp_path / "a.npy"), *KNOWN, "--csv")
    (row,) = csv.DictReader(io.StringIO(answer.stdout))
    assert float(row["beam_fast_px"]) == 60.5
    assert float(row["pitch_deg"]) == pytest.approx(np.degrees(0.01))
    assert row["trusted"] == "True"


def test_all_frames_of_a_stack_are_answered(
    run: Callable[..., Result], tmp_path: Path, write_stack: Callable[..., Path], shipped: object
):
    stack = write_stack(tmp_path / "m.h5", [(60, 45), None, (30, 20)])
    *single, pooled = json.loads(run("predict", stack, *KNOWN, "--json").stdout)
    assert [record["index"] for record in single] == [0, 1, 2]
    assert [record["trusted"] for record in single] == [True, False, True]
    assert pooled["frames"] == 3


def test_a_run_leaves_geometry_files_pictures_and_a_page(
    run: Callable[..., Result], tmp_path: Path, write_image: Callable[..., Path], shipped: object
):
    out = tmp_path / "out"
    image = write_image(tmp_path / "a.npy", (60, 45))
    answer = run("predict", image, *KNOWN, "--out", out, "--formats", "poni,xds")
    names = {"a.poni", "a.xds", "a.png", "results.jsonl", "results.csv", "index.html", MANIFEST}
    names |= {"a.image.js", "a.pixels.js"}
    assert {path.name for path in out.iterdir()} == names
    assert read_poni(out / "a.poni").beam_centre_px == pytest.approx((60.5, 45.5))
    assert str(out / "index.html") in answer.stdout


@pytest.mark.parametrize(
    "words",
    [
        ["predict", "a.npy", "--formats", "pony"],
        ["simulate", "standart"],
        ["simulate", "realistic", "--full"],
        ["train", "standard", "--out", "run", "--target", "tilt"],
        ["hard", "standart", "--out", "hard"],
        ["view", "nowhere"],
        ["watch", "nowhere", "--out", "results.jsonl"],
    ],
)
def test_a_wrong_option_is_one_line(
    run: Callable[..., Result],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    shipped: object,
    words: list[str],
):
    monkeypatch.chdir(tmp_path)
    answer = run(*words)
    assert answer.exit_code == 1
    assert len(answer.stderr.strip().splitlines()) == 1
    assert answer.stderr.startswith("error: ")


def test_simulate_shows_a_sheet_or_writes_a_set(run: Callable[..., Result], tmp_path: Path):
    sheet, store = tmp_path / "sheet.png", tmp_path / "set.h5"
    assert run("simulate", "tiny", "--count", 2, "--sheet", sheet).exit_code == 0
    assert sheet.read_bytes().startswith(b"\x89PNG")
    assert run("simulate", "tiny", "--count", 2, "--out", store, "--processes", 1).exit_code == 0
    from argand.io.dataset import StoredSamples

    with StoredSamples(store) as stored:
        assert len(stored) == 2


def test_full_frames_keep_the_detectors_own_pixels(run: Callable[..., Result], tmp_path: Path):
    store = tmp_path / "set.h5"
    run("simulate", "standard", "--count", 1, "--out", store, "--processes", 1, "--full")
    from argand.io.dataset import StoredSamples

    with StoredSamples(store) as stored:
        assert stored[0]["image"].shape == (2460, 2460)
        assert stored[0]["pixel_size_mm"][0] == pytest.approx(0.172)


def test_train_takes_its_options_to_the_run(
    run: Callable[..., Result], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    seen = {}

    def record(system: object, out: Path, **settings: object) -> None:
        seen.update(settings, system=system, out=out)
        raise KeyboardInterrupt("stopped at step 3; continue it with --resume")

    monkeypatch.setattr("argand.learn.train.train", record)
    words = ["--network", "resnet18", "--target", "tilt", "--optimiser", "sgd", "--learning-rate", "0.02"]
    answer = run("train", "standard", "--out", tmp_path, "--replay", 3, "--max-time", "00:01:00", *words)
    system = seen["system"]
    assert answer.exit_code == 130
    assert "--resume" in answer.stderr
    assert (system.network_name, system.target, system.optimiser_name) == ("resnet18", "tilt", "sgd")
    assert (system.learning_rate, seen["replay"], seen["max_time"]) == (0.02, 3, 60.0)
    assert (seen["clip_norm"], seen["val_count"], seen["val_every_steps"]) == (None, 192, 800)
    run("train", "realistic", "--out", tmp_path, "--val-count", 16, "--val-every", 50, "--precision", "fp32")
    assert (seen["clip_norm"], seen["val_count"], seen["val_every_steps"]) == (5.0, 16, 50)
    assert seen["precision"] == "fp32"


def test_a_spent_run_says_so_with_its_best(
    run: Callable[..., Result], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    best = Best("log_error", 0.25, 20)
    spent = TrainingSummary(30, 0, 240, 61.0, best, tmp_path / "best.safetensors")
    monkeypatch.setattr("argand.learn.train.train", lambda *arguments, **settings: spent)
    answer = run("train", "tiny", "--out", tmp_path, "--max-time", "00:01:00", "--resume")
    assert answer.exit_code == 0
    assert "the time of this run is spent; a --max-time above 1m goes on" in answer.stdout
    assert "best log_error 0.25 at step 20" in answer.stdout


def test_the_bundled_image_is_answered_near_its_known_centre(run: Callable[..., Result], tmp_path: Path):
    image = Path(__file__).parents[3] / "examples" / "data" / "thau_3_2_0006.cbf.bz2"
    answer = run("predict", image, "--json", "--out", tmp_path)
    (record,) = json.loads(answer.stdout)
    assert record["trusted"], record["reason"]
    # DIALS refined this set to 1261.42, 1307.24, known to about 1 px.
    assert np.hypot(*np.subtract(record["beam_centre_px"], (1261.42, 1307.24))) < 2.0
    assert (tmp_path / "thau_3_2_0006.png").stat().st_size > 50_000


def test_evaluate_prints_the_errors_of_each_stage(run: Callable[..., Result], shipped: object):
    answer = run("evaluate", "standard", "--count", 1, "--json")
    result = json.loads(answer.stdout)
    assert result["count"] == 1
    assert "refined" in run("evaluate", "standard", "--count", 1).stdout


@pytest.mark.parametrize(("limit", "code"), [(1.0, 4), (3.0, 0)])
def test_a_script_can_stop_on_a_shift(
    run: Callable[..., Result],
    tmp_path: Path,
    write_image: Callable[..., Path],
    shipped: object,
    limit: float,
    code: int,
):
    image = write_image(tmp_path / "a.npy", (60, 45))
    before = BeamGeometry((62.5, 45.5), 150.0, 1.0, (0.1, 0.1))
    write_expt(tmp_path / "imported.expt", before, (90, 120), [str(image)], (0.0, 1e6))
    answer = run("predict", tmp_path / "imported.expt", "--fail-on", limit)
    assert answer.exit_code == code
    assert ("a.npy: 2.00 px from the header's centre (limit 1 px)" in answer.stderr) == (code == 4)


def test_hits_alone_are_asked_for(
    run: Callable[..., Result], tmp_path: Path, write_image: Callable[..., Path], shipped: object, monkeypatch
):
    asked = []
    answer = shipped.predict_frame
    monkeypatch.setattr(
        shipped, "predict_frame", lambda frame, options: asked.append(options) or answer(frame)
    )
    image = write_image(tmp_path / "a.npy")
    for words in ([], ["--hits-only"], ["--hits-only", "--hit-spots", "40"]):
        run("predict", image, *KNOWN, *words)
    assert [options.least_spots for options in asked] == [0, 16, 40]


def test_a_drift_page_is_made_of_runs(
    run: Callable[..., Result], tmp_path: Path, write_image: Callable[..., Path], shipped: object
):
    run("predict", write_image(tmp_path / "a.npy"), *KNOWN, "--out", tmp_path / "out")
    answer = run("drift", tmp_path / "out", "--out", tmp_path / "drift.html")
    assert answer.exit_code == 0
    assert "1 trusted answers" in (tmp_path / "drift.html").read_text()
