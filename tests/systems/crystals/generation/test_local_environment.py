"""Neighbours of atoms, in cells of any shape."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from argand.physics.crystal.structure import Structure
from argand.systems.crystals.generation.local_environment import NEIGHBOURS, local_environment


def by_brute_force(structure: Structure, reach: int) -> np.ndarray:
    """Distances in Å to the nearest atoms, among all images of so many cells away."""
    moves = np.array(list(product(range(-reach, reach + 1), repeat=3)))
    found = []
    for place in structure.frac_coords:
        images = (structure.frac_coords - place)[:, None] + moves
        length = np.linalg.norm(images.reshape(-1, 3) @ structure.lattice, axis=1)
        found.append(np.sort(length[length > 1e-3])[:NEIGHBOURS])
    return np.array(found)


@pytest.mark.parametrize("sides", [(2.0, 9.0, 11.0), (2.0, 2.1, 30.0), (2.0, 40.0, 40.0)])
def test_all_neighbours_of_a_short_cell_are_found(sides: tuple[float, float, float]) -> None:
    places = np.array([[0.1, 0.2, 0.3], [0.55, 0.7, 0.8]])
    structure = Structure(np.diag(sides), np.array([11, 17], np.uint8), places)
    found = local_environment(structure)
    distance = found.distance[:2] * np.exp(found.log_scale)
    np.testing.assert_allclose(distance, by_brute_force(structure, 12), rtol=1e-5)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**31))
def test_neighbours_are_those_of_brute_force_in_any_cell(seed: int) -> None:
    rng = np.random.default_rng(seed)
    lattice = np.diag(rng.uniform(2.0, 9.0, 3)) + np.tril(rng.uniform(-2.0, 2.0, (3, 3)), -1)
    structure = Structure(lattice, np.array([3, 8, 22], np.uint8), rng.random((3, 3)))
    found = local_environment(structure)
    distance = found.distance[:3] * np.exp(found.log_scale)
    np.testing.assert_allclose(distance, by_brute_force(structure, 10), rtol=1e-4)
