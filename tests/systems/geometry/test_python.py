"""The predictor as a Python user meets it: lists, data sets, notebooks, tables, geometry files, errors."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import argand
from argand.cli import build
from argand.errors import ConfigError, InputError, command_line
from argand.io.dataset import StoredSamples
from argand.io.expt import read_expt
from argand.io.image import read_frame
from argand.io.poni import read_poni
from argand.io.xds import read_xds
from argand.runs.answers import Answers
from argand.runs.course import Failure
from argand.system import SYSTEMS
from argand.systems.geometry.files.answer import SUFFIXES, ImagePrediction
from argand.systems.geometry.predict import Predictor

THAUMATIN = Path(__file__).parents[3] / "examples" / "data" / "thau_3_2_0006.cbf.bz2"


@pytest.fixture(scope="module")
def predictor() -> Predictor:
    return argand.load("geometry")


@pytest.fixture(scope="module")
def answer(predictor: Predictor) -> ImagePrediction:
    return predictor.predict(THAUMATIN)


@pytest.fixture(scope="module")
def untrusted(predictor: Predictor) -> ImagePrediction:
    """The answer for Poisson noise."""
    noise = np.random.default_rng(0).poisson(0.01, (200, 200))
    return predictor.predict(noise, wavelength=1.0, distance_mm=150.0, pixel_size_mm=0.1)


def test_a_list_is_answered_in_its_order_with_failures_in_place(
    predictor: Predictor, answer: ImagePrediction
):
    frame = read_frame(THAUMATIN)
    found = predictor.predict([THAUMATIN, "gone.cbf", frame])
    assert isinstance(found, Answers)
    assert len(found) == 3
    assert isinstance(found[1], Failure)
    assert found[0].beam_centre_px == found[2].beam_centre_px == answer.beam_centre_px
    assert [one["trusted"] for one in found.to_dict()] == [True, False, True]
    assert found.to_dataframe()["trusted"].tolist() == [True, False, True]
    with pytest.raises(InputError):
        predictor.predict("gone.cbf")


def test_an_item_of_a_data_set_is_an_image(predictor: Predictor, tmp_path: Path):
    words = ["geometry", "simulate", "standard", "--count", "1", "--out", str(tmp_path / "set.h5")]
    assert CliRunner().invoke(build(SYSTEMS), [*words, "--processes", "1"]).exit_code == 0
    with StoredSamples(tmp_path / "set.h5") as stored:
        sample = stored[0]
    found = predictor.predict(sample)
    assert found.trusted
    assert np.hypot(*np.subtract(found.beam_centre_px, sample["beam_centre_px"])) < 1.0
    with pytest.raises(InputError, match="not a sample of geometry"):
        predictor.predict({"image": sample["image"]})


def test_reprs_are_one_line_and_say_what_counts(
    predictor: Predictor, answer: ImagePrediction, untrusted: ImagePrediction
):
    for one in (predictor, answer, untrusted):
        assert len(repr(one).splitlines()) == 1
        assert len(repr(one)) < 400
    assert "geometry-best" in repr(predictor)
    assert "standard: 100 % trusted" in repr(predictor)
    assert "(1261." in repr(answer)
    assert "trusted (lattice)" in repr(answer)
    assert f"not trusted ({untrusted.reason}), best guess" in repr(untrusted)


def test_a_notebook_shows_a_picture_and_a_table(
    predictor: Predictor, answer: ImagePrediction, untrusted: ImagePrediction
):
    shown = answer._repr_html_()
    assert "data:image/png;base64," in shown
    assert "1261." in shown
    assert f"trusted: {answer.reason}" in shown
    assert len(shown) < 400_000
    shown = untrusted._repr_html_()
    assert "best guess" in shown
    assert "+ found" not in shown
    assert "#767676" in shown
    assert "geometry-best" in predictor._repr_html_()


def test_the_picture_is_left_out_where_the_file_is_gone(predictor: Predictor, tmp_path: Path):
    image = tmp_path / "a.npy"
    np.save(image, np.random.default_rng(0).poisson(0.01, (200, 200)))
    found = predictor.predict(image, wavelength=1.0, distance_mm=150.0, pixel_size_mm=0.1)
    assert "data:image/png" in found._repr_html_()
    image.unlink()
    assert "data:image/png" not in found._repr_html_()
    assert "not trusted" in found._repr_html_()


def test_an_answer_is_a_row_of_a_table(answer: ImagePrediction):
    table = answer.to_dataframe()
    assert len(table) == 1
    assert table["trusted"].tolist() == [True]
    assert table["tilt_deg.yaw"].iloc[0] == pytest.approx(answer.tilt_deg["yaw"])


def test_geometry_files_are_written_by_their_suffix(answer: ImagePrediction, tmp_path: Path):
    for suffix in SUFFIXES:
        assert answer.write(tmp_path / f"a{suffix}") == tmp_path / f"a{suffix}"
    wanted = pytest.approx(answer.beam_centre_px, abs=1e-4)
    for geometry in (
        read_poni(tmp_path / "a.poni"),
        read_xds(tmp_path / "a.xds"),
        read_xds(tmp_path / "a.inp"),
    ):
        assert geometry.beam_centre_px == wanted
    (images,) = read_expt(tmp_path / "a.expt")
    assert images.geometry.beam_centre_px == wanted
    assert Path(images.frames[0][0]).name == THAUMATIN.name
    assert "corner_x" in (tmp_path / "a.geom").read_text()


def test_what_cannot_be_written_is_told(answer: ImagePrediction, untrusted: ImagePrediction, tmp_path: Path):
    with pytest.raises(ConfigError, match=r"give one of \.expt"):
        answer.write(tmp_path / "a.txt")
    with pytest.raises(InputError, match="not trusted"):
        untrusted.write(tmp_path / "a.poni")
    array = replace(answer, read=lambda: replace(read_frame(THAUMATIN), path="array"))
    with pytest.raises(ConfigError, match="names a file of images"):
        array.write(tmp_path / "a.expt")
    assert not list(tmp_path.iterdir())


def test_errors_speak_of_keywords(predictor: Predictor):
    with command_line(False), pytest.raises(InputError) as error:
        predictor.predict(np.ones((100, 100)))
    with command_line(False):
        told = str(error.value)
    assert "wavelength= distance_mm= pixel_size_mm=" in told
    assert "--" not in told


def test_a_reason_is_always_given(answer: ImagePrediction, untrusted: ImagePrediction):
    assert answer.trusted
    assert answer.reason.startswith("a lattice that explains")
    assert not untrusted.trusted
    assert "near-blank image" in untrusted.reason
    assert untrusted.beam_centre_px is None
    assert untrusted.best_guess_px is not None
