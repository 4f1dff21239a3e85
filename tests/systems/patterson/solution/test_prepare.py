"""What is made of cell, symmetry and contents that files state, and what is warned of."""

from dataclasses import replace

import numpy as np
import pytest
from reflection_texts import CELL, INS, fixed, reflections
from synthetic_crystals import measured, orthogonalisation, random_atoms

from argand.errors import ArgandError, InputError
from argand.io.reflections import MeasuredIntensities, read_reflections
from argand.physics.crystal.atom import structure_factors
from argand.physics.crystal.symmetry import Group
from argand.systems.patterson.solution.reflections import prepare

HKL, VALUE, SIGMA = reflections(2000)
DATA = MeasuredIntensities("a.hkl", HKL, VALUE, SIGMA, CELL, "P 21/c")


@pytest.mark.parametrize(
    ("formula", "units"),
    [("C28 H28 O4", 1), ("C14 H14 O2", 2), ("C7 H7 O", 4), ("C14 H14 O2", None), ("C7 H7 O", None)],
)
def test_the_cell_holds_the_formula_as_often_as_the_file_says(formula, units):
    crystal = prepare(replace(DATA, formula=formula, units=units))
    assert crystal.cell_content == {"C": 28, "H": 28, "O": 4}
    assert crystal.content == {"C": 7, "O": 1}
    assert not crystal.notes


@pytest.mark.parametrize(("formula", "units"), [("C14 H14 O2", 4), ("C14 H14 O2", 1), ("C7 H7 O", 1)])
def test_a_wrong_z_of_a_file_gives_way_to_the_volume_with_a_note(formula, units):
    crystal = prepare(replace(DATA, formula=formula, units=units))
    assert crystal.cell_content == {"C": 28, "H": 28, "O": 4}
    assert "are unlikely" in crystal.notes[0]


def test_what_is_stated_here_goes_before_the_volume_and_is_warned_of():
    crystal = prepare(DATA, formula="C14 H14 O2", units=4)
    assert crystal.cell_content == {"C": 56, "H": 56, "O": 8}
    assert "usually take 1.9 times" in crystal.notes[0]


def test_the_z_of_a_file_belongs_to_its_own_formula():
    """UNIT counts the cell, its units are 1; a formula that is stated here is not in the cell once."""
    crystal = prepare(replace(DATA, formula="C28 H28 O4", units=1), formula="C14H14O2")
    assert crystal.cell_content == {"C": 28, "H": 28, "O": 4}
    # In the cell once it fills 0.7 of it, twice 1.4 times, and the latter is nearer.
    other = prepare(replace(DATA, formula="C28 H28 O4", units=1), formula="C20H20O3")
    assert other.cell_content == {"C": 40, "H": 40, "O": 6}
    of_zerr = prepare(replace(DATA, elements=("C", "H", "O"), units=2), formula="C14H14O2")
    assert of_zerr.cell_content == {"C": 28, "H": 28, "O": 4}


def test_inorganic_crystals_may_be_denser():
    """Li3 Ga (B O3)2, Z = 1 in 233.5 Å³: 1.8 times less than its atoms usually take."""
    cell = (4.87, 6.24, 8.01, 73.3, 89.7, 89.7)
    dense = MeasuredIntensities("a.hkl", HKL, VALUE, SIGMA, cell, "P -1", formula="Ga2 B4 O12 Li6", units=1)
    crystal = prepare(dense)
    assert crystal.cell_content == {"Ga": 2, "B": 4, "O": 12, "Li": 6}
    assert not any("are unlikely" in note or "usually" in note for note in crystal.notes)


def test_elements_without_counts_leave_the_contents_open(tmp_path):
    (tmp_path / "a.hkl").write_text(fixed(HKL, VALUE, SIGMA))
    (tmp_path / "a.ins").write_text(INS.replace("UNIT 28 28 4", "UNIT 0 0 0") + "HKLF 4\n")
    crystal = prepare(read_reflections(tmp_path / "a.hkl"))
    assert (crystal.content, crystal.cell_content) == (None, None)
    assert crystal.elements == ("C", "H", "O")


def test_a_hint_of_the_laue_class_is_no_space_group():
    with pytest.raises(InputError, match="Laue class of P 1 2 1; give one such as"):
        prepare(replace(DATA, spacegroup=None, laue="P 1 2 1"))
    assert prepare(replace(DATA, spacegroup=None, laue="P 1 2 1"), spacegroup="P2(1)/c").group.order == 4


def test_symbols_as_people_type_them_and_choices_that_are_told():
    assert prepare(DATA, spacegroup="P2(1)/c").group.name == "P 1 21/c 1"
    tetragonal = replace(DATA, cell=(9.0, 9.0, 12.0, 90.0, 90.0, 90.0), spacegroup="I41/a")
    assert any("two origins" in note for note in prepare(tetragonal).notes)
    rhombohedral = replace(DATA, cell=(7.0, 7.0, 7.0, 80.0, 80.0, 80.0), spacegroup="R-3c")
    crystal = prepare(rhombohedral)
    assert crystal.group.name == "R -3 c:R"
    with pytest.raises(ArgandError, match="write it such as"):
        prepare(DATA, spacegroup="P 99")


def test_a_merohedral_twin_is_warned_of_and_a_single_crystal_is_not():
    sides = (9.0, 9.0, 12.0, 90.0, 90.0, 90.0)
    group, cell = Group.from_name("P 41"), orthogonalisation(sides)
    atoms = random_atoms(group, cell, ("C",) * 14 + ("O",) * 4)
    data = measured(group, cell, atoms, 0.95)
    turned = data.hkl * np.array([-1, 1, -1])
    other = 9 * np.abs(structure_factors(atoms, turned, group, cell)) ** 2
    for part, warned in ((0.0, False), (0.5, True)):
        value = (1 - part) * data.intensity + part * other
        crystal = prepare(MeasuredIntensities("a", data.hkl, value, data.sigma, sides, "P 41"))
        assert any("merohedral twin" in note and "4/mmm" in note for note in crystal.notes) == warned


def test_indices_that_cannot_be_are_left_out_and_a_cell_in_nm_is_told():
    far = replace(DATA, hkl=np.vstack([[[9999, 0, 0]], HKL[1:]]))
    crystal = prepare(far)
    assert crystal.observed.hkl[:, 0].max() < 100
    assert "1 reflections of d < 0.15" in crystal.notes[0]
    with pytest.raises(InputError, match="not a cell"):
        prepare(DATA, (0.9748, 0.889, 0.7566, 90.0, 112.74, 90.0))
    with pytest.raises(InputError, match="check the cell"):
        prepare(replace(DATA, hkl=100 * HKL))
