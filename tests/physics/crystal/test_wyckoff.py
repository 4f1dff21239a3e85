"""Wyckoff positions of the space groups, by their operations."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from argand.physics.crystal.normaliser import letter_permutations
from argand.physics.crystal.wyckoff import classified, derived_positions, operations, primitive_vectors

# International Tables A: group, and multiplicity and freedom of its positions from the last letter up.
LISTED = {
    1: [(1, 3)],
    2: [*[(1, 0)] * 8, (2, 3)],
    14: [*[(2, 0)] * 4, (4, 3)],
    62: [(4, 0), (4, 0), (4, 2), (8, 3)],
    166: [(3, 0), (3, 0), (6, 1), (9, 0), (9, 0), (18, 1), (18, 1), (18, 2), (36, 3)],
    215: [(1, 0), (1, 0), (3, 0), (3, 0), (4, 1), (6, 1), (6, 1), (12, 1), (12, 2), (24, 3)],
}


@pytest.mark.parametrize("group", LISTED)
def test_positions_of_a_group_are_those_of_international_tables(group: int) -> None:
    found = [(one.multiplicity, one.freedom) for one in derived_positions(group)]
    assert sorted(found) == sorted(LISTED[group])


@settings(max_examples=10, deadline=None)
@given(st.sampled_from([5, 12, 38, 62, 123, 166]), st.integers(0, 2**31))
def test_all_points_of_an_orbit_are_on_the_same_position(group: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    ops, found = operations(group), derived_positions(group)
    position = found[rng.integers(len(found))]
    point = position.point(rng.random(position.freedom))
    images = ops.images(point)
    expected, itself = classified(ops, point)
    # Free coordinates may be special by chance.
    assume(itself.multiplicity == position.multiplicity)
    key, same = classified(ops, images[rng.integers(len(images))] + rng.integers(-2, 3, 3))
    assert key == expected
    assert same.multiplicity == position.multiplicity
    inside = images[same.holds(images)]
    assert len(inside)
    again = same.point((inside[0] @ same.readout.T) % 1.0)
    np.testing.assert_allclose((again - inside[0] + 0.5) % 1.0, 0.5, atol=1e-6)


def test_inversion_centres_of_p1bar_are_exchanged_in_all_affine_ways() -> None:
    found = letter_permutations(operations(2), primitive_vectors(2), derived_positions(2))
    # The affine group of the three-dimensional space over two elements has 8 * 168.
    assert len(found) == 1344
    assert (found[:, 8] == 8).all()


def test_the_corner_and_the_centre_of_a_primitive_cube_are_exchanged_and_no_others() -> None:
    found = letter_permutations(operations(215), primitive_vectors(215), derived_positions(215))
    assert len(found) == 2
    assert (found[0] == np.arange(10)).all()
    assert found[1][:4].tolist() == [1, 0, 3, 2]
