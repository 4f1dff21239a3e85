"""Answers as users and scripts meet them: files in; shapes, verdicts and a page out."""

import errno
import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from typer.testing import CliRunner, Result

import argand
from argand.cli import build
from argand.crew import HERE
from argand.errors import ConfigError, InputError
from argand.io.atomic import written
from argand.system import SYSTEMS
from argand.systems import molmnist
from argand.systems.molmnist.benchmark.dataset import write_pairs
from argand.systems.molmnist.benchmark.pairs import Pairs
from argand.systems.molmnist.fibril.fibril import build_fibril, chain_sites
from argand.systems.molmnist.files import inputs
from argand.systems.molmnist.files.outputs import RunFolder
from argand.systems.molmnist.files.table import answer_table
from argand.systems.molmnist.inversion.centring import centred
from argand.systems.molmnist.inversion.prediction import ASSUMED
from argand.systems.molmnist.inversion.truth import PatternTruth
from argand.systems.molmnist.inversion.verdict import LARGEST_EXCESS, check_window, decide
from argand.systems.molmnist.page.chains import chain_paths
from argand.systems.molmnist.predict import Predictor
from argand.systems.molmnist.presets import PRESETS
from argand.systems.molmnist.view import write_page
from argand.units import HC_KEV_ANGSTROM, JOULES_PER_KEV

TINY = PRESETS["tiny"]
SIDE = TINY.imaging.window.side


@pytest.fixture(scope="module")
def predictor(tiny_weights: Path) -> Predictor:
    return argand.load("molmnist", tiny_weights)


@pytest.fixture(scope="module")
def pattern() -> np.ndarray:
    return TINY.simulate(1, 3)["pattern"]


@pytest.fixture
def run(tiny_weights: Path) -> Callable[..., Result]:
    """Runs a verb of `argand molmnist`."""

    def call(verb: str, *words: object) -> Result:
        more = ["--weights", str(tiny_weights)] if verb == "predict" else []
        return CliRunner().invoke(build(SYSTEMS), ["molmnist", verb, *map(str, words), *more])

    return call


@pytest.mark.parametrize("verb", ["predict", "view"])
def test_every_verb_shows_an_example(verb: str):
    answer = CliRunner().invoke(build(SYSTEMS), ["molmnist", verb, "--help"])
    assert f"Example: argand molmnist {verb}" in re.sub(r"\s+", " ", answer.stdout)


def test_one_name_loads_data_sets_and_another_the_predictor(predictor: Predictor):
    assert isinstance(predictor, Predictor)
    assert isinstance(molmnist.load("sample"), Pairs)


def test_a_centred_pattern_is_left_alone(pattern: np.ndarray):
    same, live, notes = centred(pattern)
    np.testing.assert_array_equal(same, pattern)
    assert live.all()
    assert notes == ()


def test_an_uncentred_pattern_is_recentred_and_the_answer_says_so(predictor: Predictor, pattern: np.ndarray):
    moved, _, notes = centred(pattern[3:-1, 4:])
    assert len(notes) == 1
    assert "recentred: the centre of inversion is at pixel 12.5, 13.5" in notes[0]
    np.testing.assert_array_equal(moved, pattern[4:29, 4:29])
    answer = predictor.predict(pattern[3:-1, 4:], window_side=SIDE)
    assert answer.notes[0] == notes[0]
    assert answer.shape.shape == answer.pattern.shape == (25, 25)


def test_a_pattern_as_an_fft_leaves_it_is_moved(pattern: np.ndarray):
    full = np.where(pattern > 0, pattern, 1.0)
    same, _, notes = centred(np.fft.ifftshift(full))
    np.testing.assert_array_equal(same, full)
    assert "corner" in notes[0]


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda image: image[0], "a pattern is square"),
        (lambda image: image[:, :20], "a pattern is square"),
        (lambda image: -image - 1e-3, "below zero"),
        (lambda image: 0 * image, "empty"),
    ],
)
def test_what_is_no_pattern_is_one_line(
    predictor: Predictor, pattern: np.ndarray, spoil: Callable[[np.ndarray], np.ndarray], words: str
):
    with pytest.raises(InputError, match=words):
        predictor.predict(spoil(pattern), window_side=SIDE)
    with pytest.raises(InputError, match="masked"):
        predictor.predict(pattern, np.zeros(pattern.shape, bool), SIDE)


def test_a_verdict_needs_a_low_residual_and_a_sure_fibril():
    assert decide(0.99, "2x2", 0.05, 0.07).trusted
    far = decide(0.99, "2x2", 0.071 + LARGEST_EXCESS, 0.07)
    assert not far.trusted
    assert "residual 0.171 (limit 0.170)" in far.reason
    unsure = decide(0.6, "2x2", 0.05, 0.07)
    assert not unsure.trusted
    assert "2x2 has a probability of 0.60 (at least 0.90 needed)" in unsure.reason
    assert decide(0.99, "2x2", 0.05, 0.07).reason == "residual 0.050 (limit 0.170): accepted"


def test_predict_writes_shapes_pictures_summary_and_page(
    run: Callable[..., Result], tmp_path: Path, pattern: np.ndarray
):
    np.save(tmp_path / "a.npy", pattern)
    with h5py.File(tmp_path / "b.h5", "w") as file:
        file["pattern"] = np.stack([pattern, pattern.T])
    out = tmp_path / "found"
    answer = run("predict", tmp_path / "a.npy", tmp_path / "b.h5", "--window", SIDE, "--out", out, "--json")
    # An untrained network answers, and is not trusted.
    assert answer.exit_code == 3, answer.output
    records = json.loads(answer.stdout)
    assert [record["name"] for record in records] == ["a", "b-0", "b-1"]
    assert json.loads((out / "summary.json").read_text())["records"] == records
    # The same command again, resumed, asks nothing: even the seconds are those of the first.
    again = run(
        *("predict", tmp_path / "a.npy", tmp_path / "b.h5", "--window", SIDE, "--out", out),
        *("--json", "--resume", "--accept-untrusted"),
    )
    assert again.exit_code == 0, again.output
    assert json.loads(again.stdout) == records
    for record in records:
        assert (out / record["picture"]).read_bytes()[1:4] == b"PNG"
        assert record["window_from"] == "stated"
        with h5py.File(out / record["hdf5"]) as file:
            assert {"shape", "shape_sd", "pattern", "live"} == set(file)
            assert file.attrs["fibril"] == record["fibril"]
            twist = np.nan if record["twist_deg_per_nm"] is None else record["twist_deg_per_nm"]
            np.testing.assert_equal(file.attrs["twist_deg_per_nm"], twist)
            assert file.attrs["window_side_angstrom"] == SIDE
            np.testing.assert_array_equal(file["pattern"], pattern if record["name"] != "b-1" else pattern.T)
    page = (out / "index.html").read_text()
    assert "of 3 answers trusted" in page
    assert run("view", out).exit_code == 0
    again = run("predict", out / "a.h5", "--window", SIDE, "--json")
    assert json.loads(again.stdout)[0]["residual"] == pytest.approx(records[0]["residual"], rel=1e-4)


def write_cxi(path: Path, pattern: np.ndarray, side: float) -> Path:
    """A CXI file whose distance (m), pixel and energy (J) make a window of this side in Å."""
    with h5py.File(path, "w") as file:
        detector = file.create_group("entry_1/instrument_1/detector_1")
        detector["data"], detector["distance"] = pattern, 1e-3 * side
        detector["x_pixel_size"] = detector["y_pixel_size"] = 1e-3
        file["entry_1/data_1/data"] = h5py.SoftLink("/entry_1/instrument_1/detector_1/data")
        file["entry_1/instrument_1/source_1/energy"] = HC_KEV_ANGSTROM * JOULES_PER_KEV
    return path


def test_the_window_is_the_users_then_the_files_then_assumed(
    run: Callable[..., Result], tmp_path: Path, pattern: np.ndarray
):
    name = write_cxi(tmp_path / "a.cxi", pattern, 1.5 * SIDE)
    np.save(tmp_path / "b.npy", np.pad(pattern, 34))
    records = {}
    for words in ((name,), (name, "--window", SIDE), (tmp_path / "b.npy",)):
        (records[words],) = json.loads(run("predict", *words, "--json").stdout)
    file, stated, assumed = records.values()
    assert [file["window_from"], stated["window_from"], assumed["window_from"]] == [
        "file",
        "stated",
        "assumed",
    ]
    assert file["window_side_angstrom"] == pytest.approx(1.5 * SIDE, rel=1e-6)
    assert stated["window_side_angstrom"] == SIDE
    assert assumed["window_side_angstrom"] == 200
    assert [ASSUMED in record["notes"] for record in (file, stated, assumed)] == [False, False, True]
    out = tmp_path / "found"
    table = run("predict", tmp_path / "b.npy", "--out", out)
    assert "the window of 200 Å is assumed" in re.sub(r"\s+", " ", table.stdout)
    assert "the window of 200 Å is assumed" in (out / "index.html").read_text()


def test_a_window_that_has_no_answer_is_refused_in_one_line(
    run: Callable[..., Result], tmp_path: Path, pattern: np.ndarray
):
    wide = write_cxi(tmp_path / "wide.cxi", pattern, 16_500.0)
    answer = run("predict", wide)
    assert answer.exit_code == 1
    assert "a window of 1.65e+04 Å and 32 pixels reaches q = 0.00609 / Å" in answer.stderr
    for side, size, words in (
        (30.0, 32, "smaller than"),
        (1500.0, 1600, "bin the pattern"),
        (np.nan, 32, "above zero"),
    ):
        with pytest.raises(InputError, match=words):
            check_window(side, size)
    for side, size in ((200.0, 200), (100.0, 200), (1000.0, 1100), (200.0, 51), (40.0, 32)):
        check_window(side, size)


def test_a_mask_of_another_shape_is_refused_with_both_shapes(
    run: Callable[..., Result], predictor: Predictor, tmp_path: Path, pattern: np.ndarray
):
    np.save(tmp_path / "a.npy", pattern)
    np.save(tmp_path / "mask.npy", np.zeros((32, 31), np.uint8))
    for name, size in ((tmp_path / "a.npy", "32 x 32"), ("sample#0", "200 x 200")):
        answer = run("predict", name, "--window", SIDE, "--mask", tmp_path / "mask.npy")
        assert answer.exit_code == 1
        said = re.sub(r"\s+", " ", answer.stderr)
        assert "32 x 31 pixels" in said
        assert size in said
    with pytest.raises(InputError, match="the mask has 32 x 31 pixels, the pattern 32 x 32"):
        predictor.predict(pattern, np.ones((32, 31), bool), SIDE)


def test_the_object_is_written_as_cxi_that_is_answered_alike(
    run: Callable[..., Result], tmp_path: Path, pattern: np.ndarray
):
    out = tmp_path / "found"
    name = write_cxi(tmp_path / "a.cxi", pattern, SIDE)
    (record,) = json.loads(run("predict", name, "--out", out, "--json").stdout)
    with h5py.File(out / record["cxi"]) as file, h5py.File(out / record["hdf5"]) as answer:
        np.testing.assert_array_equal(file["entry_1/image_1/data"], answer["shape"])
        np.testing.assert_allclose(file["entry_1/image_1/image_size"][:2], SIDE * 1e-10)
        assert file["entry_1/instrument_1/detector_1/distance"][()] == pytest.approx(1e-3 * SIDE)
    (again,) = json.loads(run("predict", out / record["cxi"], "--json").stdout)
    assert again["window_from"] == "file"
    assert again["window_side_angstrom"] == pytest.approx(SIDE)
    assert again["residual"] == pytest.approx(record["residual"], rel=1e-4)


def test_a_twist_that_the_pattern_does_not_tell_is_not_in_the_record(
    predictor: Predictor, pattern: np.ndarray
):
    answer = predictor.predict(pattern, window_side=SIDE)
    measured = replace(answer, twist_deg_per_nm=2.5, twist_sd_deg_per_nm=0.1, twist_is_measured=True)
    told, silent = (one.to_dict() for one in (measured, replace(measured, twist_is_measured=False)))
    assert (told["twist_deg_per_nm"], told["twist_sd_deg_per_nm"]) == (2.5, 0.1)
    assert (silent["twist_deg_per_nm"], silent["twist_sd_deg_per_nm"]) == (None, None)


def test_truth_and_answer_are_compared_without_the_hand(predictor: Predictor, pattern: np.ndarray):
    answer = predictor.predict(pattern, window_side=SIDE)
    row = {"rotation_deg": np.float32(200.0), "fibril": np.uint8(0), "twist_deg_per_nm": np.float32(-3.0)}
    truth = PatternTruth(np.abs(answer.shape), inputs._known(row, molmnist.FIBRILS))
    record = replace(answer, truth=truth).to_dict()
    assert record["truth"]["twist_deg_per_nm"] == 3.0
    assert record["truth"]["rotation_deg"] == 20.0
    assert record["truth"]["fibril"] == "2x2"
    assert record["truth"]["correlation"] == pytest.approx(1.0, abs=0.1)


def test_an_answer_that_names_no_fibril_has_table_files_and_page(
    predictor: Predictor, tmp_path: Path, pattern: np.ndarray
):
    answer = predictor.predict(pattern, window_side=SIDE)
    nameless = replace(answer, fibrils=(), probability=None, twist_deg_per_nm=None, twist_sd_deg_per_nm=None)
    nameless = replace(nameless, twist_is_measured=False)
    assert nameless.fibril is None
    assert "of the ten" not in nameless.reason
    with RunFolder(tmp_path / "found", page=write_page) as folder:
        nameless = replace(nameless, file="a.npy", seconds=0.1)
        folder.keep(folder.outputs.write("a", None, nameless, "nothing"))
    assert (tmp_path / "found" / "a.cxi").exists()
    page = (tmp_path / "found" / "index.html").read_text()
    assert 'data-view="plot"' in page
    assert 'data-view="chains"' not in page
    assert answer_table(folder.records).row_count == 1


def test_a_data_set_brings_window_mask_and_truth(run: Callable[..., Result], tmp_path: Path):
    path = write_pairs(TINY, tmp_path / "set.h5", 4, 0, machines=HERE, quiet=True)
    answer = run("predict", f"{path}#1-2", "--out", tmp_path / "found", "--json")
    records = json.loads(answer.stdout)
    assert [record["truth"]["fibril"] for record in records] == ["3x3", "2x2"]
    assert all(record["window_side_angstrom"] == SIDE for record in records)
    assert -1 <= records[0]["truth"]["correlation"] <= 1
    assert "shape \\u2212 truth" in (tmp_path / "found" / "index.html").read_text()
    shard = next(path.with_suffix(".shards").glob("*.h5"))
    shard.write_bytes(shard.read_bytes()[:-100])
    broken = run("predict", path)
    assert broken.exit_code == 1
    assert "damaged" in broken.stderr
    assert "Traceback" not in broken.output


def test_bad_files_are_told_and_the_others_answered(
    run: Callable[..., Result], tmp_path: Path, pattern: np.ndarray
):
    bad = {"wide": pattern[:, :20], "negative": -pattern - 1e-3, "line": pattern[0], "dead": pattern * np.nan}
    for name, values in bad.items():
        np.save(tmp_path / f"{name}.npy", values)
    np.save(tmp_path / "good.npy", pattern)
    (tmp_path / "cut.npy").write_bytes((tmp_path / "good.npy").read_bytes()[:-9])
    names = [tmp_path / f"{name}.npy" for name in (*bad, "cut", "gone", "good")]
    answer = run("predict", *names, "--window", SIDE, "--json", "--out", tmp_path / "found")
    assert answer.exit_code == 1
    lines = [line for line in answer.stderr.splitlines() if line.startswith(str(tmp_path))]
    assert len(lines) == 6
    assert {Path(line.split(":")[0]).stem for line in lines} == {*bad, "cut", "gone"}
    records = json.loads((tmp_path / "found" / "summary.json").read_text())["records"]
    assert sum(bool(record.get("failed")) for record in records) == 6
    page = (tmp_path / "found" / "index.html").read_text()
    assert page.count('<span class="badge bad">✗ no answer</span>') == 6


def test_a_folder_without_a_run_is_one_line(run: Callable[..., Result], tmp_path: Path):
    answer = run("view", tmp_path)
    assert answer.exit_code == 1
    assert "summary.json" in answer.stderr


def test_drawn_chains_are_wound_and_turned():
    straight, wound = (chain_paths(chain_sites("3x3"), *how) for how in ((0.0, 0.0), (2.0, 30.0)))
    assert straight.shape == (9, 80, 3)
    np.testing.assert_allclose(straight[..., 2], wound[..., 2])
    angle = np.angle((wound[..., 0] + 1j * wound[..., 1]) / (straight[..., 0] + 1j * straight[..., 1]))
    expected = np.radians(2.0) / 10 * straight[..., 2] + np.radians(30.0)
    assert np.abs(angle - expected).max() < 1e-6
    assert np.ptp(straight[..., 2]) < np.ptp(build_fibril("3x3").cart[:, 2])


def test_polishing_goes_on_from_the_answer(predictor: Predictor, pattern: np.ndarray):
    torch.manual_seed(0)
    before = predictor.predict(pattern, window_side=SIDE)
    after = predictor.predict(pattern, window_side=SIDE, rounds=20)
    assert after.shape.sum() == pytest.approx(before.shape.sum(), rel=0.02)
    assert any("refined by 20 rounds" in note for note in after.notes)
    assert (after.trusted, after.reason) == (before.trusted, before.reason)


def test_a_full_disk_is_one_line_and_leaves_nothing_half_written(tmp_path: Path):
    with pytest.raises(ConfigError, match="No space left") as raised, written(tmp_path / "a.h5") as partial:
        partial.write_bytes(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")
    assert "a.h5" in str(raised.value)
    assert list(tmp_path.iterdir()) == []
