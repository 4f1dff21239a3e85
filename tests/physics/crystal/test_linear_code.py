"""The closed-form code of a density box."""

import numpy as np
import pytest

from argand.errors import ConfigError, InputError
from argand.physics.crystal.linear_code import LinearCode
from argand.physics.crystal.voxel_box import Atoms, Box

BOX = Box()
CODE = LinearCode(BOX)


def boxes(count: int) -> list[np.ndarray]:
    """Densities of twelve atoms at random in each."""
    rng = np.random.default_rng(3)
    return [
        BOX.density(Atoms(rng.uniform(2, 8, (12, 3)), rng.integers(1, 90, 12).astype(np.uint8)))
        for _ in range(count)
    ]


def test_the_basis_is_orthonormal_and_nine_modes_an_axis_suffice_for_300_numbers():
    assert CODE.basis.shape == (30, 9)
    np.testing.assert_allclose(CODE.basis.T @ CODE.basis, np.eye(9), atol=1e-12)


def test_decoding_a_code_gives_the_nearest_density_and_encoding_it_the_code():
    density = boxes(1)[0].astype(float)
    code = CODE.encode(density)
    nearest = CODE.decode(code)
    np.testing.assert_allclose(CODE.encode(nearest), code, atol=1e-9)
    # What is left is at a right angle to the basis.
    assert abs(np.vdot(density - nearest, nearest)) < 1e-9 * np.vdot(density, density)


def test_300_numbers_leave_less_than_a_twentieth_of_the_variance():
    left = [np.mean((CODE.decode(CODE.encode(one.astype(float))) - one) ** 2) / one.var() for one in boxes(8)]
    assert np.mean(left) < 0.05


def test_numbers_are_about_one_in_size_for_atoms_everywhere():
    rng = np.random.default_rng(0)
    codes = []
    for _ in range(60):
        atoms = Atoms(rng.uniform(-4, 14, (210, 3)), np.full(210, 31, np.uint8))
        codes.append(CODE.encode(BOX.density(atoms).astype(float)))
    # Root of the sum of Z² over 1 Å³ is 31 times the root of 0.036 atoms: 5.9 of the 6.5 that count as 1.
    np.testing.assert_allclose(np.std(codes, axis=0)[1:].mean(), 5.9 / 6.5, rtol=0.05)


def test_what_is_no_box_or_code_is_refused():
    with pytest.raises(InputError, match="10 x 10 x 10 voxels; it must have 30"):
        CODE.encode(np.zeros((10, 10, 10)))
    bad = np.zeros((30, 30, 30))
    bad[3, 4, 5] = np.nan
    with pytest.raises(InputError, match="not finite"):
        CODE.encode(bad)
    for numbers in (np.zeros(299), np.full(300, np.inf)):
        with pytest.raises(InputError, match="300 finite numbers"):
            CODE.decode(numbers)
    for count in (0, 28000):
        with pytest.raises(ConfigError, match=f"{count} numbers are not a code"):
            LinearCode(BOX, count)
