"""Modes of small networks against closed forms and the whole spectrum."""

import numpy as np
import pytest

from argand.errors import ConfigError
from argand.physics.fibre.elastic_network import RIGID, draw_amplitudes, hessian, lowest_modes


def network(seed: int = 0, count: int = 30) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    beads = random.uniform(0, 10, (count, 3))
    first, second = np.triu_indices(count, 1)
    near = np.linalg.norm(beads[first] - beads[second], axis=1) < 7
    pairs = np.stack([first[near], second[near]], 1)
    return beads, pairs, random.uniform(1, 3, len(pairs))


def test_the_hessian_is_the_curvature_of_the_springs_energy():
    beads, pairs, spring = network()
    rest = np.linalg.norm(beads[pairs[:, 0]] - beads[pairs[:, 1]], axis=1)
    move = np.random.default_rng(3).standard_normal(beads.shape)

    def energy(step: float) -> float:
        now = beads + step * move
        return float(
            (0.5 * spring * (np.linalg.norm(now[pairs[:, 0]] - now[pairs[:, 1]], axis=1) - rest) ** 2).sum()
        )

    curvature = (energy(1e-3) + energy(-1e-3)) / 1e-6
    flat = move.ravel()
    assert flat @ (hessian(beads, pairs, spring) @ flat) == pytest.approx(curvature, rel=1e-4)


def test_rigid_motion_costs_nothing_and_is_left_out():
    stiffness = hessian(*network())
    values = np.linalg.eigvalsh(stiffness.toarray())
    np.testing.assert_allclose(values[:RIGID], 0, atol=1e-9)
    modes = lowest_modes(stiffness, 12)
    np.testing.assert_allclose(modes.stiffness, values[RIGID : RIGID + 12], rtol=1e-6)
    flat = modes.shape.reshape(12, -1)
    np.testing.assert_allclose(flat @ flat.T, np.eye(12), atol=1e-8)


def test_draws_have_half_a_kt_in_each_mode():
    modes = lowest_modes(hessian(*network()), 10)
    random = np.random.default_rng(0)
    energy = np.mean([modes.stiffness @ draw_amplitudes(modes, random) ** 2 / 2 for _ in range(4000)])
    assert energy == pytest.approx(5.0, rel=0.03)


def test_a_network_in_two_parts_is_refused():
    beads = np.concatenate([network()[0], network(1)[0] + 100])
    pairs = np.concatenate([network()[1], network(1)[1] + 30])
    with pytest.raises(ConfigError, match="is not connected"):
        lowest_modes(hessian(beads, pairs, np.ones(len(pairs))), 5)
