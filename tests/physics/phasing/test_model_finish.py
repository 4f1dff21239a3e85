"""The last steps of a model: ghosts leave, what is missing comes, elements are those of the crystal."""

from dataclasses import replace

import numpy as np
from synthetic_crystals import MONOCLINIC, measured, orthogonalisation, random_atoms

from argand.physics.crystal.atom import Atoms
from argand.physics.crystal.symmetry import Group
from argand.physics.phasing.fourier import Grid
from argand.physics.phasing.model_building import Builder
from argand.physics.phasing.model_finish import finished
from argand.physics.phasing.placed_atoms import nearest_distance
from argand.physics.phasing.refinement import refine

CELL, GROUP = orthogonalisation(MONOCLINIC), Group.from_name("P 21/c")
TRUTH = random_atoms(GROUP, CELL, ("S", "O", "C", "C", "N", "C", "C"), seed=1)


def builder(content: dict[str, float]) -> Builder:
    data = measured(GROUP, CELL, TRUTH, 0.9)
    grid = Grid(GROUP, GROUP, CELL, 0.9, 0.35)
    return Builder(data, data, grid, content, sum(content.values()))


def joined(first: Atoms, second: Atoms) -> Atoms:
    places = np.vstack([first.frac, second.frac])
    others = (
        np.concatenate(pair) for pair in ((first.u_iso, second.u_iso), (first.occupancy, second.occupancy))
    )
    return Atoms(first.elements + second.elements, places, *others)


def test_an_atom_that_nothing_asks_for_leaves_a_model_whose_formula_has_one_too_many():
    ghost = random_atoms(GROUP, CELL, ("C",), seed=9)
    work = builder({"S": 1.0, "O": 1.0, "N": 1.0, "C": 5.0})
    model, named = finished(work, refine(joined(TRUTH, ghost), work.data, 4))
    assert len(model.atoms) == len(TRUTH)
    assert model.r1 < 0.05
    assert len(named.elements) == len(TRUTH)


def test_an_atom_that_is_missing_comes_and_swapped_elements_are_put_right():
    work = builder({"S": 1.0, "O": 1.0, "N": 1.0, "C": 4.0})
    wrong = replace(TRUTH, elements=("S", "N", "C", "C", "O", "C", "C")).take(np.arange(6))
    model, _ = finished(work, refine(wrong, work.data, 4))
    assert len(model.atoms) == len(TRUTH)
    assert nearest_distance(TRUTH.frac[6], model.atoms.frac, GROUP, CELL) < 0.1
    assert sorted(model.atoms.elements) == sorted(TRUTH.elements)
    oxygen = TRUTH.frac[1]
    apart = [nearest_distance(oxygen, place[None], GROUP, CELL) for place in model.atoms.frac]
    assert model.atoms.elements[int(np.argmin(apart))] == "O"
