import numpy as np
import pytest

from argand.physics.crystal.molecular_crystal import GROUPS, MoleculeSet, random_crystal

MIXED = MoleculeSet(volume=(300.0, 700.0))


def images_of(crystal):
    atoms, group = crystal.atoms, crystal.group
    images = np.einsum("oij,nj->oni", group.rotations, atoms.frac) + group.translations[:, None]
    apart = images.reshape(-1, 1, 3) - atoms.frac[None]
    apart -= np.rint(apart)
    return np.linalg.norm(apart @ crystal.orthogonalisation.T, axis=-1)


@pytest.mark.parametrize("seed", range(6))
def test_atoms_keep_the_distances_of_molecules(seed):
    crystal = random_crystal(MIXED, np.random.default_rng(seed))
    distance = images_of(crystal)
    own = distance[: len(crystal.atoms)]
    own = own[~np.eye(len(own), dtype=bool)]
    assert own.min() > 1.1
    # Between bonds and contacts there is nothing.
    assert not ((own > 1.75) & (own < 2.1)).any() or set(crystal.atoms.elements) - {"C", "N", "O"}
    assert distance[len(crystal.atoms) :].min(initial=9.0) > 3.0


@pytest.mark.parametrize("seed", range(6))
def test_molecules_fill_the_cell(seed):
    crystal = random_crystal(MIXED, np.random.default_rng([1, seed]))
    volume = np.linalg.det(crystal.orthogonalisation) / crystal.group.order / len(crystal.atoms)
    assert 14 < volume < 32
    assert crystal.group.name in GROUPS
    assert crystal.group.keeps(crystal.orthogonalisation)


def test_most_atoms_are_bonded_at_usual_lengths():
    crystal = random_crystal(MIXED, np.random.default_rng(3))
    distance = images_of(crystal)
    bonded = (distance > 0.1) & (distance < 1.75)
    assert (bonded.sum(0) >= 1).mean() > 0.8
    assert 1.2 < np.median(distance[bonded]) < 1.6


def test_hydrogen_sits_on_its_atom():
    crystal = random_crystal(MIXED, np.random.default_rng(4))
    apart = crystal.hydrogen.frac[:, None] - crystal.atoms.frac[None]
    apart -= np.rint(apart)
    nearest = np.linalg.norm(apart @ crystal.orthogonalisation.T, axis=-1).min(1)
    assert len(nearest)
    assert np.allclose(nearest, 0.97, atol=1e-6)


def test_the_same_seed_gives_the_same_crystal():
    first, second = (random_crystal(MIXED, np.random.default_rng(9)) for _ in range(2))
    assert first.atoms.elements == second.atoms.elements
    np.testing.assert_array_equal(first.atoms.frac, second.atoms.frac)
