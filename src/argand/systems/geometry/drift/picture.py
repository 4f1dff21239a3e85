"""One coordinate of the centre against time as SVG, in the colours of the page."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

import numpy as np

from argand.page.markup import text
from argand.systems.geometry.drift.series import Drift, Series

_WIDTH, _HEIGHT, _LEFT, _RIGHT, _TOP, _BOTTOM = 1100, 300, 80, 50, 30, 34
"""Size and margins of a picture in px. By hand, for the width of the page."""
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
_STYLE = (
    "text{font:13px system-ui,sans-serif;fill:var(--ink)}.left{text-anchor:end}.below{text-anchor:middle}"
    ".grid{stroke:var(--line)}.what{font-weight:600}.found path{stroke:var(--first);stroke-width:1.5}"
    ".found circle{fill:var(--first)}.header{stroke:var(--old);stroke-width:1.5;fill:none}"
)
"""Crosses for headers and dots for answers, so that the colours need not be told apart."""


@dataclass(frozen=True)
class Scale:
    """From seconds and px to positions in the picture."""

    end: float
    low: float
    high: float

    @classmethod
    def of(cls, axis: int, series: Series, end: float) -> "Scale":
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


def picture(axis: int, series: Series, drift: Drift) -> str:
    """Coordinate 0 (fast) or 1 (slow) of the centre against time; each picture has its own scale."""
    name = ("fast", "slow")[axis]
    end = max(float(one.seconds.max()) for one in drift.series) or 1.0
    scale = Scale.of(axis, series, end)
    marks = [f'<text x="{_LEFT}" y="18" class="what">{name}, px</text>', *_grid(scale, drift)]
    marks += _points(series, axis, scale)
    low, high = float(series.centre[:, axis].min()), float(series.centre[:, axis].max())
    told = f"{name} coordinate of {len(series)} centres against time, between {low:.2f} and {high:.2f} px"
    label = text(f"{series.name}: {told}")
    head = f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" width="100%" role="img" aria-label="{label}">'
    return f"{head}<style>{_STYLE}</style>{''.join(marks)}</svg>"


def _grid(scale: Scale, drift: Drift) -> Iterator[str]:
    """Lines at round numbers of px, and the time below."""
    for px in _even(scale.low, scale.high):
        yield f'<path class="grid" d="M{_LEFT} {scale.y(px):.1f}H{_WIDTH - _RIGHT}"/>'
        yield f'<text class="left" x="{_LEFT - 8}" y="{scale.y(px) + 4:.1f}">{px:.7g}</text>'
    for seconds, told in _time_marks(scale.end, drift):
        yield f'<text class="below" x="{scale.x(seconds):.1f}" y="{_HEIGHT - 10}">{told}</text>'


def _points(series: Series, axis: int, scale: Scale) -> Iterator[str]:
    """The headers' centres as crosses, answers as dots with their bars; a tooltip names each answer."""
    places = [scale.x(seconds) for seconds in series.seconds]
    for x, header in zip(places, series.header[:, axis], strict=True):
        if np.isfinite(header):
            y = scale.y(header)
            arms = f"M{x - 3:.1f} {y - 3:.1f}l6 6m0 -6l-6 6"
            yield f'<path class="header" d="{arms}"/>'
    for x, px, sigma, label in zip(places, series.centre[:, axis], series.sigma, series.labels, strict=True):
        told = text(f"{label}: {px:.2f} ± {sigma:.2f} px")
        bar = f'<path d="M{x:.1f} {scale.y(px - sigma):.1f}V{scale.y(px + sigma):.1f}"/>'
        dot = f'<circle cx="{x:.1f}" cy="{scale.y(px):.1f}" r="3.5"/>'
        yield f'<g class="found"><title>{told}</title>{bar}{dot}</g>'


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
