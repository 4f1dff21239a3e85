"""What the network of frameworks learns from, and that it learns."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from pyarrow import parquet, table
from typer.testing import Result

from argand.errors import InputError
from argand.io.weights import read_header
from argand.learn.stream import VALIDATION_OFFSET, collate
from argand.learn.train import train
from argand.physics.crystal.structure import Structure
from argand.systems.crystals.generation.framework_card import keep_figures
from argand.systems.crystals.generation.framework_dataset import pack, unpacked
from argand.systems.crystals.generation.framework_index import load_frameworks
from argand.systems.crystals.generation.framework_network import FrameworkShape
from argand.systems.crystals.generation.framework_sampling import compose_frameworks
from argand.systems.crystals.generation.framework_training import Frameworks
from argand.systems.crystals.generation.occupation_dataset import is_held_out

FACES = np.array([[0.0, 0.5, 0.5], [0.5, 0.0, 0.5], [0.5, 0.5, 0.0]])
TINY = FrameworkShape(width=16, layers=1, heads=2)


def salt(first: int, second: int, edge: float) -> Structure:
    places = np.array([[0.1, 0.1, 0.1], [0.6, 0.6, 0.6]])
    return Structure(edge * FACES, np.array([first, second], np.uint8), places)


@pytest.fixture
def pool(tmp_path: Path) -> Path:
    """Rock salts, one of them of a benchmark, one with held out formula, and one in a void."""
    salts = [salt(11, 17, 5.64), salt(19, 17, 6.29), salt(12, 8, 4.21), salt(3, 9, 4.03), salt(11, 9, 12.0)]
    salts.append(next(one for z in range(3, 90) if is_held_out(one := salt(z, 9, 5.0))))
    columns = {
        "bench": ["", "", "", "mp_20:test", "", ""],
        "lattice": [one.lattice.ravel().tolist() for one in salts],
        "species": [one.species.tolist() for one in salts],
        "frac_coords": [one.frac_coords.ravel().tolist() for one in salts],
    }
    path = tmp_path / "pool.parquet"
    parquet.write_table(table(columns), path)
    return path


def test_benchmarks_voids_and_formulas_held_out_are_not_learned(pool: Path, tmp_path: Path) -> None:
    packed = tmp_path / "frameworks.safetensors"
    assert pack(str(pool), packed) == 4
    arrays, learned, held_out = unpacked(packed)
    assert (len(learned), len(held_out)) == (3, 1)
    assert set(arrays["group"].tolist()) == {225}
    system = Frameworks(str(packed))
    drawn = [system.simulate(number, 0)["elements"][:2].tolist() for number in range(40)]
    held = system.simulate(0, VALIDATION_OFFSET)["elements"][:2].tolist()
    assert held not in drawn
    assert sorted({max(one) for one in drawn}) == [12, 17, 19]


def test_a_source_without_small_cells_is_refused(tmp_path: Path) -> None:
    many = Structure(np.eye(3) * 20, np.full(21, 6, np.uint8), np.random.default_rng(0).random((21, 3)))
    row = {"lattice": [many.lattice.ravel().tolist()], "species": [many.species.tolist()]}
    parquet.write_table(
        table(row | {"frac_coords": [many.frac_coords.ravel().tolist()]}), tmp_path / "x.parquet"
    )
    with pytest.raises(InputError, match="at most 20 atoms"):
        pack(str(tmp_path / "x.parquet"), tmp_path / "out.safetensors")


def test_the_network_learns_one_batch(pool: Path, tmp_path: Path) -> None:
    pack(str(pool), tmp_path / "frameworks.safetensors")
    system = Frameworks(str(tmp_path / "frameworks.safetensors"), TINY)
    torch.manual_seed(0)
    network = system.network()
    optimiser = torch.optim.Adam(network.parameters(), lr=0.05)
    batch = collate([system.simulate(number, 0) for number in range(8)])
    losses = []
    for _ in range(30):
        loss, metrics = system.loss(network, batch)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append({name: float(value) for name, value in metrics.items()})
    assert losses[-1]["loss"] < losses[0]["loss"] - 10
    # Three salts: three choices of elements are left, and nothing of group and letters.
    assert losses[-1]["group"] + losses[-1]["letters"] < 0.1
    assert losses[-1]["places"] == 0


@pytest.mark.slow
def test_training_keeps_weights_that_compose(pool: Path, tmp_path: Path) -> None:
    pack(str(pool), tmp_path / "frameworks.safetensors")
    system = Frameworks(str(tmp_path / "frameworks.safetensors"), TINY, learning_rate=0.05)
    settings = {"precision": "fp32", "workers": 0, "val_count": 4, "val_every_steps": 30, "quiet": True}
    made = train(system, tmp_path / "run", max_time=None, max_steps=30, batch_size=4, **settings)
    card = keep_figures({"samples": [{"what": "ours", "valid": 1.0}]}, made.weights, tmp_path / "kept")
    assert "ours" in card.read_text()
    assert read_header(tmp_path / "kept")["figures"]["samples"] == {"ours": {"valid": 1.0}}
    composed = compose_frameworks(4, 0, 0.3, tmp_path / "kept")
    assert [name for name, _ in composed] == ["frameworks:SG225"] * 4


def test_train_frameworks_packs_the_pool_once(
    run: Callable[..., Result], pool: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = {}

    def record(system: object, out: Path, **settings: object) -> None:
        seen.update(settings, system=system)
        raise KeyboardInterrupt("stopped")

    monkeypatch.setattr("argand.learn.train.train", record)
    words = ["train", "frameworks", "--out", tmp_path / "run"]
    assert "4 structures packed" in run(*words, "--structures", pool).stdout
    assert seen["system"] == Frameworks(str(tmp_path / "run" / "frameworks.safetensors"))
    assert "packed" not in run(*words, "--resume").stdout


def test_the_index_verb_lists_frameworks_of_benchmarks_too(
    run: Callable[..., Result], pool: Path, tmp_path: Path
) -> None:
    assert run("index", pool, "--out", tmp_path / "made", "--frameworks").exit_code == 0
    index = load_frameworks(tmp_path / "made" / "frameworks.safetensors")
    assert len(index) == 1
    assert index.known(salt(3, 9, 4.03))
