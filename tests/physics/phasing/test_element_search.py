"""Elements under a content, from a list and from nothing."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from synthetic_crystals import measured, orthogonalisation

from argand.physics.crystal.atom import Atoms
from argand.physics.crystal.symmetry import Group
from argand.physics.phasing.bond_geometry import bond_cost, bonded, coordination_cost
from argand.physics.phasing.element_assignment import Candidates, Network
from argand.physics.phasing.element_choice import assigned, with_all
from argand.physics.phasing.element_search import name_elements
from argand.physics.phasing.hydrogen_site import LENGTH, hydrogen_sites, neighbours

GROUP = Group.from_name("P 21/c")
CELL = orthogonalisation((11.2, 7.9, 7.3, 90.0, 101.0, 90.0))
# 4-fluorobenzonitrile without hydrogen, in Å: F, ring, C and N of the nitrile.
RING = [(1.39 * np.cos(a), 1.39 * np.sin(a), 0.0) for a in np.deg2rad(np.arange(0, 360, 60))]
PLACES = np.array([(-2.74, 0.0, 0.0), *RING, (2.83, 0.0, 0.0), (3.98, 0.0, 0.0)])
ELEMENTS = ("F", "C", "C", "C", "C", "C", "C", "C", "N")


def molecule() -> Atoms:
    frac = PLACES @ np.linalg.inv(CELL).T + [0.31, 0.22, 0.27]
    return Atoms(ELEMENTS, frac, np.full(9, 0.04), np.ones(9))


@pytest.mark.parametrize("d_min", [0.84, 1.2])
@pytest.mark.parametrize(
    ("content", "elements"),
    [({"C": 7.0, "F": 1.0, "N": 1.0}, ()), (None, ("C", "N", "F")), (None, ())],
)
def test_elements_are_found_where_all_atoms_were_called_carbon(content, elements, d_min: float):
    data = measured(GROUP, CELL, molecule(), d_min)
    wrong = replace(molecule(), elements=("C",) * 9)
    found = name_elements(wrong, data, content, elements)
    assert found.elements == ELEMENTS
    assert found.probability.min() > 0.5
    assert found.contradicted == 0


def test_a_formula_that_cannot_be_right_is_contradicted():
    data = measured(GROUP, CELL, molecule(), 0.84)
    assert name_elements(molecule(), data, {"C": 2.0, "Cl": 4.0, "S": 3.0}).contradicted >= 2


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 1000), st.integers(2, 8), st.integers(2, 4))
def test_an_assignment_has_the_numbers_of_the_content(seed: int, atoms: int, elements: int):
    rng = np.random.default_rng(seed)
    counts = np.bincount(rng.integers(0, elements, atoms), minlength=elements).astype(float)
    chosen = assigned(rng.random((atoms, elements)), np.ones(atoms), counts)
    assert (np.bincount(chosen, minlength=elements) == counts).all()


def test_an_assignment_counts_special_positions_by_their_occupancy():
    cost = np.array([[0.0, 1.0], [0.0, 1.0], [0.0, 5.0]])
    assert assigned(cost, np.array([0.5, 0.5, 1.0]), np.array([1.0, 1.0])) == [1, 1, 0]


def test_each_element_of_a_list_is_somewhere():
    network = Network(np.array([[0.0, 3.0], [0.0, 1.0]]), ("Cl", "K"), [])
    assert with_all(network, [0, 0]) == [0, 1]


def test_short_terminal_bonds_are_oxygen_and_carbon_has_four_neighbours():
    assert bond_cost("C", "O", 1.21) + 2 < bond_cost("C", "C", 1.21)
    assert bond_cost("C", "C", 1.53) + 2 < bond_cost("C", "O", 1.53)
    assert bond_cost("C", "P", 1.40) > bond_cost("C", "P", 1.82) + 4
    assert bonded("C", "C", 1.54)
    assert not bonded("C", "C", 2.5)
    assert coordination_cost("C", ("C",) * 5) > coordination_cost("C", ("C",) * 4)
    assert coordination_cost("P", ("F",) * 6) < coordination_cost("P", ("O",) * 6)


def test_hydrogens_of_an_aromatic_ring_point_outwards():
    atoms = molecule()
    bonds = neighbours(atoms.frac, GROUP, CELL, np.full((9, 9), 1.7))
    sites = hydrogen_sites(9, bonds)
    flat = [
        number for number in range(len(sites.atom)) if sites.atom[number] == 2 and sites.most[number] == 1
    ]
    place = PLACES[2] + sites.offset[sites.group == flat[0]][0]
    assert place == pytest.approx(PLACES[2] * (1.39 + LENGTH) / 1.39, abs=0.03)
    # The carbon between two bonds in line, and the one with three in a plane, have none.
    assert not np.isin([7, 1, 4], sites.atom).any()


def test_candidates_are_the_named_ones_or_all():
    assert Candidates.of(("C", "O")).symbols == ("C", "O")
    everything = Candidates.of()
    assert {"C", "W", "U"} <= set(everything.symbols)
    assert not {"H", "He", "Xe", "Tc"} & set(everything.symbols)
    assert np.exp(-everything.prior).sum() == pytest.approx(1)
