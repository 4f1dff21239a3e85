"""A model of a crystal is believed for several reasons together, and none of them may be missing."""

from dataclasses import replace

import numpy as np
import pytest
from synthetic_crystals import MONOCLINIC, measured, orthogonalisation, random_atoms

from argand.io.reflections import MeasuredIntensities
from argand.physics.crystal.atom import Atoms
from argand.physics.crystal.symmetry import Group
from argand.physics.phasing.dual_space import recipe_for
from argand.physics.phasing.refinement import RefinedModel, evaluate
from argand.systems.patterson.solution.reflections import prepare
from argand.systems.patterson.solution.structure_search import StructureSearch
from argand.systems.patterson.solution.validation import largest_r1, verdict

CELL, GROUP = orthogonalisation(MONOCLINIC), Group.from_name("P 21/c")


@pytest.fixture(scope="module")
def hunt() -> StructureSearch:
    """A crystal of seven atoms with all that its models are judged by."""
    data = measured(GROUP, CELL, TRUTH, 0.9)
    reflections = MeasuredIntensities("simulated", data.hkl, data.intensity, data.sigma, MONOCLINIC)
    return StructureSearch(
        prepare(reflections, spacegroup="P 21/c", formula="C5 N O", units=4), recipe_for(0.9), 0
    )


TRUTH = random_atoms(GROUP, CELL, ("O", "C", "C", "C", "N", "C", "C"), seed=1)


def model(hunt: StructureSearch, atoms: Atoms, share: float) -> RefinedModel:
    """These atoms, with an R1 of this share of the largest that is believed."""
    found = evaluate(atoms, hunt.crystal.observed)
    return replace(found, r1=share * largest_r1(hunt.crystal, found))


def moved(frac: np.ndarray) -> Atoms:
    return replace(TRUTH, frac=frac)


def test_the_true_atoms_are_believed(hunt: StructureSearch):
    for share in (0.5, 0.9):
        assert verdict(hunt.crystal, model(hunt, TRUTH, share), hunt.builder)[0]


def test_an_r1_just_above_its_limit_is_not(hunt: StructureSearch):
    believed, reason = verdict(hunt.crystal, model(hunt, TRUTH, 1.01), hunt.builder)
    assert not believed
    assert "is above" in reason


def test_part_of_the_atoms_is_not(hunt: StructureSearch):
    believed, reason = verdict(hunt.crystal, model(hunt, TRUTH.take(np.arange(5)), 0.5), hunt.builder)
    assert not believed
    assert reason == "only 5.0 of 7.0 atoms found"


def test_atoms_on_each_other_are_not(hunt: StructureSearch):
    frac = TRUTH.frac.copy()
    frac[-1] = frac[0] + np.linalg.solve(CELL, [0.6, 0.0, 0.0])
    believed, reason = verdict(hunt.crystal, model(hunt, moved(frac), 0.5), hunt.builder)
    assert not believed
    assert reason == "2 atoms are nearer to each other than bonds are"


def test_atoms_that_do_not_come_back_are_not(hunt: StructureSearch):
    wrong = random_atoms(GROUP, CELL, TRUTH.elements, seed=4)
    believed, reason = verdict(hunt.crystal, model(hunt, wrong, 0.9), hunt.builder)
    assert not believed
    assert "of 7 atoms do not come back where they are left out" in reason
