"""Small plots for pages: heat maps, lines, bars and points, several of them side by side in one view."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from jaxtyping import Real

from argand.page.view import packed, view

Plot = dict[str, Any]
"""What the script draws of one plot."""
Colours = Literal["magma", "viridis", "inferno", "signed", "grey"]
"""`signed` has its light middle at 0; the others go from dark to bright."""
_DECADES = 7.0
"""Below the largest value that a logarithmic scale shows. By hand, for the eye."""
_CODES = 254
"""Steps of a coded scale; code 0 is a cell without a value."""


@dataclass(frozen=True)
class Axis:
    """An axis of a heat map: its name and unit, the centre of its first cell and the step to the next."""

    name: str
    unit: str
    first: float
    step: float


@dataclass(frozen=True)
class Series:
    """One line: its name, x and y (NaN is a gap), standard deviations of y."""

    name: str
    x: Sequence[float] | np.ndarray
    y: Sequence[float] | np.ndarray
    sigma: Sequence[float] | np.ndarray | None = None


def heat_map(
    values: Real[np.ndarray, "row column"],
    *,
    title: str,
    x: Axis,
    y: Axis,
    unit: str,
    scale: Literal["linear", "log"] = "linear",
    colours: Colours = "magma",
    low: float | None = None,
    high: float | None = None,
    equal: bool = True,
    coded: bool = False,
) -> Plot:
    """Values as colours: columns along x, rows along y upwards; NaN is blank, drawn in a neutral grey.

    The scale runs from `low` to `high`, which are those of the values unless given; that of `signed` colours
    is symmetric about 0; on a log scale 0 and less have the lowest colour. `unit` is the title of the colour
    bar. One unit of x is as long as one of y where `equal`. `coded` values take a byte each: the value told
    is then right to 1/508 of the scale (of the logarithm on a log scale); else they travel as float32.
    """
    kept = np.asarray(values, float)
    least, most = _scale_ends(kept, scale, colours, low, high)
    return {
        "kind": "heat",
        "title": title,
        "told": f"{kept.shape[1]} × {kept.shape[0]} cells; {_span(kept, unit)}",
        "x": _axis(x),
        "y": _axis(y),
        "unit": unit,
        "scale": scale,
        "colours": colours,
        "low": least,
        "high": most,
        "equal": equal,
        "values": packed(_codes(kept, scale, least, most) if coded else kept.astype(np.float32)),
    }


def lines(
    series: Sequence[Series], *, title: str, x: str, y: str, scale: Literal["linear", "log"] = "linear"
) -> Plot:
    """Lines with error bars; `x` and `y` are titles of the axes with their units, `scale` that of y.

    In a view with a group, the cursor stands at the points whose place in the first series is the number of
    the item shown.
    """
    told = "; ".join(f"{one.name}: {len(one.y)} points, {_span(one.y, y)}" for one in series)
    made = [
        {
            "name": one.name,
            "x": _short(one.x),
            "y": _short(one.y),
            "sigma": None if one.sigma is None else _short(one.sigma),
        }
        for one in series
    ]
    return {"kind": "lines", "title": title, "told": told, "x": x, "y": y, "scale": scale, "series": made}


def bars(
    names: Sequence[str],
    values: Sequence[float] | np.ndarray,
    *,
    title: str,
    y: str,
    highlight: str | None = None,
) -> Plot:
    """One bar for each name; the one named `highlight` is marked."""
    chosen = None if highlight is None else list(names).index(highlight)
    return {
        "kind": "bars",
        "title": title,
        "told": f"{len(names)} bars, {_span(values, y)}",
        "y": y,
        "names": list(names),
        "values": _short(values),
        "highlight": chosen,
    }


def points(
    x: Sequence[float] | np.ndarray,
    y: Sequence[float] | np.ndarray,
    names: Sequence[str],
    *,
    title: str,
    x_name: str,
    y_name: str,
    colour_by: Mapping[str, Sequence[str | float]],
) -> Plot:
    """A point for each name, coloured by one of `colour_by`: categories (str) or values (float).

    `x_name` and `y_name` are titles of the axes with their units, the keys of `colour_by` of the colourings.
    In a view with a group, a click on point n shows item n.
    """
    colourings = [
        {"name": name, "values": [one if isinstance(one, str) else _short([one])[0] for one in values]}
        for name, values in colour_by.items()
    ]
    return {
        "kind": "points",
        "title": title,
        "told": f"{len(names)} points; {_span(x, x_name)}; {_span(y, y_name)}",
        "x": x_name,
        "y": y_name,
        "xs": _short(x),
        "ys": _short(y),
        "names": list(names),
        "colourings": colourings,
    }


def plot_view(
    plots: Sequence[Plot], label: str, caption: str = "", *, height: int = 360, group: str | None = None
) -> str:
    """The element of a view with these plots, each `height` px high, side by side where there is room.

    `label` is for those who cannot see it, `caption` is HTML. In a `group`, a click on a point or line, or an
    arrow key, shows that item in all views of the group, and the plots mark the item that is shown.
    """
    places = f'<div class="plots">{"<div class=plot></div>" * len(plots)}</div>'
    return view("plot", {"plots": list(plots), "group": group}, label, caption, height, inside=places)


def _axis(axis: Axis) -> dict[str, Any]:
    return {"name": axis.name, "unit": axis.unit, "first": float(axis.first), "step": float(axis.step)}


def _scale_ends(
    values: np.ndarray, scale: str, colours: str, low: float | None, high: float | None
) -> tuple[float, float]:
    """Ends of the scale of a heat map, of which the second is larger."""
    usable = values[np.isfinite(values) & ((values > 0) | (scale != "log"))]
    least, most = (float(usable.min()), float(usable.max())) if usable.size else (1.0, 1.0)
    if scale == "log":
        least = max(least, most * 10**-_DECADES)
    if colours == "signed":
        most = max(abs(least), abs(most))
        least = -most
    least, most = least if low is None else low, most if high is None else high
    if scale == "log":
        return least, max(most, least * 1.01)
    return least, most if most > least else least + max(1e-9, abs(least) * 1e-6)


def _codes(values: np.ndarray, scale: str, low: float, high: float) -> np.ndarray:
    """Values as bytes: 1 at `low` or below to 255 at `high` or above, 0 where there is none."""
    there = np.isfinite(values)
    filled = np.where(there & ((values > low) | (scale != "log")), values, low)
    if scale == "log":
        filled, low, high = np.log(filled), np.log(low), np.log(high)
    codes = 1 + np.rint((filled - low) / (high - low) * _CODES).clip(0, _CODES)
    return np.where(there, codes, 0).astype(np.uint8)


def _short(values: Sequence[float] | np.ndarray) -> list[float]:
    """Values with six significant digits, which is more than a plot shows."""
    return [float(f"{float(value):.6g}") for value in values]


def _span(values: Sequence[float] | np.ndarray, name: str) -> str:
    found = np.asarray(values, float)
    found = found[np.isfinite(found)]
    return f"{name} from {found.min():.4g} to {found.max():.4g}" if found.size else f"{name}: no values"
