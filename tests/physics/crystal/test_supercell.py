"""Supercells folded into their smallest cell, and unfolded again."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from argand.physics.crystal.reciprocal import single_waves, wave_sums, waves
from argand.physics.crystal.structure import Structure, checked, distances
from argand.physics.crystal.supercell import folded, unfolded

CELL = checked(
    np.array([[4.0, 0, 0], [0.6, 5.0, 0], [0.3, 0.7, 6.0]]),
    np.array([8, 22, 8]),
    np.array([[0.1, 0.2, 0.3], [0.55, 0.6, 0.8], [0.3, 0.8, 0.1]]),
)


@settings(max_examples=10, deadline=None)
@given(st.lists(st.integers(-2, 2), min_size=9, max_size=9))
def test_any_supercell_is_folded_to_the_cell_that_made_it(numbers: list[int]):
    multiples = np.array(numbers).reshape(3, 3)
    copies = round(abs(np.linalg.det(multiples)))
    if copies < 2:
        return
    large = unfolded(CELL, multiples)
    assert len(large) == copies * len(CELL)
    assert large.volume == pytest.approx(copies * CELL.volume)
    found = folded(large)
    assert found is not None
    assert len(found.primitive) == len(CELL)
    again = unfolded(found.primitive, found.multiples)
    np.testing.assert_allclose(again.lattice, large.lattice, atol=1e-6)
    both = np.concatenate([again.frac_coords, large.frac_coords])
    near = distances(large.lattice, both)[: len(large), len(large) :]
    assert near.min(1).max() < 1e-5
    np.testing.assert_array_equal(again.species, large.species[near.argmin(1)])


def test_what_repeats_only_nearly_stays_as_it_is():
    assert folded(CELL) is None
    large = unfolded(CELL, np.diag([2, 1, 1]))
    moved = large.frac_coords.copy()
    moved[0, 2] += 0.01 / 6.0
    assert folded(checked(large.lattice, large.species, moved)) is None
    species = large.species.copy()
    species[0] = 16
    assert folded(Structure(large.lattice, species, large.frac_coords)) is None


def test_sums_of_waves_are_those_of_the_waves():
    generator = np.random.default_rng(0)
    hkl, frac = generator.integers(-7, 9, (50, 3)), generator.random((9, 3))
    np.testing.assert_allclose(wave_sums(hkl, frac), waves(hkl, frac).sum(1), atol=1e-11)
    np.testing.assert_allclose(single_waves(hkl, frac), waves(hkl, frac), atol=1e-5)
