"""Dates of headers, in the ways that detectors write them."""

import pytest

from argand.io.header import pilatus_header
from argand.io.moment import later, moment


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("# 2019-09-11T13:20:28.989", "2019-09-11T13:20:28.989"),
        ("2021-01-02T03:04:05Z", "2021-01-02T03:04:05.000"),
        ("# 2011/Aug/05 14:20:05.123", "2011-08-05T14:20:05.123"),
        ("Sat Mar  1 09:03:07 2003", "2003-03-01T09:03:07.000"),
        ("05-Feb-2020 10:11:12", "2020-02-05T10:11:12.000"),
        ("2021-13-02T03:04:05", None),
        ("Exposure_time 0.019 s", None),
    ],
)
def test_each_way_of_writing_a_date_is_read(text: str, expected: str | None):
    assert moment(text) == expected


def test_a_pilatus_header_says_when_and_a_stack_counts_on():
    header = pilatus_header("# Detector: PILATUS3\n# 2019-09-11T13:20:28.989\n# Wavelength 0.97 A\n")
    assert header.time == "2019-09-11T13:20:28.989"
    assert later(header.time, 2.5) == "2019-09-11T13:20:31.489"
    assert later(None, 2.5) is None
