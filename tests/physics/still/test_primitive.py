"""The primitive lattice behind indices of a larger cell."""

import numpy as np
import pytest

from argand.physics.still.primitive import primitive_transform


def indices(rule: np.ndarray, modulus: int) -> np.ndarray:
    grid = np.stack(np.meshgrid(*[np.arange(-3, 4)] * 3, indexing="ij"), -1).reshape(-1, 3)
    return grid[(grid @ rule) % modulus == 0]


@pytest.mark.parametrize(("rule", "modulus"), [((1, 1, 0), 2), ((1, 1, 1), 2), ((2, 1, 1), 3)])
def test_absent_classes_of_indices_make_the_lattice_coarser(rule: tuple[int, ...], modulus: int):
    hkl = indices(np.array(rule), modulus)
    change = primitive_transform(hkl)
    assert round(abs(np.linalg.det(change))) == modulus
    again = hkl @ np.linalg.inv(change).T
    np.testing.assert_allclose(again, np.rint(again), atol=1e-9)


def test_two_rules_are_found_one_after_the_other():
    hkl = indices(np.array([1, 1, 0]), 2)
    hkl = hkl[(hkl @ [0, 1, 1]) % 2 == 0]
    assert round(abs(np.linalg.det(primitive_transform(hkl)))) == 4


def test_full_and_few_indices_stay_as_they_are():
    np.testing.assert_array_equal(primitive_transform(indices(np.zeros(3, int), 2)), np.eye(3))
    np.testing.assert_array_equal(primitive_transform(2 * np.eye(3, dtype=int)), np.eye(3))


def test_a_few_strangers_do_not_hide_the_rule():
    hkl = indices(np.array([1, 1, 1]), 2)
    strangers = np.array([[1, 0, 0], [0, 1, 0], [3, 1, 1]])
    assert round(abs(np.linalg.det(primitive_transform(np.concatenate([hkl, strangers]))))) == 2
