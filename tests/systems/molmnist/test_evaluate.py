"""The leaderboard: what a model is given, what its answers are worth, and answers that cannot be scored."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from argand import progress
from argand.crew import HERE, Machines
from argand.errors import ConfigError, InputError
from argand.io.weights import save_weights
from argand.system import to_config
from argand.systems.molmnist import evaluate as board
from argand.systems.molmnist import predict
from argand.systems.molmnist.benchmark import model_runs
from argand.systems.molmnist.benchmark.conditions import Condition, Trials, standard_conditions, unseen_pairs
from argand.systems.molmnist.benchmark.dataset import write_pairs
from argand.systems.molmnist.benchmark.figures import figures_of, r2_within
from argand.systems.molmnist.benchmark.leaderboard import leaderboard
from argand.systems.molmnist.benchmark.model import ask, find_model
from argand.systems.molmnist.evaluate import models_of, shipped_models
from argand.systems.molmnist.fibril.bundle import occupancy
from argand.systems.molmnist.fibril.fibril import FIBRILS, chain_sites
from argand.systems.molmnist.inversion.chain_reading import ChainReading
from argand.systems.molmnist.presets import PRESETS
from argand.systems.molmnist.structures.source import read_structures

TINY = PRESETS["tiny"]
WAY = Condition("tiny", TINY)
CHAINS = replace(PRESETS["chains"], widths=(8, 8))
pytestmark = pytest.mark.usefixtures("quick_retrieval")


@pytest.fixture(scope="module")
def trials() -> Trials:
    return unseen_pairs(WAY, 12)


def truthful(trials: Trials) -> Callable:
    """A model that knows the truth, in inverted shapes on a scale of its own."""

    def predict(patterns, live, window_side):
        assert window_side == trials.window.side
        assert live.shape == patterns.shape
        rows = [int(np.flatnonzero((trials.patterns == one).all((1, 2)))[0]) for one in patterns]
        return {
            "shape": torch.from_numpy(5 * trials.shapes[rows][:, ::-1, ::-1].copy()),
            "fibril_probability": np.eye(10)[trials.truth["fibril"][rows].astype(int)],
            # The hand is not in a projection, so the sign costs nothing.
            "twist_deg_per_nm": (-trials.truth["twist_deg_per_nm"][rows]).tolist(),
        }

    return predict


def test_the_truth_scores_perfectly_in_each_task(trials: Trials, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(model_runs, "BATCH", 5)
    rows = board.evaluate_tasks({"truth": truthful(trials)}, [WAY], count=12, training=0)
    inversion, classes, twist = rows
    assert inversion["psnr_db"] > 60
    assert inversion["pearson"] == pytest.approx(1, abs=1e-4)
    assert inversion["resolution_a"] == pytest.approx(2 * trials.window.pixel)
    assert inversion["beyond_class_mean_db"] is None
    assert set(inversion["by_fibril"]["psnr_db"]) == {"2x2", "3x3"}
    assert classes["accuracy"] == 1
    assert twist["mae_deg_per_nm"] == 0
    assert twist["r2_within_fibrils"] == 1
    assert all(row["cpu_ms_per_pattern"] > 0 for row in rows)
    assert [table.row_count for table in leaderboard(rows)] == [1, 1, 1]


def test_baselines_are_scored_beside_a_model():
    rows = board.evaluate_tasks(
        {}, [WAY], ("classification", "regression"), count=4, baselines=True, training=12
    )
    named = [row["model"] for row in rows if row["task"] == "classification"]
    assert named[0] == "turned class mean (class and rotation told)"
    assert "I(0) alone (told)" in named
    assert "zeros" not in named
    assert all(row["floor"] for row in rows)
    assert next(row for row in rows if row["model"] == "I(0) alone (told)")["accuracy"] == 1


def test_shapes_are_compared_with_the_class_mean_pattern_by_pattern(trials: Trials):
    rows = board.evaluate_tasks({"truth": truthful(trials)}, [WAY], ("inversion",), count=12, training=12)
    mean = board.evaluate_tasks({}, [WAY], ("inversion",), count=12, training=12, baselines=True)[1]
    assert mean["beyond_class_mean_db"] == pytest.approx(0)
    lead = rows[0]["psnr_db"] - mean["psnr_db"]
    assert rows[0]["beyond_class_mean_db"] == pytest.approx(lead, abs=1e-3)
    each = rows[0]["by_fibril"]
    assert each["beyond_class_mean_db"].keys() == each["psnr_db"].keys() == {"2x2", "3x3"}


def test_a_model_that_answers_nothing_of_the_set_is_told_so():
    with pytest.raises(
        InputError, match="odd: no answer to any of the tasks of this set, which ask for shape, fibril, twist"
    ):
        board.evaluate_tasks({"odd": lambda p, *_: {"chains": np.ones(len(p))}}, [WAY], count=2, training=0)


def test_figures_of_bundles_are_those_of_their_definitions(trials: Trials):
    truth = {"chains": np.array([4.0, 10.0]), "outline": np.array([0, 3]), "turn_deg": np.array([10.0, 30.0])}
    pose = {name: values[:2] for name, values in trials.pose.items()}
    two = Trials(trials.window, trials.live[:2], trials.patterns[:2], trials.shapes[:2], truth, pose)
    chains = figures_of("chains", np.array([4.4, 12.0]), two)
    assert chains["mae_chains"] == pytest.approx(1.2)
    assert chains["relative_error"] == pytest.approx(0.15)
    assert chains["exact"] == 0.5
    assert chains["by_outline"] == {"diamond": pytest.approx(0.4), "irregular": 2}
    assert figures_of("outline", np.array([0, 1]), two)["accuracy"] == 0.5
    turn = figures_of("turn", np.array([-10.0, 20.0]), two)
    assert turn["mae_deg"] == 5
    assert turn["r2"] == pytest.approx(1 - 50 / 100)


def test_telling_the_fibril_alone_explains_no_twist(trials: Trials):
    means, fibril = np.zeros(len(trials)), trials.truth["fibril"]
    for kind in np.unique(fibril):
        means[fibril == kind] = trials.truth["twist_deg_per_nm"][fibril == kind].mean()
    assert r2_within(means, trials) == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (lambda n: np.zeros(n), "it must be a dict"),
        (lambda n: {}, "answered nothing"),
        (lambda n: {"image": np.zeros(n)}, "'image'; known are shape"),
        (lambda n: {"shape": np.zeros((n, 8, 8))}, r"is \[12, 8, 8\]; it must be \[12, 32, 32\]"),
        (lambda n: {"shape": np.full((n, 32, 32), np.nan)}, "not finite"),
        (lambda n: {"fibril": np.full(n, 10)}, "whole numbers from 0 to 9"),
        (lambda n: {"fibril": np.full(n, 0.5)}, "whole numbers from 0 to 9"),
        (lambda n: {"fibril_probability": np.zeros((n, 9))}, r"must be \[12, 10\]"),
        (lambda n: {"outline": np.full(n, 4)}, "'outline' must be whole numbers from 0 to 3"),
        (lambda n: {"kind": np.full(n, -1)}, "'kind' must be whole numbers"),
        (lambda n: {"outline_probability": np.zeros((n, 10))}, r"must be \[12, 4\]"),
        (lambda n: {"twist_deg_per_nm": ["much"] * n}, "not an array of numbers"),
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


def test_the_network_is_scored_alone_with_the_fit_and_polished(tiny_weights: Path):
    models = models_of(tiny_weights, TINY, rounds=5)
    rows = board.evaluate_tasks(models, [WAY], ("inversion",), count=4, training=0)
    assert [row["model"] for row in rows] == ["network", "network + fit", "network + fit + 5 rounds"]
    assert all(0 < row["pearson"] <= 1 for row in rows)


def test_processes_change_no_figure(tiny_weights: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(model_runs, "BATCH", 2)
    models = models_of(tiny_weights, TINY, rounds=5)

    def figures(machines: Machines) -> list[dict]:
        rows = board.evaluate_tasks(models, [WAY], count=5, training=20, machines=machines)
        assert all(row["cpu_ms_per_pattern"] > 0 for row in rows)
        return [{**row, "cpu_ms_per_pattern": 0.0} for row in rows]

    assert figures(Machines(2)) == figures(Machines(1))


def test_a_model_that_no_other_process_can_be_given_is_told(trials: Trials):
    with pytest.raises(ConfigError, match="truth cannot be sent to other processes"):
        board.evaluate_tasks({"truth": truthful(trials)}, [WAY], count=2, training=0, machines=Machines(2))


def test_a_task_is_scored_of_the_models_that_answer_it(tiny_weights: Path):
    models = models_of(tiny_weights, TINY, rounds=5)
    rows = board.evaluate_tasks(models, [WAY], ("regression",), count=2, training=0)
    assert [row["model"] for row in rows] == ["network + fit"]


@pytest.fixture(scope="module")
def chain_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights of an untrained network of bundles."""
    torch.manual_seed(0)
    header = {"system": "molmnist", "config": to_config(CHAINS), "seed": 0, "version": "0"}
    return save_weights(tmp_path_factory.mktemp("weights"), CHAINS.network().state_dict(), header)


def test_the_network_of_bundles_answers_the_tasks_of_bundles(chain_weights: Path, monkeypatch):
    monkeypatch.setattr(predict, "WEIGHTS", chain_weights)
    way = Condition("hard", PRESETS["hard"])
    pair = unseen_pairs(way, 2)
    models = shipped_models(way.system)
    assert list(models) == ["network", "network + fit"]
    answer = ask(models["network"], pair.patterns, pair.live, pair.window.side)
    assert answer.keys() == {"shape", "chains", "outline", "turn_deg"}
    assert all((answer["shape"] >= 0).all((1, 2)) & answer["shape"].any((1, 2)))
    # 17 x 17 sites of a network that knows nothing have about equal chances.
    assert answer["chains"] == pytest.approx(17 * 17 / 2, rel=0.2)
    # All turns from 0 to 250 degrees likewise.
    assert answer["turn_deg"] == pytest.approx(125, rel=0.2)


def test_bundles_are_told_as_the_fibrils_and_twists_of_a_set(trials: Trials):
    def read(name: str) -> np.ndarray:
        return occupancy(chain_sites(name).astype(int))

    sites = np.stack([read("3x3"), read("hexagonal-24"), read("5x5"), read("2x2")])
    sites[2, 8, 8] = 0.0  # one chain is missing: nearest is hexagonal-24
    answer = board.chains_told(np.zeros((4, 8, 8)), sites, np.full(4, 20.76), PRESETS["standard"])
    assert [FIBRILS[one] for one in answer["fibril"]] == ["3x3", "hexagonal-24", "hexagonal-24", "2x2"]
    assert answer["chains"].tolist() == [9, 24, 24, 4]
    # Fibrils of the set are 207.6 Å long.
    assert answer["twist_deg_per_nm"] == pytest.approx(1.0, abs=2e-3)
    told = board.chains_told(np.zeros((4, 8, 8)), sites, np.full(4, 20.76), PRESETS["hard"])
    assert told.keys() == {"shape", "chains", "turn_deg"}


def test_the_fit_of_bundles_is_scored_on_bundles_and_on_fibrils(chain_weights: Path):
    """What it answers, not how well: the predictor is one that finds 3x3 everywhere."""
    way = Condition("hard", PRESETS["hard"])
    pair = unseen_pairs(way, 2)
    found = models_of(chain_weights, way.system)["network + fit"]
    predictor = found.predictor  # pyright: ignore[reportFunctionMemberAccess]
    predictor.reader.read = lambda pattern, *_: ChainReading(
        shape=np.ones_like(pattern),
        shape_sd=np.ones_like(pattern),
        sites=occupancy(chain_sites("3x3").astype(int)),
        chains=(9.0, 0.1),
        outline=np.array([0.1, 0.7, 0.1, 0.1]),
        turn_deg=(41.52, 1.0),
        rotation_deg=0.0,
        misfit=1.0,
        expected=1.0,
        background=0.05,
    )
    answer = ask(found, pair.patterns, pair.live, pair.window.side)
    assert answer["outline"].tolist() == [1, 1]
    assert answer["chains"].tolist() == [9, 9]
    assert answer["turn_deg"] == pytest.approx(41.52)


def test_weights_are_refused_for_a_set_of_other_objects(tmp_path: Path, tiny_weights: Path):
    files = tmp_path / "one.pdb"
    files.write_text("ATOM      1  C   ALA A   1       0.000   0.000   0.000  1.00  0.00           C\nEND\n")
    own = replace(TINY, structures=read_structures([files]))
    with pytest.raises(InputError, match="trained on cellulose, but the set shows one"):
        models_of(tiny_weights, own)
    with pytest.raises(ConfigError, match="do not know your own molecules; give weights"):
        shipped_models(own)


def test_the_verb_prints_what_a_model_is_worth(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    from json import loads

    from typer.testing import CliRunner

    from argand.systems.molmnist.cli import app

    text = "import numpy as np\ndef predict(p, live, side):\n    return {'fibril': np.zeros(len(p), int)}\n"
    (tmp_path / "first_model.py").write_text(text)
    monkeypatch.chdir(tmp_path)
    name = "argand.systems.molmnist.benchmark.conditions.CONDITIONS"
    monkeypatch.setattr(name, {"standard": standard_conditions(TINY)})
    call = ["evaluate", "--model", "first_model:predict", "--count", "4", "--condition", "noise-free"]
    shown = CliRunner().invoke(app, call)
    assert shown.exit_code == 0, shown.output
    assert "50.0%" in shown.output
    rows = loads(CliRunner().invoke(app, [*call, "--json"]).output)
    assert [(row["task"], row["accuracy"]) for row in rows] == [("classification", 0.5)]
    both = CliRunner().invoke(app, [*call, "weights.safetensors"])
    assert isinstance(both.exception, ConfigError)
    unlearned = CliRunner().invoke(app, [*call, "--baselines", "--training", "0"])
    assert isinstance(unlearned.exception, ConfigError)


def test_the_verb_scores_on_the_test_split_of_a_set_of_ones_own(tmp_path: Path):
    from json import loads

    from typer.testing import CliRunner

    from argand.systems.molmnist.cli import app

    path = write_pairs(TINY, tmp_path / "own.h5", 60, 3, machines=HERE, quiet=True)
    call = ["evaluate", "--set", str(path), "--baselines", "--training", "20", "--task", "classification"]
    shown = CliRunner().invoke(app, [*call, "--json"])
    assert shown.exit_code == 0, shown.output
    rows = loads(shown.output)
    # Sixty pairs of two fibrils: draws 9, 19 and 29 are test.
    assert {(row["condition"], row["count"]) for row in rows} == {("as stored", 6)}
    assert rows[0]["accuracy"] == 1
    named = CliRunner().invoke(app, [*call, "--condition", "noise-free"])
    assert isinstance(named.exception, ConfigError)


def test_every_phase_shows_its_rate_and_time_left(
    tiny_weights: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    monkeypatch.setattr(progress, "LOG_INTERVAL_S", 0.0)
    models = models_of(tiny_weights, TINY, rounds=2)
    with caplog.at_level("INFO", logger="argand.progress"):
        board.evaluate_tasks(models, [WAY], count=2, training=4, baselines=True)
    for phase, unit in {
        "test pairs": "pairs/s",
        "models": "patterns/s",
        "training pairs": "pairs/s",
        "baselines": "baselines/s",
    }.items():
        told = [line for line in caplog.messages if f"{WAY.name}: {phase}: 100 %" in line]
        assert told, phase
        assert unit in told[0]
        assert "left" in told[0]
    caplog.clear()
    with caplog.at_level("INFO", logger="argand.progress"):
        board.evaluate_tasks(models, [WAY], count=2, training=0, quiet=True)
    assert not caplog.messages


def test_the_fit_of_bundles_reports_often(chain_weights: Path, trials: Trials):
    fitted = models_of(chain_weights, PRESETS["hard"])["network + fit"]
    assert [len(task.patterns) for task in model_runs._tasks("fit", fitted, trials)] == [8, 4]
    assert [len(task.patterns) for task in model_runs._tasks("own", truthful(trials), trials)] == [12]
