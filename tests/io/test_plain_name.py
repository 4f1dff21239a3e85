"""Names of files of any bytes: what other libraries read and write may have them too."""

import os
from pathlib import Path

import gemmi
import numpy as np
import pytest
import torch
from toy import ToySystem

from argand.io.arrays import read_arrays, write_arrays
from argand.io.dataset import SetPlan, StoredSamples, write_dataset
from argand.io.map import read_ccp4, write_map
from argand.io.plain_name import plain_name
from argand.io.solution import write_ccp4
from argand.io.structure import write_structure
from argand.io.weights import load_weights, save_weights
from argand.physics.crystal.structure import Structure
from argand.physics.crystal.symmetry import Group
from argand.systems.crystals.database.latents import StoredLatent, read_latents, write_latents

HEADER = {"system": "toy", "config": {}, "seed": 0, "version": "0"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder whose name is no UTF-8."""
    made = tmp_path / os.fsdecode(b"n\xff\xc3")
    try:
        made.mkdir()
    except OSError:
        pytest.skip("this file system has no such names")
    return made


def test_a_usual_name_is_left_as_it_is(tmp_path: Path):
    with plain_name(tmp_path / "Å.map") as name:
        assert name == str(tmp_path / "Å.map")


def test_another_has_a_link_as_long_as_it_is_read(folder: Path):
    (folder / "a.map").write_text("text")
    with plain_name(folder / "a.map") as name:
        assert name.encode()
        assert name.endswith(".map")
        assert Path(name).read_text() == "text"
    assert not Path(name).exists()


def test_a_map_is_what_gemmi_writes(tmp_path: Path):
    density = np.random.default_rng(0).random((4, 5, 6)).astype(np.float32)
    cell, group = (5.0, 6.0, 7.0, 90.0, 100.0, 90.0), Group.from_name("P 21/c")
    write_ccp4(tmp_path / "ours.ccp4", density, cell, group)
    theirs = gemmi.Ccp4Map()
    theirs.grid = gemmi.FloatGrid(density)
    theirs.grid.set_unit_cell(gemmi.UnitCell(*cell))
    theirs.grid.spacegroup = gemmi.find_spacegroup_by_name(group.name) or gemmi.SpaceGroup("P 1")
    theirs.update_ccp4_header()
    theirs.write_ccp4_map(str(tmp_path / "theirs.ccp4"))
    assert (tmp_path / "ours.ccp4").read_bytes() == (tmp_path / "theirs.ccp4").read_bytes()


def test_maps_come_back(folder: Path):
    values = np.random.default_rng(0).random((4, 4, 4)).astype(np.float32)
    write_map(folder / "a.ccp4", values, side=8.0)
    found, cell = read_ccp4(folder / "a.ccp4")
    np.testing.assert_array_equal(found, values)
    assert cell[0] == 8.0


def test_weights_and_arrays_come_back(folder: Path):
    save_weights(folder / "a.safetensors", {"a": torch.arange(3.0)}, HEADER)
    assert load_weights(folder / "a.safetensors")[0]["a"].tolist() == [0, 1, 2]
    write_arrays(folder / "b.safetensors", {"b": np.arange(3)})
    assert read_arrays(folder / "b.safetensors", "numbers", "this test")["b"].tolist() == [0, 1, 2]


def test_latents_come_back_with_a_source_that_is_text(folder: Path):
    row = StoredLatent("a", str(folder), 2, np.arange(3, dtype=np.float32))
    write_latents(folder / "a.parquet", [row], {"numbers": 3})
    (found,), config = read_latents(folder / "a.parquet")
    assert found.source.endswith("n\\udcff\\udcc3")
    assert (found.latent.tolist(), config) == ([0, 1, 2], {"numbers": 3})


def test_data_sets_come_back(folder: Path):
    system = ToySystem()
    write_dataset(folder / "set.h5", SetPlan(system.simulate, {"system": "toy"}, 5, 3, shard_size=2))
    bad = folder.with_name(os.fsdecode(b"set\xff.h5"))
    write_dataset(bad, SetPlan(system.simulate, {"system": "toy"}, 5, 3, shard_size=2))
    for path in (folder / "set.h5", bad):
        with StoredSamples(path) as stored:
            np.testing.assert_array_equal(stored[4]["points"], system.simulate(4, 3)["points"])


def test_a_cif_says_the_name_in_valid_text(tmp_path: Path):
    one = Structure(np.eye(3) * 4.0, np.array([29], np.uint8), np.zeros((1, 3)))
    write_structure(tmp_path / "a.cif", one, os.fsdecode(b"n\xff"))
    assert "data_n\\udcff" in (tmp_path / "a.cif").read_text("utf-8")
