"""The picture of one answer: pattern, shape and its standard deviation; truth and difference where known."""

import io
import textwrap
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from argand.io.atomic import valid_text
from argand.runs.picture import any_letters
from argand.systems.molmnist.inversion.truth import Shape, softened

_DECADES = 7
"""Of intensity below the brightest pixel that are drawn. By hand, for the eye; `view` has the same."""
_OPACITY = 0.4
"""Of the shapes of an answer that is not trusted, which are grey besides. By hand, for the eye."""
_LETTERS = 44
"""Of a line of the title over each panel, so that it is not cut off. By hand, for usual letters."""
_PANEL = (4.2, 4.4)
"""Inches, width of each panel and height of all. By hand, for the eye."""


@dataclass(frozen=True, eq=False)
class Pictured:
    """What is drawn: shapes in electrons per pixel and the pattern over a window of `window_side` Å."""

    shape: Shape
    shape_sd: Shape
    pattern: Float[np.ndarray, "q_slow q_fast"]
    live: Bool[np.ndarray, "q_slow q_fast"]
    window_side: float
    truth: Shape | None = None


def answer_png(shown: Pictured, title: str, trusted: bool, dpi: int = 80) -> bytes:
    """PNG of one answer; shapes that are not trusted are pale, grey and headed "best guess".

    Axes in Å and 1/Å, the y of the slow axis upwards.
    """
    from matplotlib.figure import Figure  # slow to import, and without --out nothing is drawn

    panels = _panels(shown, trusted)
    width, height = _PANEL
    figure = Figure(figsize=(width * (len(panels) + 1), height), layout="constrained")
    axes = figure.subplots(1, len(panels) + 1)
    _draw_pattern(axes[0], shown)
    pixel = shown.window_side / len(shown.shape)
    reach, side = shape_extent(shown.shape) * pixel / 2, shown.window_side / 2
    extent = (-side, side, -side, side)
    for one, (name, values, colours, (low, high), opacity) in zip(axes[1:], panels, strict=True):
        image = one.imshow(
            values, origin="lower", extent=extent, cmap=colours, vmin=low, vmax=high, alpha=opacity
        )
        one.set(title=name, xlabel="Å", xlim=(-reach, reach), ylim=(-reach, reach))
        figure.colorbar(image, ax=one, shrink=0.8, label="electrons / pixel")
    lines = textwrap.fill(valid_text(title), _LETTERS * (len(panels) + 1))
    figure.suptitle(lines, parse_math=False, color="black" if trusted else "grey")
    content = io.BytesIO()
    with any_letters():
        figure.savefig(content, dpi=dpi, format="png")
    return content.getvalue()


def _panels(shown: Pictured, trusted: bool) -> list[tuple[Any, ...]]:
    """Title, image, colours, range and opacity of each panel but the pattern's."""
    top = float(max(shown.shape.max(), 0.0 if shown.truth is None else shown.truth.max()))
    guess, opacity = ("", 1.0) if trusted else ("best guess:\n", _OPACITY)
    colours = ("magma", "viridis") if trusted else ("gray", "gray")
    deviation = "standard deviation, blurred 1 Å"
    panels = [(f"{guess}shape", shown.shape, colours[0], (0.0, top), opacity)]
    panels += [(f"{guess}{deviation}", shown.shape_sd, colours[1], (None, None), opacity)]
    if shown.truth is not None:
        off = softened(shown.shape - shown.truth, shown.window_side / len(shown.shape))
        most = float(np.abs(off).max())
        panels += [("truth", shown.truth, "magma", (0.0, top), 1.0)]
        panels += [(f"{guess}shape - truth, blurred 1 Å", off, "RdBu", (-most, most), opacity)]
    return panels


def _draw_pattern(axes: Any, shown: Pictured) -> None:
    from matplotlib.colors import LogNorm  # slow to import, as above

    half = np.pi * len(shown.pattern) / shown.window_side
    seen = np.where(shown.live & (shown.pattern > 0), shown.pattern, np.nan)
    top = float(np.nanmax(seen))
    low = min(max(float(np.nanmin(seen)), top * 10.0**-_DECADES), top / 2)
    extent = (-half, half, -half, half)
    image = axes.imshow(seen, origin="lower", extent=extent, norm=LogNorm(low, top), cmap="inferno")
    axes.figure.colorbar(image, ax=axes, shrink=0.8)
    axes.set(title="pattern", xlabel="q, 1/Å")


def shape_extent(shape: Shape) -> int:
    """Side in pixels of the square in the middle outside which nothing reaches 2 % of the highest pixel.

    That share and the 15 % of room around are by hand, for pictures alone.
    """
    slow, fast = np.nonzero(np.abs(shape) > 0.02 * np.abs(shape).max())
    middle = (len(shape) - 1) / 2
    reach = max(np.abs(slow - middle).max(initial=4), np.abs(fast - middle).max(initial=4))
    return min(2 * int(np.ceil(1.15 * reach)) + len(shape) % 2, len(shape))
