"""Nearly symmetric structures become symmetric, in their own setting."""

import numpy as np
import pytest

from argand.physics.crystal.comparison import compare
from argand.physics.crystal.structure import checked, parameters
from argand.physics.crystal.symmetrisation import symmetrised


@pytest.mark.parametrize("shift", [0.0, 0.37])
def test_a_shaken_perovskite_is_cubic_again(shift: float):
    generator = np.random.default_rng(0)
    places = np.array([[0, 0, 0], [0.5, 0.5, 0.5], [0.5, 0.5, 0], [0.5, 0, 0.5], [0, 0.5, 0.5]]) + shift
    ideal = checked(3.9 * np.eye(3), np.array([38, 22, 8, 8, 8]), places)
    lattice = 3.9 * np.eye(3) + 0.004 * generator.standard_normal((3, 3))
    shaken = checked(lattice, ideal.species, places + 0.002 * generator.standard_normal((5, 3)))
    found, group = symmetrised(shaken, 0.1)
    assert group == "Pm-3m"
    cell = parameters(found.lattice)
    np.testing.assert_allclose(cell[:3], cell[0])
    np.testing.assert_allclose(cell[3:], np.pi / 2)
    comparison = compare(found, ideal)
    assert comparison.is_exact
    apart = found.frac_coords - found.frac_coords[0] - (places - places[0])
    np.testing.assert_allclose(apart - np.round(apart), 0, atol=1e-9)
    assert symmetrised(shaken, 1e-5)[1] == "P1"
