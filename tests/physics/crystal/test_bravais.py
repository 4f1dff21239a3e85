"""Bravais lattices from a measured basis: the right one, its cell, and none where too little is known."""

import numpy as np
import pytest

from argand.physics.crystal.bravais import bravais_lattices, symmetry_is_known
from argand.physics.crystal.cell import Cell, random_rotation

RIGHT, SIXTY = np.pi / 2, 2 * np.pi / 3
CELLS = {
    "aP": Cell(51.0, 62.0, 73.0, 1.4, 1.3, 1.45),
    "mP": Cell(51.0, 62.0, 73.0, RIGHT, 1.8, RIGHT),
    "mC": Cell(91.0, 52.0, 73.0, RIGHT, 1.8, RIGHT, "C"),
    "oP": Cell(51.0, 62.0, 83.0),
    "oC": Cell(51.0, 72.0, 83.0, centring="C"),
    "oI": Cell(51.0, 62.0, 83.0, centring="I"),
    "oF": Cell(51.0, 62.0, 83.0, centring="F"),
    "tP": Cell(58.0, 58.0, 150.0),
    "tI": Cell(58.0, 58.0, 110.0, centring="I"),
    "hR": Cell(82.0, 82.0, 41.0, RIGHT, RIGHT, SIXTY, "R"),
    "hP": Cell(82.0, 82.0, 41.0, RIGHT, RIGHT, SIXTY),
    "cP": Cell(78.0, 78.0, 78.0),
    "cI": Cell(78.0, 78.0, 78.0, centring="I"),
    "cF": Cell(78.0, 78.0, 78.0, centring="F"),
}
"""The fourteen Bravais lattices, monoclinic cells the least oblique of theirs."""
PRIMITIVE = {
    "P": np.eye(3),
    "C": np.array([[1, 1, 0], [-1, 1, 0], [0, 0, 2]]) / 2,
    "I": np.array([[-1, 1, 1], [1, -1, 1], [1, 1, -1]]) / 2,
    "F": np.array([[0, 1, 1], [1, 0, 1], [1, 1, 0]]) / 2,
    "R": np.array([[2, 1, 1], [-1, 1, 1], [-1, -2, 1]]) / 3,
}
"""Rows: primitive vectors in those of the conventional cell (International Tables A)."""
ODD_CHOICE = np.array([[1, 2, 0], [0, 1, -1], [1, 2, 1]])
"""Of determinant 1: what an indexing program may have chosen."""


def measured(cell: Cell, relative: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """A primitive reciprocal basis in some orientation, with errors, and their covariance."""
    rng = np.random.default_rng(seed)
    rows = ODD_CHOICE @ PRIMITIVE[cell.centring] @ cell.orthogonalisation.T @ random_rotation(rng).T
    basis = np.linalg.inv(rows)
    # Each element of a strain is drawn by itself.
    slopes = [relative * (np.eye(9)[k].reshape(3, 3) @ basis).ravel() for k in range(9)]
    slopes = np.stack(slopes, axis=1)
    return basis + (slopes @ rng.standard_normal(9)).reshape(3, 3), slopes @ slopes.T


@pytest.mark.parametrize("relative", [1e-8, 5e-4])
@pytest.mark.parametrize("symbol", CELLS)
def test_each_of_the_fourteen_lattices_is_named_with_its_cell(symbol: str, relative: float):
    basis, covariance = measured(CELLS[symbol], relative)
    likeliest = bravais_lattices(basis, covariance)[0]
    assert likeliest.symbol == symbol
    assert likeliest.cell.volume == pytest.approx(CELLS[symbol].volume, rel=1e-5 + 6 * relative)
    np.testing.assert_allclose(
        sorted(likeliest.cell.lengths), sorted(CELLS[symbol].lengths), rtol=1e-5 + 4 * relative
    )


def test_lattices_of_lower_symmetry_agree_as_well_and_the_triclinic_one_is_the_last():
    symbols = [one.symbol for one in bravais_lattices(*measured(CELLS["tP"], 5e-4))]
    assert symbols[0] == "tP"
    assert symbols[-1] == "aP"
    assert {"oP", "oC", "mP"} < set(symbols)


def test_what_symmetry_fixes_has_no_uncertainty_and_the_rest_that_of_the_measurement():
    found = bravais_lattices(*measured(CELLS["tP"], 1e-3))[0]
    assert found.sigma[3:] == (0.0, 0.0, 0.0)
    assert found.sigma[0] == pytest.approx(found.sigma[1])
    # Strains along c have 1e-3, to which 7e-4 are added.
    assert found.sigma[2] == pytest.approx(150.0 * np.hypot(1e-3, 7e-4), rel=0.05)
    # a is the mean of two.
    assert found.sigma[0] == pytest.approx(58.0 * np.hypot(1e-3, 7e-4) / np.sqrt(2), rel=0.05)


def test_lengths_that_differ_by_more_than_their_errors_are_not_made_equal():
    almost = Cell(58.0, 58.6, 150.0)
    assert bravais_lattices(*measured(almost, 1e-4))[0].symbol == "oP"
    assert bravais_lattices(*measured(almost, 4e-3))[0].symbol == "tP"


def test_a_lattice_that_is_hardly_known_gets_no_symmetry():
    basis, covariance = measured(CELLS["cP"], 0.02)
    assert not symmetry_is_known(basis, covariance)
    assert [one.symbol for one in bravais_lattices(basis, covariance)] == ["aP"]


def test_a_scale_that_nobody_knows_hides_no_symmetry():
    basis, covariance = measured(CELLS["cF"], 1e-4)
    scale = 0.05 * basis.ravel()
    found = bravais_lattices(basis, covariance + np.outer(scale, scale))[0]
    assert found.symbol == "cF"
    assert found.sigma[0] == pytest.approx(0.05 * 78.0, rel=0.01)
