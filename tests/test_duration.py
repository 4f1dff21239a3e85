"""Lengths of time are read as people write them, and shown so that they can be read again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argand.duration import Seconds, as_text, seconds_from
from argand.errors import ConfigError


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("01:02:03", 3723),
        ("02:00", 120),
        ("90", 90),
        (0.5, 0.5),
        ("90s", 90),
        ("1m", 60),
        ("5 min", 300),
        ("1h30m", 5400),
        ("1.5h", 5400),
        ("2d", 172_800),
        (" 10M ", 600),
        ("1e3", 1000),
        ("00:00:01.5", 1.5),
    ],
)
def test_times_are_read(text: str | float, seconds: float):
    assert seconds_from(text) == seconds


@pytest.mark.parametrize(
    "text", ["", "h", "1x", "1:2:3:4", "-5", "-5s", "00:00:00", "0s", "inf", "nan", "1h nonsense", "9999999d"]
)
def test_what_is_not_a_time_is_refused(text: str):
    with pytest.raises(ConfigError, match=r"not a length of time: .*write it as 90s, 10m, 1h30m or 01:30:00"):
        seconds_from(text)


@given(st.integers(1, 10**8))
def test_what_is_shown_is_read_as_the_same_time(seconds: int):
    assert seconds_from(as_text(seconds)) == seconds
    assert seconds_from(str(Seconds(seconds))) == seconds


def test_a_default_in_the_help_is_short():
    assert str(Seconds("00:30:00")) == "30m"
    assert str(Seconds(90)) == "1m30s"
