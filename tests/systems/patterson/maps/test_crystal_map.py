"""Maps of full cells of any shape are solved as crystals; what is no Patterson map is refused."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from patterson_foreign_crystals import CrystalKind, crystal_map, random_cell, share_found

from argand.errors import InputError
from argand.physics.crystal.atom import structure_factors
from argand.physics.crystal.symmetry import Group, inverse_d_squared
from argand.systems.patterson.maps.crystal_map import PATH, reflections_of, solve_crystal_map


def made(kind: CrystalKind, seed: int):
    """A random cell and its map."""
    rng = np.random.default_rng(seed)
    true = random_cell(kind, rng)
    return true, crystal_map(kind, true, rng)


@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 1000))
def test_the_transform_of_a_map_is_the_intensities_that_made_it(seed: int):
    true, patterson = made(CrystalKind(), seed)
    hkl, intensity = reflections_of(patterson, true.cell)
    exact = np.abs(structure_factors(true.atoms, hkl, Group.from_name("P 1"), true.basis)) ** 2
    np.testing.assert_allclose(intensity / intensity.sum(), exact / exact.sum(), atol=1e-5)
    assert inverse_d_squared(hkl, true.basis).max() <= 0.84**-2 + 1e-9
    pairs = {tuple(one) for one in hkl.tolist()}
    assert not pairs & {tuple(one) for one in (-hkl).tolist()}


def test_reflections_that_the_grid_holds_only_in_its_corners_are_left_out():
    true, patterson = made(CrystalKind(), 0)
    coarse = np.fft.irfftn(np.fft.rfftn(patterson)[:6, :6, :4], s=(8, 8, 7), axes=(0, 1, 2))
    coarse[0, 0, 0] = 2 * coarse.max()
    hkl, _ = reflections_of(coarse, true.cell)
    finest = min(3 / edge for edge in true.cell[:3])
    assert inverse_d_squared(hkl, true.basis).max() <= finest**2


@pytest.mark.parametrize("heavy", [False, True])
def test_a_cell_of_unequal_atoms_is_solved_and_said_to_be(heavy: bool):
    true, patterson = made(CrystalKind(heavy=heavy), 1)
    found = solve_crystal_map(patterson, true.cell, formula=true.formula)
    assert found.trusted
    assert found.path == PATH
    assert share_found(found.positions_voxel / np.array(patterson.shape), true) == 1.0
    np.testing.assert_allclose(found.positions_voxel.mean(0), np.array(patterson.shape) / 2, atol=1e-3)
    assert sorted(found.elements) == sorted(true.atoms.elements)


def test_a_heavy_atom_is_found_where_no_elements_are_known():
    true, patterson = made(CrystalKind(heavy=True), 1)
    found = solve_crystal_map(patterson, true.cell, len(true.atoms))
    assert found.trusted
    assert found.elements[0] not in ("C", "N", "O")
    assert share_found(found.positions_voxel / np.array(patterson.shape), true) > 0.9


def test_a_map_of_random_intensities_is_not_believed():
    true, patterson = made(CrystalKind(random=True), 0)
    found = solve_crystal_map(patterson, true.cell, len(true.atoms), time_limit=0.1)
    assert not found.trusted
    assert "R1" in found.reason


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda m: m[:4], "6 voxels"),
        (lambda m: np.where(m == m.max(), np.nan, m), "finite"),
        (np.fft.fftshift, "origin"),
    ],
)
def test_what_is_no_patterson_map_of_a_cell_is_refused(change, message: str):
    true, patterson = made(CrystalKind(), 0)
    with pytest.raises(InputError, match=message):
        solve_crystal_map(change(patterson), true.cell)
