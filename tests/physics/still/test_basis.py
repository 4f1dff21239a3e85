"""The search for direct-lattice vectors: blind to the origin, right about the cell, silent on noise."""

import numpy as np
import pytest

from argand.physics.crystal.cell import Cell, random_rotation
from argand.physics.still.basis import direct_vectors, find_basis
from argand.physics.still.detector import BeamGeometry
from argand.physics.still.reflection import Spread, excited_reflections, nodes_near_sphere

CELLS = {
    "primitive": Cell(61.0, 74.0, 97.0, *np.radians([82.0, 95.0, 104.0])),
    "small molecule": Cell(9.1, 12.3, 17.0, beta=np.radians(99.0)),
    "centred": Cell(80.0, 80.0, 80.0, centring="I"),
}
SHIFT = np.array([0.003, -0.002, 0.0002])


def scattering_vectors(cell: Cell, seed: int = 0, most: int = 300) -> np.ndarray:
    """q of the spots of a still, as a detector measures them, to a tenth of a pixel or so."""
    rng = np.random.default_rng(seed)
    basis = random_rotation(rng) @ cell.reciprocal
    d_min = 0.9 if max(cell.lengths) < 30 else 2.2
    spread = Spread(mosaic=2e-3 if d_min > 1 else 8e-3)
    hkl = nodes_near_sphere(basis, 0.98, d_min, 0.02)
    found = excited_reflections(basis, hkl[cell.present(hkl)], 0.98, spread, cutoff=1.5)
    geometry = BeamGeometry((0.0, 0.0), 150.0, 0.98, (0.172, 0.172))
    px = geometry.px_from_direction(found.direction)
    chosen = rng.permutation(len(px))[:most]
    return geometry.q_from_px(px[chosen] + rng.normal(0, 0.1, (len(chosen), 2)))


@pytest.mark.parametrize("name", CELLS)
@pytest.mark.parametrize("origin", [np.zeros(3), SHIFT])
def test_basis_spans_the_primitive_cell_wherever_the_origin_is(name: str, origin: np.ndarray):
    cell = CELLS[name]
    found = find_basis(scattering_vectors(cell) + origin)
    assert found is not None
    points = {"P": 1, "I": 2}[cell.centring]
    assert abs(np.linalg.det(found[0])) == pytest.approx(cell.volume / points, rel=0.01)


def test_basis_vectors_are_vectors_of_the_lattice():
    cell = CELLS["primitive"]
    found = find_basis(scattering_vectors(cell))
    assert found is not None
    orientation = random_rotation(np.random.default_rng(0))
    inside = found[0] @ np.linalg.inv(orientation @ cell.orthogonalisation).T
    np.testing.assert_allclose(inside, np.rint(inside), atol=0.02)
    assert abs(np.linalg.det(inside)) == pytest.approx(1.0, abs=0.05)


def test_scores_are_blind_to_a_shift_of_the_origin():
    q = scattering_vectors(CELLS["primitive"])
    at_rest, _, score = direct_vectors(q, 200.0)
    moved, _, score_moved = direct_vectors(q + SHIFT, 200.0)
    np.testing.assert_allclose(score[:10], score_moved[:10], atol=1e-3)
    aligned = np.sign(np.sum(at_rest[:5] * moved[:5], axis=1))[:, None]
    np.testing.assert_allclose(at_rest[:5], aligned * moved[:5], atol=0.02)
    assert score[0] > 0.8


def test_phases_are_the_shift_seen_along_the_vectors():
    q = scattering_vectors(CELLS["primitive"])
    found = find_basis(q + SHIFT)
    assert found is not None
    rows, phase = found
    difference = phase - rows @ SHIFT
    np.testing.assert_allclose(difference, np.rint(difference), atol=0.03)


def test_random_vectors_have_no_basis():
    rng = np.random.default_rng(3)
    geometry = BeamGeometry((410.0, 410.0), 200.0, 0.98, (0.344, 0.344))
    for _ in range(3):
        assert find_basis(geometry.q_from_px(rng.uniform(0, 820, (200, 2)))) is None
