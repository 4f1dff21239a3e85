"""The drift of a beam centre: found again where it was put in, and drawn in one file."""

import json
import re
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from argand.errors import InputError
from argand.systems.geometry.drift.page import write_drift
from argand.systems.geometry.drift.series import drift_of, merged, read_sources, slopes

START = datetime(2026, 3, 1, 20, 15)
RATE = np.array([0.4, -0.1])
"""Px per hour that is put in."""


def record(number: int, hours: float | None, sigma: float = 0.1, **more: Any) -> dict[str, Any]:
    """An answer whose centre moves with the hours."""
    noise = np.random.default_rng(number).normal(0.0, sigma, 2)
    centre = np.array([1262.0, 1307.0]) + RATE * (hours or 0.0) + noise
    told = {"file": f"a_{number:04d}.cbf", "index": 0, "trusted": True, "pooled": False, "sigma_px": sigma}
    told |= {
        "beam_centre_px": centre.tolist(),
        "header_beam_centre_px": [1261.0, 1307.5],
        "distance_mm": 250.0,
    }
    if hours is not None:
        told["time"] = (START + timedelta(hours=hours)).isoformat()
    return told | more


def test_the_rate_is_found_within_its_own_uncertainty():
    drift = drift_of([record(number, 0.05 * number) for number in range(200)])
    (series,) = drift.series
    found = slopes(series)
    assert found is not None
    slope, sigma = found[0] * 3600, found[1] * 3600
    assert np.all(np.abs(slope - RATE) < 4 * sigma)
    assert np.all(sigma < 0.01)
    assert drift.start == START


def test_unreliable_pooled_and_repeated_answers_do_not_count():
    records = [record(0, 0.0, distance_mm=None), record(0, 0.0), record(1, 1.0)]
    records += [record(2, 2.0, trusted=False), record(3, 3.0, pooled=True)]
    (series,) = drift_of(records).series
    assert (len(series), series.name) == (2, "250.0 mm")


def test_another_distance_is_another_series_and_time_sorts():
    drift = drift_of([record(0, 5.0), record(1, 1.0), record(2, 2.0, distance_mm=180.0)])
    assert [series.name for series in drift.series] == ["180.0 mm", "250.0 mm"]
    assert drift.series[1].seconds.tolist() == [0.0, 4 * 3600.0]


def test_without_all_times_answers_stand_in_their_order():
    drift = drift_of([record(0, 5.0), record(1, None), record(2, 1.0)])
    assert drift.start is None
    assert drift.series[0].seconds.tolist() == [0.0, 1.0, 2.0]


def test_neighbours_are_averaged_by_their_variances():
    (series,) = drift_of([record(0, 0.0, 0.1), record(1, 1.0, 0.2), record(2, 9.0, 0.1)]).series
    small = merged(series, 2)
    expected = (4 * series.centre[0] + series.centre[1]) / 5
    np.testing.assert_allclose(small.centre, [expected, series.centre[2]])
    assert small.sigma[0] == pytest.approx((1 / 0.01 + 1 / 0.04) ** -0.5)
    assert len(merged(series, 3)) == 3


@pytest.mark.parametrize("hours", [0.0, 1e-3, 0.1, 5.0, 60.0, 3000.0, 60000.0, None])
def test_the_page_needs_nothing_else_and_shows_each_answer(tmp_path: Path, hours: float | None):
    records = [record(number, hours and number * hours / 9) for number in range(10)]
    page = write_drift(tmp_path / "drift.html", drift_of(records)).read_text().partition("<script>")[0]
    assert not re.search(r"(src|href)=|https?:", page)
    assert page.count("a_0003.cbf #0</th>") == 1
    assert page.count("<title>a_0003.cbf #0: ") == 2
    assert 1 <= page.count('class="below"') / 2 <= 12
    places = [float(place) for place in re.findall(r'c[xy]="([-\d.]+)"', page)]
    assert min(places) > 0
    assert max(places) < 1100


def test_sources_are_runs_and_lines(tmp_path: Path):
    (tmp_path / "results.jsonl").write_text(json.dumps(record(0, 0.0)) + "\n")
    (tmp_path / "today.jsonl").write_text(json.dumps(record(1, 1.0)) + "\n")
    assert len(read_sources([tmp_path, tmp_path / "today.jsonl"])) == 2
    with pytest.raises(InputError, match="no such file"):
        read_sources([tmp_path / "gone"])
    with pytest.raises(InputError, match="no trusted answers"):
        drift_of([record(0, 0.0, trusted=False)])
