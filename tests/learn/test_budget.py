"""A run must end when its budget is spent, and know how far it is."""

import pytest

from argand.learn import budget as module
from argand.learn.budget import Budget


def test_progress_is_the_larger_share(monkeypatch: pytest.MonkeyPatch):
    now = [10.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    budget = Budget(max_seconds=100, max_steps=10, step=2, earlier_seconds=10)
    assert budget.progress == 0.2
    budget.start()
    now[0] += 40
    assert budget.seconds == 50
    assert budget.progress == 0.5
    budget.step = 11
    assert budget.progress == 1


def test_reserved_time_is_not_for_steps():
    assert Budget(100, None, earlier_seconds=40, reserve_seconds=20).progress == 0.5
    assert Budget(100, None, earlier_seconds=80, reserve_seconds=20).progress == 1
    assert Budget(10, None, reserve_seconds=20).progress == 1
