"""The page of the verb drift: centre against time, as a picture and as a table."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import numpy as np

from argand.page.document import Document, write_document
from argand.page.markup import text
from argand.page.parts import Column, card, fold, table, tiles
from argand.systems.geometry.drift.picture import picture
from argand.systems.geometry.drift.series import Drift, Series, merged, slopes

MOST_POINTS = 1500
"""Most points drawn of a series; with more, neighbours are averaged. By hand: a browser stays fast."""

_WORDS = {
    "beam centre": "Where the direct beam would meet the detector, (fast, slow) px.",
    "header": "The beam centre that the image file states: a cross in the pictures.",
    "bar, ±": "One standard deviation of each coordinate of the predicted centre.",
    "SD": "Standard deviation of the centres about their mean.",
    "drift": "Slope of a straight line through the centres, weighted by their standard deviations; its own "
    "is enlarged where they scatter more than these say.",
    "trusted": "Only answers that passed the checks of argand are on this page.",
}


def write_drift(page: Path, drift: Drift) -> Path:
    """Write the page."""
    count = sum(map(len, drift.series))
    span = "in order; no times are known" if drift.start is None else f"from {drift.start:%Y-%m-%d %H:%M:%S}"
    drawn = tuple(merged(series, MOST_POINTS) for series in drift.series)
    lead = (
        f"{count} trusted answers {span}. Positions in pixels, counted from 0 at the outer edge of the first "
        "pixel. ● predicted centres with bars of one standard deviation, × centres of the headers; each "
        "picture has a scale of its own."
    )
    parts = [
        tiles(_figures(drift)),
        table(_headings(drift), [_row(series, drift) for series in drift.series], sorts=False),
        *(_card(series, drift) for series in drawn),
    ]
    return write_document(page, Document("Drift of the beam centre", lead, parts, _WORDS))


def _figures(drift: Drift) -> Iterator[tuple[str, str]]:
    """Number of answers and positions, and how far the centres moved at most."""
    yield str(sum(map(len, drift.series))), "trusted answers"
    yield str(len(drift.series)), "detector positions" if len(drift.series) > 1 else "detector position"
    furthest = max(float(np.hypot(*np.ptp(series.centre, axis=0))) for series in drift.series)
    yield f"{furthest:.2f} px", "largest range of the centres of a position"


def _headings(drift: Drift) -> list[str | Column]:
    unit = "answer" if drift.start is None else "hour"
    names = ("answers", "fast, px", "slow, px", f"fast, px per {unit}", f"slow, px per {unit}")
    return ["detector and distance", *(Column(name, True) for name in names)]


def _row(series: Series, drift: Drift) -> list[str]:
    """Mean centre with its standard deviation, and its drift."""
    scale = 1.0 if drift.start is None else 3600.0
    found = slopes(series)
    rates = ["–", "–"]
    if found is not None:
        rates = [f"{slope * scale:+.3g} ± {sigma * scale:.2g}" for slope, sigma in zip(*found, strict=True)]
    means = [f"{np.mean(px):.2f} (SD {np.std(px):.2f})" for px in series.centre.T]
    return [text(series.name), str(len(series)), *means, *rates]


def _card(series: Series, drift: Drift) -> str:
    """Both coordinates of one detector position, and its numbers."""
    pictures = (picture(axis, series, drift) for axis in (0, 1))
    when = "number" if drift.start is None else "time"
    columns = (
        "image",
        when,
        *(Column(name, True) for name in ("fast, px", "slow, px", "± px", "header, px")),
    )
    rows = [_answer(series, place, drift) for place in range(len(series))]
    return card(text(series.name), *pictures, fold("All numbers", table(columns, rows)))


def _answer(series: Series, place: int, drift: Drift) -> list[str]:
    fast, slow = series.centre[place]
    header = series.header[place]
    seconds = float(series.seconds[place])
    when = f"{seconds:.0f}"
    if drift.start is not None:
        when = f"{drift.start + timedelta(seconds=seconds):%Y-%m-%d %H:%M:%S}"
    stated = f"{header[0]:.2f}, {header[1]:.2f}" if np.isfinite(header).all() else ""
    numbers = (f"{fast:.2f}", f"{slow:.2f}", f"{series.sigma[place]:.2f}")
    return [text(series.labels[place]), when, *numbers, stated]
