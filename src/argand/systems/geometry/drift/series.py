"""Trusted answers in order of time, by detector position, and how fast their centre moves."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from argand.errors import InputError
from argand.runs.fields import usable_records
from argand.runs.record import RESULTS, Record, read_records, read_results
from argand.systems.geometry.files.record import fields_of, with_verdict

SIGMA_FLOOR_PX = 0.01
"""Least standard deviation by which a centre is weighted, in px. By hand: no answer is more precise."""

YEARS = (1900, 2200)
"""Range of years that are accepted. By hand: a clock that was never set may state the year 1."""


@dataclass(frozen=True)
class Series:
    """Centres of one detector at one distance, sorted by time.

    `seconds` since the start of the page's time axis, or the number of the answer if times are not known;
    `centre` and `header` (fast, slow) px, NaN without a centre in the header; `sigma` px of each coordinate.
    """

    name: str
    seconds: Float[np.ndarray, " n"]
    centre: Float[np.ndarray, "n 2"]
    sigma: Float[np.ndarray, " n"]
    header: Float[np.ndarray, "n 2"]
    labels: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.seconds)


@dataclass(frozen=True)
class Drift:
    """All series of a page; `start` is None where no time is known and answers are only in order."""

    series: tuple[Series, ...]
    start: datetime | None


def read_sources(sources: Sequence[Path]) -> list[Record]:
    """Records of runs (folders of `predict`, JSON lines of `watch`); InputError for anything else.

    Damaged records are reported and left out.
    """
    records = []
    for source in sources:
        if not source.exists():
            raise InputError(f"{source}: no such file; give folders of predict or JSON lines of watch")
        found = read_results(source) if source.is_dir() else read_records(source)
        found = [with_verdict(record) for record in found]
        records += usable_records(found, fields_of, source / RESULTS if source.is_dir() else source)[0]
    return records


def drift_of(records: Sequence[Record]) -> Drift:
    """The trusted answers of single images, each image once, sorted by time.

    If a record has no time, all keep the order in which they come. Raises InputError if no answer is trusted.
    """
    latest = {
        (record["file"], record.get("index", 0)): record for record in records if not record.get("pooled")
    }
    good = [record for record in latest.values() if record.get("trusted") and record.get("beam_centre_px")]
    if not good:
        raise InputError("no trusted answers; give results of predict or watch that have some")
    times = [_time(record) for record in good]
    known = [when for when in times if when is not None]
    if len({when.tzinfo is None for when in known}) > 1:
        # Only some headers state a time zone: all clocks are assumed to be in the same one.
        times = [None if when is None else when.replace(tzinfo=None) for when in times]
        known = [when for when in times if when is not None]
    start = min(known) if len(known) == len(times) else None
    place = [float(number) for number in range(len(good))]
    if start is not None:
        place = [(when - start).total_seconds() for when in known]
    names = sorted({_name(record) for record in good})
    return Drift(tuple(_series(name, good, place) for name in names), start)


def _series(name: str, records: Sequence[Record], place: Sequence[float]) -> Series:
    chosen = sorted((at, number) for number, at in enumerate(place) if _name(records[number]) == name)
    own = [records[number] for _, number in chosen]
    nothing = (np.nan, np.nan)
    return Series(
        name,
        np.array([at for at, _ in chosen]),
        np.array([record["beam_centre_px"] for record in own], float),
        np.maximum([record.get("sigma_px") or SIGMA_FLOOR_PX for record in own], SIGMA_FLOOR_PX),
        np.array([record.get("header_beam_centre_px") or nothing for record in own], float),
        tuple(f"{Path(record['file']).name} #{record.get('index', 0)}" for record in own),
    )


def _time(record: Record) -> datetime | None:
    when: Any = record.get("time")
    try:
        found = datetime.fromisoformat(when) if isinstance(when, str) else None
    except ValueError:
        return None  # Not a time.
    return found if found is not None and YEARS[0] <= found.year < YEARS[1] else None


def _name(record: Record) -> str:
    """Detector and distance: at another distance the same detector has another centre."""
    shape, distance = record.get("shape"), record.get("distance_mm")
    detector = f"{shape[1]} x {shape[0]} px, " if shape else ""
    return f"{detector}{distance:.1f} mm" if distance else f"{detector}unknown distance"


def slopes(series: Series) -> tuple[Float[np.ndarray, "2"], Float[np.ndarray, "2"]] | None:
    """Slope of a straight line through the centre (fast, slow), px per second, and its standard deviation.

    Weighted least squares; the standard deviation is scaled up if the scatter around the line is larger than
    the stated uncertainties. None for fewer than three answers or no time between them.
    """
    if len(series) < 3 or np.ptp(series.seconds) == 0.0:
        return None
    weight = 1.0 / series.sigma**2
    time = series.seconds - np.average(series.seconds, weights=weight)
    spread = (weight * time**2).sum()
    centred = series.centre - np.average(series.centre, axis=0, weights=weight)
    slope = (weight * time) @ centred / spread
    chi2 = (weight[:, None] * (centred - time[:, None] * slope) ** 2).sum(axis=0) / (len(series) - 2)
    return slope, np.sqrt(np.maximum(chi2, 1.0) / spread)


def merged(series: Series, most: int) -> Series:
    """The series with neighbours in time averaged, weighted by their variances, to `most` points."""
    if len(series) <= most:
        return series
    groups = np.array_split(np.arange(len(series)), most)
    weight = 1.0 / series.sigma**2

    def mean(values: np.ndarray) -> np.ndarray:
        return np.array([np.average(values[group], axis=0, weights=weight[group]) for group in groups])

    return Series(
        series.name,
        mean(series.seconds),
        mean(series.centre),
        np.array([weight[group].sum() ** -0.5 for group in groups]),
        mean(series.header),
        tuple(f"{series.labels[group[0]]} and {len(group) - 1} more" for group in groups),
    )
