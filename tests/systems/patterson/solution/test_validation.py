"""A model of a crystal is trusted for several reasons together, and none of them may be missing."""

from dataclasses import replace

import numpy as np
import pytest
from synthetic_crystals import MONOCLINIC, measured, orthogonalisation, random_atoms

from argand.io.reflections import MeasuredIntensities
from argand.physics.crystal.atom import Atoms
from argand.physics.crystal.symmetry import Group
from argand.physics.phasing.dual_space import recipe_for
from argand.physics.phasing.refinement import evaluate, refine
from argand.systems.patterson.solution.acceptance import CLEAR, features, probability, verdict
from argand.systems.patterson.solution.reflections import prepare
from argand.systems.patterson.solution.structure_search import StructureSearch
from argand.systems.patterson.solution.validation import Evidence, evidence

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


def seen(hunt: StructureSearch, atoms: Atoms, cycles: int = 4) -> Evidence:
    """The evidence on these atoms, refined."""
    return evidence(hunt.crystal, refine(atoms, hunt.crystal.observed, cycles), hunt.builder)


def moved(frac: np.ndarray) -> Atoms:
    return replace(TRUTH, frac=frac)


def test_the_true_atoms_are_believed_and_end_the_search(hunt: StructureSearch):
    judged = verdict(seen(hunt, TRUTH))
    assert judged.trusted
    assert judged.clear
    assert judged.probability > CLEAR
    assert "likely to be right" in judged.reason


def test_other_atoms_are_not_believed_and_the_reason_is_told(hunt: StructureSearch):
    judged = verdict(seen(hunt, random_atoms(GROUP, CELL, TRUTH.elements, seed=4)))
    assert not judged.trusted
    assert judged.probability < 0.5
    assert ": " in judged.reason


def test_part_of_the_atoms_is_not_believed_however_well_it_fits(hunt: StructureSearch):
    judged = verdict(seen(hunt, TRUTH.take(np.arange(5))))
    assert not judged.trusted
    assert judged.reason == "only 71 % of the atoms of the formula were found (limit 85 %)"
    fits = replace(seen(hunt, TRUTH), found=0.7)
    assert not verdict(fits).trusted


def test_few_reflections_tell_nothing(hunt: StructureSearch):
    judged = verdict(replace(seen(hunt, TRUTH), reflections=14))
    assert judged.reason == "14 reflections are too few (at least 15 needed)"
    assert verdict(replace(seen(hunt, TRUTH), reflections=15)).trusted


def test_a_cell_with_few_atoms_and_no_formula_is_not_believed(hunt: StructureSearch):
    judged = verdict(replace(seen(hunt, TRUTH), found=None, volume=51.0))
    assert "51 Å³ per atom found" in judged.reason


def test_each_kind_of_evidence_moves_the_probability_the_way_it_points(hunt: StructureSearch):
    right = seen(hunt, TRUTH)
    sure = probability(right)
    for worse in (
        {"r1": 0.3},
        {"vague": 0.5, "support": 0.0},
        {"leftover": 5.0, "unexplained": 1.5},
        {"crowded": 0.5},
        {"found": 0.86},
    ):
        assert probability(replace(right, **worse)) < sure, worse


def test_electrons_are_allowed_twice_the_r1(hunt: StructureSearch):
    right = seen(hunt, TRUTH)
    light, fast = replace(right, r1=0.1), replace(right, r1=0.2, electrons=True)
    freedom = np.sqrt(1 - right.parameters)
    assert features(light)["R1"] == pytest.approx(np.log(0.1 / freedom - right.noise))
    assert features(light)["R1"] == pytest.approx(features(fast)["R1"])


def test_atoms_on_each_other_are_counted(hunt: StructureSearch):
    frac = TRUTH.frac.copy()
    frac[-1] = frac[0] + np.linalg.solve(CELL, [0.6, 0.0, 0.0])
    assert seen(hunt, moved(frac), 0).crowded == pytest.approx(2 / 7)


def test_a_wrong_atom_is_the_least_supported_and_its_true_place_is_not_explained(hunt: StructureSearch):
    frac = TRUTH.frac.copy()
    frac[1] = random_atoms(GROUP, CELL, ("C",), seed=9).frac[0]
    wrong, right = seen(hunt, moved(frac), 0), seen(hunt, TRUTH)
    assert wrong.support < 0.3 < right.support
    assert wrong.unexplained > 0.5 > right.unexplained


def test_noise_is_the_r1_that_the_sigmas_leave(hunt: StructureSearch):
    data = hunt.crystal.observed
    rng = np.random.default_rng(3)
    true = np.abs(evaluate(TRUTH, data).calculated) ** 2 + 30
    sigma = 0.05 * true
    noisy = replace(data, intensity=true + sigma * rng.normal(size=len(true)), sigma=sigma)
    crystal = replace(hunt.crystal, observed=noisy)
    found = evidence(crystal, evaluate(TRUTH, noisy), hunt.builder).noise
    off = np.abs(np.sqrt(noisy.intensity) - np.sqrt(true)).sum() / np.sqrt(true).sum()
    assert found == pytest.approx(off, rel=0.1)
