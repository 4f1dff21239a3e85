"""Starts from the Patterson map: the places that it proposes are those of heavy atoms, and lead to the
structure."""

import numpy as np
import pytest
from patterson_truth import compare
from synthetic_crystals import MONOCLINIC, measured, orthogonalisation, random_atoms

from argand.physics.crystal.symmetry import Group
from argand.physics.phasing.dual_space import Amplitudes, Search, recipe_for
from argand.physics.phasing.model_building import Builder
from argand.physics.phasing.patterson_start import PattersonSearch

CELL = orthogonalisation(MONOCLINIC)


def prepared(name: str, elements: tuple[str, ...], seed: int):
    group = Group.from_name(name)
    atoms = random_atoms(group, CELL, elements, seed=seed)
    data = measured(group, CELL, atoms, 0.9)
    search = Search(Amplitudes.of(data.hkl, data.intensity, group, CELL), group, CELL, recipe_for(0.9))
    return group, atoms, search, PattersonSearch(search.free, search.symmetric)


def test_a_heavy_atom_stands_at_the_highest_place_but_for_the_origin_and_the_hand():
    group, atoms, _, start = prepared("P 21/c", ("Br", "C", "C", "O", "N"), 3)
    points, weights = start._places
    best = points[np.argmax(weights)] / start._map.shape
    # Origins of P 21/c: all halves; the inversion is in the group.
    images = group.images(atoms.frac[:1])[:, 0]
    origins = np.stack(np.meshgrid([0, 0.5], [0, 0.5], [0, 0.5], indexing="ij"), -1).reshape(-1, 3)
    apart = best - (images[:, None] + origins[None]).reshape(-1, 3)
    apart -= np.rint(apart)
    assert np.linalg.norm(apart @ CELL.T, axis=1).min() < 0.4


@pytest.mark.parametrize("name", ["P -1", "P 21/c", "C 2/c"])
def test_tries_from_the_map_lead_to_the_structure_of_a_heavy_atom(name: str):
    group, atoms, search, start = prepared(name, ("I", "C", "C", "O", "N", "C"), 5)
    data = measured(group, CELL, atoms, 0.9)
    content = {"I": 1.0, "C": 3.0, "O": 1.0, "N": 1.0}
    builder = Builder(data, data, search.symmetric.grid, content, 6.0)
    found = []
    for number in range(3):
        phased = start.attempt(6.0, np.random.default_rng(number))
        model = builder.complete(builder.first(search.symmetric.weighted(phased.calculated)))
        found.append(compare(model.atoms, atoms, np.ones(len(atoms)), group, CELL).found)
    assert max(found) == 1


def test_without_operators_a_vector_of_the_map_takes_their_place():
    _, _, _, start = prepared("P 1", ("I", "Br", "C", "O"), 2)
    points, weights = start._places
    assert start.is_possible
    assert weights.sum() == pytest.approx(1)
    images = start._images(points[0])
    assert images.tolist() == [[0, 0, 0], points[0].tolist()]


def test_the_symmetry_minimum_is_the_same_at_equivalent_points():
    group, _, _, start = prepared("P 21/c", ("Br", "C", "O"), 4)
    height = start._symmetry_minimum()
    shape = np.array(height.shape)
    for point in ((3, 4, 5), (7, 1, 9)):
        images = np.rint((group.rotations @ (point / shape) + group.translations) * shape).astype(int) % shape
        values = [height[tuple(image)] for image in images]
        assert np.allclose(values, values[0])


def test_a_place_is_seen_as_high_as_its_lowest_vector_to_the_images():
    _, _, _, start = prepared("P 21/c", ("Br", "C", "O"), 4)
    place = start._places[0][0]
    seen, vectors = start._image_minimum(place), start._map
    for point in ((0, 0, 0), (3, 7, 5), (11, 2, 9)):
        wanted = min(vectors[tuple((point - image) % vectors.shape)] for image in start._images(place))
        assert seen[point] == wanted
