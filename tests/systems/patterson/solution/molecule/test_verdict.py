"""Answers are trusted where they fit, alone and without collisions; halves become symmetric."""

import numpy as np
import pytest
from synthetic_crystals import orthogonalisation

from argand.physics.crystal.atom import Atoms
from argand.physics.crystal.symmetry import Group
from argand.physics.molecule.assembly import Assembly, Copy
from argand.physics.molecule.body import Body
from argand.systems.patterson.solution.molecule.placed_atoms import asymmetric_atoms
from argand.systems.patterson.solution.molecule.verdict import Answer, contacts, verdict

GROUP, CELL = Group.from_name("P -1"), orthogonalisation((8.0, 9.0, 10.0, 90.0, 90.0, 90.0))
CART = np.array([[3.0, 2.5, 3.0], [3.0, 2.5, 4.5], [3.0, 3.9, 4.9]])
BODY = Body(("C", "N", "O"), CART[None] - CART.mean(0), np.array([[0, 1], [1, 2]]))
ALONE = Assembly((Copy(BODY),))


def answer(residual: float, shift: float = 0.0) -> Answer:
    frac = (CART + shift) @ np.linalg.inv(CELL).T
    near = contacts(CART + shift, ALONE, GROUP, CELL)
    return Answer(Atoms(BODY.elements, frac, np.full(3, 0.04), np.ones(3)), residual, residual, near)


def test_an_answer_that_fits_alone_is_believed():
    assert verdict([answer(0.01), answer(0.05, 1.0)], ALONE, 100)[0]


@pytest.mark.parametrize(
    ("answers", "count", "message"),
    [
        ([answer(0.01), answer(0.012, 1.0)], 100, "2 different answers"),
        ([answer(0.09)], 100, "misfit = 0.090 (limit 0.0"),
        ([answer(0.04)], 30, "(limit 0.0"),
        ([answer(0.001)], 11, "too few"),
        ([answer(0.01, -3.2)], 100, "closer than"),
    ],
)
def test_others_are_not(answers: list[Answer], count: int, message: str):
    trusted, reason = verdict(answers, ALONE, count)
    assert not trusted
    assert message in reason


def test_contacts_count_pairs_of_molecules_and_not_bonds():
    assert contacts(CART, ALONE, GROUP, CELL) == 0
    # Atoms at x and images at -x: 0 and 0', 0 and 1', 1 and 0', 0 and 2', 2 and 0' are nearer than 2.1 Å.
    assert contacts(CART - 3.2, ALONE, GROUP, CELL) == 2
    # On the centre itself the image is the molecule.
    assert contacts(CART - CART.mean(0), Assembly((Copy(BODY, 2),)), GROUP, CELL) == 0


def test_a_molecule_on_a_centre_becomes_half_of_it_and_exactly_symmetric():
    half = np.array([[0.7, 0.0, 0.0], [1.3, 1.2, 0.2], [2.6, 1.3, 0.4]])
    rng = np.random.default_rng(0)
    whole = np.concatenate([half, -half, [[0.0, 0.0, 0.0]]])
    body = Body(("C", "N", "O", "C", "N", "O", "Fe"), whole[None], np.zeros((0, 2), int))
    places = whole + CELL @ [0.5, 0.5, 0.5] + 0.03 * rng.normal(size=whole.shape)
    found = asymmetric_atoms(places, 0.04, Assembly((Copy(body, 2),)), GROUP, CELL)
    assert sorted(found.elements) == ["C", "Fe", "N", "O"]
    assert dict(zip(found.elements, found.occupancy, strict=True)) == {
        "C": 1.0,
        "N": 1.0,
        "O": 1.0,
        "Fe": 0.5,
    }
    iron = found.frac[found.elements.index("Fe")] % 1.0
    np.testing.assert_allclose(iron, 0.5, atol=1e-9)
    # A molecule that has no centre stays whole, with half of its occupancy.
    crooked = places.copy()
    crooked[0] += [0.0, 3.0, 0.0]
    crooked[6] -= [0.0, 3.0, 0.0]
    kept = asymmetric_atoms(crooked, 0.04, Assembly((Copy(body, 2),)), GROUP, CELL)
    assert len(kept) == 7
    assert (kept.occupancy == 0.5).all()
