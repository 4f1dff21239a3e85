"""The predictor in Python: arrays, tensors, files, pairs of data sets, lists of them; notebooks."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import argand
from argand.crew import HERE
from argand.errors import InputError, command_line
from argand.runs.answers import Answers
from argand.runs.course import Failure
from argand.systems import molmnist
from argand.systems.molmnist.benchmark.dataset import write_pairs
from argand.systems.molmnist.benchmark.pairs import Pairs
from argand.systems.molmnist.inversion.prediction import Prediction
from argand.systems.molmnist.predict import Predictor
from argand.systems.molmnist.presets import PRESETS

TINY = PRESETS["tiny"]
SIDE = TINY.imaging.window.side


@pytest.fixture(scope="module")
def predictor(tiny_weights: Path) -> Predictor:
    return argand.load("molmnist", tiny_weights)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A set of four pairs."""
    return write_pairs(TINY, tmp_path_factory.mktemp("set") / "set.h5", 4, 0, machines=HERE, quiet=True)


@pytest.fixture(scope="module")
def pairs(path: Path) -> Pairs:
    return molmnist.open_pairs(path)


def same(first: object, second: object) -> bool:
    """Whether two answers are the same but for their times."""
    assert isinstance(first, Prediction)
    assert isinstance(second, Prediction)
    told = [{**one.to_dict(), "seconds": 0.0} for one in (first, second)]
    return told[0] == told[1]


def test_a_pair_of_a_data_set_is_answered_as_its_file(predictor: Predictor, path: Path, pairs: Pairs):
    answer = predictor.predict(pairs[2])
    assert (answer.file, answer.index, answer.window_from) == (str(path), 2, "file")
    assert answer.window_side == SIDE
    assert answer.truth is not None
    assert answer.truth.told["fibril"] == "2x2"
    assert same(answer, predictor.predict(f"{path}#2"))


def test_a_pair_of_a_bundle_brings_its_own_mask_and_length(tmp_path: Path):
    hard = replace(PRESETS["tiny-chains"], detector=PRESETS["hard"].detector)
    held = molmnist.open_pairs(write_pairs(hard, tmp_path / "hard.h5", 2, 0, machines=HERE, quiet=True))
    from argand.systems.molmnist.files.sources import Stated, cases_of

    (case,) = cases_of(held[1], Stated())
    np.testing.assert_array_equal(case.live, held.arrays("live")[1])
    assert case.length == pytest.approx(float(held.arrays("length")[1]))
    (stated,) = cases_of(held[1], Stated(length=150.0, window_side=90.0, radiation="electron"))
    assert (stated.length, stated.window_side, stated.window_from) == (150.0, 90.0, "stated")
    assert stated.radiation == "electron"


def test_arrays_tensors_and_pairs_are_answered_alike(predictor: Predictor, pairs: Pairs):
    pair = pairs[1]
    live = pairs.mask
    answers = [
        predictor.predict(pattern, live, SIDE)
        for pattern in (pair["pattern"], pair["pattern"][0], pair["pattern"][0].numpy())
    ]
    assert all(same(one, answers[0]) for one in answers)
    assert answers[0].residual == pytest.approx(predictor.predict(pair).residual)
    assert predictor.predict({"pattern": pair["pattern"], "live": live}, window_side=SIDE).file is None


def test_lists_files_and_data_sets_give_answers_in_order_with_failures_in_place(
    predictor: Predictor, path: Path, pairs: Pairs, tmp_path: Path
):
    mixed = [pairs[0], str(tmp_path / "gone.npy"), pairs[1]["pattern"], f"{path}#2-3", np.array(["a"])]
    many = predictor.predict(mixed, window_side=SIDE)
    assert isinstance(many, Answers)
    assert [isinstance(one, Failure) for one in many] == [False, True, False, False, False, True]
    assert [getattr(one, "index", None) for one in many] == [0, None, 0, 2, 3, None]
    assert many.to_dict()[1]["failed"]
    assert "array of numbers" in many.to_dict()[5]["reason"]
    whole = predictor.predict(pairs)
    assert len(whole) == 4
    stack = predictor.predict(np.stack([pairs.arrays("pattern")[row] for row in (0, 1)]), window_side=SIDE)
    assert isinstance(stack, Answers)
    file = predictor.predict(path)
    assert isinstance(file, Answers)
    assert all(one.residual == pytest.approx(other.residual) for one, other in zip(whole, file, strict=True))
    frame = whole.to_dataframe()
    assert list(frame["truth.fibril"]) == ["2x2", "3x3", "2x2", "3x3"]
    assert predictor.predict([]).to_dict() == []


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ({"shape": 1}, "without 'pattern'"),
        (np.array(["a"]), "array of numbers"),
        ("gone.npy", "gone.npy: no such file"),
    ],
)
def test_a_single_input_that_is_no_pattern_raises(predictor: Predictor, source: object, words: str):
    with pytest.raises(InputError, match=words):
        predictor.predict(source)  # pyright: ignore[reportArgumentType,reportCallIssue]


def test_options_of_arrays_and_files_are_not_mixed(predictor: Predictor, pairs: Pairs, path: Path):
    with pytest.raises(InputError, match="live goes with an array"):
        predictor.predict(str(path), pairs.mask)
    with pytest.raises(InputError, match="mask goes with a file"):
        predictor.predict(pairs[0]["pattern"], mask="mask.npy")
    with pytest.raises(InputError, match="the mask has 32 x 31 pixels"):
        predictor.predict(pairs[0], np.ones((32, 31), bool))


def test_the_radiation_that_is_stated_is_used_and_told(predictor: Predictor, pairs: Pairs):
    xray, electron = (predictor.predict(pairs[0], radiation=one) for one in ("xray", "electron"))
    assert (xray.radiation, electron.radiation) == ("xray", "electron")
    assert electron.to_dict()["radiation"] == "electron"
    assert xray.residual != electron.residual


def test_errors_speak_of_keywords(predictor: Predictor, pairs: Pairs):
    with command_line(False), pytest.raises(InputError, match="check window_side="):
        predictor.predict(pairs[0]["pattern"], window_side=900.0)


def test_a_notebook_shows_answers_predictors_and_data_sets(predictor: Predictor, pairs: Pairs):
    answer = predictor.predict(pairs[0])
    guess = replace(answer, residual=9.0)
    sure = replace(answer, residual=0.0, probability=np.array([1.0, 0.0]))
    assert sure.trusted
    for one in (sure, guess, predictor, pairs):
        assert "\n" not in repr(one)
        assert len(repr(one)) < 200
        assert "<table>" in one._repr_html_()
    for shown in (sure._repr_html_(), pairs._repr_html_()):
        assert "data:image/png;base64," in shown
    assert "Best guess, not trusted" in guess._repr_html_()
    assert "best guess" in repr(guess)
    assert "best guess" not in repr(sure) + sure._repr_html_()


def test_parameters_of_a_data_set_are_a_table(pairs: Pairs):
    frame = pairs.to_dataframe()
    assert list(frame["fibril"]) == ["2x2", "3x3", "2x2", "3x3"]
    assert set(frame["split"]) <= {"train", "val", "test"}
    np.testing.assert_allclose(frame["twist_deg_per_nm"], pairs.arrays("twist_deg_per_nm"))
    assert "pattern" not in frame
    assert pairs.splits == {name: list(frame["split"]).count(name) for name in ("train", "val", "test")}


def test_batches_of_pairs_are_made_as_of_any_data_set(pairs: Pairs):
    (batch,) = torch.utils.data.DataLoader(pairs, batch_size=4)
    assert batch["pattern"].shape == (4, 1, 32, 32)


def test_one_answer_is_a_table_of_one_row(predictor: Predictor, pairs: Pairs):
    frame = predictor.predict(pairs[0]).to_dataframe()
    assert len(frame) == 1
    assert frame["window_side_angstrom"][0] == SIDE


@pytest.fixture
def grey() -> Callable[[bytes], bool]:
    """Whether the shape's panel, in the middle of a picture, has no colour."""

    def check(png: bytes) -> bool:
        from io import BytesIO

        from PIL import Image

        pixels = np.asarray(Image.open(BytesIO(png)).convert("RGB"), int)
        width = pixels.shape[1] // 3
        return bool(np.ptp(pixels[:, width : 2 * width], axis=2).max() < 8)

    return check


def test_shapes_that_are_not_trusted_are_grey(
    predictor: Predictor, pairs: Pairs, grey: Callable[[bytes], bool]
):
    answer = replace(predictor.predict(pairs[0]), truth=None)
    sure = replace(answer, residual=0.0, probability=np.array([1.0, 0.0]))
    assert grey(replace(answer, residual=9.0).to_png())
    assert not grey(sure.to_png())


@pytest.mark.parametrize("network", ["any", "ten"])
def test_poisson_noise_is_not_trusted(network: str):
    noise = np.random.default_rng(0).poisson(2.0, (64, 64)).astype(np.float32)
    answer = molmnist.load_predictor(network=network).predict(noise, window_side=120.0)
    assert not answer.trusted
    assert "best guess" in repr(answer)
