import gemmi
import numpy as np
import pytest
from synthetic_crystals import MONOCLINIC, measured, orthogonalisation, random_atoms

from argand.errors import ConfigError
from argand.io.core_cif import write_cif
from argand.physics.crystal.atom import (
    Atoms,
    Radiation,
    form_factors,
    formula_units,
    gaussians,
    named_elements,
    parse_formula,
    strengths,
    structure_factors,
)
from argand.physics.crystal.symmetry import Group, inverse_d_squared
from argand.physics.phasing.refinement import evaluate, refine

CELL = orthogonalisation(MONOCLINIC)


def test_structure_factors_are_gemmis(tmp_path):
    group = Group.from_name("P 21/c")
    atoms = random_atoms(group, CELL, ("C", "O", "S"))
    write_cif(tmp_path / "a.cif", "a", MONOCLINIC, group, atoms, {})
    structure = gemmi.read_small_structure(str(tmp_path / "a.cif"))
    structure.change_occupancies_to_crystallographic()
    calculator = gemmi.StructureFactorCalculatorX(structure.cell)
    hkl = np.array([[1, 2, 3], [0, 2, 0], [4, -1, 2], [-3, 0, 2]])
    expected = [calculator.calculate_sf_from_small_structure(structure, h) for h in hkl.tolist()]
    assert np.allclose(structure_factors(atoms, hkl, group, CELL), expected, atol=0.02)


@pytest.mark.parametrize("name", ["P 21/c", "P 21"])
def test_refinement_brings_moved_atoms_back(name):
    group = Group.from_name(name)
    atoms = random_atoms(group, CELL, ("C", "O", "C", "N"), seed=2)
    data = measured(group, CELL, atoms, 0.9)
    rng = np.random.default_rng(1)
    moved = atoms.frac + rng.normal(0, 0.07, (4, 3)) @ np.linalg.inv(CELL).T
    start = Atoms(atoms.elements, moved, np.full(4, 0.04), atoms.occupancy)
    assert evaluate(start, data).r1 > 0.1
    assert refine(start, data, cycles=12).r1 < 0.01


def test_an_atom_on_a_centre_of_inversion_stays_there():
    group = Group.from_name("P -1")
    general = random_atoms(group, CELL, ("C", "O"), seed=5)
    frac = np.vstack([general.frac, [0.5, 0.5, 0.0]])
    atoms = Atoms(("C", "O", "S"), frac, np.full(3, 0.03), np.array([1.0, 1.0, 0.5]))
    data = measured(group, CELL, atoms, 1.0)
    start = Atoms(
        atoms.elements, frac + np.array([[0.01, 0, 0], [0, 0.01, 0], [0, 0, 0]]), atoms.u_iso, atoms.occupancy
    )
    refined = refine(start, data, cycles=10)
    assert np.allclose(refined.atoms.frac[2], [0.5, 0.5, 0.0])
    assert refined.r1 < 0.01


def test_formulas():
    assert parse_formula("C12 H22 O11") == {"C": 12, "H": 22, "O": 11} == parse_formula("C12H22O11")
    for wrong in ("sugar", "C12Xx3", ""):
        with pytest.raises(ConfigError):
            parse_formula(wrong)


def test_formula_units_fill_the_cell():
    assert formula_units(parse_formula("C12H22O11"), 717.6, 2) == 2
    assert formula_units(parse_formula("NaCl"), 179.5, 192) == 4


@pytest.mark.parametrize("element", ["C", "O", "Si", "Fe"])
def test_form_factors_for_electrons_obey_mott_and_bethe(element):
    squared = np.array([0.1, 0.25, 0.5, 1.0])
    electrons = form_factors((element,), squared, "electron")[element]
    x_rays = form_factors((element,), squared)[element]
    expected = 0.0239337 * (gemmi.Element(element).atomic_number - x_rays) / squared
    assert np.allclose(electrons, expected, rtol=0.05)


def test_strengths_put_carbon_at_six_for_both_radiations():
    for radiation in ("xray", "electron"):
        carbon, silicon = strengths(("C", "Si"), radiation)
        assert carbon == 6
        assert silicon > 9


@pytest.mark.parametrize("name", ["P 1", "P 41", "P 31 2 1"])
def test_structure_factors_have_the_phase_of_exp_plus_two_pi_i_hx(name):
    operations = list(gemmi.find_spacegroup_by_name(name).operations())
    place, hkl = [0.11, 0.23, 0.37], np.array([[1, 0, 2], [2, 1, -1], [0, 3, 1], [0, 0, 3]])
    axes = orthogonalisation((7.0, 7.0, 9.0, 90.0, 90.0, 120.0 if name.startswith("P 3") else 90.0))
    atoms = Atoms(("O",), np.array([place]), np.array([0.0]), np.array([1.0]))
    images = np.array([op.apply_to_xyz(place) for op in operations])
    size = form_factors(("O",), inverse_d_squared(hkl, axes) / 4)["O"]
    expected = size * np.exp(2j * np.pi * hkl @ images.T).sum(1)
    found = structure_factors(atoms, hkl, Group.from_name(name), axes)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("radiation", ["xray", "electron"])
def test_an_element_without_a_tabulated_form_factor_is_refused_in_words(radiation: Radiation):
    with pytest.raises(ConfigError, match="Es"):
        gaussians("Es", radiation)


def test_reflections_that_the_lattice_forbids_are_zero():
    group = Group.from_name("C 2/c")
    atoms = Atoms(("C", "O"), np.array([[0.1, 0.2, 0.3], [0.35, 0.6, 0.7]]), np.full(2, 0.03), np.ones(2))
    hkl = np.array([[1, 0, 2], [2, 1, 1], [1, 1, 1], [2, 0, 2]])
    found = np.abs(structure_factors(atoms, hkl, group, CELL))
    assert np.allclose(found[:2], 0, atol=1e-6)
    assert found[2:].min() > 0.1


def test_elements_are_read_from_a_list_in_any_form():
    assert named_elements("C, h;N  cl") == ("C", "H", "N", "Cl")
    assert named_elements(["C", "C", "O"]) == ("C", "O")
    assert named_elements(None) == ()
    with pytest.raises(ConfigError, match="unknown element 'Q'"):
        named_elements("C,Q")
