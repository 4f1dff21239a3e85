"""Support of atoms: the sums over unique reflections are the maps' values, and wrong atoms have none."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from synthetic_crystals import MONOCLINIC, measured, orthogonalisation, random_atoms

from argand.physics.crystal.atom import structure_factors
from argand.physics.crystal.symmetry import Group, half_sphere, index_key
from argand.physics.phasing.dual_space import Expansion, phase_factor
from argand.physics.phasing.fourier import Grid
from argand.physics.phasing.omit_map import omit_support, single_factors

CELL = orthogonalisation(MONOCLINIC)


@pytest.mark.parametrize("name", ["P 1", "P -1", "P 21", "P 21/c", "C 2/c"])
def test_single_atoms_add_up_to_the_structure_factors(name: str):
    group = Group.from_name(name)
    atoms = random_atoms(group, CELL, ("Br", "C", "O"), seed=1)
    data = measured(group, CELL, atoms, 1.0)
    whole = structure_factors(atoms, data.hkl, group, CELL)
    assert np.allclose(single_factors(atoms, data).sum(1), whole, atol=1e-2)


@pytest.mark.parametrize("name", ["P 21", "P 21/c", "C 2/c"])
def test_each_reflection_counts_as_often_as_the_full_sphere_has_it(name: str):
    group = Group.from_name(name)
    data = measured(group, CELL, random_atoms(group, CELL, ("C", "O"), seed=2), 1.2)
    sphere = half_sphere(CELL, 1.2)
    sphere = np.concatenate([sphere, -sphere[sphere[:, 2] > 0]])
    keys = index_key(group.representative(sphere[~group.absent(sphere)]))
    for key, count in zip(index_key(group.representative(data.hkl)), data.multiplicity, strict=True):
        assert (keys == key).sum() == count


def test_support_is_the_value_of_a_difference_map_over_that_of_the_atom():
    group = Group.from_name("P 21/c")
    atoms = random_atoms(group, CELL, ("S", "C", "N", "O", "C"), seed=3)
    data = measured(group, CELL, atoms, 0.9)
    # On a grid point the map needs no interpolation.
    grid = Grid(group, group, CELL, 0.9, 0.35)
    frac = np.rint(atoms.frac * grid.shape) / grid.shape
    atoms = replace(atoms, frac=frac)
    supported = omit_support(atoms, 1.0, data)
    expand = Expansion(data.hkl, grid)
    observed = np.sqrt(np.clip(data.intensity, 0, None))
    whole = structure_factors(atoms, data.hkl, group, CELL)
    for number in range(1, len(atoms)):
        alone = structure_factors(atoms.take(np.array([number])), data.hkl, group, CELL)
        without = whole - alone
        difference = (observed - np.abs(without)) * phase_factor(without)
        place = tuple(np.rint(frac[number] * grid.shape).astype(int) % grid.shape)
        wanted = grid.density(expand.full(difference))[place] / grid.density(expand.full(alone))[place]
        assert supported[number] == pytest.approx(wanted, abs=0.01)


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 1000))
def test_a_right_atom_is_supported_wherever_the_crystal_lies_and_a_wrong_one_is_not(seed: int):
    group = Group.from_name("P -1")
    atoms = random_atoms(group, CELL, ("O", "C", "N", "O", "C", "C", "N", "C"), seed=seed)
    data = measured(group, CELL, atoms, 0.9)
    right = omit_support(atoms, 1.0, data)
    assert right.min() > 0.5
    moved = atoms.frac.copy()
    moved[0] += [0.11, 0.14, 0.09]
    assert omit_support(replace(atoms, frac=moved), 1.0, data)[0] < right[0] - 0.2
    shifted = replace(atoms, frac=atoms.frac + np.array([0.5, 0.0, 0.5]))
    assert np.allclose(omit_support(shifted, 1.0, data), right, atol=0.02)
