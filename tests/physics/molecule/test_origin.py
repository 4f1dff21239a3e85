"""Crystals are the same but for origin and hand; special places are what is asked for."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from synthetic_crystals import orthogonalisation, random_atoms

from argand.physics.crystal.symmetry import Group
from argand.physics.molecule.origin import allowed_origins, same_crystal, special_places

CELL = orthogonalisation((8.0, 9.0, 10.0, 90.0, 90.0, 90.0))


@given(st.sampled_from(["P 1", "P 1 21 1", "P 1 21/c 1", "P 21 21 21", "P n a 21"]), st.integers(0, 10_000))
@settings(max_examples=20, deadline=None)
def test_a_moved_inverted_and_mapped_crystal_is_the_same_and_another_is_not(name: str, seed: int):
    group, rng = Group.from_name(name), np.random.default_rng(seed)
    frac = random_atoms(group, CELL, ("C",) * 6, seed % 50).frac
    origins = allowed_origins(group)
    shift = origins[rng.integers(len(origins))] + np.where(group.polar_axes(), rng.random(3), 0.0)
    number = rng.integers(group.order)
    image = frac @ group.rotations[number].T + group.translations[number]
    assert same_crystal(image + shift, frac, group, CELL)
    assert same_crystal(-image - shift, frac, group, CELL)
    turned = frac[:, [1, 0, 2]] * [1.0, -1.0, 1.0]
    assert not same_crystal(turned, frac, group, CELL)


@pytest.mark.parametrize(
    ("name", "keepers"), [("P -1", 2), ("P 1 21/c 1", 2), ("C 1 2/c 1", 2), ("P n m a", 2), ("P -4 21 m", 4)]
)
def test_special_places_are_kept(name: str, keepers: int):
    group = Group.from_name(name)
    cell = orthogonalisation((9.0, 9.0, 10.0, 90.0, 90.0, 90.0))
    found = special_places(group, cell, keepers, 20, np.random.default_rng(0))
    assert len(found) == 20
    assert all(group.site(place, cell, 0.01)[2] == keepers for place in found)


def test_a_group_without_special_places_has_none():
    group = Group.from_name("P 21 21 21")
    assert len(special_places(group, CELL, 2, 5, np.random.default_rng(0))) == 0
