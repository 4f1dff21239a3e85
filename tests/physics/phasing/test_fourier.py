import numpy as np
import pytest
from synthetic_crystals import MONOCLINIC, orthogonalisation, random_atoms

from argand.physics.crystal.atom import structure_factors
from argand.physics.crystal.symmetry import Group
from argand.physics.phasing.fourier import Grid
from argand.physics.phasing.peak import PeakFinder, between_points
from argand.physics.phasing.wilson import expected_intensity

CELL = orthogonalisation(MONOCLINIC)


@pytest.fixture
def grid() -> Grid:
    group = Group.from_name("P 21/c")
    return Grid(group, group, CELL, 1.0, 0.35)


def test_density_and_coefficients_are_inverse(grid):
    atoms = random_atoms(grid.group, CELL, ("C",) * 5)
    factors = structure_factors(atoms, grid.hkl, grid.group, CELL).astype(np.complex64)
    assert np.allclose(grid.coefficients(grid.density(factors)), factors, atol=1e-3 * abs(factors).max())


def test_averaging_makes_any_map_obey_the_group(grid):
    noise = np.random.default_rng(0).random(grid.shape, dtype=np.float32)
    factors = grid.coefficients(noise)
    for mate in grid.mates(factors):
        assert np.allclose(mate, factors, atol=1e-3 * abs(factors).max())


def test_peaks_of_the_density_are_the_atoms(grid):
    atoms = random_atoms(grid.group, CELL, ("C", "C", "O", "N", "C"))
    density = grid.density(structure_factors(atoms, grid.hkl, grid.group, CELL).astype(np.complex64))
    points = PeakFinder(grid).find(density, 5)
    frac, _ = between_points(density, points)
    for place in atoms.frac:
        images = grid.group.rotations @ place + grid.group.translations
        apart = images[:, None] - frac[None]
        apart -= np.rint(apart)
        assert np.linalg.norm(apart @ CELL.T, axis=-1).min() < 0.1


def test_a_shift_of_atoms_turns_the_phases(grid):
    group = grid.group.lattice
    atoms = random_atoms(group, CELL, ("C",) * 4)
    shift = np.array([0.1, 0.2, 0.3])
    free = Grid(grid.group, group, CELL, 1.0, 0.35)
    first = structure_factors(atoms, free.hkl, group, CELL)
    moved = type(atoms)(atoms.elements, atoms.frac + shift, atoms.u_iso, atoms.occupancy)
    expected = structure_factors(moved, free.hkl, group, CELL)
    assert np.allclose(free.shifted(first.astype(np.complex64), shift), expected, atol=1e-4)


def test_normalised_intensities_have_mean_one():
    group = Group.from_name("P 21/c")
    atoms = random_atoms(group, CELL, ("C",) * 8)
    grid = Grid(group, group, CELL, 0.9, 0.4)
    intensity = np.abs(structure_factors(atoms, grid.hkl, group, CELL)) ** 2
    ratio = intensity / expected_intensity(grid.hkl, intensity, group, CELL)
    assert abs(ratio.mean() - 1) < 1e-3
    coarse = grid.inverse_d_squared < np.median(grid.inverse_d_squared)
    assert abs(ratio[coarse].mean() - 1) < 0.1


def test_coefficients_of_a_coarser_grid_are_taken_where_both_have_the_reflection():
    group = Group.from_name("P 21/c")
    fine, coarse = Grid(group, group, CELL, 0.9, 0.35), Grid(group, group, CELL, 1.3, 0.35)
    values = np.arange(len(coarse.hkl)) + 1j
    taken = fine.taken(coarse, values.astype(np.complex64))
    known = {tuple(index): value for index, value in zip(coarse.hkl.tolist(), values, strict=True)}
    for index, value in zip(fine.hkl.tolist(), taken, strict=True):
        assert value == known.get(tuple(index), 0)
    assert fine.taken(fine, taken) is taken
