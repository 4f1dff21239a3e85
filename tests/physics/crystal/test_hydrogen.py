"""Places of hydrogen by geometry, neighbours across symmetry, and the order of molecules."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from synthetic_crystals import MONOCLINIC, orthogonalisation

from argand.physics.crystal.atom import Atoms, strengths
from argand.physics.crystal.bond import covalent_radii
from argand.physics.crystal.hydrogen import planar, secondary, terminal, tertiary, turning
from argand.physics.crystal.neighbourhood import molecule_order, neighbours
from argand.physics.crystal.symmetry import Group

CELL = orthogonalisation(MONOCLINIC)
CORNERS = np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]]) / np.sqrt(3)
directions = st.tuples(*[st.floats(-1, 1)] * 3).filter(lambda v: np.linalg.norm(v) > 0.1)


def angle(first: np.ndarray, second: np.ndarray) -> float:
    cosine = first @ second / np.linalg.norm(first) / np.linalg.norm(second)
    return float(np.degrees(np.arccos(np.clip(cosine, -1, 1))))


def test_the_fourth_corner_of_a_tetrahedron():
    assert tertiary(1.5 * CORNERS[:3])[0, 0] == pytest.approx(CORNERS[3])


def test_two_corners_of_a_tetrahedron():
    """Below and above the plane of the neighbours, at 108 degrees and near to the true corners."""
    found = secondary(1.5 * CORNERS[:2])[0]
    assert angle(*found) == pytest.approx(108)
    for corner in CORNERS[2:]:
        assert min(angle(corner, one) for one in found) < 1


def test_the_third_corner_of_a_flat_triangle():
    turns = np.radians([90, 210, 330])
    corners = np.stack([np.cos(turns), np.sin(turns), np.zeros(3)], 1)
    assert planar(1.4 * corners[:2])[0, 0] == pytest.approx(corners[2])
    assert planar(1.2 * corners[:1])[0, 0] == pytest.approx(-corners[0])


def test_ethene_is_flat():
    """Parent at the origin, its neighbour at +x with hydrogen at 120 degrees in the plane xy."""
    found = terminal(np.array([1.33, 0, 0]), np.array([[0.5, 0.87, 0], [0.5, -0.87, 0]]))[0]
    assert np.abs(found[:, 2]).max() < 1e-9
    assert [angle(one, np.array([1.0, 0, 0])) for one in found] == pytest.approx([120, 120])
    assert angle(*found) == pytest.approx(120)


def test_methyl_is_staggered_first_and_turns_through_a_third():
    bond, beyond = np.array([1.53, 0.0, 0.0]), np.array([[0.5, 1.4, 0.0]])
    found = turning(bond, beyond, 3)
    assert found.shape == (12, 3, 3)
    for group in found:
        assert [angle(one, bond) for one in group] == pytest.approx([109.471] * 3, abs=1e-2)
        assert [angle(group[0], other) for other in group[1:]] == pytest.approx([109.471] * 2, abs=1e-2)
    # One is opposite to the neighbour's neighbour: its torsion is 180 degrees.
    assert found[0, 0, 1] == pytest.approx(-np.sin(np.radians(109.471)), abs=1e-4)
    assert found[0, 0, 2] == pytest.approx(0, abs=1e-9)
    torsions = np.degrees(np.arctan2(found[:, 0, 2], found[:, 0, 1]))
    assert np.abs(np.diff(np.unwrap(np.radians(torsions)))) == pytest.approx(np.full(11, np.radians(10)))
    assert turning(bond, beyond, 1).shape == (36, 1, 3)


@given(directions, directions)
def test_every_torsion_has_unit_vectors_at_the_tetrahedral_angle(first, second):
    """Also where the neighbour's neighbour is in line, or there is none."""
    bond = np.array(first)
    for beyond in (np.array([second]), np.zeros((0, 3)), 2 * bond[None]):
        found = turning(bond, beyond, 3)
        assert np.linalg.norm(found, axis=-1) == pytest.approx(np.ones((12, 3)))
        cosine = found @ bond / np.linalg.norm(bond)
        assert cosine == pytest.approx(np.full((12, 3), -1 / 3), abs=1e-6)


def test_neighbours_are_found_across_symmetry_and_cells():
    """Zinc on a centre of inversion has both images of an oxygen, and sodium chloride its six neighbours."""
    group = Group.from_name("P 21/c")
    frac = np.array([[0.0, 0.0, 0.0], [0.2, 0.05, 0.05]])
    atoms = Atoms(("Zn", "O"), frac, np.full(2, 0.03), np.array([0.5, 1.0]))
    radius = float(covalent_radii(["Zn"])[0])
    found = neighbours(frac[0], radius, atoms, group, CELL)
    assert found.numbers.tolist() == [1, 1]
    assert found.vectors.sum(0) == pytest.approx(np.zeros(3), abs=1e-9)
    salt = Atoms(("Na", "Cl"), np.array([[0, 0, 0], [0.5, 0.5, 0.5]]), np.full(2, 0.02), np.full(2, 1 / 192))
    cell = 5.64 * np.eye(3)
    found = neighbours(salt.frac[0], 1.66, salt, Group.from_name("F m -3 m"), cell)
    assert found.numbers.tolist() == [1] * 6
    assert np.linalg.norm(found.vectors, axis=1) == pytest.approx(np.full(6, 2.82))


@given(st.permutations(range(7)))
def test_molecules_are_told_along_their_bonds(order: list[int]):
    """Two chains in any order come out whole, the larger first, each from its strongest end."""
    chain = [[1.0 + 1.25 * n, 2.0 + 0.5 * (n % 2), 2.0] for n in range(4)]
    other = [[1.0 + 1.25 * n, 6.0 + 0.5 * (n % 2), 5.0] for n in range(3)]
    elements = ("Cl", "C", "C", "C", "O", "C", "C")
    places = np.array(chain + other)
    atoms = Atoms(
        tuple(elements[n] for n in order),
        places[list(order)] @ np.linalg.inv(CELL).T,
        np.full(7, 0.03),
        np.ones(7),
    )
    found = molecule_order(atoms, strengths(atoms.elements), CELL)
    assert [order[n] for n in found] == [0, 1, 2, 3, 4, 5, 6]
