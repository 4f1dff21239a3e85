"""Data sets: repeatable on any number of processes, resumable, split, checked."""

import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from disk_limit import room_for
from torch.utils.data import DataLoader

from argand.crew import HERE, Machines
from argand.errors import ConfigError, InputError, OutputError
from argand.io.dataset import StoredSamples
from argand.systems.molmnist.benchmark import dataset
from argand.systems.molmnist.benchmark.dataset import load, write_pairs
from argand.systems.molmnist.benchmark.integrity import write_sums
from argand.systems.molmnist.benchmark.measurement import Measurement
from argand.systems.molmnist.benchmark.pairs import open_pairs
from argand.systems.molmnist.benchmark.sample import SAMPLE, pack, unpack
from argand.systems.molmnist.presets import PRESETS

TINY = PRESETS["tiny"]


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_pairs(TINY, tmp_path_factory.mktemp("set") / "set.h5", 40, 0, machines=HERE, quiet=True)


def arrays(path: Path) -> dict[str, np.ndarray]:
    with StoredSamples(path) as stored:
        return {name: np.asarray(array) for name, array in stored.file.items()}


@pytest.mark.slow
def test_two_processes_make_the_same_set(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    from argand.learn import simulate

    whole = simulate.simulate_to_file
    monkeypatch.setattr(dataset, "simulate_to_file", lambda *a, **k: whole(*a, shard_size=20, **k))
    other = write_pairs(TINY, tmp_path / "set.h5", 40, 0, machines=Machines(2), quiet=True)
    first, second = arrays(path), arrays(other)
    for name, values in first.items():
        np.testing.assert_array_equal(values, second[name])


def test_a_stopped_set_is_completed_to_the_same_one(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    simulate, made = type(TINY).simulate, []

    def stopping(self, index, seed):
        made.append(index)
        if len(made) == 15:
            raise KeyboardInterrupt
        return simulate(self, index, seed)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt, match="14 of 40"):
        patch.setattr(type(TINY), "simulate", stopping)
        write_pairs(TINY, tmp_path / "set.h5", 40, 0, machines=HERE, quiet=True)
    with pytest.raises(InputError, match="not a complete data set"):
        open_pairs(tmp_path / "set.h5")
    write_pairs(TINY, tmp_path / "set.h5", 40, 0, machines=HERE, quiet=True)
    for name, values in arrays(path).items():
        np.testing.assert_array_equal(values, arrays(tmp_path / "set.h5")[name])


def test_splits_share_no_draw_and_hold_all(path: Path):
    parts = {name: open_pairs(path, name) for name in ("train", "val", "test")}
    assert [len(part) for part in parts.values()] == [32, 4, 4]
    drawn = [
        set(zip(p.arrays("fibril").tolist(), p.arrays("variant").tolist(), strict=True))
        for p in parts.values()
    ]
    assert len(set.union(*drawn)) == 40


def test_pairs_are_tensors_and_arrays(path: Path):
    pairs = open_pairs(path, "train")
    first = pairs[0]
    assert first["pattern"].shape == first["shape"].shape == (1, 32, 32)
    assert first["pattern"].dtype == first["shape"].dtype == torch.float32
    np.testing.assert_array_equal(pairs.arrays("pattern")[0], first["pattern"][0].numpy())
    assert pairs.mask.shape == (32, 32)
    assert not pairs.mask[16, 16]
    with pytest.raises(ConfigError, match="has no 'twist'"):
        pairs.arrays("twist")
    with pytest.raises(ConfigError, match="unknown split 'tset'"):
        open_pairs(path, "tset")


def test_a_data_loader_batches_pairs(path: Path):
    batch = next(iter(DataLoader(open_pairs(path), batch_size=4)))
    assert batch["pattern"].shape == (4, 1, 32, 32)
    assert batch["fibril"].shape == (4,)


def test_pairs_can_be_sent_to_another_process(path: Path):
    pairs = open_pairs(path, "val")
    again = pickle.loads(pickle.dumps(pairs))  # noqa: S301 (its own)
    assert torch.equal(again[1]["shape"], pairs[1]["shape"])


def test_the_card_tells_what_how_and_the_limits(path: Path):
    card = path.with_suffix(".md").read_text()
    for word in ("40 pairs", "Licence", "Known limits", "kT/Å²", "twist_deg_per_nm", "seed 0"):
        assert word in card


@pytest.fixture(scope="module")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twenty small pairs of bundles."""
    asked = Measurement(size=48, window=120.0)
    system = asked.applied(PRESETS["hard"])
    return write_pairs(system, tmp_path_factory.mktemp("set") / "few.h5", 20, 0, machines=HERE, quiet=True)


def test_bundles_are_stored_with_a_mask_for_each_pattern(bundles: Path):
    pairs = open_pairs(bundles, "train")
    first = pairs[0]
    assert first["pattern"].shape == first["shape"].shape == first["live"].shape == (1, 48, 48)
    assert first["pattern"].dtype == first["shape"].dtype == torch.float32
    assert first["live"].dtype == torch.bool
    assert first["sites"].sum() == first["chains"]
    assert pairs.mask.shape == (16, 48, 48)
    np.testing.assert_array_equal(pairs.mask[0], first["live"][0].numpy())
    assert len({mask.tobytes() for mask in pairs.mask}) > 8
    assert not pairs.arrays("pattern")[~pairs.mask].any()
    made = pairs.system.simulate(0, 0)
    np.testing.assert_array_equal(pairs.arrays("pattern")[0], made["pattern"])
    batch = next(iter(DataLoader(pairs, batch_size=4)))
    assert batch["live"].shape == (4, 1, 48, 48)


def test_splits_of_bundles_share_no_outline(bundles: Path):
    parts = [open_pairs(bundles, name) for name in ("train", "val", "test")]
    assert [len(part) for part in parts] == [16, 2, 2]
    seen = [{grid.tobytes() for grid in part.arrays("sites")} for part in parts]
    assert not seen[0] & seen[1] | seen[0] & seen[2] | seen[1] & seen[2]


def test_the_card_of_bundles_tells_every_array_their_ranges_and_how_outlines_are_split(bundles: Path):
    card = bundles.with_suffix(".md").read_text()
    for name in open_pairs(bundles).names:
        assert f"`{name}`" in card, name
    for word in (
        "-8 to 8 degrees/nm",
        "100 to 300 Å",
        "4 to 100 chains",
        "0.7 has a gap",
        "hash of its sites",
        "48 x 48",
    ):
        assert word in card.replace("\n", " "), word
    for word in ("fibrils 2x2", "energy_kt", "cut-off"):
        assert word not in card, word


def test_the_card_of_fibrils_tells_every_array(path: Path):
    card = path.with_suffix(".md").read_text()
    for name in open_pairs(path).names:
        assert f"`{name}`" in card, name


def test_a_full_disk_is_one_line_and_leaves_nothing_half_written(tmp_path: Path):
    with room_for(20_000), pytest.raises(OutputError, match=r"00000000\.h5: cannot be written"):
        write_pairs(TINY, tmp_path / "set.h5", 40, 0, machines=HERE, quiet=True)
    assert not [file for file in tmp_path.rglob("*") if file.is_file()]


def test_the_shipped_sample_loads_at_once_and_is_small():
    assert SAMPLE.stat().st_size <= 2e6
    pairs = load("sample")
    assert len(pairs) == 100
    assert np.bincount(pairs.arrays("fibril")).tolist() == [10] * 10
    assert pairs[3]["pattern"].shape == (1, 200, 200)
    assert len(load("sample", "train")) == 80


def test_the_shipped_sample_is_what_the_standard_set_begins_with():
    pairs = load("sample")
    made = PRESETS["standard"].simulate(0, dataset.SEED)
    np.testing.assert_array_equal(pairs.arrays("shape")[0], made["shape"])
    there = made["pattern"] > 0
    np.testing.assert_allclose(pairs.arrays("pattern")[0][there], made["pattern"][there], rtol=0.06)


def test_packing_keeps_what_friedels_law_repeats():
    random = np.random.default_rng(0)
    image = np.abs(np.fft.fftshift(np.fft.fft2(random.random((2, 8, 8)), axes=(1, 2)), axes=(1, 2))) ** 2
    codes, low, high = pack(image)
    assert codes.shape == (2, 8, 5)
    np.testing.assert_allclose(unpack(codes, low, high), image, rtol=0.03)


def test_sets_are_made_on_first_use_and_found_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(PRESETS, "standard", TINY)
    pairs = load("standard", "train", count=20, folder=tmp_path, quiet=True)
    assert len(pairs) == 16
    monkeypatch.setattr(dataset, "write_pairs", None)
    assert len(load("standard", "test", count=20, folder=tmp_path)) == 2
    with pytest.raises(ConfigError, match="did you mean 'standard'"):
        load("standrd")


def test_a_set_of_another_system_is_refused(path: Path, tmp_path: Path):
    from argand.io.dataset import SetPlan, write_dataset

    plan = SetPlan(replace(TINY).simulate, {"system": "geometry", "config": {}}, 2, 0)
    write_dataset(tmp_path / "other.h5", plan)
    (tmp_path / "other.md").write_text("a card")
    write_sums(tmp_path / "other.h5")
    with pytest.raises(InputError, match="not of molmnist"):
        open_pairs(tmp_path / "other.h5")
