"""Agreement of equivalents against sums by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from argand.physics.crystal.symmetry import Group
from argand.physics.phasing.merge import merge

GROUP = Group.from_name("P 21/c")
HKL = np.array([[1, 2, 3], [-1, 2, -3], [1, -2, 3], [2, 0, 0], [-2, 0, 0], [5, 1, 0]])
INTENSITY = np.array([10.0, 12.0, 14.0, 40.0, 44.0, 7.0])


def test_agreement_is_that_of_a_sum_by_hand():
    """Means 12 and 42; the reflection of one measurement has no say."""
    merged = merge(HKL, INTENSITY, np.ones(6), GROUP)
    assert merged.r_int == pytest.approx((4 + 4) / 120)
    assert merged.r_meas == pytest.approx((np.sqrt(3 / 2) * 4 + np.sqrt(2) * 4) / 120)
    # Variance of 12 and 42: (42 - 12)² / 2. Of a mean of half of n: 4 / (3 / 2) and 8 / (2 / 2).
    of_means, of_halves = 450.0, (8 / 3 + 8) / 2
    assert merged.cc_half == pytest.approx((of_means - of_halves / 2) / (of_means + of_halves / 2))


def test_weights_of_the_agreement_are_those_of_the_mean():
    merged = merge(HKL[3:5], INTENSITY[3:5], np.array([1.0, 2.0]), GROUP)
    mean = (40 + 44 / 4) / (1 + 1 / 4)
    assert merged.intensity == pytest.approx([mean])
    assert merged.r_int == pytest.approx(4 / 84)
    assert merged.r_meas == pytest.approx(np.sqrt(2) * 4 / 84)
    assert merged.cc_half is None  # of one mean


def test_without_equivalents_there_is_no_agreement():
    merged = merge(HKL[[0, 3, 5]], INTENSITY[[0, 3, 5]], np.ones(3), GROUP)
    assert (merged.r_int, merged.r_meas, merged.cc_half) == (None, None, None)


@given(st.integers(0, 10**6), st.sampled_from(["P 21/c", "P 1", "F d d 2", "R -3 c:H"]))
def test_half_the_data_correlate_as_told(seed: int, name: str):
    """CC1/2 is that of halves drawn at random, whatever the group."""
    random, group = np.random.default_rng(seed), Group.from_name(name)
    unique = np.stack(np.meshgrid(*[np.arange(1, 13)] * 3, indexing="ij"), -1).reshape(-1, 3)
    unique = unique[~group.absent(unique)]
    unique = unique[np.unique(group.representative(unique), axis=0, return_index=True)[1]]
    true = random.exponential(20.0, len(unique))
    seen = true + random.normal(0.0, 12.0, (4, len(unique)))
    hkl = np.concatenate([unique, -unique, group.equivalents(unique)[-1], unique])
    merged = merge(hkl, seen.ravel(), np.full(seen.size, 12.0), group)
    drawn = np.corrcoef(seen[:2].mean(0), seen[2:].mean(0))[0, 1]
    assert merged.cc_half == pytest.approx(drawn, abs=0.15)
