from dataclasses import replace

import numpy as np
import pytest
from synthetic_crystals import MONOCLINIC, measured, orthogonalisation, random_atoms

from argand.physics.crystal.atom import Atoms
from argand.physics.crystal.symmetry import Group
from argand.physics.phasing.fourier import Grid
from argand.physics.phasing.model_building import Builder
from argand.physics.phasing.placed_atoms import nearest_distance
from argand.physics.phasing.refinement import evaluate, refine

CELL = orthogonalisation(MONOCLINIC)
GROUP = Group.from_name("P 21/c")
GRID = Grid(GROUP, GROUP, CELL, 0.9, 0.35)


def builder(atoms: Atoms, content: dict[str, float] | None) -> Builder:
    data = measured(GROUP, CELL, atoms, 0.9)
    return Builder(data, data, GRID, content, len(atoms))


def test_light_atoms_beside_heavy_ones_are_found_in_the_difference_map():
    atoms = random_atoms(GROUP, CELL, ("Ta", "F", "F", "O", "F"), seed=3)
    found = builder(atoms, {"Ta": 1, "F": 3, "O": 1})
    start = evaluate(atoms.take(np.array([0])), found.data)
    model = found.complete(start)
    assert len(model.atoms) == 5
    assert all(nearest_distance(place, model.atoms.frac, GROUP, CELL) < 0.05 for place in atoms.frac)


def test_a_misplaced_atom_does_not_come_back_where_it_is_left_out():
    atoms = random_atoms(GROUP, CELL, ("Br", "C", "C", "O", "N"), seed=3)
    found = builder(atoms, {"Br": 1, "C": 2, "O": 1, "N": 1})
    assert found.support(evaluate(atoms, found.data)).min() > 0.6
    moved = atoms.frac.copy()
    moved[2] += [0.25, 0.11, 0.2]
    shares = found.support(evaluate(replace(atoms, frac=moved), found.data))
    assert shares[2] < 0.3
    assert np.delete(shares, 2).min() > 0.5


def test_heavy_elements_that_were_given_each_others_sites_are_told_apart():
    atoms = replace(random_atoms(GROUP, CELL, ("Cs", "Sn", "Cl"), seed=4), u_iso=np.full(3, 0.03))
    found = builder(atoms, {"Cs": 1, "Sn": 1, "Cl": 1})
    wrong = refine(replace(atoms, elements=("Sn", "Cs", "Cl")), found.data, 4)
    assert found.complete(wrong).atoms.elements == atoms.elements


def test_an_outlier_does_not_move_the_atoms():
    atoms = random_atoms(GROUP, CELL, ("C", "O", "N", "C"), seed=5)
    data = measured(GROUP, CELL, atoms, 0.9)
    spoilt = data.intensity.copy()
    spoilt[np.argsort(spoilt)[:20]] += 0.2 * spoilt.max()
    refined = refine(atoms, replace(data, intensity=spoilt), 6)
    assert refined.atoms.u_iso == pytest.approx(atoms.u_iso, abs=0.004)
