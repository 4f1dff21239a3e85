import gemmi
import numpy as np
import pytest
from synthetic_crystals import MONOCLINIC, measured, orthogonalisation, random_atoms

from argand.physics.crystal.atom import structure_factors
from argand.physics.crystal.symmetry import Group
from argand.physics.phasing.dual_space import Expansion, origin_scores
from argand.physics.phasing.fourier import Grid
from argand.physics.phasing.merge import completeness, merge
from argand.physics.phasing.patterson_map import harker_sections, patterson_group, vector_map, vector_peaks
from argand.physics.phasing.placed_atoms import assembled, nearest_distance

CELL = orthogonalisation(MONOCLINIC)
GROUP = Group.from_name("P 21/c")


@pytest.mark.parametrize("name", ["P 21/c", "P 21 21 21", "P 41", "C 2/c"])
def test_the_origin_of_a_shifted_structure_is_found(name):
    group = Group.from_name(name)
    grid = Grid(group, group, np.diag([7.0, 7.0, 9.0]), 1.0, 0.4)
    atoms = random_atoms(group, grid.orthogonalisation, ("C",) * 4)
    factors = structure_factors(atoms, grid.hkl, group, grid.orthogonalisation).astype(np.complex64)
    away = np.array([1, 2, 3]) / grid.shape
    scores = origin_scores(grid, grid.shifted(factors, -away))
    assert scores.max() == pytest.approx(1, abs=1e-3)
    assert scores[1, 2, 3] == pytest.approx(1, abs=1e-3)


def test_unique_values_expand_by_the_symmetry():
    grid = Grid(GROUP, GROUP, CELL, 1.0, 0.4)
    atoms = random_atoms(GROUP, CELL, ("C", "O", "N"))
    data = measured(GROUP, CELL, atoms, 1.0)
    expansion = Expansion(data.hkl, grid)
    assert expansion.measured.all()
    full = expansion.full(structure_factors(atoms, data.hkl, GROUP, CELL))
    assert np.allclose(full, structure_factors(atoms, grid.hkl, GROUP, CELL), atol=1e-4)


def test_the_patterson_map_is_gemmis():
    grid = Grid(GROUP, GROUP.lattice, CELL, 1.0, 0.4)
    data = measured(GROUP, CELL, random_atoms(GROUP, CELL, ("C", "O", "N")), 1.0)
    density = vector_map(data.hkl, data.intensity, grid)
    full = gemmi.ComplexAsuData(
        gemmi.UnitCell(*MONOCLINIC),
        gemmi.find_spacegroup_by_name("P 1"),
        grid.hkl,
        data.intensity[Expansion(data.hkl, grid).source].astype(np.complex64),
    )
    expected = np.array(full.transform_f_phi_to_map(exact_size=grid.shape))
    assert np.corrcoef(density.ravel(), expected.ravel())[0, 1] > 0.9999


def test_the_patterson_peaks_of_one_heavy_atom_lie_on_harker_sections():
    atoms = random_atoms(GROUP, CELL, ("Br",), seed=3)
    data = measured(GROUP, CELL, atoms, 0.9)
    grid = Grid(GROUP, GROUP.lattice, CELL, 0.9, 0.35)
    peaks = vector_peaks(vector_map(data.hkl, data.intensity, grid), grid, 4)
    x, y, z = atoms.frac[0]
    line, plane = np.array([0, 0.5 - 2 * y, 0.5]), np.array([-2 * x, 0.5, 0.5 - 2 * z])
    for vector in (line, plane):
        near = nearest_distance(vector, np.array([peak.frac for peak in peaks]), patterson_group(GROUP), CELL)
        assert near < 0.3
        assert harker_sections(vector, GROUP, CELL)
    assert sum(bool(peak.harker) for peak in peaks) >= 2
    assert not harker_sections(np.array([0.3, 0.2, 0.1]), GROUP, CELL)


def test_merging_takes_the_mean_of_equivalents_and_drops_the_forbidden():
    hkl = np.array([[1, 2, 3], [-1, 2, -3], [1, -2, 3], [0, 1, 0], [2, 0, 0]])
    merged = merge(hkl, np.array([10.0, 12.0, 14.0, 5.0, 7.0]), np.ones(5), GROUP)
    assert merged.absent == 1
    assert sorted(merged.intensity) == pytest.approx([7, 12])
    assert merged.r_int == pytest.approx(4 / 36)


def test_all_unique_reflections_are_complete():
    data = measured(GROUP, CELL, random_atoms(GROUP, CELL, ("C",)), 1.2)
    assert completeness(data.hkl, GROUP, CELL, 1.2) == 1
    assert completeness(data.hkl[::2], GROUP, CELL, 1.2) == pytest.approx(0.5, abs=0.01)


def test_assembling_moves_atoms_to_images_near_each_other():
    atoms = random_atoms(GROUP, CELL, ("C",) * 3)
    near = type(atoms)(
        ("C", "C"), np.array([[0.1, 0.1, 0.1], [-0.1, 0.6, 0.3]]), atoms.u_iso[:2], atoms.occupancy[:2]
    )
    placed = assembled(near, GROUP, CELL)
    assert np.linalg.norm(CELL @ (placed.frac[1] - placed.frac[0])) == pytest.approx(
        nearest_distance(near.frac[1], near.frac[:1], GROUP, CELL)
    )
