"""Predictor and answers as Python and notebooks use them."""

import base64
import re
from pathlib import Path

import gemmi
import numpy as np
import pytest

import argand
from argand.errors import ConfigError, InputError, command_line
from argand.runs.answers import Answers
from argand.runs.course import Failure
from argand.systems.patterson.maps.prediction import Prediction
from argand.systems.patterson.predict import Predictor
from argand.systems.patterson.presets import PRESETS
from argand.systems.patterson.solution.answer import CrystalAnswer

DATA = Path(__file__).parents[3] / "examples" / "data" / "cod_2016452.hkl.gz"
CELL = (9.748, 8.890, 7.566, 90.0, 112.74, 90.0)


@pytest.fixture(scope="module")
def answer() -> CrystalAnswer:
    found = argand.load("patterson").solve_file(DATA, CELL, "P 21/c", "C14H14O2", hydrogens=True)
    assert found.trusted
    return found


def shown(html: str) -> bytes:
    """The picture of a card."""
    found = re.search(r"base64,([^\"]+)", html)
    assert found is not None
    return base64.b64decode(found[1])


def test_a_crystal_goes_into_the_programs_of_its_field(answer: CrystalAnswer):
    # C14H14O2, two formulas in the cell: 60 atoms, hydrogen included.
    atoms, structure = answer.to_ase(), answer.to_pymatgen()
    assert len(atoms) == len(structure) == 60
    assert atoms.get_chemical_formula() == "C28H28O4"
    assert structure.composition.formula == "H28 C28 O4"
    for places in (atoms.get_scaled_positions(wrap=False), structure.frac_coords):
        assert (places >= 0).all()
        assert (places < 1).all()
    np.testing.assert_allclose(structure.lattice.parameters, CELL, rtol=1e-6)
    distances = atoms.get_all_distances(mic=True)[np.triu_indices(60, 1)]
    assert distances.min() > 0.9
    model = gemmi.make_small_structure_from_block(gemmi.cif.read_string(answer.to_cif()).sole_block())
    assert [site.element.name for site in model.sites].count("H") == 7
    assert model.spacegroup_hm == "P 1 21/c 1"


def test_instructions_tell_formula_z_volume_and_group(answer: CrystalAnswer):
    lines = answer.res.splitlines()
    assert lines[0] == "TITL cod_2016452 in P 1 21/c 1, C14H14O2"
    assert "REM C14H14O2, Z = 2, V = 604.70 A^3, P 1 21/c 1 (No. 14)" in lines
    assert any(line.startswith("Q1 ") for line in lines)
    assert "AFIX 43" in lines


def test_the_molecule_of_the_cif_is_whole_and_its_middle_in_the_cell(answer: CrystalAnswer):
    middle = answer.atoms.frac.mean(0)
    assert (middle >= 0).all()
    assert (middle < 1).all()


def test_a_crystal_is_a_table_a_line_and_a_card(answer: CrystalAnswer):
    table = answer.to_dataframe()
    assert list(table.columns) == ["label", "element", "x", "y", "z", "u_iso", "occupancy", "uncertain"]
    assert len(table) == 15
    assert repr(answer).startswith("<CrystalAnswer cod_2016452 in P 1 21/c 1, R1 = 0.")
    assert repr(answer).endswith("8 atoms, trusted>")
    card = answer._repr_html_()
    assert "C14H14O2, 2" in card
    assert shown(card).startswith(b"\x89PNG")
    told = answer.to_dict()
    assert told["volume"] == pytest.approx(604.7, abs=0.1)
    assert (told["formula"], told["units"], told["spacegroup_number"]) == ("C14H14O2", 2.0, 14)


def test_a_crystal_is_written_as_the_verb_writes_it(answer: CrystalAnswer, tmp_path: Path):
    told = answer.write(tmp_path)
    assert {Path(path).name for path in told["files"].values()} == {
        path.name for path in tmp_path.iterdir() if not path.name.startswith(".")
    }
    assert Path(told["files"]["res"]).read_text() == answer.res
    assert Path(told["files"]["cif"]).read_text() == answer.to_cif()
    with command_line(False), pytest.raises(ConfigError, match="force= replaces it"):
        answer.write(tmp_path)
    answer.write(tmp_path, force=True)


def test_what_the_file_says_need_not_be_given():
    found = argand.load("patterson").solve_file(DATA.parents[2] / "examples/data/cod_2016452.hkl.gz", CELL)
    assert found.spacegroup == "P 1 21/c 1"


def test_maps_are_answered_one_by_one_and_in_lists(ideal: Predictor, map_files: list[Path], maps):
    first = np.load(map_files[0])
    one = ideal.predict(first, 6)
    assert isinstance(one, Prediction)
    assert one.trusted
    assert one.box == (32, 32, 32)
    assert ideal.predict(str(map_files[0]), 6).attempts == one.attempts
    assert ideal.predict(np.fft.fftshift(first), 6, centred=True).trusted
    many = ideal.predict([first, map_files[1], "gone.npy"], 6)
    assert isinstance(many, Answers)
    assert [isinstance(answer, Failure) for answer in many] == [False, False, True]
    assert repr(many) == "<Answers: 3 answers, 2 trusted, 1 failed>"
    assert len(many.to_dataframe()) == 3
    assert "<img" in many._repr_html_()
    stack = ideal.predict(maps.patterson[:2].numpy(), 6)
    assert [answer.trusted for answer in stack] == [True, True]
    with pytest.raises(InputError, match="no such file"):
        ideal.predict("gone.npy")


def test_an_item_of_a_data_set_goes_into_the_predictor():
    item = PRESETS["best"].simulate(3, 17)
    answer = argand.load("patterson").predict(item)
    assert answer.trusted
    assert len(answer) == len(item["positions"])
    with pytest.raises(InputError, match="'patterson'"):
        argand.load("patterson").predict({"image": np.zeros(3)})


def test_atoms_of_a_map_go_into_the_programs_of_their_field(ideal: Predictor, map_files: list[Path]):
    answer = ideal.predict(np.load(map_files[0]), 6, voxel=0.5)
    assert answer.cell == (16.0, 16.0, 16.0, 90.0, 90.0, 90.0)
    atoms, structure = answer.to_ase(), answer.to_pymatgen()
    assert atoms.get_chemical_formula() == structure.composition.formula.replace(" ", "") == "C6"
    apart = np.linalg.norm(answer.positions_voxel[0] - answer.positions_voxel[1])
    assert atoms.get_distance(0, 1, mic=True) == pytest.approx(0.5 * apart, abs=1e-4)
    assert list(answer.to_dataframe().columns) == ["element", "x_voxel", "y_voxel", "z_voxel", "x", "y", "z"]
    without = ideal.predict(np.load(map_files[0]), 6)
    assert "x" not in without.to_dataframe()
    with pytest.raises(InputError, match="cell of this map is not known"):
        without.to_ase()
    assert repr(without).startswith("<Prediction: 6 atoms, trusted, residual = 0.")
    assert shown(without._repr_html_()).startswith(b"\x89PNG")


def test_the_predictor_shows_itself():
    predictor = argand.load("patterson")
    assert re.fullmatch(r"<Predictor patterson: 10 atoms, [\d,]+ weights>", repr(predictor))
    assert "solve_file" in predictor._repr_html_()


def test_errors_in_python_name_keywords(ideal: Predictor, map_files: list[Path]):
    with command_line(False), pytest.raises(InputError, match="formula= needs; give voxel= in Å"):
        ideal.predict(np.load(map_files[0]), formula="C6")
    with command_line(False), pytest.raises(InputError, match="give spacegroup= or laue="):
        ideal.solve_file(DATA, CELL, "P 21/c", laue="2/m")
