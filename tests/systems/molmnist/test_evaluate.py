"""The leaderboard: what a model is given, what its answers are worth, and answers that cannot be scored."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from argand.errors import ConfigError, InputError
from argand.io.weights import save_weights
from argand.system import to_config
from argand.systems.molmnist import evaluate as board
from argand.systems.molmnist.benchmark.baselines import BASELINES, learn, radial_profiles
from argand.systems.molmnist.benchmark.conditions import (
    BEAM_STOP,
    CONDITIONS,
    Trials,
    condition,
    conditions,
    pair_numbers,
    unseen_pairs,
)
from argand.systems.molmnist.benchmark.model import ask, find_model
from argand.systems.molmnist.evaluate import shipped_models
from argand.systems.molmnist.presets import PRESETS

TINY = PRESETS["tiny"]


@pytest.fixture(scope="module")
def trials() -> Trials:
    return unseen_pairs(TINY, 12)


def truthful(trials: Trials) -> Callable:
    """A model that knows the truth, in inverted shapes on a scale of its own."""

    def predict(patterns, live, window_side):
        assert window_side == trials.window.side
        rows = [int(np.flatnonzero((trials.patterns == one).all((1, 2)))[0]) for one in patterns]
        return {
            "shape": torch.from_numpy(5 * trials.shapes[rows][:, ::-1, ::-1].copy()),
            "fibril_probability": np.eye(10)[trials.fibril[rows]],
            "twist_deg_per_nm": trials.twist_deg_per_nm[rows].tolist(),
        }

    return predict


def test_the_truth_scores_perfectly_in_each_task(trials: Trials, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(board, "BATCH", 5)
    rows = board.evaluate_condition(TINY, {"truth": truthful(trials)}, tuple(board.TASKS), 12, 0, "tiny")
    inversion, classes, twist = rows
    assert inversion["psnr_db"] > 60
    assert inversion["pearson"] == pytest.approx(1, abs=1e-4)
    assert set(inversion["by_fibril"]["psnr_db"]) == {"2x2", "3x3"}
    assert classes["accuracy"] == 1
    assert twist["mae_deg_per_nm"] == 0
    assert twist["r2_within_fibrils"] == 1
    assert all(row["cpu_ms_per_pattern"] > 0 for row in rows)
    assert [table.row_count for table in board.leaderboard(rows)] == [1, 1, 1]


def test_baselines_are_scored_beside_a_model():
    rows = board.evaluate_condition(TINY, {}, ("classification", "regression"), 4, 3, "tiny")
    assert [row["model"] for row in rows if row["task"] == "classification"] == [
        "I(0) alone (told)",
        "nearest radial profile",
    ]
    assert all(row["floor"] for row in rows)
    assert next(row for row in rows if row["model"] == "I(0) alone (told)")["accuracy"] == 1


def test_each_baseline_answers_in_the_shape_that_is_asked_of_a_model(trials: Trials):
    training = learn(TINY, 2)
    for name, baseline in BASELINES.items():
        answer = ask(
            lambda *_, baseline=baseline: baseline(trials, training), trials.patterns, trials.live, 64.0
        )
        assert answer, name


def test_radial_profiles_are_blind_to_rotation_and_scale():
    image = np.random.default_rng(0).random((1, 33, 33))
    live = np.ones((33, 33), bool)
    np.testing.assert_allclose(
        radial_profiles(image, live), radial_profiles(9 * np.rot90(image, 1, (1, 2)), live)
    )
    assert np.linalg.norm(radial_profiles(image, live)) == pytest.approx(1)


def test_telling_the_fibril_alone_explains_no_twist(trials: Trials):
    means = np.zeros(len(trials))
    for kind in set(trials.fibril.tolist()):
        means[trials.fibril == kind] = trials.twist_deg_per_nm[trials.fibril == kind].mean()
    assert board.r2_within(means, trials) == pytest.approx(0, abs=1e-6)


def test_only_test_pairs_are_scored_and_none_is_learned_from():
    system = CONDITIONS["noise-free"]
    unseen, learned = pair_numbers(system, "test", 40), pair_numbers(system, "train", 400)
    assert not set(unseen) & set(learned)
    assert {index // 10 % 10 for index in unseen} == {9}
    assert [index % 10 for index in unseen] == list(range(10)) * 4


def test_conditions_measure_the_same_shapes(trials: Trials):
    varied = conditions(TINY)
    assert varied.keys() == CONDITIONS.keys()
    stopped = unseen_pairs(varied["beam-stop"], 2)
    np.testing.assert_array_equal(stopped.shapes, trials.shapes[:2])
    assert stopped.patterns[0].sum() == pytest.approx(1e4, rel=0.1)
    imaging = CONDITIONS["beam-stop"].imaging
    assert not imaging.live[imaging.window.q < BEAM_STOP].any()
    assert (~imaging.live).sum() == 9
    with pytest.raises(ConfigError, match="did you mean 'beam-stop'"):
        condition("beamstop")


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (lambda n: np.zeros(n), "a dict is asked for"),
        (lambda n: {}, "answered nothing"),
        (lambda n: {"image": np.zeros(n)}, "'image'; known are shape"),
        (lambda n: {"shape": np.zeros((n, 8, 8))}, r"is \[12, 8, 8\]; \[12, 32, 32\]"),
        (lambda n: {"shape": np.full((n, 32, 32), np.nan)}, "not finite"),
        (lambda n: {"fibril": np.full(n, 10)}, "whole numbers from 0 to 9"),
        (lambda n: {"fibril": np.full(n, 0.5)}, "whole numbers from 0 to 9"),
        (lambda n: {"fibril_probability": np.zeros((n, 9))}, r"\[12, 10\] is asked for"),
        (lambda n: {"twist_deg_per_nm": ["much"] * n}, "no array of numbers"),
        (lambda n: 1 / 0, "the model failed: ZeroDivisionError: division by zero"),
    ],
)
def test_an_answer_that_cannot_be_scored_is_one_line(trials: Trials, answer: Callable, message: str):
    with pytest.raises(InputError, match=message) as caught:
        ask(lambda patterns, live, side: answer(len(patterns)), trials.patterns, trials.live, 64.0)
    assert "\n" not in str(caught.value)


def test_a_model_is_found_in_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "model_of_mine.py").write_text("def predict(patterns, live, side):\n    return {}\n")
    (tmp_path / "broken_model.py").write_text("raise RuntimeError('no GPU\\nat all')\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.path", [str(tmp_path)])
    assert find_model("model_of_mine:predict")(None, None, None) == {}  # pyright: ignore[reportArgumentType]
    for name, message in {
        "model_of_mine": "write module:function",
        "model_of_mine:predikt": "has no function 'predikt'",
        "no_such_model:predict": "cannot be imported: ModuleNotFoundError",
        "broken_model:predict": "RuntimeError: no GPU$",
    }.items():
        with pytest.raises(ConfigError, match=message):
            find_model(name)


def test_the_network_is_scored_alone_with_the_fit_and_polished(tmp_path: Path):
    header = {"system": "molmnist", "config": to_config(TINY), "seed": 0, "version": "0"}
    models = shipped_models(save_weights(tmp_path, TINY.network().state_dict(), header), rounds=5)
    rows = board.evaluate_condition(TINY, models, ("inversion",), 4, 0, "tiny")
    assert [row["model"] for row in rows] == ["network", "network + fit", "network + fit + 5 rounds"]
    assert all(0 < row["pearson"] <= 1 for row in rows)


def test_the_verb_prints_what_a_model_is_worth(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    from json import loads

    from typer.testing import CliRunner

    from argand.systems.molmnist.cli import app

    text = "import numpy as np\ndef predict(p, live, side):\n    return {'fibril': np.zeros(len(p), int)}\n"
    (tmp_path / "first_model.py").write_text(text)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("argand.systems.molmnist.benchmark.conditions.CONDITIONS", conditions(TINY))
    call = ["evaluate", "--model", "first_model:predict", "--count", "4", "--condition", "noise-free"]
    shown = CliRunner().invoke(app, call)
    assert shown.exit_code == 0, shown.output
    assert "50.0%" in shown.output
    rows = loads(CliRunner().invoke(app, [*call, "--json"]).output)
    assert [(row["task"], row["accuracy"]) for row in rows] == [("classification", 0.5)]
    both = CliRunner().invoke(app, [*call, "weights.safetensors"])
    assert isinstance(both.exception, ConfigError)
