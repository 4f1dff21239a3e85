import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from argand.physics.crystal.atom import Atoms
from argand.physics.crystal.bond import bonds, covalent_radii, crowded, grown, shortest_distances
from argand.physics.crystal.symmetry import Group

CELL = np.diag([8.0, 9.0, 10.0])


def test_ethane_has_its_seven_bonds():
    carbon = [[0.0, 0, 0], [1.54, 0, 0]]
    turns = 2 * np.pi * np.arange(3) / 3
    ring = np.stack([np.full(3, -0.36), 1.03 * np.cos(turns), 1.03 * np.sin(turns)], 1)
    cart = np.vstack([carbon, ring, [1.54, 0, 0] - ring])
    found = bonds(cart, covalent_radii(("C",) * 2 + ("H",) * 6))
    assert {tuple(sorted(pair)) for pair in found.tolist()} == {
        (0, 1),
        *((0, number) for number in (2, 3, 4)),
        *((1, number) for number in (5, 6, 7)),
    }


@given(st.tuples(*[st.integers(-2, 2)] * 3))
def test_a_molecule_on_an_inversion_centre_becomes_whole_wherever_it_lies(shift):
    half = np.array([[0.09, 0.0, 0.0], [0.2, 0.1, 0.0]])
    fragment = grown(half + shift, covalent_radii(("C", "C")), Group.from_name("P -1"), CELL)
    assert fragment.source.tolist() == [0, 1, 0, 1]
    assert np.allclose(fragment.cart[2:] + fragment.cart[:2], 2 * CELL @ np.array(shift))


def test_molecules_apart_stay_apart():
    frac = np.array([[0.3, 0.3, 0.3], [0.45, 0.3, 0.3]])
    assert len(grown(frac, covalent_radii(("C", "O")), Group.from_name("P -1"), CELL).cart) == 2


def test_a_chain_goes_on_by_one_unit():
    frac = np.array([[0.3, 0.3, 0.3]])
    fragment = grown(frac, covalent_radii(("C",)), Group.from_name("P 1"), np.diag([1.5, 9.0, 9.0]))
    assert sorted(fragment.cart[:, 0].round(3)) == [-1.05, 0.45, 1.95]


def test_atoms_too_near_for_bonds_are_crowded():
    group = Group.from_name("P -1")
    frac = np.array([[0.2, 0.2, 0.2], [0.35, 0.2, 0.2], [0.3, 0.6, 0.3], [0.3, 0.75, 0.3], [0.95, 0.02, 0.0]])
    atoms = Atoms(("C", "N", "F", "C", "O"), frac, np.full(5, 0.03), np.ones(5))
    # C to N 1.2 Å is a triple bond; F to C 1.35 Å a bond; O is 0.88 Å from its own inverse.
    assert crowded(atoms, group, CELL).tolist() == [False, False, False, False, True]
    chlorine = Atoms(("Cl", *atoms.elements[1:]), frac, atoms.u_iso, atoms.occupancy)
    assert crowded(chlorine, group, CELL).tolist() == [True, True, False, False, True]


def test_the_shortest_distance_is_a_share_of_the_radii_and_less_for_metals():
    found = shortest_distances(("C", "Fe"), ("O", "Na"))
    radii = dict(zip(("C", "Fe", "O", "Na"), covalent_radii(("C", "Fe", "O", "Na")), strict=True))
    assert found[0, 0] == pytest.approx(0.72 * (radii["C"] + radii["O"]), abs=1e-3)
    assert found[0, 1] == pytest.approx(0.65 * (radii["C"] + radii["Na"]), abs=1e-3)
    assert found[1, 0] == pytest.approx(0.65 * (radii["Fe"] + radii["O"]), abs=1e-3)
