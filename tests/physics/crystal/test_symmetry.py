from dataclasses import replace

import gemmi
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from argand.errors import ConfigError
from argand.physics.crystal.symmetry import Group, grid_shape, half_sphere, index_key, inverse_d_squared

NAMES = ("P -1", "P 21/c", "C 2/c", "P 21 21 21", "F d d 2", "P -4 21 m", "R -3 c:H", "F m -3 m", "P 61")
CELLS = {"P -4 21 m": (7, 7, 9, 90, 90, 90), "R -3 c:H": (9, 9, 12, 90, 90, 120)}
CELLS |= {"F m -3 m": (6, 6, 6, 90, 90, 90), "P 61": (8, 8, 11, 90, 90, 120), "P -1": (6, 7, 8, 80, 95, 110)}
CELLS |= dict.fromkeys(("P 21/c", "C 2/c"), (7, 8, 9, 90, 105, 90))


def crystal(name: str) -> tuple[Group, np.ndarray, gemmi.UnitCell]:
    cell = gemmi.UnitCell(*CELLS.get(name, (7, 8, 9, 90, 90, 90)))
    return Group.from_name(name), np.array(cell.orth.mat.tolist()), cell


@pytest.mark.parametrize("name", NAMES)
def test_absences_and_epsilon_are_gemmis(name):
    group, cell, _ = crystal(name)
    operations = gemmi.find_spacegroup_by_name(name).operations()
    hkl = half_sphere(cell, 1.5)
    assert group.absent(hkl).tolist() == [operations.is_systematically_absent(list(h)) for h in hkl.tolist()]
    epsilon = [operations.epsilon_factor_without_centering(list(h)) for h in hkl.tolist()]
    assert group.epsilon(hkl).tolist() == epsilon


@pytest.mark.parametrize("name", NAMES)
def test_unique_reflections_are_as_many_as_gemmis(name):
    group, cell, unit = crystal(name)
    hkl = half_sphere(cell, 1.5)
    hkl = hkl[~group.absent(hkl)]
    unique = np.unique(index_key(group.representative(hkl)))
    assert len(unique) == len(gemmi.make_miller_array(unit, gemmi.find_spacegroup_by_name(name), 1.5))


def test_resolution_is_gemmis():
    _, cell, unit = crystal("P -1")
    hkl = half_sphere(cell, 1.0)
    assert np.allclose(inverse_d_squared(hkl, cell), [unit.calculate_1_d2(h) for h in hkl.tolist()])


def summed(group: Group, hkl: np.ndarray, density: float = 0.37) -> np.ndarray:
    """F of one atom in a general position: the sum over all operators."""
    place = np.array([0.131, density, 0.283])
    return np.exp(2j * np.pi * (hkl @ group.images(place[None])[:, 0].T)).sum(1)


@pytest.mark.parametrize("name", NAMES)
def test_forbidden_reflections_are_those_that_a_sum_over_the_operators_extinguishes(name):
    group, _, _ = crystal(name)
    hkl = np.stack(np.meshgrid(*[np.arange(-4, 5)] * 3, indexing="ij"), -1).reshape(-1, 3)
    sizes = np.max([np.abs(summed(group, hkl, y)) for y in (0.37, 0.411, 0.0917)], axis=0)
    assert group.absent(hkl).tolist() == (sizes < 1e-9).tolist()


def test_about_another_origin_the_same_reflections_are_forbidden():
    group = Group.from_name("P 21/c")
    shift = np.array([1 / 8, 1 / 3, 3 / 8])
    moved = replace(group, translations=(group.translations + shift - group.rotations @ shift) % 1.0)
    hkl = np.stack(np.meshgrid(*[np.arange(-4, 5)] * 3, indexing="ij"), -1).reshape(-1, 3)
    assert moved.absent(hkl).tolist() == group.absent(hkl).tolist()
    assert moved.epsilon(hkl).tolist() == group.epsilon(hkl).tolist()


@given(st.sampled_from(NAMES), st.integers(0, 1000))
def test_equivalents_share_one_representative(name, seed):
    group, _, _ = crystal(name)
    hkl = np.random.default_rng(seed).integers(-9, 10, (5, 3))
    first = group.representative(hkl)
    for image in group.equivalents(hkl):
        assert (group.representative(-image) == first).all()


@pytest.mark.parametrize("name", NAMES)
def test_operators_map_the_grid_onto_itself(name):
    group, cell, _ = crystal(name)
    shape = np.array(grid_shape(group, cell, half_sphere(cell, 1.2), 0.5))
    point = np.array([1, 2, 3]) / shape
    images = (group.rotations @ point + group.translations) * shape
    assert np.allclose(images, np.rint(images))


def test_a_contradicting_cell_is_noticed():
    group = Group.from_name("P 21/c")
    good, bad = gemmi.UnitCell(7, 8, 9, 90, 105, 90), gemmi.UnitCell(7, 8, 9, 95, 105, 90)
    assert group.keeps(np.array(good.orth.mat.tolist()))
    assert not group.keeps(np.array(bad.orth.mat.tolist()))


def test_a_site_near_the_inversion_centre_is_put_there():
    group, cell, _ = crystal("P -1")
    projector, place, kept = group.site(np.array([0.01, 0.49, 0.0]), cell)
    assert kept == 2
    assert np.allclose(place, [0, 0.5, 0])
    assert np.allclose(projector, 0)


def test_an_unknown_group_is_named():
    with pytest.raises(ConfigError, match="P 99"):
        Group.from_name("P 99")


def test_polar_axes_of_some_groups():
    assert Group.from_name("P 21").polar_axes().tolist() == [False, True, False]
    assert Group.from_name("P 1").polar_axes().all()
    assert not Group.from_name("P 21 21 21").polar_axes().any()


@pytest.mark.parametrize("name", ["P 61", "F d d 2", "P 41"])
def test_images_are_gemmis(name):
    place = [0.11, 0.23, 0.37]
    expected = [op.apply_to_xyz(place) for op in gemmi.find_spacegroup_by_name(name).operations()]
    apart = Group.from_name(name).images(np.array([place]))[:, 0] - expected
    np.testing.assert_allclose(apart, np.rint(apart), atol=1e-12)
