"""Atoms that are set free go where the data are, as far as the molecule's distances let them."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from synthetic_crystals import measured, orthogonalisation

from argand.physics.crystal.atom import Atoms
from argand.physics.crystal.symmetry import Group
from argand.physics.molecule.assembly import Assembly, Copy
from argand.physics.molecule.body import Body
from argand.physics.molecule.freed import freed

GROUP, CELL = Group.from_name("P 1 21/c 1"), orthogonalisation((8.0, 7.0, 9.0, 90.0, 103.0, 90.0))
CART = np.array([[2, 2, 2], [3.4, 2.4, 2], [4.2, 1.6, 2.7], [3.8, 3.7, 1.4], [5.2, 4.0, 1.3]], float)
BODY = Body(("C", "C", "O", "N", "C"), CART[None], np.array([[0, 1], [1, 2], [1, 3], [3, 4]]))


@given(st.integers(0, 1000))
@settings(max_examples=8, deadline=None)
def test_atoms_a_little_off_come_back(seed: int):
    alone = Assembly((Copy(BODY),))
    frac = CART @ np.linalg.inv(CELL).T
    data = measured(GROUP, CELL, Atoms(BODY.elements, frac, np.full(5, 0.04), np.ones(5)), 1.6)
    off = CART + 0.05 * np.random.default_rng(seed).normal(size=CART.shape)
    found = freed(off, 0.05, alone, data)
    assert found.residual < 0.002
    assert np.linalg.norm(found.places - CART, axis=1).max() < 0.06


def test_no_cycle_leaves_atoms_where_they_are_and_tells_their_misfit():
    alone = Assembly((Copy(BODY),))
    frac = CART @ np.linalg.inv(CELL).T
    data = measured(GROUP, CELL, Atoms(BODY.elements, frac, np.full(5, 0.04), np.ones(5)), 2.0)
    found = freed(CART, 0.04, alone, data, cycles=0)
    np.testing.assert_array_equal(found.places, CART)
    assert found.residual < 1e-9
