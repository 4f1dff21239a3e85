import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from synthetic_crystals import MONOCLINIC, orthogonalisation, random_atoms

from argand.physics.crystal.atom import structure_factors
from argand.physics.crystal.symmetry import Group, half_sphere, index_key
from argand.physics.phasing.extinction import (
    AbsenceTest,
    _log_noisy_wilson,
    centring_absent,
    lattice_centring,
    mean_e_squared_minus_one,
    strength_of,
)
from argand.physics.phasing.laue_class import chosen_class, laue_tests
from argand.physics.phasing.space_group_candidates import all_laue_classes, centring_vectors

SQUARE = (8.0, 8.0, 9.0, 90.0, 90.0, 90.0)


def whole_sphere(name, cell, d_min=1.0, noise=0.02, atoms=6):
    """Every reflection of the sphere but what the lattice forbids, with an error; sigma is right."""
    group, axes = Group.from_name(name), orthogonalisation(cell)
    hkl = half_sphere(axes, d_min)
    hkl = np.unique(np.concatenate([hkl, -hkl]), axis=0)
    factors = structure_factors(random_atoms(group, axes, ("C", "N", "O") * (atoms // 3)), hkl, group, axes)
    true = np.abs(factors) ** 2
    sigma = noise * (true + 0.2 * true.mean())
    return group, axes, hkl, true + sigma * np.random.default_rng(0).normal(size=len(hkl)), sigma


@pytest.mark.parametrize(
    ("name", "cell", "laue"),
    [
        ("P 1", SQUARE, "-1"),
        ("P 1 21/c 1", SQUARE, "2/m (b)"),
        ("P 21 21 2", SQUARE, "mmm"),
        ("P 41", SQUARE, "4/m"),
        ("P -4 21 m", SQUARE, "4/mmm"),
        ("P 3 1 2", (8, 8, 9, 90, 90, 120), "-31m"),
        ("P -3 m 1", (8, 8, 9, 90, 90, 120), "-3m1"),
        ("P 63", (8, 8, 9, 90, 90, 120), "6/m"),
    ],
)
@pytest.mark.parametrize("merged", [False, True])
def test_the_laue_class_is_found_also_where_the_data_were_merged_in_it(name, cell, laue, merged):
    group, axes, hkl, intensity, sigma = whole_sphere(name, cell)
    if merged:
        first = np.unique(index_key(group.representative(hkl)), return_index=True)[1]
        hkl, intensity, sigma = hkl[first], intensity[first], sigma[first]
    tests = laue_tests(hkl, intensity, sigma, axes, "P")
    found = chosen_class(tests)
    assert found.laue.symbol == laue
    assert found.merged == (merged or laue == "-1")


def test_r_int_is_the_sum_of_deviations_over_that_of_intensities():
    hkl = np.array([[h, k, el] for h in range(1, 4) for k in (-2, 2) for el in range(1, 4)])
    intensity = np.where(hkl[:, 1] > 0, 11.0, 9.0)
    axes = orthogonalisation(MONOCLINIC)
    tests = laue_tests(hkl, intensity, np.ones(len(hkl)), axes, "P")
    found = next(test for test in tests if test.laue.symbol == "2/m (b)")
    assert found.r_int == pytest.approx(0.1)
    assert found.pairs == 9


@pytest.mark.parametrize("centring", ["P", "A", "B", "C", "I", "F", "R", "R reverse"])
@pytest.mark.parametrize("left_out", [False, True])
def test_centrings_are_found_from_absent_and_from_missing_reflections(centring, left_out):
    hkl = half_sphere(np.diag([9.0, 9.0, 11.0]), 1.0)
    rng = np.random.default_rng(1)
    forbidden = centring_absent(hkl, centring)
    intensity = np.where(forbidden, 0.0, rng.exponential(100.0, len(hkl))) + rng.normal(size=len(hkl))
    keep = ~forbidden if left_out else np.ones(len(hkl), bool)
    found, _ = lattice_centring(hkl[keep], intensity[keep], np.ones(keep.sum()))
    assert found == centring
    assert forbidden.mean() == pytest.approx(1 - 1 / len(centring_vectors(centring)), abs=0.02)


def test_a_lattice_that_is_only_nearly_centred_is_primitive():
    hkl = half_sphere(np.diag([9.0, 9.0, 11.0]), 1.0)
    rng = np.random.default_rng(1)
    mean = np.where(centring_absent(hkl, "I"), 4.0, 100.0)
    found, table = lattice_centring(hkl, rng.exponential(mean) + rng.normal(size=len(hkl)), np.ones(len(hkl)))
    assert found == "P"
    assert table["I"].strength == pytest.approx(4, abs=0.5)


def test_the_density_of_a_noisy_intensity_is_the_convolution():
    mean, error, seen = 3.0, 0.7, 1.3

    def both(true):
        return np.exp(-true / mean) / mean * np.exp(-(((seen - true) / error) ** 2) / 2)

    expected = quad(both, 0, np.inf)[0] / (error * np.sqrt(2 * np.pi))
    found = _log_noisy_wilson(np.array([seen]), np.array([mean]), np.array([error]))
    assert np.exp(found[0]) == pytest.approx(expected, rel=1e-6)


def test_absences_speak_for_the_group_that_has_them_and_against_others():
    group, axes, hkl, intensity, sigma = whole_sphere("P 1 21/c 1", MONOCLINIC)
    laue = next(one for one in all_laue_classes() if one.symbol == "2/m (b)").group()
    test = AbsenceTest(hkl, intensity, sigma, laue, axes)
    right, wrong, none = (test.of(Group.from_name(name)) for name in ("P 1 21/c 1", "P 1 21/n 1", "P 1 2 1"))
    assert right.count == group.absent(hkl).sum()
    assert abs(right.strength) < 0.5
    assert right.likelihood > 50
    assert wrong.likelihood < right.likelihood - 100
    assert wrong.strength > 3
    assert none.count == 0
    assert none.likelihood == 0


@settings(max_examples=20, deadline=None)
@given(factor=st.floats(0.01, 100.0))
def test_absences_do_not_depend_on_the_scale(factor):
    group, axes, hkl, intensity, sigma = whole_sphere("P 1 21/c 1", MONOCLINIC, d_min=1.5)
    laue = Group.from_name("P 2/m")
    first = AbsenceTest(hkl, intensity, sigma, laue, axes).of(group)
    second = AbsenceTest(hkl, factor * intensity, factor * sigma, laue, axes).of(group)
    assert second.likelihood == pytest.approx(first.likelihood, rel=1e-3, abs=1e-3)
    assert second.strength == pytest.approx(first.strength, rel=1e-6)


def test_strengths_are_means_of_intensity_over_sigma():
    found = strength_of(np.array([True, False, False]), np.array([0.5, 10.0, 20.0]))
    assert (found.count, found.strength, found.others) == (1, 0.5, 15.0)


@pytest.mark.parametrize(("name", "expected"), [("P -1", 0.968), ("P 1", 0.736)])
def test_e_squared_minus_one_is_that_of_wilson(name, expected):
    cell = (12.0, 13.0, 14.0, 80.0, 85.0, 75.0)
    _, axes, hkl, intensity, _ = whole_sphere(name, cell, 1.1, atoms=30)
    found = mean_e_squared_minus_one(hkl, intensity, Group.from_name("P -1"), axes)
    assert found == pytest.approx(expected, abs=0.04)
