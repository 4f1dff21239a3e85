"""A picture of one answer: the image, rings of constant resolution, and header's and predicted centre."""

import textwrap
from io import BytesIO
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Ellipse
from matplotlib.patheffects import withStroke
from PIL import Image as PictureFile

from argand.io.atomic import valid_text, write_bytes
from argand.io.image import Frame
from argand.page.pixels import Shrunk, limits_of, shrink
from argand.physics.still.detector import BeamGeometry
from argand.physics.still.resolution import ring_px, ring_spacings
from argand.runs.picture import any_letters
from argand.systems.geometry.refine.prediction import Prediction
from argand.typing import Vector2

ZOOM_PX = 40.0
"""Half the side of the view around the centre, in detector px. By hand: shows a header's centre that is off
by the usual few px, and single pixels."""
HEADER_COLOUR = "#ff9f1c"
FOUND_COLOUR = "#19d3f3"
RING_COLOUR = "#5ad1f2"
GAP_COLOUR = "#2b3440"
ALARM_COLOUR = "#c62828"
GUESS_COLOUR = "0.75"
"""Grey of a centre that is not trusted."""

_DARK_EDGE = [withStroke(linewidth=2.4, foreground="black")]
_FAINT_EDGE = [withStroke(linewidth=2.2, foreground="#00000080")]


def draw_overlay(path: Path, frame: Frame, prediction: Prediction, shrunk: Shrunk | None = None) -> None:
    """Write the picture of an answer as a PNG, whole or not at all; `shrunk` is the image as by `shrink`."""
    save_figure(path, overlay_figure(frame, prediction, shrunk), dpi=100)


def save_figure(path: Path, figure: Figure, dpi: float) -> None:
    """Write a figure as a PNG of 256 colours, whole or not at all."""
    write_bytes(path, figure_png(figure, dpi))


def figure_png(figure: Figure, dpi: float) -> bytes:
    """A figure as a PNG of 256 colours, which has a third of the size of one with all colours."""
    figure.set_dpi(dpi)
    canvas = FigureCanvasAgg(figure)
    with any_letters():
        canvas.draw()
    picture = PictureFile.fromarray(np.asarray(canvas.buffer_rgba())[..., :3])
    # Unlike the default method, this one keeps the colours of a few pixels: the markers.
    small = picture.quantize(256, PictureFile.Quantize.MAXCOVERAGE, dither=PictureFile.Dither.NONE)
    content = BytesIO()
    small.save(content, format="png")
    return content.getvalue()


def overlay_figure(frame: Frame, prediction: Prediction, shrunk: Shrunk | None = None) -> Figure:
    """The image with resolution rings, a close view of the centre, and the numbers."""
    figure = Figure(figsize=(13.2, 9.4), facecolor="white")
    whole = figure.add_axes((0.01, 0.02, 0.63, 0.885), anchor="W")
    near = figure.add_axes((0.66, 0.442, 0.33, 0.463))
    numbers = figure.add_axes((0.66, 0.02, 0.33, 0.37))
    _draw_whole(whole, frame, prediction, shrunk or shrink(frame.data, frame.mask))
    _draw_near(near, frame, prediction)
    _draw_numbers(numbers, prediction)
    _draw_title(figure, prediction)
    return figure


def show_image(axes: Axes, image: np.ndarray, extent: tuple[float, float, float, float]) -> None:
    """Draw the square root of the counts above the lowest background; masked pixels are grey.

    The root makes the noise of Poisson counts even.
    """
    axes.set_facecolor(GAP_COLOUR)
    low, high = limits_of(image)
    value = np.sqrt(np.clip(image - low, 0, None))
    top = np.sqrt(high - low)
    axes.imshow(value, cmap="bone", vmin=0, vmax=top, extent=extent, interpolation="nearest")
    axes.set(xticks=[], yticks=[])


def mark(axes: Axes, px: tuple[float, float] | None, marker: str, colour: str, size: float = 13) -> None:
    """A marker with a dark edge at (fast, slow) px; nothing without a position."""
    if px is not None:
        style = {"markersize": size, "markeredgewidth": 2.0, "path_effects": _DARK_EDGE}
        axes.plot(*px, marker, color=colour, clip_on=True, **style)


def _draw_whole(axes: Axes, frame: Frame, prediction: Prediction, shrunk: Shrunk) -> None:
    small, step = shrunk
    slow, fast = frame.shape
    show_image(axes, small, (0, small.shape[1] * step, small.shape[0] * step, 0))
    geometry = prediction.stated_geometry
    if geometry is not None:
        for d in ring_spacings(geometry, frame.shape):
            _draw_ring(axes, geometry, d, frame.shape)
    mark(axes, prediction.header_beam_centre_px, "x", HEADER_COLOUR)
    mark(axes, prediction.beam_centre_px, "+", FOUND_COLOUR, 17)
    axes.set(xlim=(0, fast), ylim=(slow, 0))


def _draw_ring(axes: Axes, geometry: BeamGeometry, d: float, shape: tuple[int, int]) -> None:
    px = ring_px(geometry, d)
    axes.plot(px[:, 0], px[:, 1], color=RING_COLOUR, linewidth=1.0, path_effects=_FAINT_EDGE)
    size = np.array(shape[::-1])
    inside = np.all((px > 0.03 * size) & (px < 0.97 * size), axis=1)
    if inside.any():
        # Labels of all rings on one ray as far as possible: towards the upper right.
        # (The slow axis points down, so 320 degrees are there.)
        turn = np.abs(np.linspace(0, 2 * np.pi, len(px)) - 1.78 * np.pi)
        place = np.flatnonzero(inside)[np.argmin(turn[inside])]
        style = {"color": "white", "fontsize": 10, "path_effects": _DARK_EDGE}
        axes.text(px[place, 0], px[place, 1], f"{d:g} Å", ha="center", va="center", **style)


def _draw_near(axes: Axes, frame: Frame, prediction: Prediction) -> None:
    """The pixels around the centre, with the ellipse of three standard deviations."""
    estimate = prediction.geometry.beam_centre_px if prediction.geometry else None
    centre = estimate or prediction.header_beam_centre_px
    if centre is None:
        axes.set_axis_off()
        return
    first, crop = _crop(frame, centre)
    show_image(axes, crop, (first[0], first[0] + crop.shape[1], first[1] + crop.shape[0], first[1]))
    mark(axes, prediction.header_beam_centre_px, "x", HEADER_COLOUR, 15)
    if prediction.trusted and estimate is not None:
        mark(axes, estimate, "+", FOUND_COLOUR, 20)
        axes.add_patch(_ellipse(prediction, estimate))
    else:
        mark(axes, estimate, "+", GUESS_COLOUR, 20)
    reach = np.array([-ZOOM_PX, ZOOM_PX])
    axes.set(xlim=centre[0] + reach, ylim=(centre[1] + reach)[::-1])
    what = "the centre" if prediction.trusted else "the best guess"
    axes.set_xlabel(f"±{ZOOM_PX:.0f} px around {what}", fontsize=10.5, color="0.4")


def _crop(frame: Frame, centre: tuple[float, float]) -> tuple[Vector2, np.ndarray]:
    """First pixel (fast, slow) and counts of the part of the image in the close view; NaN where masked."""
    size = np.array(frame.shape[::-1])
    first = np.clip(np.floor(np.asarray(centre) - ZOOM_PX), 0, size - 1).astype(int)
    last = np.clip(np.ceil(np.asarray(centre) + ZOOM_PX), first + 1, size).astype(int)
    part = slice(first[1], last[1]), slice(first[0], last[0])
    return first.astype(float), np.where(frame.mask[part], frame.data[part], np.nan)


def _ellipse(prediction: Prediction, centre: tuple[float, float]) -> Ellipse:
    """The ellipse of three standard deviations of the centre."""
    sigma = prediction.sigma_px or 0.0
    covariance = np.eye(2) * sigma**2
    if prediction.covariance is not None:
        covariance = np.asarray(prediction.covariance)[:2, :2]
    variance, axes = np.linalg.eigh(covariance)
    # Full axes of an ellipse of three standard deviations: twice three.
    width, height = 6 * np.sqrt(np.maximum(variance, 0))
    angle = float(np.degrees(np.arctan2(axes[1, 0], axes[0, 0])))
    style = {"fill": False, "edgecolor": FOUND_COLOUR, "linewidth": 1.6, "path_effects": _DARK_EDGE}
    return Ellipse(centre, width, height, angle=angle, **style)


def _draw_numbers(axes: Axes, prediction: Prediction) -> None:
    axes.set_axis_off()
    rows = [row for row in number_rows(prediction) if row[1]]
    for line, (name, value, colour) in enumerate(rows):
        height = 0.98 - 0.105 * line
        axes.text(0.0, height, name, fontsize=11.5, color="0.4", va="top", transform=axes.transAxes)
        axes.text(0.3, height, value, fontsize=11.5, color=colour, va="top", transform=axes.transAxes)


def number_rows(prediction: Prediction) -> list[tuple[str, str, str]]:
    """Name, value and colour of the numbers beside the picture; empty values for what is not known."""
    tilt, shift_mm = prediction.tilt_deg, prediction.shift_mm
    sigma = f" ± {prediction.sigma_px:.2f}" if prediction.sigma_px is not None else ""
    found, guess = _pair(prediction.beam_centre_px), _pair(prediction.best_guess_px)
    return [
        ("× header", _pair(prediction.header_beam_centre_px, " px"), "#c26a00"),
        ("+ found", f"{found}{sigma} px" if found else "", "#007c96"),
        ("+ best guess", f"{guess}{sigma} px" if guess else "", "0.5"),
        ("shift", _pair(prediction.shift_px, " px", "+"), "black"),
        ("", _pair(shift_mm, " mm", "+", 3), "black"),
        ("pitch, yaw", f"{tilt['pitch']:+.2f}°, {tilt['yaw']:+.2f}°" if tilt else "", "black"),
        ("PONI", _pair(prediction.poni_px, " px"), "black"),
        ("evidence", _evidence(prediction), "black" if prediction.trusted else "0.5"),
        ("time", f"{prediction.seconds:.2f} s", "black"),
    ]


def _evidence(prediction: Prediction) -> str:
    """Which evidence decided."""
    if prediction.path == "lattice":
        return f"lattice, {prediction.indexed} of {prediction.spots} spots"
    return f"{prediction.path}, {prediction.spots} spots" if prediction.path != "none" else ""


def _pair(pair: tuple[float, float] | None, unit: str = "", sign: str = "", digits: int = 2) -> str:
    return "" if pair is None else f"{pair[0]:{sign}.{digits}f}, {pair[1]:{sign}.{digits}f}{unit}"


def _draw_title(figure: Figure, prediction: Prediction) -> None:
    name = valid_text(Path(prediction.file).name) + (f" #{prediction.index}" if prediction.index else "")
    place = {"va": "center", "ha": "right", "x": 0.985, "y": 0.955}
    figure.text(0.01, 0.955, shorten(name, 48), fontsize=15, weight="bold", va="center", parse_math=False)
    if not prediction.trusted:
        banner = {"boxstyle": "round,pad=0.45", "facecolor": ALARM_COLOUR, "edgecolor": "none"}
        text = textwrap.fill(
            f"not trusted: {valid_text(prediction.reason)}", 92, max_lines=2, placeholder=" …"
        )
        figure.text(s=text, fontsize=11, color="white", bbox=banner, parse_math=False, **place)
        return
    shift = prediction.shift_px
    moved = f", {np.hypot(*shift):.2f} px from the header" if shift else ", no centre in the header"
    text = f"beam centre {_pair(prediction.beam_centre_px)} px{moved}"
    figure.text(s=text, fontsize=13, color="0.25", **place)


def shorten(name: str, length: int) -> str:
    """The name, shortened in its middle to `length`: names of one series differ at their end."""
    half = (length - 1) // 2
    return name if len(name) <= length else f"{name[:half]}…{name[-half:]}"
