"""Measured crystals of several space groups are solved; where one is not, that is said."""

from pathlib import Path

import gemmi
import pytest
from patterson_truth import Comparison, compare, true_atoms

from argand.io.reflections import read_reflections
from argand.systems.patterson.solution.reflections import prepare
from argand.systems.patterson.solution.solve import Solution, solve

TESTS = Path(__file__).parents[3]
MEASURED = TESTS / "data" / "measured"
EXAMPLES = TESTS.parent / "examples" / "data"


def solved(name: str, formula: str | None, seconds: float) -> tuple[Solution, Comparison, list[str]]:
    """The solution of a measured crystal, how near it is to the refined model, and the model's elements."""
    structure = gemmi.read_small_structure(str(MEASURED / f"{name}.cif"))
    truth, chemical = true_atoms(structure)
    intensities = MEASURED / f"{name}.hkl.gz"
    if not intensities.exists():
        intensities = EXAMPLES / intensities.name
    found = read_reflections(intensities, beside=False)
    crystal = prepare(found, structure.cell.parameters, structure.spacegroup_hm, formula, 0.8)
    solution = solve(crystal, time_limit=seconds)
    match = compare(solution.model.atoms, truth, chemical, crystal.group, crystal.orthogonalisation)
    return solution, match, sorted(truth.elements)


@pytest.mark.parametrize(
    ("name", "formula", "within"),
    [
        ("cod_2016452", "C7H7O", 0.02),  # P 21/c
        ("cod_2012000", "C23H32O4", 0.03),  # P 21, without a centre
        ("ferrocene", "C10H10Fe", 0.08),  # P 21/n, iron on a centre
        ("nacl", "NaCl", 1e-6),  # F m -3 m, all places fixed
    ],
)
def test_atoms_and_elements_of_a_measured_crystal_are_found(name: str, formula: str, within: float):
    solution, match, elements = solved(name, formula, 60.0)
    assert solution.trusted
    assert (match.found, match.false) == (1, 0)
    assert match.mean_error < within
    assert sorted(solution.model.atoms.elements) == elements


@pytest.mark.parametrize(
    ("name", "formula"),
    [
        ("p1bar_a", "CFeH5O4S"),  # P -1
        ("cod_2240189", "FeCl2H3O6"),  # R -3 c in hexagonal axes, disordered
    ],
)
def test_places_of_a_crystal_with_iron_are_found(name: str, formula: str):
    # Most of this limit is for a busy machine.
    solution, match, _ = solved(name, formula, 40.0)
    # Of the second, disordered as it is, R1 leaves some doubt.
    assert solution.trusted or solution.probability > 0.6
    assert match.solved
    assert "Fe" in solution.model.atoms.elements


def test_a_measured_crystal_that_is_not_solved_is_not_called_so():
    """59 reflections of a perovskite, P m -3 m, with two metals on one place: 2 seconds do not solve it."""
    solution, match, _ = solved("cod_4003024", None, 2.0)
    assert solution.trusted == match.solved
