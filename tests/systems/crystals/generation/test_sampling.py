"""New crystals: composed from what is known, drawn as latents, decoded, and compared with what is known."""

import json
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch
from pyarrow import parquet, table
from typer.testing import Result

from argand.errors import ConfigError, InputError
from argand.io.arrays import write_arrays
from argand.io.structure import read_structure, write_structure
from argand.physics.crystal.structure import Structure, checked, parameters
from argand.systems.crystals.database import fingerprint_index, packed_structures
from argand.systems.crystals.database.dataset import from_parquet
from argand.systems.crystals.database.fingerprint_index import SAME, index_of, load_index, save_index
from argand.systems.crystals.database.latents import read_latents
from argand.systems.crystals.generation.candidates import Prior
from argand.systems.crystals.generation.element_assignment import assign_elements, plausibility
from argand.systems.crystals.generation.local_environment import local_environment
from argand.systems.crystals.generation.occupation_dataset import is_held_out, pack, unpacked
from argand.systems.crystals.generation.occupation_network import HIDDEN
from argand.systems.crystals.generation.occupation_training import Occupation, load_occupation
from argand.systems.crystals.generation.sampling import draw, repeated
from argand.systems.crystals.generation.structure_templates import load_templates
from argand.systems.crystals.latent.representation import Representation

FACE = np.array([[0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]])


def salt(first: int, second: int, edge: float) -> Structure:
    """Rock salt of two elements."""
    return checked(edge * FACE, np.array([first, second]), np.array([[0.1, 0.1, 0.1], [0.6, 0.6, 0.6]]))


HALITE = salt(11, 17, 5.64)
ZINCBLENDE = checked(5.41 * FACE, np.array([30, 16]), np.array([[0, 0, 0], [0.25, 0.25, 0.25]]))


@pytest.fixture
def pool(tmp_path: Path) -> Path:
    """A parquet file of four salts, one of which belongs to a benchmark."""
    salts = [salt(11, 17, 5.64), salt(19, 17, 6.29), salt(12, 8, 4.21), salt(3, 9, 4.03)]
    columns = {
        "material_id": [f"mp-{number}" for number in range(4)],
        "bench": ["", "", "", "mp_20:test"],
        "formula": [one.formula for one in salts],
        "n_atoms": [2] * 4,
        "lattice": [one.lattice.ravel().tolist() for one in salts],
        "species": [one.species.tolist() for one in salts],
        "frac_coords": [one.frac_coords.ravel().tolist() for one in salts],
    }
    path = tmp_path / "pool.parquet"
    parquet.write_table(table(columns), path)
    return path


def test_neighbours_of_halite_are_six_and_do_not_depend_on_its_size():
    found = local_environment(HALITE)
    assert found.distance[0, :6] == pytest.approx(1.0)
    assert set(found.neighbours[0, :6]) == {1}
    larger = local_environment(salt(11, 17, 6.5))
    assert larger.distance == pytest.approx(found.distance, abs=1e-5)
    assert larger.log_scale > found.log_scale


def test_the_network_does_not_mind_the_order_of_atoms_nor_who_else_is_in_the_batch():
    torch.manual_seed(0)
    network = Occupation().network().eval()
    perovskite = checked(
        3.9 * np.eye(3),
        np.array([38, 22, 8, 8, 8]),
        np.array([[0, 0, 0], [0.5, 0.5, 0.5], [0.5, 0.5, 0], [0.5, 0, 0.5], [0, 0.5, 0.5]]),
    )
    order = [3, 0, 4, 2, 1]
    turned = checked(perovskite.lattice, perovskite.species[order], perovskite.frac_coords[order])
    alone = plausibility(network, [perovskite])[0]
    beside = plausibility(network, [HALITE, turned])[1]
    assert alone is not None
    assert beside == pytest.approx(alone[order], rel=1e-4)


def test_the_network_is_not_shown_what_it_is_to_find(pool: Path, tmp_path: Path):
    assert pack(str(pool), tmp_path / "cells.safetensors") == 3
    system = Occupation(str(tmp_path / "cells.safetensors"))
    samples = [system.simulate(index, 0) for index in range(40)]
    for sample in samples:
        hidden = np.flatnonzero(sample["truth"] >= 0)
        assert (sample["species"][np.isin(sample["kinds"], hidden) & (sample["species"] > 0)] == HIDDEN).all()
    assert {int((sample["truth"] >= 0).sum()) for sample in samples} == {0, 1, 2}


def test_train_occupation_packs_the_pool_once_and_takes_its_own_settings(
    run: Callable[..., Result], pool: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    seen = {}

    def record(system: object, out: Path, **settings: object) -> None:
        seen.update(settings, system=system, out=out)
        raise KeyboardInterrupt("stopped at step 3; continue it with --resume")

    monkeypatch.setattr("argand.learn.train.train", record)
    words = ["train", "occupation", "--out", tmp_path / "run", "--learning-rate", 0.01, "--val-count", 16]
    assert "name structures" in run(*words).stderr
    answer = run(*words, "--structures", pool)
    assert answer.exit_code == 130
    assert "3 structures packed" in answer.stdout
    assert seen["system"] == Occupation(str(tmp_path / "run" / "cells.safetensors"), learning_rate=0.01)
    assert (seen["batch_size"], seen["val_count"], seen["clip_norm"]) == (128, 16, 1.0)
    assert (seen["precision"], seen["workers"], seen["resume"]) == ("fp32", 0, False)
    assert "packed" not in run(*words, "--resume").stdout


def test_formulas_held_out_are_not_drawn_for_training(pool: Path, tmp_path: Path):
    pack(str(pool), tmp_path / "cells.safetensors")
    _, learned, kept = unpacked(tmp_path / "cells.safetensors")
    marks = [is_held_out(one) for one in from_parquet(pool)]
    assert len(kept) == sum(marks)
    assert len(learned) == len(marks) - sum(marks)


def test_an_index_knows_its_structures_under_strain_and_no_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    save_index(tmp_path / "known.safetensors", index_of([("halite", HALITE), ("blende", ZINCBLENDE)]))
    known = load_index(tmp_path / "known.safetensors")
    for is_installed in (find_spec("pymatgen") is not None, False):
        monkeypatch.setattr(fingerprint_index, "has_matcher", lambda is_installed=is_installed: is_installed)
        assert known.same_as(salt(11, 17, 5.9)) == "halite"
        assert known.same_as(salt(30, 34, 5.6)) is None
    # By fingerprints. StructureMatcher, as loose as it is usually asked, takes rock salt for zinc blende.
    assert known.same_as(salt(30, 16, 5.0)) is None
    assert known.nearest(salt(11, 17, 5.7))[0]["name"] == "halite"


def test_what_fingerprints_take_for_two_structure_matcher_takes_for_one():
    pytest.importorskip("pymatgen")
    stretched = checked(HALITE.lattice @ np.diag([1.0, 1.0, 1.15]), HALITE.species, HALITE.frac_coords)
    known = index_of([("halite", HALITE), ("blende", ZINCBLENDE)])
    assert known.same_formula(stretched)[0][1] > SAME
    assert known.same_as(stretched) == "halite"


def test_packed_structures_are_those_that_were_packed_within_a_step():
    triclinic = checked(
        np.array([[4.0, 0, 0], [1.0, 5.0, 0], [-1.5, 2.0, -6.0]]),
        np.array([17, 8, 11]),
        np.array([[0.1, 0.2, 0.3], [0.999, 0.5, 0.25], [1 / 3, 2 / 3, 0.75]]),
    )
    packed = packed_structures.unpacked(packed_structures.pack([HALITE, triclinic]).arrays())
    back, order = packed[1], [1, 2, 0]
    assert len(packed) == 2
    assert back.species.tolist() == [8, 11, 17]
    apart = back.frac_coords - triclinic.frac_coords[order]
    assert np.abs(apart - np.round(apart)).max() <= 0.5 / 120 + 1e-9
    assert parameters(back.lattice) == pytest.approx(parameters(triclinic.lattice), rel=2e-3)
    assert back.volume == pytest.approx(triclinic.volume, rel=1e-2)


def test_a_larger_cell_of_the_same_crystal_is_a_repetition():
    shifted = HALITE.frac_coords + np.array([1, 0, 0])
    double = checked(
        HALITE.lattice * np.array([[2], [1], [1]]),
        np.tile(HALITE.species, 2),
        np.concatenate([HALITE.frac_coords, shifted]) / [2, 1, 1],
    )
    assert repeated([HALITE, ZINCBLENDE, double]) == [None, None, 0]


def test_draws_are_fixed_by_the_seed_and_have_distinct_elements():
    prior, representation = Prior(tries=2), Representation()
    first, again, other = (draw(prior, representation, 2, seed) for seed in (5, 5, 6))
    assert all((a.latent == b.latent).all() for a, b in zip(first, again, strict=True))
    assert any(not np.array_equal(a.latent, b.latent) for a, b in zip(first, other, strict=True))
    skeletons = [load_templates()[row] for row in range(3)]
    for one, made in zip(skeletons, assign_elements(load_occupation(), skeletons, 0), strict=True):
        assert len(np.unique(made.species)) == len(np.unique(one.species))


def test_sample_writes_cifs_latents_and_what_they_resemble(run: Callable[..., Result], tmp_path: Path):
    answer = run("sample", "--count", 2, "--seed", 3, "--out", tmp_path / "drawn", "--json")
    assert answer.exit_code == 0, answer.output
    summary = json.loads(answer.stdout)
    assert summary == json.loads((tmp_path / "drawn" / "summary.json").read_text())
    rows, _ = read_latents(tmp_path / "drawn" / "latents.parquet")
    for row, record in zip(rows, summary["structures"], strict=True):
        assert read_structure(tmp_path / "drawn" / record["file"]).formula == record["formula"]
        assert row.source == record["prototype"]
        assert record["nearest"].startswith("mp-")
        assert 0 <= record["plausibility"] <= 1
        assert record["valid_strict"]


def test_nearest_looks_in_an_index_that_was_made(run: Callable[..., Result], pool: Path, tmp_path: Path):
    write_structure(tmp_path / "halite.cif", HALITE)
    assert run("index", pool, "--out", tmp_path / "made").exit_code == 0
    made = tmp_path / "made" / "known.safetensors"
    answer = run("nearest", tmp_path / "halite.cif", "--index", made, "--most", 1, "--json")
    assert json.loads(answer.stdout)[0]["name"] == "mp-0"


def test_bad_input_is_refused_in_one_line(run: Callable[..., Result], tmp_path: Path):
    assert run("sample", "--count", 0, "--out", tmp_path).exit_code == 2
    with pytest.raises(ConfigError, match="count of 0"):
        draw(Prior(), Representation(), 0, 0)
    with pytest.raises(ConfigError, match="temperature"):
        Prior(temperature=0.0)
    with pytest.raises(InputError, match="no such file"):
        load_index(tmp_path / "none.safetensors")
    (tmp_path / "text.safetensors").write_text("no index")
    with pytest.raises(InputError, match="not an index"):
        load_index(tmp_path / "text.safetensors")
    with pytest.raises(InputError, match="not a readable parquet file"):
        from_parquet(tmp_path / "text.safetensors")
    arrays = {"names": np.zeros(1, np.uint8), "lattice": np.zeros((1, 3, 3)), "ends": np.array([2])}
    arrays |= {"species": np.ones(1, np.uint8), "places": np.zeros((1, 3), np.uint16)}
    write_arrays(tmp_path / "short.safetensors", arrays)
    with pytest.raises(InputError, match="do not belong together"):
        load_templates(tmp_path / "short.safetensors")
