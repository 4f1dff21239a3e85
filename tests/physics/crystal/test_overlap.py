"""Atoms that are too near part, and those that are not stay where they are."""

import numpy as np
import pytest
from scipy.optimize import approx_fprime

from argand.physics.crystal.overlap import (
    _overlap,
    is_crowded,
    least_distances,
    separate_overlaps,
    touching,
)
from argand.physics.crystal.reciprocal import shortest_hkl, waves
from argand.physics.crystal.structure import Structure, checked, closest_pair

LATTICE = np.array([[4.0, 0.0, 0.0], [0.5, 4.2, 0.0], [0.3, -0.4, 4.5]])
SPECIES = np.array([11, 17, 8], np.uint8)


def test_the_slope_of_overlaps_is_that_of_their_sum():
    frac = np.array([[0.1, 0.1, 0.1], [0.3, 0.2, 0.15], [0.95, 0.9, 0.3]])
    least = least_distances(SPECIES)
    value = lambda flat: _overlap(flat.reshape(-1, 3), LATTICE, least)[0]  # noqa: E731
    assert value(frac.ravel()) > 0.01
    numeric = approx_fprime(frac.ravel(), value, 1e-7)
    assert _overlap(frac, LATTICE, least)[1].ravel() == pytest.approx(numeric, abs=1e-5)


def test_known_salt_is_not_crowded_and_stays():
    salt = checked(5.64 * np.eye(3), np.array([11, 17]), np.array([[0, 0, 0], [0.5, 0, 0]]))
    assert not is_crowded(salt)
    hkl = shortest_hkl(salt.lattice, 30)
    stayed, misfit = separate_overlaps(salt, hkl, waves(hkl, salt.frac_coords).sum(1))
    assert misfit < 1e-12
    assert stayed.frac_coords == pytest.approx(salt.frac_coords, abs=1e-9)


def test_touching_counts_other_atoms_and_own_images():
    pair = np.array([[0.0, 0, 0], [0.5, 0.5, 0.5]])
    # Two caesium atoms (2.44 Å each) may come to 0.7 * 4.88 = 3.42 Å, oxygen (0.66 Å) to 0.92 Å.
    for edge, touches in ((4.1, False), (3.9, True)):  # 3.55 and 3.38 Å between the two
        assert touching(Structure(edge * np.eye(3), np.array([55, 55], np.uint8), pair)) is touches
    for edge, touches in ((3.5, False), (3.3, True)):
        assert touching(Structure(edge * np.eye(3), np.array([55], np.uint8), pair[:1])) is touches
    assert not touching(Structure(3.3 * np.eye(3), np.array([8], np.uint8), pair[:1]))
    # The short vector hides in a skew cell.
    skew = np.array([[2, 1, 0], [1, 1, 0], [0, 0, 1]]) @ np.diag([5.0, 3.3, 5.0])
    assert touching(Structure(skew, np.array([55], np.uint8), pair[:1]))


def test_atoms_on_one_place_part():
    frac = np.array([[0.1, 0.1, 0.1], [0.12, 0.1, 0.1], [0.6, 0.6, 0.6]])
    crowded = Structure(LATTICE, SPECIES, frac)
    assert closest_pair(crowded)[2] < 0.5
    hkl = shortest_hkl(LATTICE, 40)
    mended, _ = separate_overlaps(crowded, hkl, waves(hkl, frac).sum(1))
    assert closest_pair(mended)[2] > 1.0
