"""What is measured, in which cell, is checked before grids and lists are sized by it."""

import json
from dataclasses import replace

import numpy as np
import pytest
from reflection_texts import CELL, reflections

from argand.errors import ConfigError, InputError
from argand.io.intensities import checked
from argand.io.reflections import MeasuredIntensities
from argand.runs.json_text import json_text
from argand.systems.patterson.files.run import MapQuestion
from argand.systems.patterson.maps.origin import require_origin
from argand.systems.patterson.solution.molecule.contents import contents_of
from argand.systems.patterson.solution.molecule.pose_search import PoseSearch
from argand.systems.patterson.solution.molecule.reading import bodies_of_atoms, read_molecules
from argand.systems.patterson.solution.reflections import prepare
from argand.systems.patterson.solution.space_group_search import find_space_group
from argand.systems.patterson.solution.usable_data import usable

HKL, VALUE, SIGMA = reflections(300)
MEASURED = MeasuredIntensities("a.hkl", HKL, VALUE, SIGMA, CELL, "P 21/c")


def with_row(index: tuple[int, int, int]) -> MeasuredIntensities:
    """The same with one more reflection."""
    return replace(
        MEASURED,
        hkl=np.vstack([HKL, index]),
        intensity=np.append(VALUE, 100.0),
        sigma=np.append(SIGMA, 1.0),
    )


@pytest.mark.parametrize("index", [(40, 0, 0), (0, 0, 30), (99_999, 0, 0), (-5000, 7, 9)])
def test_one_stray_reflection_sizes_nothing(index):
    plain, crystal = prepare(MEASURED), prepare(with_row(index))
    assert crystal.observed.d_min == plain.observed.d_min
    assert any("left out" in note for note in crystal.notes)
    # What is written beside a model is what was measured.
    assert crystal.measured is not None
    assert len(crystal.measured.hkl) == 301


def test_no_reflection_of_honest_data_is_a_stray():
    kept, cell = usable(MEASURED, None, None)
    assert (len(kept.hkl), kept.notes, cell) == (300, (), CELL)


@pytest.mark.parametrize(
    "cell", [(0.0,) * 6, (5.0, float("nan"), 5.0, 90.0, 90.0, 90.0), (1e9, 1.0, 1.0, 90.0, 90.0, 90.0)]
)
def test_a_cell_of_the_file_that_cannot_be_is_told_with_its_name(cell):
    for use in (prepare, find_space_group):
        with pytest.raises(InputError, match=r"^a\.hkl: its cell is impossible"):
            use(replace(MEASURED, cell=cell))


@pytest.mark.parametrize(
    "cell", [(1999.0, 1999.0, 1999.0, 90.0, 90.0, 90.0), (300.0, 300.0, 300.0, 90.0, 90.0, 90.0)]
)
def test_a_cell_of_too_many_reflections_is_refused(cell):
    for use in (prepare, find_space_group):
        with pytest.raises(InputError, match=r"check the cell|check it"):
            use(replace(MEASURED, cell=cell, spacegroup="P 1"))


def test_one_reflection_many_times_is_refused():
    same = replace(MEASURED, hkl=np.tile([[1, 1, 1]], (300, 1)))
    with pytest.raises(InputError, match="1 different reflections"):
        prepare(same)


def test_contents_far_beyond_the_cell_are_refused():
    with pytest.raises(InputError, match="times the cell's volume"):
        prepare(MEASURED, formula="C99999")


def test_json_has_null_for_what_is_no_number():
    text = json_text({"a": [float("nan"), np.float32("inf"), 1.0], "b": np.int64(3)})
    assert json.loads(text, parse_constant=pytest.fail) == {"a": [None, None, 1.0], "b": 3}


@pytest.mark.parametrize(
    "options", [{"voxel": 0.0}, {"voxel": float("nan")}, {"voxel": 1e9}, {"time_limit": float("inf")}]
)
def test_questions_of_no_sense_are_refused(options):
    with pytest.raises(ConfigError):
        MapQuestion(**options)


def test_maps_without_vectors_between_atoms_are_refused():
    spike = np.zeros((8, 8, 8), np.float32)
    spike[0, 0, 0] = 1
    for values in (spike + 0 * spike, spike * 0 + 1, 1e-30 * (spike + 1), spike * 1e30):
        with pytest.raises(InputError):
            require_origin(values)
    spike[4, 4, 4] = 0.5
    require_origin(spike)


@pytest.mark.parametrize("name", ["a.xyz", "a.mol", "a.sdf", "a.cif"])
@pytest.mark.parametrize(
    "text", ["", "1000000000\n\nC 0 0 0\n", "\n\n\n999999999  0\n", "data_a\n_cell_length_a 5\n", "\xff" * 50]
)
def test_molecules_that_are_none_are_refused(tmp_path, name, text):
    pytest.importorskip("ase")
    (tmp_path / name).write_text(text)
    with pytest.raises(InputError, match=name) as told:
        read_molecules([str(tmp_path / name)])
    assert "\n" not in str(told.value)


def test_atoms_on_top_of_each_other_are_no_molecule():
    places = np.random.default_rng(0).random((30, 3))
    with pytest.raises(InputError, match="not a molecule"):
        bodies_of_atoms(("C",) * 30, places)


@pytest.mark.parametrize(
    ("places", "told"),
    [
        ([[0, 0, 0], [1e5, 0, 0]], r"1e\+05 Å apart"),
        ([[0, 0, 0], [1e308, -1e308, 0]], "without coordinates"),
        ([[0, 0, 0], [0, 0, 0.1]], "0.1 to 0.1 Å apart"),
        ([[0, 0, 0], [50, 0, 0]], "hydrogen alone"),
    ],
)
def test_places_of_no_molecule_are_refused(tmp_path, places, told):
    pytest.importorskip("ase")
    lines = [f"{name} {x} {y} {z}" for name, (x, y, z) in zip("OH", places, strict=True)]
    (tmp_path / "a.xyz").write_text("\n".join(["2", "", *lines, ""]))
    with pytest.raises(InputError, match=told):
        read_molecules([str(tmp_path / "a.xyz")])


def test_a_smiles_without_end_is_refused_before_rdkit_reads_it():
    pytest.importorskip("rdkit")
    with pytest.raises(InputError, match="100,000 letters") as told:
        read_molecules(["C" * 100_000])
    assert len(str(told.value)) < 200


def test_fine_reflections_alone_are_refused():
    fine = HKL[np.linalg.norm(HKL, axis=1) > 0] + 60
    with pytest.raises(InputError, match="0 reflections at d >= 1 Å"):
        usable(replace(MEASURED, hkl=fine), (30.0, 30.0, 30.0, 90.0, 90.0, 90.0), None)


def test_a_site_that_no_group_has_is_told():
    water = bodies_of_atoms(("O",), np.zeros((1, 3)))
    crystal = prepare(replace(MEASURED, cell=(40.0, 40.0, 40.0, 90.0, 90.0, 90.0)), spacegroup="P 21 21 21")
    with pytest.raises(InputError, match="no special position of order 4"):
        PoseSearch(crystal.observed, contents_of(crystal, water, 1.0)).round()


@pytest.mark.parametrize("formula", ["Xx", "C-1", "C1e9", "("])
def test_a_formula_that_is_none_is_refused(formula):
    with pytest.raises(ConfigError):
        MapQuestion(formula=formula)


def test_data_without_coarse_reflections_place_no_molecule():
    water = bodies_of_atoms(("O",), np.zeros((1, 3)))
    crystal = prepare(replace(MEASURED, cell=(6.0, 6.0, 6.0, 90.0, 90.0, 90.0)), spacegroup="P 1")
    with pytest.raises(InputError, match="no reflections at d >= 2 Å"):
        PoseSearch(crystal.observed, contents_of(crystal, water, 1.0))


@pytest.mark.parametrize("column", ["intensity", "sigma"])
def test_a_number_beyond_any_scale_is_left_out(column):
    values = np.array(getattr(MEASURED, column))
    values[7] = 1e300
    kept = checked(replace(MEASURED, **{column: values}))
    assert len(kept.hkl) == 299
    assert any("1 reflections without a number" in note for note in kept.notes)
    for scale in (1e300, 1e-300):
        with pytest.raises(InputError):
            checked(replace(MEASURED, intensity=VALUE * scale, sigma=SIGMA * scale))
