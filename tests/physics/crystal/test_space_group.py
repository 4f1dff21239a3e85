"""The space group of a structure, as spglib finds it within a tolerance."""

import numpy as np

from argand.physics.crystal.space_group import rotations, space_group
from argand.physics.crystal.structure import checked

FACE = np.array([[0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]])


def test_rock_salt_is_cubic_within_the_tolerance_alone():
    places = np.array([[0, 0, 0], [0.51, 0.5, 0.5]])
    moved = checked(5.64 * FACE, np.array([11, 17]), places)
    assert space_group(moved) == ("Fm-3m", 225)
    # 0.01 of a vector of 3.99 Å.
    found = space_group(moved, 0.001)
    assert found is not None
    assert found[1] != 225


def test_the_point_group_of_rock_salt_has_48_operations_whatever_the_cell():
    halite = checked(5.64 * FACE, np.array([11, 17]), np.array([[0, 0, 0], [0.5, 0.5, 0.5]]))
    assert rotations(halite) == 48
    corners = np.array([[0, 0, 0], [0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]])
    cube = checked(5.64 * np.eye(3), np.array([11] * 4 + [17] * 4), np.vstack([corners, corners + 0.5]))
    assert rotations(cube) == 48
    # Polar along z and orthorhombic: mm2.
    polar = checked(np.diag([3.0, 4, 5]), np.array([11, 17]), np.array([[0, 0, 0], [0.5, 0.5, 0.4]]))
    assert rotations(polar) == 4
