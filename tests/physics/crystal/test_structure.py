"""Structures: reduced lattices, distances, and coefficients of point atoms with the way back."""

import gemmi
import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

from argand.physics.crystal.matching_pursuit import CONVERGED, Pursuit
from argand.physics.crystal.reciprocal import coefficients, place_spread, shortest_hkl, waves
from argand.physics.crystal.structure import (
    checked,
    closest_pair,
    distances,
    parameters,
    reduced_lattice,
    wrapped,
)

seeds = st.integers(0, 10_000)


def random_lattice(generator: np.random.Generator, size: float = 7.0) -> np.ndarray:
    """Three vectors that are far from lying in a plane."""
    while True:
        lattice = size * (np.eye(3) + 0.4 * generator.standard_normal((3, 3)))
        if abs(np.linalg.det(lattice)) > 0.4 * size**3:
            return lattice


def random_places(
    generator: np.random.Generator, lattice: np.ndarray, count: int, apart: float
) -> np.ndarray:
    """Places of which no two are nearer than `apart`."""
    places = np.zeros((0, 3))
    while len(places) < count:
        tried = np.concatenate([places, generator.random((1, 3))])
        if len(tried) == 1 or distances(lattice, tried)[-1, :-1].min() > apart:
            places = tried
    return places


@given(seeds)
def test_reduction_forgets_the_choice_of_the_cell(seed: int):
    generator = np.random.default_rng(seed)
    lattice, change = random_lattice(generator), np.eye(3)
    for _ in range(5):
        i, j = generator.choice(3, 2, replace=False)
        change[i] += generator.integers(-2, 3) * change[j]
    first, _ = reduced_lattice(lattice)
    second, whole = reduced_lattice(change @ lattice)
    np.testing.assert_allclose(np.linalg.norm(first, axis=1), np.linalg.norm(second, axis=1))
    np.testing.assert_allclose(whole @ change @ lattice, second, atol=1e-9)
    assert abs(np.linalg.det(whole)) == pytest.approx(1.0)


@given(seeds)
def test_distances_are_those_of_the_nearest_images(seed: int):
    generator = np.random.default_rng(seed)
    lattice, places = random_lattice(generator), generator.random((4, 3))
    images = np.stack(np.meshgrid(*[np.arange(-4, 5)] * 3, indexing="ij"), -1).reshape(-1, 3)
    apart = places[:, None, None] - places[None, :, None] + images
    brute = np.linalg.norm(apart @ lattice, axis=-1).min(-1)
    np.testing.assert_allclose(distances(lattice, places), brute, atol=1e-6)


def test_the_closest_pair_may_be_an_atom_and_its_own_image():
    lattice = np.diag([2.5, 6.0, 6.0])
    structure = checked(lattice, np.array([6, 8]), np.array([[0.0, 0, 0], [0.5, 0.5, 0.5]]))
    assert closest_pair(structure) == (0, 0, 2.5)


def test_wrapping_leaves_no_coordinate_of_one():
    inside = wrapped(np.array([[-1e-18, 1.0, -0.25]]))
    np.testing.assert_array_equal(inside, [[0.0, 0.0, 0.75]])


@given(seeds)
def test_the_shortest_vectors_are_all_there_and_one_of_each_pair(seed: int):
    lattice = random_lattice(np.random.default_rng(seed))
    hkl = shortest_hkl(lattice, 40)
    inverse = np.linalg.inv(lattice).T
    lengths = np.linalg.norm(hkl @ inverse, axis=1)
    wide = np.stack(np.meshgrid(*[np.arange(-12, 13)] * 3, indexing="ij"), -1).reshape(-1, 3)
    every = np.sort(np.linalg.norm(wide @ inverse, axis=1))
    np.testing.assert_allclose(lengths, every[1:81:2], rtol=1e-4)
    assert len({tuple(h) for h in [*hkl, *-hkl]}) == 80


def test_a_shift_of_the_origin_turns_phases_alone():
    generator = np.random.default_rng(3)
    hkl, places = shortest_hkl(random_lattice(generator), 20), generator.random((5, 3))
    weights, shift = generator.standard_normal((5, 2)), np.array([0.1, 0.2, 0.3])
    moved = coefficients(hkl, places + shift, weights)
    turned = coefficients(hkl, places, weights) * waves(hkl, shift[None])
    np.testing.assert_allclose(moved, turned, atol=1e-12)


@settings(max_examples=15, deadline=None)
@given(seeds, st.sampled_from([1, 2, 7, 14, 60]))
def test_atoms_come_back_from_their_coefficients(seed: int, count: int):
    generator = np.random.default_rng(seed)
    lattice = random_lattice(generator, (18.0 * count + 20) ** (1 / 3))
    places = random_places(generator, lattice, count, 1.6)
    hkl = shortest_hkl(lattice, max(40, 8 * count))
    found = Pursuit(lattice, hkl, waves(hkl, places).sum(1), count).solve(60)
    assert found.misfit < CONVERGED
    both = np.concatenate([places, wrapped(found.frac)])
    assert distances(lattice, both)[:count, count:].min(1).max() < 1e-2


def test_noise_moves_atoms_little():
    generator = np.random.default_rng(5)
    lattice = random_lattice(generator, 6.0)
    places = random_places(generator, lattice, 10, 1.6)
    hkl = shortest_hkl(lattice, 120)
    exact = waves(hkl, places).sum(1)
    error = generator.standard_normal((2, 120)) * 0.1 * np.sqrt(np.mean(np.abs(exact) ** 2) / 2)
    found = Pursuit(lattice, hkl, exact + error[0] + 1j * error[1], 10).solve(20)
    both = np.concatenate([places, wrapped(found.frac)])
    assert distances(lattice, both)[:10, 10:].min(1).max() < 0.1
    assert found.misfit == pytest.approx(0.01, rel=0.5)


def test_a_lattice_has_gemmis_lengths_and_angles():
    stated = (5.0, 6.0, 7.0, 80.0, 95.0, 110.0)
    lattice = np.array(gemmi.UnitCell(*stated).orth.mat.tolist()).T
    np.testing.assert_allclose(parameters(lattice), [*stated[:3], *np.radians(stated[3:])])


def test_the_spread_of_a_lone_atom_is_that_of_its_phases():
    # An error of 0.1 lies half in the phase: 0.1 / sqrt(2) of a turn's 2 pi on 7 Å along each axis.
    lattice, noise = 7.0 * np.eye(3), 0.1
    along = 1 / ((2 * np.pi / 7.0) ** 2 * 2 / noise**2 + 1.0)
    spread = place_spread(lattice, np.eye(3, dtype=int), np.array([[0.1, 0.2, 0.3]]), noise)
    np.testing.assert_allclose(spread, [np.sqrt(3 * along)])


def test_a_structure_says_what_it_is_in_one_line_and_draws_itself_in_a_notebook():
    places = np.array([[0.0, 0.0, 0.0], [0.5, 0.5, 0.5]])
    structure = checked(np.diag([3.0, 4.0, 5.0]), np.array([55, 17]), places)
    assert repr(structure) == "<Structure CsCl: 2 atoms, 3 4 5 Å, 90 90 90°>"
    page = structure._repr_html_()
    assert "<td style='text-align:left'>CsCl</td>" in page
    # Along a, caesium at the corner is on four corners of the cell's outline.
    assert page.count("<title>Cs</title>") == 4
    assert page.count("<title>Cl</title>") == 1
    # Spheres are in the places that b and c say, in Å: the chlorine in the middle.
    assert "cx='2.00' cy='-2.50'" in page
    # What is nearer to the eye, with a greater coordinate along a, is drawn over what is behind it.
    behind = np.array([[0.9, 0.5, 0.5], [0.1, 0.5, 0.5]])
    page = checked(np.diag([3.0, 4.0, 5.0]), np.array([55, 17]), behind)._repr_html_()
    assert page.index("<title>Cl</title>") < page.index("<title>Cs</title>")
