import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from synthetic_crystals import orthogonalisation, random_atoms

from argand.physics.crystal.atom import structure_factors
from argand.physics.crystal.symmetry import Group, half_sphere
from argand.physics.phasing.space_group_candidates import (
    REVERSE,
    all_laue_classes,
    candidates,
    centring_vectors,
    laue_classes,
)
from argand.physics.phasing.symmetry_correlation import SymmetryCorrelation, operators

CELLS = {
    "P 1 21/c 1": (7.6, 8.9, 9.1, 90, 104, 90),
    "C 1 c 1": (9.6, 6.9, 7.1, 90, 104, 90),
    "P n a 21": (7, 8, 9, 90, 90, 90),
    "P 41 21 2": (7, 7, 9, 90, 90, 90),
    "P -4 21 c": (7, 7, 9, 90, 90, 90),
    "P 31 2 1": (7, 7, 9, 90, 90, 120),
    "P 63/m": (8, 8, 9, 90, 90, 120),
    "R -3 c:H": (9, 9, 11, 90, 90, 120),
    "R -3:R": (7, 7, 7, 80, 80, 80),
    "P 21 3": (8, 8, 8, 90, 90, 90),
    "F d d 2": (10, 11, 7, 90, 90, 90),
}


def crystal(name, seed=0, shift=(0.0, 0.0, 0.0)):
    """A random structure's structure factors, its Laue class and centring, and its axes."""
    group, axes = Group.from_name(name), orthogonalisation(CELLS[name])
    atoms = random_atoms(group, axes, ("C",) * 3, seed)
    hkl = half_sphere(axes, 1.1)
    hkl = hkl[~group.lattice.absent(hkl)]
    factors = structure_factors(atoms, hkl, group, axes) * np.exp(2j * np.pi * (hkl @ np.array(shift)))
    every = np.unique(np.concatenate([group.rotations, -group.rotations]), axis=0)
    key = frozenset(np.asarray(one, np.int8).tobytes() for one in every)
    laue = next(one for one in all_laue_classes() if one.key == key)
    return group, axes, hkl, factors.astype(np.complex64), laue, name[0]


def test_a_map_is_the_direct_sum():
    _, axes, hkl, factors, laue, centring = crystal("P 1 21/c 1")
    maps = SymmetryCorrelation(hkl, factors, laue.group(centring), axes)
    both = np.concatenate([hkl, -hkl])
    values = np.concatenate([factors, factors.conj()])
    _, once = np.unique(both, axis=0, return_index=True)
    known = {tuple(index): value for index, value in zip(both[once].tolist(), values[once], strict=True)}
    rotation, place = np.diag([-1, 1, -1]), np.array([3, 5, 7])
    found = maps.map(rotation)
    total = norm = 0.0
    for index, value in known.items():
        product = value * np.conj(known[tuple((np.array(index) @ rotation).tolist())])
        total += product * np.exp(-2j * np.pi * (np.array(index) @ (place / np.array(maps.shape))))
        norm += abs(product)
    assert found[tuple(place)] == pytest.approx((total / norm).real, abs=1e-5)
    assert abs((total / norm).imag) < 1e-6


@pytest.mark.parametrize("name", list(CELLS))
def test_exact_phases_obey_their_group_wherever_the_origin_is(name):
    group, axes, hkl, factors, laue, centring = crystal(name, shift=(0.11, 0.23, 0.37))
    maps = SymmetryCorrelation(hkl, factors, laue.group(centring), axes)
    shift, values = maps.best_shift(group)
    assert len(values) == len(operators(group)[0])
    assert values.min() > 0.9
    # The shift brings the atoms to the group's origin: all operators hold by direct evaluation.
    moved = factors * np.exp(2j * np.pi * (hkl @ shift))
    again = SymmetryCorrelation(hkl, moved.astype(np.complex64), laue.group(centring), axes)
    assert again.scores(group, np.zeros((1, 3))).min() > 0.9


@settings(max_examples=15, deadline=None)
@given(place=st.tuples(*[st.integers(0, 23)] * 3), seed=st.integers(0, 5))
def test_where_the_origin_is_does_not_matter(place, seed):
    group, axes, hkl, factors, laue, centring = crystal("P n a 21", seed)
    maps = SymmetryCorrelation(hkl, factors, laue.group(centring), axes)
    step = np.array(place) / np.array(maps.shape)
    moved = (factors * np.exp(2j * np.pi * (hkl @ step))).astype(np.complex64)
    other = SymmetryCorrelation(hkl, moved, laue.group(centring), axes)
    for one in candidates(laue, centring)[::20]:
        first, second = maps.best_shift(one.group)[1], other.best_shift(one.group)[1]
        assert second.mean() == pytest.approx(first.mean(), abs=1e-3)
    assert maps.best_shift(group)[1].min() > 0.95


@pytest.mark.parametrize("name", ["P 1 21/c 1", "P n a 21", "P 41 21 2", "P 31 2 1"])
def test_the_true_group_is_the_largest_that_phases_obey(name):
    _, axes, hkl, factors, laue, centring = crystal(name, shift=(0.05, 0.31, 0.17))
    maps = SymmetryCorrelation(hkl, factors, laue.group(centring), axes)
    obeyed = [
        one
        for one in candidates(laue, centring)
        if (values := maps.best_shift(one.group)[1]).size and values.min() > 0.9
    ]
    largest = max(one.group.order for one in obeyed)
    assert [one.group.name for one in obeyed if one.group.order == largest] == [name]


def test_all_groups_come_in_the_settings_of_the_axes():
    laue = {one.symbol: one for one in all_laue_classes()}
    names = {one.group.name for one in candidates(laue["2/m (b)"], "P")}
    assert {"P 1 21/c 1", "P 1 21/n 1", "P 1 21/a 1", "P 1 2 1", "P 1 m 1", "P 1 c 1", "P 1 n 1"} < names
    assert len(names) == 14
    names = {one.group.name for one in candidates(laue["mmm"], "P")}
    assert {"P n a 21", "P 21 n b", "P n m a", "P b n m", "P c a b", "P b c a"} < names
    # 30 types, each as often as its axes can be named differently.
    assert len({one.number for one in candidates(laue["mmm"], "P")}) == 30
    assert [one.group.name for one in candidates(laue["-1"], "P")] == ["P 1", "P -1"]


def test_settings_that_differ_by_the_origin_are_one():
    laue = {one.symbol: one for one in all_laue_classes()}
    found = {one.group.name: one for one in candidates(laue["2/m (b)"], "I")}
    assert found["I 1 2/a 1"].other_names == ("I 1 2/c 1",)
    tetragonal = {one.group.name for one in candidates(laue["4/mmm"], "I")}
    assert "I 41/a m d:2" in tetragonal
    assert "I 41/a m d:1" not in tetragonal


def test_enantiomorphs_know_each_other():
    laue = {one.symbol: one for one in all_laue_classes()}
    pairs = {
        one.group.name: one.other_hand
        for symbol in ("4/m", "4/mmm", "-3", "-3m1", "-31m", "6/m", "6/mmm", "m-3m")
        for one in candidates(laue[symbol], "P")
        if one.other_hand is not None
    }
    assert len(pairs) == 22
    assert pairs["P 41 21 2"] == "P 43 21 2"
    assert all(pairs[other] == name for name, other in pairs.items())


def test_laue_classes_are_those_of_the_metric():
    found = [one.symbol for one in laue_classes(orthogonalisation((7, 8, 9, 90, 100, 90)))]
    assert found == ["-1", "2/m (b)"]
    found = [one.symbol for one in laue_classes(np.diag([7.0, 7.0, 9.0]))]
    assert found == ["-1", "2/m (a)", "2/m (b)", "2/m (c)", "4/m", "mmm", "4/mmm"]
    hexagonal = orthogonalisation((9, 9, 11, 90, 90, 120))
    assert {"-3", "-3m1"} < {one.symbol for one in laue_classes(hexagonal, "R")}
    assert "6/mmm" not in {one.symbol for one in laue_classes(hexagonal, "R")}


def test_reverse_rhombohedral_groups_have_the_other_centring():
    laue = {one.symbol: one for one in all_laue_classes()}
    for one in candidates(laue["-3m1"], REVERSE):
        assert np.allclose(sorted(one.group.centrings.tolist()), sorted(centring_vectors(REVERSE).tolist()))
    hkl = np.array([[1, 0, 1], [-1, 0, 1]])
    reverse = next(one for one in candidates(laue["-3m1"], REVERSE) if one.group.name.startswith("R -3 c"))
    assert reverse.group.lattice.absent(hkl).tolist() == [True, False]
    assert Group.from_name("R -3 c:H").lattice.absent(hkl).tolist() == [False, True]
