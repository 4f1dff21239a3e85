"""What a run leaves in its folder: names, corrected geometries, tables, nothing that misleads."""

import csv
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from argand.errors import ConfigError, InputError
from argand.io.expt import read_expt, write_expt
from argand.io.image import Frame, read_frames
from argand.io.manifest import MANIFEST
from argand.io.poni import read_poni
from argand.io.xds import read_xds
from argand.physics.still.detector import BeamGeometry
from argand.runs.course import Failure
from argand.runs.record import read_records, to_line, to_record
from argand.systems.geometry.files.batch import FrameAnswer, Stated, expand
from argand.systems.geometry.files.geometry_files import parse_formats
from argand.systems.geometry.files.outputs import RunFolder
from argand.systems.geometry.files.pooling import FrameGroups, FrameStore, position_of
from argand.systems.geometry.files.record import COLUMNS, stem
from argand.systems.geometry.files.run import predict_files
from argand.systems.geometry.view import write_page

STATED = Stated(1.0, 150.0, (0.1, 0.1))


@pytest.fixture
def answer(frame: Frame, predictor: object) -> FrameAnswer:
    """A trusted answer that differs from the header."""
    return FrameAnswer(frame, predictor.predict_frame(frame))


def untrusted(answer: FrameAnswer) -> FrameAnswer:
    return FrameAnswer(answer.frame, replace(answer.prediction, trusted=False, reason="near-blank image"))


@pytest.mark.parametrize(
    ("path", "index", "name"),
    [
        ("a/thau_1.cbf.bz2", 0, "thau_1"),
        ("x.0001.img", 0, "x.0001"),
        ("m_master.h5", 0, "m_master_000000"),
        ("m_master.h5", 12, "m_master_000012"),
        ("frames.tif", 3, "frames_000003"),
        ("image.0007", 0, "image.0007"),
    ],
)
def test_outputs_are_named_after_their_image(path: str, index: int, name: str):
    assert stem(path, index) == name


def test_each_format_tells_the_geometry_that_was_found(tmp_path: Path, answer: FrameAnswer):
    with RunFolder(tmp_path, overlay=False, page=write_page) as run:
        record = run.add(answer)
    found = answer.prediction.geometry
    assert record["downloads"] == ["a.expt", "a.poni", "a.geom", "a.xds"]
    for geometry in (read_poni(tmp_path / "a.poni"), read_xds(tmp_path / "a.xds")):
        assert geometry.beam_centre_px == pytest.approx(found.beam_centre_px, abs=1e-5)
        assert geometry.yaw == pytest.approx(found.yaw, abs=1e-9)
    (images,) = read_expt(tmp_path / "a.expt")
    assert images.geometry.beam_centre_px == pytest.approx(found.beam_centre_px)
    trusted = json.loads((tmp_path / "a.expt").read_text())["detector"][0]["panels"][0]["trusted_range"]
    assert trusted == [0.0, 60000.0]
    assert "bad0/min_ss = 20" in (tmp_path / "a.geom").read_text()


def test_no_geometry_is_written_without_a_trusted_answer(tmp_path: Path, answer: FrameAnswer):
    with RunFolder(tmp_path, overlay=False, page=write_page) as run:
        run.add(untrusted(answer))
    assert {path.name for path in tmp_path.iterdir()} == {
        "results.jsonl",
        "results.csv",
        "index.html",
        MANIFEST,
    }


def test_geometry_of_an_earlier_run_does_not_outlive_its_answer(tmp_path: Path, answer: FrameAnswer):
    (tmp_path / "other.poni").write_text("of the user")
    with RunFolder(tmp_path, overlay=False, page=write_page) as run:
        run.add(answer)
    with RunFolder(tmp_path, overlay=False, page=write_page, resume=True) as run:
        run.take_over(answer.frame.path, "other weights")
        run.add(untrusted(answer))
    assert not (tmp_path / "a.poni").exists()
    assert (tmp_path / "other.poni").exists()


def test_images_of_the_same_name_do_not_overwrite_each_other(tmp_path: Path, answer: FrameAnswer):
    with RunFolder(tmp_path, ("poni",), overlay=False, page=write_page) as run:
        names = [run.add(answer)["name"] for _ in range(2)]
    assert names == ["a", "a-2"]
    assert (tmp_path / "a-2.poni").exists()


def test_an_interrupted_run_keeps_what_was_answered(tmp_path: Path, answer: FrameAnswer):
    with pytest.raises(KeyboardInterrupt), RunFolder(tmp_path, (), overlay=False, page=write_page) as run:
        run.add(answer)
        raise KeyboardInterrupt
    (record,) = read_records(tmp_path / "results.jsonl")
    assert record["beam_centre_px"] == [60.5, 45.5]


def test_no_temporary_file_is_left(tmp_path: Path, answer: FrameAnswer):
    with RunFolder(tmp_path, page=write_page) as run:
        run.add(answer)
    assert not [path.name for path in tmp_path.iterdir() if "part" in path.name]


def test_the_table_and_the_lines_agree(tmp_path: Path, answer: FrameAnswer):
    with RunFolder(tmp_path, (), overlay=False, page=write_page) as run:
        run.add(answer)
        run.add(Failure("junk.cbf", "junk.cbf: no image; give another"))
    rows = list(csv.DictReader((tmp_path / "results.csv").open()))
    records = read_records(tmp_path / "results.jsonl")
    assert list(rows[0]) == list(COLUMNS)
    assert float(rows[0]["shift_fast_px"]) == records[0]["shift_px"][0] == 1.5
    assert float(rows[0]["shift_slow_mm"]) == pytest.approx(-0.25)
    assert (rows[1]["reason"], rows[1]["beam_fast_px"]) == ("no image; give another", "")


def test_lines_are_valid_json_whatever_the_numbers():
    record = {"a": np.float32(np.nan), "b": (np.int64(3), np.inf), "c": {"d": np.bool_(True)}}
    assert json.loads(to_line(record)) == {"a": None, "b": [3, None], "c": {"d": True}}
    assert to_record(np.arange(2)) == [0, 1]


def test_results_that_are_none_are_told(tmp_path: Path):
    (tmp_path / "results.jsonl").write_text("no json\n{}\n")
    with pytest.raises(InputError, match="line 1"):
        read_records(tmp_path / "results.jsonl")


def test_an_unknown_format_names_the_near_one():
    assert parse_formats("expt, xds") == ("expt", "xds")
    with pytest.raises(ConfigError, match="did you mean 'poni'"):
        parse_formats("pony")


def test_patterns_that_name_nothing_do_not_stop_the_others(tmp_path: Path, write_image: Callable[..., Path]):
    image = write_image(tmp_path / "a.npy")
    files, failures = expand([str(tmp_path / "gone.cbf"), str(image), str(image)])
    assert files == {str(image): None}
    assert [failure.file for failure in failures] == [str(tmp_path / "gone.cbf")]


def test_frames_to_be_pooled_are_read_when_they_are_asked_for(
    tmp_path: Path, write_stack: Callable[..., Path]
):
    stack = write_stack(tmp_path / "m.h5", [(60, 45), (10, 20), (30, 40)])
    frames = read_frames(stack, **vars(STATED))
    store = FrameStore(STATED, [(str(stack), index, None) for index in range(3)])
    for kept, frame in zip(store, frames, strict=True):
        np.testing.assert_array_equal(kept.data, frame.data)
        assert kept.wavelength == 1.0


def test_only_frames_of_one_geometry_are_pooled(answer: FrameAnswer, predictor: object):
    groups = FrameGroups(STATED)
    moved = replace(answer.frame, distance_mm=300.0)
    for frame in (answer.frame, answer.frame, moved):
        groups.add(position_of(frame), answer.prediction)
    ((group, pooled),) = groups.pooled(predictor)
    assert len(group.frames) == 2
    assert pooled.frames == 2


def test_a_note_on_all_frames_is_one_on_the_pooled_answer(answer: FrameAnswer, predictor: object):
    groups = FrameGroups(STATED)
    for number in range(2):
        prediction = replace(answer.prediction, notes=("Beam_xy may be the foot", f"frame {number} is odd"))
        groups.add("here", prediction)
    ((_, pooled),) = groups.pooled(predictor)
    assert pooled.notes[0] == "Beam_xy may be the foot"
    assert "frame 1 is odd" not in pooled.notes


def test_a_dials_list_gets_the_pooled_geometry_and_keeps_all_else(
    tmp_path: Path, write_image: Callable[..., Path], predictor: object
):
    images = [str(write_image(tmp_path / f"{n}.npy", (60 + n, 45))) for n in range(2)]
    before = BeamGeometry((55.0, 40.0), 150.0, 1.0, (0.1, 0.1))
    source, out = tmp_path / "imported.expt", tmp_path / "out"
    write_expt(source, before, (90, 120), images, (0.0, 1e6))
    with RunFolder(out, overlay=False, page=write_page) as run:
        predict_files([str(source)], predictor, Stated(), run, tell=pytest.fail)
    corrected = read_expt(out / "imported_corrected.expt")
    assert [found.geometry.beam_centre_px for found in corrected] == [pytest.approx((61.0, 45.5))] * 2
    assert [found.frames for found in corrected] == [found.frames for found in read_expt(source)]


def test_a_dials_list_states_what_its_images_do_not_and_the_user_has_the_last_word(
    tmp_path: Path, write_image: Callable[..., Path], predictor: object
):
    images = [str(write_image(tmp_path / f"{n}.npy", (60, 45))) for n in range(2)]
    source = tmp_path / "imported.expt"
    model = BeamGeometry((55.25, 40.5), 171.0, 0.87, (0.075, 0.075))
    write_expt(source, model, (90, 120), images, (0.0, 1e6))
    with RunFolder(None) as run:
        predict_files([str(source)], predictor, Stated(wavelength=1.2), run, tell=pytest.fail)
    assert [record["header_beam_centre_px"] for record in run.records] == [pytest.approx((55.25, 40.5))] * 3
    known = [(record["distance_mm"], record["wavelength"]) for record in run.records]
    assert known == [(pytest.approx(171.0), 1.2)] * 3
