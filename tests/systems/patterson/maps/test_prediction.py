"""The best of several attempts is kept, and its residual alone decides."""

import torch

from argand.systems.patterson.maps.prediction import Solutions


def test_only_better_structures_replace_those_that_are_there():
    found, rows = Solutions.none(torch.tensor([0.1, 0.1]), atoms=1), torch.tensor([0, 1])
    attempts = ((0.3, 0.05, "network"), (0.2, 0.3, "dual-space"), (0.25, 0.2, "network"))
    for number, (first, second, path) in enumerate(attempts):
        found.take(rows, torch.full((2, 1, 3), float(number)), torch.tensor([first, second]), path)
    assert found.positions[:, 0, 0].tolist() == [1.0, 0.0]
    assert found.path == ["dual-space", "network"]
    assert found.tries.tolist() == [3, 3]
    assert found.solved.tolist() == [False, True]
    assert found.open.tolist() == [0]
