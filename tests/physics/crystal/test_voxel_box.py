"""The published densities: exact sums, rotation, periodicity, labels and peaks."""

import numpy as np
import pytest

from argand.physics.crystal.structure import Structure, checked
from argand.physics.crystal.voxel_box import Atoms, Box

BOX = Box()
ELECTRONS = 11 + 17


def halite(side: float = 5.0) -> Structure:
    """NaCl, primitive cell scaled so that boxes hold whole numbers of cubic cells."""
    face = np.array([[0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]])
    return checked(side * face, np.array([11, 17]), np.array([[0.1] * 3, [0.6] * 3]))


def electrons(density: np.ndarray) -> float:
    return float(density.astype(float).sum() * BOX.spacing**3)


def test_a_centred_cell_integrates_to_its_electrons():
    wide = Box(side=16.0, voxels=48)
    atoms = wide.single(halite(), np.random.default_rng(0))
    assert electrons(wide.density(atoms)) == pytest.approx(ELECTRONS, abs=1e-3)


def test_a_box_of_whole_cells_holds_their_electrons_wherever_it_begins():
    for seed in range(4):
        atoms = BOX.repeating(halite(), np.random.default_rng(seed), turn=False)
        assert electrons(BOX.density(atoms)) == pytest.approx(8 * 4 * ELECTRONS, rel=2e-5)


def test_the_crystal_repeats_inside_the_box():
    density = BOX.density(BOX.repeating(halite(), np.random.default_rng(1), turn=False))
    np.testing.assert_allclose(density[:15], density[15:], atol=2e-4 * density.max())
    np.testing.assert_allclose(density[:, :15], density[:, 15:], atol=2e-4 * density.max())


def test_a_turn_of_the_atoms_is_a_turn_of_the_density():
    generator = np.random.default_rng(2)
    atoms = BOX.single(halite(), generator)
    quarter = np.array([[0, -1, 0], [1, 0, 0], [0, 0, 1]])
    turned = Atoms((atoms.places - 5) @ quarter.T + 5, atoms.species)
    np.testing.assert_allclose(BOX.density(turned), np.rot90(BOX.density(atoms)), atol=1e-4)


def test_atoms_keep_their_distances_when_turned():
    structure = halite()
    one = BOX.single(structure, np.random.default_rng(3)).places
    frac = structure.frac_coords @ structure.lattice
    assert np.linalg.norm(one[0] - one[1]) == pytest.approx(np.linalg.norm(frac[0] - frac[1]))


def test_all_atoms_that_reach_into_the_box_are_there():
    structure = halite()
    atoms = BOX.repeating(structure, np.random.default_rng(4))
    inner = BOX.inside(atoms)
    # 8 cubic cells fill the box; a turned box holds as many atoms, but for its faces.
    assert abs(len(inner.species) - 64) < 25
    apart = np.linalg.norm(inner.places[:, None] - atoms.places[None], axis=-1)
    assert ((apart > 0.1) & (apart < 2.6)).sum(1).min() == 6


def test_labels_are_balls_and_the_nearest_atom_wins():
    places = np.array([[5.0, 5.0, 5.0], [5.0, 5.0, 5.9]])
    labels = BOX.labels(Atoms(places, np.array([8, 26], np.uint8)))
    line = (np.arange(30) + 0.5) * BOX.spacing
    grid = np.stack(np.meshgrid(line, line, line, indexing="ij"), -1)
    distance = np.linalg.norm(grid[..., None, :] - places, axis=-1)
    wanted = np.where(distance.min(-1) < 0.667, np.array([8, 26])[distance.argmin(-1)], 0)
    np.testing.assert_array_equal(labels, wanted)


def test_fine_boxes_give_all_atoms_back_and_coarse_ones_do_not_tell_species():
    fine = Box(voxels=32, sigma=0.3)
    atoms = fine.single(halite(), np.random.default_rng(5))
    found = fine.read_peaks(fine.density(atoms), floor=0.5)
    order = np.argsort(found.species)
    np.testing.assert_array_equal(found.species[order], [11, 17])
    np.testing.assert_allclose(found.places[order], atoms.places, atol=0.02)
    close = BOX.repeating(halite(4.0), np.random.default_rng(5))
    coarse = BOX.read_peaks(BOX.density(close), floor=0.5)
    apart = np.linalg.norm(coarse.places[:, None] - close.places[None], axis=-1)
    right = (apart.min(1) < 0.5) & (close.species[apart.argmin(1)] == coarse.species)
    assert right.sum() < 0.1 * len(BOX.inside(close).species)
