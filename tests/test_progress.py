"""Whoever waits must learn the rate and the time left."""

import logging

import pytest

from argand import progress
from argand.progress import ProgressDisplay, duration


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time, in seconds, as the only entry of a list."""
    now = [100.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    return now


def test_rate_and_time_left_are_logged_every_half_minute(
    clock: list[float], caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.INFO, "argand.progress")
    with ProgressDisplay("train toy") as display:
        for second in range(61):
            clock[0] = 100.0 + second
            display.update(second / 120, done=5 * second, note="loss 1")
    assert [record.getMessage() for record in caplog.records] == [
        "train toy: 25 %, 5 samples/s, 0:01:30 left, loss 1",
        "train toy: 50 %, 5 samples/s, 0:01:00 left, loss 1",
    ]


def test_what_was_done_before_does_not_count_for_the_time_left(
    clock: list[float], caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.INFO, "argand.progress")
    with ProgressDisplay("simulate toy", begun=0.5) as display:
        clock[0] += 50
        display.update(0.75, done=100)
    assert caplog.records[0].getMessage() == "simulate toy: 75 %, 2 samples/s, 0:00:50 left"


def test_a_quiet_display_says_nothing(clock: list[float], caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.INFO, "argand.progress")
    with ProgressDisplay("x", quiet=True) as display:
        clock[0] += 100
        display.update(0.5, 1)
    assert not caplog.records


@pytest.mark.parametrize(("seconds", "text"), [(None, "?"), (59.6, "0:01:00"), (3725, "1:02:05")])
def test_times_are_told_in_hours(seconds: float | None, text: str):
    assert duration(seconds) == text
