"""The best of several attempts is kept, what is trusted before what only fits better."""

import torch

from argand.systems.patterson.maps.prediction import Solutions


def test_only_better_structures_replace_those_that_are_there():
    found, rows = Solutions.none(2, atoms=1), torch.tensor([0, 1])
    attempts = ((0.3, 0.05, "network"), (0.2, 0.3, "dual-space"), (0.25, 0.2, "network"))
    for number, (first, second, path) in enumerate(attempts):
        residual = torch.tensor([first, second])
        found.take(rows, torch.full((2, 1, 3), float(number)), residual, residual <= 0.1, path)
    assert found.positions[:, 0, 0].tolist() == [1.0, 0.0]
    assert found.path == ["dual-space", "network"]
    assert found.attempts.tolist() == [3, 3]
    assert found.solved.tolist() == [False, True]
    assert found.open.tolist() == [0]


def test_what_is_believed_goes_before_what_fits_better():
    found, rows = Solutions.none(1, atoms=1), torch.tensor([0])
    for residual, trusted in ((0.2, False), (0.3, True), (0.1, False)):
        found.take(
            rows,
            torch.full((1, 1, 3), residual),
            torch.tensor([residual]),
            torch.tensor([trusted]),
            "network",
        )
    assert found.solved.tolist() == [True]
    assert found.residual.tolist() == [torch.tensor(0.3).item()]
    first = found.answers()[0]
    assert first.trusted
    assert "0.3000" in first.reason
