"""Equivalent reflections: their mean and its error have closed forms."""

import numpy as np
import pytest

from argand.physics.crystal.symmetry import Group
from argand.physics.phasing.merge import Merged, merge

TRIGONAL = Group.from_name("P 3")


def merged(intensity: list[float], sigma: list[float]) -> Merged:
    """One reflection measured several times: 1 2 3, two that the threefold axis makes of it, and a mate."""
    hkl = np.array([[1, 2, 3], [2, -3, 3], [-3, 1, 3], [-1, -2, -3]])[: len(intensity)]
    return merge(hkl, np.array(intensity), np.array(sigma), TRIGONAL)


def test_a_mean_is_weighted_by_one_over_sigma_squared():
    assert merged([10.0, 20.0], [1.0, 2.0]).intensity == pytest.approx([12.0])
    assert merged([10.0, 20.0, 50.0], [1.0, 2.0, 0.5]).intensity == pytest.approx([(10 + 5 + 200) / 5.25])


def test_where_equivalents_agree_the_error_is_that_of_their_sigmas():
    assert merged([10.0, 10.0], [1.0, 2.0]).sigma == pytest.approx([1 / np.sqrt(1.25)])
    assert merged([10.0] * 4, [3.0] * 4).sigma == pytest.approx([1.5])


def test_where_equivalents_scatter_the_error_is_that_of_their_scatter():
    # Standard deviation of the mean 11: the root of (4 + 1 + 9) / (3 x 2), beyond 1 / sqrt(3).
    assert merged([9.0, 10.0, 14.0], [1.0, 1.0, 1.0]).sigma == pytest.approx([np.sqrt(14 / 6)])
    assert merged([10.0, 20.0], [1.0, 2.0]).sigma == pytest.approx([np.sqrt((2**2 + 8**2) / 2)])


def test_a_lone_reflection_stays_as_it_is():
    alone = merged([10.0], [2.5])
    assert (alone.intensity.tolist(), alone.sigma.tolist(), alone.r_int) == ([10.0], [2.5], None)
