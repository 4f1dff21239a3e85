"""Friedel's symmetry tells the centre among nodes that all have partners."""

import numpy as np

from argand.physics.still.friedel_centre import friedel_symmetry
from argand.physics.still.spot import Spots

CENTRE = np.array([500.0, 480.0])


def square_net(seed: int, symmetric: bool) -> Spots:
    """All nodes of a net of 25 px; about the centre their intensities agree, or no two do."""
    rng = np.random.default_rng(seed)
    steps = np.stack(np.meshgrid(np.arange(-8, 9), np.arange(-8, 9)), -1).reshape(-1, 2)
    counts = 100 * rng.exponential(size=len(steps)) + 20
    if symmetric:
        counts = (counts + counts[::-1]) / 2 * rng.uniform(0.8, 1.2, len(steps))
    px = CENTRE + 25.0 * steps
    return Spots(px, counts, np.sqrt(counts), np.ones(len(px), int))


def test_the_centre_is_the_node_whose_pairs_agree():
    spots = square_net(0, symmetric=True)
    nodes = CENTRE + 25.0 * np.array([[0, 0], [1, 0], [0, 1], [-2, 1], [3, 3]])
    found = friedel_symmetry(spots, np.ones(len(spots), bool), nodes, 3.0)
    assert found.correlation[0] > 0.7
    assert found.evidence[0] > 30.0
    assert np.abs(found.correlation[1:]).max() < 0.3
    assert found.pairs[0] == 17 * 17 // 2


def test_intensities_without_symmetry_prefer_no_node():
    spots = square_net(1, symmetric=False)
    nodes = CENTRE + 25.0 * np.array([[0, 0], [1, 0], [0, 1], [-2, 1]])
    assert friedel_symmetry(spots, np.ones(len(spots), bool), nodes, 3.0).evidence.max() < 4.0


def test_few_spots_say_nothing():
    spots = square_net(0, symmetric=True)
    few = np.arange(len(spots)) < 10
    assert friedel_symmetry(spots, few, CENTRE[None], 3.0).evidence.tolist() == [0.0]
