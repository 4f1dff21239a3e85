from dataclasses import replace

import gemmi
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from synthetic_crystals import MONOCLINIC, measured, orthogonalisation, random_atoms

from argand.physics.crystal.atom import form_factors
from argand.physics.crystal.symmetry import Group
from argand.physics.phasing.element_evidence import NumberTable, number_evidence

CELL = orthogonalisation(MONOCLINIC)
NUMBERS = {"C": 6.0, "N": 7.0, "O": 8.0, "F": 9.0, "S": 16.0, "Cl": 17.0, "Br": 35.0}


def test_the_form_factor_of_a_whole_number_is_that_of_its_element():
    squared = np.linspace(0, 0.6, 30)
    values, slopes = NumberTable(squared, "xray").at(np.array([8.0, 8.5]))
    oxygen, fluorine = (form_factors((name,), squared)[name] for name in ("O", "F"))
    assert values[:, 0] == pytest.approx(oxygen)
    assert values[:, 1] == pytest.approx((oxygen + fluorine) / 2)
    assert slopes[:, 0] == pytest.approx(fluorine - oxygen)


@pytest.mark.parametrize("name", ["P 21/c", "P 21", "C 2"])
@pytest.mark.parametrize("d_min", [0.84, 1.2])
def test_numbers_and_displacements_of_noiseless_data_come_back_from_carbon(name: str, d_min: float):
    group = Group.from_name(name)
    atoms = random_atoms(group, CELL, ("C", "N", "O", "F", "S"), seed=2)
    atoms = replace(atoms, u_iso=np.linspace(0.03, 0.05, 5))
    data = measured(group, CELL, atoms, d_min)
    wrong = replace(atoms, elements=("C",) * 5, u_iso=np.full(5, 0.04))
    found = number_evidence(wrong, data, np.full(5, 6.0), (8, 4))
    # The scale is that of the start: it is found by what is known, here that the first atom is carbon.
    for _ in range(4):
        found = number_evidence(found.atoms, data, found.numbers / (found.numbers[0] / 6), (4, 4))
    expected = np.array([NUMBERS[element] for element in atoms.elements])
    assert found.numbers / (found.numbers[0] / 6) == pytest.approx(expected, abs=0.25)
    assert found.atoms.u_iso == pytest.approx(atoms.u_iso, abs=0.004)


def test_fitted_numbers_of_the_true_model_stay_and_no_hydrogen_is_seen():
    group = Group.from_name("P 21/c")
    atoms = random_atoms(group, CELL, ("C", "N", "O", "C", "Cl"), seed=4)
    data = measured(group, CELL, atoms, 0.84)
    numbers = np.array([NUMBERS[element] for element in atoms.elements])
    found = number_evidence(atoms, data, numbers, (3, 3))
    assert found.numbers == pytest.approx(numbers, abs=0.05)
    assert np.abs(found.hydrogens).max(initial=0.0) < 0.1


def test_the_covariance_tells_that_coarse_data_know_numbers_less_well():
    group = Group.from_name("P 21/c")
    atoms = random_atoms(group, CELL, ("C", "N", "O", "C"), seed=4)
    numbers = np.array([NUMBERS[element] for element in atoms.elements])
    errors = []
    for d_min in (0.84, 1.5):
        data = measured(group, CELL, atoms, d_min)
        noisy = replace(data, intensity=data.intensity * (1 + 0.1 * np.sin(np.arange(len(data.hkl)))))
        found = number_evidence(atoms, noisy, numbers)
        errors.append(np.sqrt(np.diag(found.covariance)[:4]).mean())
    assert errors[1] > 1.5 * errors[0]


@settings(max_examples=15, deadline=None)
@given(st.lists(st.sampled_from(sorted(NUMBERS)), min_size=2, max_size=5), st.integers(0, 50))
def test_numbers_grow_with_the_true_ones(elements: list[str], seed: int):
    group = Group.from_name("P 21/c")
    atoms = random_atoms(group, CELL, tuple(elements), seed=seed)
    data = measured(group, CELL, atoms, 0.9)
    true = np.array([gemmi.Element(element).atomic_number for element in elements], float)
    found = number_evidence(atoms, data, true)
    assert (np.argsort(found.numbers, kind="stable") == np.argsort(true, kind="stable")).all() or (
        found.numbers == pytest.approx(true, abs=0.2)
    )
