"""Bundles of any outline: the split is the outline's own, and every kind is drawn."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from argand.errors import ConfigError
from argand.systems.molmnist.fibril.bundle import (
    GRID,
    OUTLINES,
    Bundles,
    draw_bundle,
    fits,
    grid_places,
    name_of,
    neighbours,
    occupancy,
    occupied,
    split_of,
)
from argand.systems.molmnist.fibril.fibril import chain_sites

PLAN = Bundles()


def drawn(split: int, count: int, plan: Bundles = PLAN, seed: int = 0) -> list:
    random = np.random.default_rng([seed, split])
    return [draw_bundle(plan, split, random) for _ in range(count)]


def canonical(sites: np.ndarray) -> tuple:
    """An outline whatever its place, its half turn and the order of its chains."""
    return min(
        tuple(sorted(map(tuple, (one - one[np.lexsort(one.T[::-1])][0]).tolist()))) for one in (sites, -sites)
    )


@given(st.integers(0, 500), st.integers(-9, 9), st.integers(-9, 9), st.randoms(use_true_random=False))
def test_the_split_is_blind_to_translation_half_turn_and_order(seed: int, i: int, j: int, shuffle):
    sites = draw_bundle(PLAN, seed % 3, np.random.default_rng(seed)).sites
    assert split_of(sites) == seed % 3
    order = list(range(len(sites)))
    shuffle.shuffle(order)
    away = np.array([i + j, i - j])
    for moved in (sites + away, -sites, (-sites + away)[order]):
        assert split_of(moved) == seed % 3


def test_no_outline_is_in_two_splits():
    seen = [{canonical(one.sites) for one in drawn(split, 150)} for split in range(3)]
    assert not seen[0] & seen[1] | seen[0] & seen[2] | seen[1] & seen[2]
    assert min(map(len, seen)) > 60


def test_of_ten_outlines_eight_train():
    random = np.random.default_rng(5)
    splits = np.array(
        [split_of(random.permuted(np.argwhere(random.random((9, 9)) < 0.5), axis=0)) for _ in range(2000)]
    )
    shares = np.bincount(splits, minlength=3) / 2000
    np.testing.assert_allclose(shares, [0.8, 0.1, 0.1], atol=0.03)


def test_every_outline_is_drawn_in_every_split_within_the_plan():
    for split in range(3):
        found = drawn(split, 80)
        assert {one.outline for one in found} == set(OUTLINES)
        sizes = [len(one) for one in found]
        assert min(sizes) >= 4
        assert max(sizes) <= 100
        assert all(fits(one.sites) for one in found)
        assert all(len({tuple(site) for site in one.sites.tolist()}) == len(one) for one in found)


def test_missing_chains_are_as_many_as_told_and_a_third_of_the_bundles_lack_some():
    found = [one for one in drawn(0, 300) if one.outline == "diamond"]
    lacking = 0
    for one in found:
        rows = np.ptp(grid_places(one.sites), axis=0) + 1
        lacking += one.missing > 0
        # An eroded corner row may make the frame smaller.
        assert len(one) + one.missing >= rows.prod()
        assert one.missing <= max((len(one) + one.missing) // 10, 1)
    assert 0.1 < lacking / len(found) < 0.5
    full = drawn(0, 40, Bundles(missing=0.0))
    assert not any(one.missing for one in full)
    assert all(one.missing for one in drawn(0, 40, Bundles(missing=1.0)) if len(one) > 4)


def test_occupancy_shows_each_chain_once_and_keeps_the_kinds_apart():
    for one in drawn(1, 60):
        grid = occupancy(one.sites)
        assert grid.shape == (GRID, GRID)
        assert grid.sum() == len(one)
        places = np.argwhere(grid) - GRID // 2
        # The same outline again: sites from rows i and j.
        assert canonical(np.stack([places.sum(1), places[:, 0] - places[:, 1]], 1)) == canonical(one.sites)
        origin = (one.sites[:, 0] % 2 == 0).sum()
        assert (places.sum(1) % 2 == 0).sum() == origin


def test_a_chain_inside_has_four_neighbours():
    around = neighbours(chain_sites("3x3").astype(int))
    assert sorted(around.tolist()) == [2, 2, 2, 2, 3, 3, 3, 3, 4]


@pytest.mark.parametrize(
    "wrong", [{"chains": (5, 4)}, {"chains": (4, 101)}, {"lengths": (5.0, 20.0)}, {"missing": 1.2}]
)
def test_ranges_that_hold_nothing_are_refused(wrong: dict):
    with pytest.raises(ConfigError):
        Bundles(**wrong)


@pytest.mark.parametrize("name", ["2x2", "4x6", "hexagonal-24", "12x12"])
def test_a_map_of_sites_gives_back_the_fibril_by_name(name: str):
    sites = chain_sites(name).astype(np.int64)
    for some in (sites, -sites, sites + np.array([3, 1])):
        grid = occupancy(some)
        assert grid.sum() == len(sites)
        assert canonical(occupied(grid)) == canonical(sites)
        assert name_of(occupied(grid)) == name
    assert name_of(sites[1:]) != name
    assert name_of(sites[:0]) is None
