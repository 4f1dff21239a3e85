"""The page of the verb drift: centre against time as inline SVG in one self-contained HTML file."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import numpy as np

from argand.page.markup import text
from argand.page.shell import table, write_html
from argand.systems.geometry.drift.series import Drift, Series, merged, slopes

MOST_POINTS = 1500
"""Most points drawn of a series; with more, neighbours are averaged. By hand: a browser stays fast."""
_WIDTH, _HEIGHT, _LEFT, _RIGHT, _TOP, _BOTTOM = 1100, 300, 80, 50, 30, 34
"""Size and margins of a picture in px. By hand, for the width of the page."""
_COLOURS = ("#00758f", "#8e44ad", "#1b7f4b", "#b3261e", "#34495e", "#a05a00")
_HEADER_COLOUR = "#e08a00"
_STEPS_S = (
    1,
    5,
    15,
    60,
    300,
    900,
    3600,
    3 * 3600,
    6 * 3600,
    12 * 3600,
    86400,
    2 * 86400,
    7 * 86400,
    30 * 86400,
)
"""Seconds between the marks of a time axis: the usual divisions of time."""


def write_drift(page: Path, drift: Drift) -> Path:
    """Write the page."""
    count = sum(map(len, drift.series))
    span = "in order; no times are known" if drift.start is None else f"from {drift.start:%Y-%m-%d %H:%M:%S}"
    drawn = tuple(merged(series, MOST_POINTS) for series in drift.series)
    parts = [
        "<h1>Drift of the beam centre</h1>",
        f"<p>{count} trusted answers {span}. Bars are one standard deviation; orange: the headers' centres. "
        "Pixels are 0-based, integer = pixel edge.</p>",
        *(part for number, series in enumerate(drawn) for part in _pictures(number, series, drift)),
        table(
            ("", "answers", "fast, px", "slow, px", *_rate_headings(drift)),
            [_row(s, drift) for s in drift.series],
        ),
    ]
    return write_html(page, "Drift of the beam centre", parts, "Made by argand geometry drift")


def _rate_headings(drift: Drift) -> tuple[str, str]:
    unit = "answer" if drift.start is None else "hour"
    return f"fast, px per {unit}", f"slow, px per {unit}"


def _row(series: Series, drift: Drift) -> list[str]:
    """Mean centre with its standard deviation, and its drift."""
    scale = 1.0 if drift.start is None else 3600.0
    found = slopes(series)
    rates = ["–", "–"]
    if found is not None:
        rates = [f"{slope * scale:+.3g} ± {sigma * scale:.2g}" for slope, sigma in zip(*found, strict=True)]
    means = [f"{np.mean(px):.2f} (SD {np.std(px):.2f})" for px in series.centre.T]
    return [text(series.name), str(len(series)), *means, *rates]


def _pictures(number: int, series: Series, drift: Drift) -> Iterator[str]:
    """Both coordinates of one detector position; each position has its own scale."""
    colour = _COLOURS[number % len(_COLOURS)]
    end = max(float(one.seconds.max()) for one in drift.series) or 1.0
    yield f'<h2 style="color:{colour}">{text(series.name)}</h2>'
    for axis, name in enumerate(("fast", "slow")):
        yield _picture(axis, name, series, _Scale.of(axis, series, end), drift, colour)


@dataclass(frozen=True)
class _Scale:
    """From seconds and px to positions in the picture."""

    end: float
    low: float
    high: float

    @classmethod
    def of(cls, axis: int, series: Series, end: float) -> "_Scale":
        """A scale that contains all centres with their bars, the headers' centres, and the time to `end`."""
        sides = [series.centre[:, axis] + sign * series.sigma for sign in (-1, 1)]
        seen = np.concatenate([*sides, series.header[:, axis]])
        low, high = float(np.nanmin(seen)), float(np.nanmax(seen))
        # A twentieth at either side, by hand.
        room = max(0.05 * (high - low), 0.05)
        return cls(end, low - room, high + room)

    def x(self, seconds: float) -> float:
        """Horizontal position."""
        return _LEFT + (_WIDTH - _LEFT - _RIGHT) * seconds / self.end

    def y(self, px: float) -> float:
        """Position from the top."""
        return _TOP + (_HEIGHT - _TOP - _BOTTOM) * (self.high - px) / (self.high - self.low)


def _picture(axis: int, name: str, series: Series, scale: _Scale, drift: Drift, colour: str) -> str:
    """One coordinate of the centre against time."""
    marks = [f'<text x="{_LEFT}" y="18" class="what">{name}, px</text>', *_grid(scale, drift)]
    marks += _points(series, axis, scale, colour)
    style = "text{font:13px system-ui,sans-serif}.left{text-anchor:end}.below{text-anchor:middle}"
    style += ".grid{stroke:#ddd}.what{font-weight:600}"
    label = f"{name} coordinate against time"
    head = f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" width="100%" role="img" aria-label="{label}">'
    return f"{head}<style>{style}</style>{''.join(marks)}</svg>"


def _grid(scale: _Scale, drift: Drift) -> Iterator[str]:
    """Lines at round numbers of px, and the time below."""
    for px in _even(scale.low, scale.high):
        yield f'<path class="grid" d="M{_LEFT} {scale.y(px):.1f}H{_WIDTH - _RIGHT}"/>'
        yield f'<text class="left" x="{_LEFT - 8}" y="{scale.y(px) + 4:.1f}">{px:.7g}</text>'
    for seconds, told in _time_marks(scale.end, drift):
        yield f'<text class="below" x="{scale.x(seconds):.1f}" y="{_HEIGHT - 10}">{told}</text>'


def _points(series: Series, axis: int, scale: _Scale, colour: str) -> Iterator[str]:
    """Answers with their bars, and the headers' centres; a tooltip names each."""
    places = [f"{scale.x(seconds):.1f}" for seconds in series.seconds]
    for x, px, sigma, label in zip(places, series.centre[:, axis], series.sigma, series.labels, strict=True):
        told = text(f"{label}: {px:.2f} ± {sigma:.2f} px")
        bar = f'<path d="M{x} {scale.y(px - sigma):.1f}V{scale.y(px + sigma):.1f}" stroke="{colour}"/>'
        dot = f'<circle cx="{x}" cy="{scale.y(px):.1f}" r="3" fill="{colour}"/>'
        yield f"<g><title>{told}</title>{bar}{dot}</g>"
    for x, header in zip(places, series.header[:, axis], strict=True):
        if np.isfinite(header):
            yield f'<circle cx="{x}" cy="{scale.y(header):.1f}" r="2.5" fill="{_HEADER_COLOUR}"/>'


def _even(low: float, high: float) -> list[float]:
    """About five round numbers between two."""
    rough = (high - low) / 5
    power = 10.0 ** np.floor(np.log10(rough))
    step = power * next(factor for factor in (1, 2, 5, 10) if factor * power >= rough)
    return [float(value) for value in np.arange(np.ceil(low / step), high / step) * step]


def _time_marks(end: float, drift: Drift) -> list[tuple[float, str]]:
    """Positions on the time axis, at most about seven, and their labels."""
    if drift.start is None:
        return [(value, f"{value:.0f}") for value in _even(0.0, end) if value == round(value)]
    longest = _STEPS_S[-1]
    step = next((step for step in _STEPS_S if end / step <= 7), longest * int(np.ceil(end / longest / 7)))
    day = drift.start.replace(hour=0, minute=0, second=0, microsecond=0)
    first = np.ceil((drift.start - day).total_seconds() / step) * step
    form = (
        "%Y-%m-%d"
        if step >= 86400
        else "%m-%d %H:%M"
        if end > 86400
        else "%H:%M"
        if step >= 60
        else "%H:%M:%S"
    )
    marks = []
    at = day + timedelta(seconds=float(first))
    while (at - drift.start).total_seconds() <= end:
        marks.append(((at - drift.start).total_seconds(), at.strftime(form)))
        at += timedelta(seconds=step)
    return marks or [(0.0, drift.start.strftime("%H:%M:%S"))]
