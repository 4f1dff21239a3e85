"""Molecules of one's own: what their pairs show, how they are split, and a run from files to scores."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation
from typer.testing import CliRunner

from argand.cli import build
from argand.errors import ConfigError, InputError
from argand.learn.stream import collate
from argand.physics.coherent.composition import CELLULOSE, ELECTRONS, electrons_of, shared_factor
from argand.physics.coherent.exposure import Detector
from argand.physics.coherent.projection import Window, direct_intensity
from argand.system import SYSTEMS, from_config, to_config
from argand.systems.molmnist.benchmark.dataset_card import card_text
from argand.systems.molmnist.presets import trained_on
from argand.systems.molmnist.simulate import Imaging
from argand.systems.molmnist.structures.source import (
    StructureFile,
    Structures,
    axis_named,
    molecule_of,
    read_structures,
    upright,
)
from argand.systems.molmnist.structures.views import principal_angle
from argand.systems.molmnist.system import Molmnist

FOLDER = Path(__file__).parents[4] / "examples" / "data" / "molecules"
PROTEIN, NUCLEIC_ACID = (str(FOLDER / f"{name}.pdb.gz") for name in ("2erl", "1zff"))
SMALL = Imaging(Window(48.0, 48))


@pytest.fixture
def models(tmp_path: Path) -> str:
    """Twenty models of an uneven molecule of three elements, each wider than the one before, and turned."""
    rows, base = [], np.array([[0.0, 0, 0], [4, 0, 0], [0, 2, 0], [0, 0, 7], [-3, -1, -2]])
    for number in range(20):
        cart = base * (1 + number / 20) @ Rotation.from_rotvec([0, 0, number]).as_matrix().T
        rows.append(f"MODEL     {number + 1:4d}")
        for i, ((x, y, z), element) in enumerate(zip(cart, ("SE", "C", "O", "C", "H"), strict=True), start=1):
            rows.append(
                f"HETATM{i:5d} {element:>2}{i:<2} LIG A   1    {x:8.3f}{y:8.3f}{z:8.3f}"
                f"  1.00 10.00          {element:>2}"
            )
        rows.append("ENDMDL")
    path = tmp_path / "wide.pdb"
    path.write_text("\n".join([*rows, "END", ""]))
    return str(path)


def own(*files: str, axis="random", imaging: Imaging = SMALL, **more) -> Molmnist:
    return Molmnist(imaging, structures=read_structures(files, axis), **more)


@pytest.fixture(scope="module")
def learner() -> Molmnist:
    """A network that is learnt in seconds."""
    system = own(NUCLEIC_ACID, network_name="modes", widths=(16, 16), polar=(16, 32), learning_rate=3e-3)
    return replace(system, training_only=True)


def test_electrons_are_atomic_numbers_and_those_of_cellulose_are_as_they_were():
    assert {name: electrons_of(name) for name in ELECTRONS} == ELECTRONS
    assert electrons_of("Se") == 34
    with pytest.raises(ConfigError, match="unknown element"):
        electrons_of("Qq")
    q = np.linspace(0, 2, 5)
    np.testing.assert_array_equal(shared_factor(q), shared_factor(q, "xray", CELLULOSE))
    assert not np.allclose(shared_factor(q), shared_factor(q, "xray", {"Se": 1}))


@pytest.mark.parametrize("axis", ["random", "x", (1.0, 1.0, 0.0)])
def test_a_pattern_is_the_sum_over_all_atoms_of_the_turned_molecule(axis):
    window = Window(80.0, 160)
    system = own(PROTEIN, axis=axis, imaging=Imaging(window, normalise=False))
    sample = system.simulate(0, 3)
    assert system.structures is not None
    elements, frames = molecule_of(system.structures.files[0])
    assert {"S", "N", "H"} < set(elements)
    cart = Rotation.from_quat(sample["orientation"]).apply(frames[0])
    names = np.array(elements)
    atoms = {name: cart[names == name] for name in set(elements)}
    rows = np.random.default_rng(0).integers(50, 111, (200, 2))
    q = np.zeros((len(rows), 3))
    q[:, 1], q[:, 0] = (2 * np.pi / window.side * (rows[:, axis] - 80) for axis in (0, 1))
    exact = np.sqrt(direct_intensity(atoms, q))
    found = np.sqrt(sample["pattern"][tuple(rows.T)])
    assert np.abs(found - exact).sum() < 0.01 * exact.sum()
    assert sample["shape"].sum() == sum(electrons_of(name) for name in elements)


def test_a_fixed_axis_lies_along_the_beam(models: str):
    for axis in ("x", "z", (1.0, -1.0, 2.0)):
        system = own(models, axis=axis)
        assert system.structures is not None
        turn = Rotation.from_quat(system.simulate(0, 0)["orientation"])
        np.testing.assert_allclose(turn.apply(system.structures.direction), (0, 0, 1), atol=1e-6)
    np.testing.assert_allclose(upright(np.array([0.0, 0.0, -1.0])).apply((0, 0, -1)), (0, 0, 1), atol=1e-12)


def test_the_rotation_of_a_random_view_is_its_longer_axis():
    cart = np.array([[-5.0, -5, 1], [5, 5, 2], [1, -1, 3], [-1, 1, 0]])
    assert np.degrees(principal_angle(cart, np.ones(4))) == pytest.approx(45)
    sample = own(NUCLEIC_ACID).simulate(0, 1)
    y, x = np.indices(sample["shape"].shape) - 23.5
    seen = principal_angle(
        np.stack([x.ravel(), y.ravel(), 0 * x.ravel()], 1), sample["shape"].ravel().astype(float)
    )
    off = (np.degrees(seen) - sample["rotation_deg"] + 90) % 180 - 90
    assert abs(off) < 2


def test_models_are_laid_on_the_first_one(models: str):
    frames = molecule_of(read_structures([models]).files[0])[1]
    # Each is the first one made wider: without the turns of the file, directions agree.
    cosine = (frames[0] * frames[9]).sum() / np.linalg.norm(frames[0]) / np.linalg.norm(frames[9])
    assert cosine > 0.9999


def test_splits_of_many_models_share_none(models: str):
    system = own(models, axis="z")
    seen: dict[int, set[int]] = {0: set(), 1: set(), 2: set()}
    for index in range(200):
        sample = system.simulate(index, 0)
        seen[int(sample["split"])].add(int(sample["variant"]))
    assert seen == {0: set(range(16)), 1: {16, 17}, 2: {18, 19}}
    trained = {int(trained_on(system).simulate(index, 0)["variant"]) for index in range(100)}
    assert trained <= seen[0]


def test_splits_of_one_model_share_no_orientation():
    system = own(NUCLEIC_ACID)
    both = [one.simulate(index, 0) for one in (system, trained_on(system)) for index in range(20)]
    assert [int(sample["split"]) for sample in both[:10]] == [0] * 8 + [1, 2]
    orientations = {tuple(sample["orientation"].tolist()) for sample in both}
    assert len(orientations) == 40


def test_molecules_take_turns_and_a_detector_gives_each_its_own_mask():
    system = own(PROTEIN, NUCLEIC_ACID, detector=Detector())
    samples = [system.simulate(index, 0) for index in range(4)]
    assert [system.kinds[system.kind_of(sample)] for sample in samples] == ["2erl", "1zff"] * 2
    assert not np.array_equal(samples[0]["live"], samples[2]["live"])
    assert (samples[0]["pattern"][~samples[0]["live"]] == 0).all()


def test_a_window_that_is_too_small_is_refused_with_the_size_that_is_needed():
    structures = read_structures([PROTEIN])
    with pytest.raises(ConfigError, match="33 Å wide and the window 30 Å; take a window of 70 Å"):
        Molmnist(Imaging(Window(30.0, 30)), structures=structures)
    assert "70" in structures.window_warning(40.0)
    assert structures.window_warning(70.0) == ""


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Structures(()), "needs a molecule"),
        (lambda: read_structures([PROTEIN, PROTEIN]), "two molecules are called '2erl'"),
        (lambda: read_structures([PROTEIN], (0.0, 0.0, 0.0)), "needs a direction"),
        (lambda: axis_named("up"), "'up' is not an axis"),
    ],
)
def test_sets_that_cannot_be_are_refused(call, message: str):
    with pytest.raises(ConfigError, match=message):
        call()
    assert axis_named("1,1,0") == (1.0, 1.0, 0.0)


def test_a_file_that_has_changed_is_not_taken_for_the_set(models: str):
    system = own(models)
    Path(models).write_text(Path(models).read_text().replace("4.000", "4.100"))
    with pytest.raises(InputError, match="has changed"):
        molecule_of(replace(system.structures.files[0]))  # pyright: ignore[reportOptionalMemberAccess]


def test_a_network_is_rebuilt_without_the_files():
    gone = StructureFile("gone", "gone.pdb", "0" * 64, 20, 12.0, (("C", 5),))
    for axis, modes in (("z", 15), ("random", 100)):
        system = Molmnist(SMALL, structures=Structures((gone,), axis), network_name="modes")
        again = from_config(Molmnist, json.loads(json.dumps(to_config(system))))
        assert again == system
        assert again.blank_network().counts == (modes,)
    with pytest.raises(InputError, match="no such file"):
        system.prepare()


def test_the_card_tells_molecules_splits_and_limits(models: str):
    card = card_text("own", own(models, PROTEIN, axis="z"), 100, 0)
    for words in (
        "20 (16, 2, 2)",
        "1 (1, 1, 1)",
        "waters left out: 22",
        "along (0, 0, 1)",
        "orientation alone",
    ):
        assert words in card
    assert "`live`" in card_text("own", own(PROTEIN, detector=Detector()), 100, 0)
    assert "from all sides" in card_text("own", own(PROTEIN), 100, 0)


@pytest.mark.slow
def test_four_pairs_are_learnt_by_heart(learner: Molmnist):
    torch.manual_seed(0)
    batch = collate([learner.inputs(learner.simulate(index, 5)) for index in range(4)])
    network = learner.network()
    optimiser, _ = learner.optimiser(network)
    start = learner.loss(network.eval(), batch, None)[1]["variance_left"].item()
    network.train()
    for _ in range(200):
        loss, metrics = learner.loss(network, batch, torch.Generator().manual_seed(0))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert start > 0.5
    assert metrics["variance_left"].item() < 0.1


def test_identical_shapes_have_no_directions(tmp_path: Path):
    """One model along one axis: its shape is known but for the rotation."""
    system = own(NUCLEIC_ACID, axis="z", network_name="modes", widths=(16, 16), polar=(16, 32))
    inputs = system.inputs(system.simulate(0, 0))
    assert inputs["coefficients"].shape == (2, 1)
    assert not inputs["coefficients"].any()
    network = system.network()
    loss, _ = system.loss(network, collate([inputs]), None)
    assert torch.isfinite(loss)


@pytest.mark.slow
def test_from_files_to_scores_on_the_command_line(tmp_path: Path):
    def run(*words: str) -> str:
        answer = CliRunner().invoke(build(SYSTEMS), ["molmnist", *words])
        assert answer.exit_code == 0, (answer.output, answer.exception)
        return answer.output

    own_axis = ("--axis", "z", "--size", "64")
    name, runs = str(tmp_path / "own.h5"), tmp_path / "run"
    told = run("simulate", "--structures", PROTEIN, NUCLEIC_ACID, "--out", name, "--count", "40", *own_axis)
    assert "2erl: 1 model, 25 Å wide" in told
    assert "40 pairs" in told
    settings = ("--max-time", "2", "--processes", "0", "--val-count", "4", "--batch-size", "8")
    run("train", name, "--out", str(runs), *settings)
    weights = str(runs)
    found = ("--out", str(tmp_path / "found"), "--accept-untrusted")
    run("predict", f"{name}#0-1", "--weights", weights, *found)
    records = json.loads((tmp_path / "found" / "summary.json").read_text())["records"]
    assert [record["truth"]["fibril"] for record in records] == ["2erl", "1zff"]
    assert set(records[0]["probabilities"]) == {"2erl", "1zff"}
    call = ("evaluate", weights, "--set", name, "--json", "--training", "20")
    rows = json.loads(run(*call, "--baselines"))
    means = {"turned class mean (class and rotation told)", "turned class mean (found)"}
    assert {row["model"] for row in rows} >= {"network", "network + fit", "zeros"} | means
    assert all(row["count"] == 4 for row in rows)
    assert {row["task"] for row in rows} == {"inversion", "kind"}
    told = next(row for row in rows if row["model"] in means and row["task"] == "inversion")
    nothing = next(row for row in rows if row["model"] == "zeros")
    # Along one axis, from one model, the mean of a class is its shape but for noise.
    assert told["psnr_db"] > nothing["psnr_db"] + 10
    kinds = [row for row in rows if row["task"] == "kind" and "told" in row["model"]]
    assert [row["accuracy"] for row in kinds] == [1.0]
