"""The plots of an answer: pattern, shape, standard deviation, and truth, difference and probabilities."""

import base64
import io
from typing import Literal

import numpy as np
from PIL import Image

from argand.page.plot import Axis, Plot, bars, heat_map
from argand.runs.record import Record
from argand.systems.molmnist.files.stored_answer import StoredAnswer
from argand.systems.molmnist.inversion.picture import shape_extent
from argand.systems.molmnist.inversion.truth import softened

MOST_PIXELS = 200
"""Along a side of a drawn pattern; larger ones are binned. By hand: the standard pattern is not."""
_THUMB = 72
"""Pixels along a side of a small picture at most. By hand, for the eye."""
_UNIT = "electrons / pixel"
_GREYS = 255
"""Largest code of a small picture, which has a byte a pixel."""


def answer_plots(stored: StoredAnswer, record: Record) -> list[Plot]:
    """The plots of an answer; shapes and probabilities that are not trusted are grey and called so."""
    guess = "" if record["trusted"] else "best guess: "
    shape, deviation, truth = stored.shape, stored.shape_sd, stored.true_shape
    pixel = record["window_side_angstrom"] / len(shape)
    side = shape_extent(shape if truth is None else np.maximum(shape, truth))
    top = float(max(shape.max(), 0.0 if truth is None else truth.max()))

    def image(
        values: np.ndarray, title: str, colours: Literal["magma", "viridis", "signed"], *, sure: bool
    ) -> Plot:
        axis = _middle_axis(len(values), side, pixel)
        low, high = _scales(values, top)[colours]
        return heat_map(
            _middle(values, side),
            title=title,
            x=Axis("x", "Å", *axis),
            y=Axis("y", "Å", *axis),
            unit=_UNIT,
            colours=colours if sure else "grey",
            low=low,
            high=high,
            coded=True,
        )

    trusted = record["trusted"]
    plots = [
        _pattern(stored, record["window_side_angstrom"]),
        image(shape, f"{guess}shape", "magma", sure=trusted),
        image(deviation, f"{guess}standard deviation, blurred by 1 Å", "viridis", sure=trusted),
    ]
    if truth is not None:
        off = softened(shape - truth, pixel)
        plots.insert(2, image(truth, "truth", "magma", sure=True))
        plots.insert(3, image(off, f"{guess}shape − truth, blurred by 1 Å", "signed", sure=trusted))
    return [*plots, *_probabilities(record, guess)]


def thumbnail(stored: StoredAnswer, trusted: bool) -> str:
    """A small picture of the shape as a data URL, y upwards; grey where it is not trusted."""
    from matplotlib import colormaps  # slow to import, and without a page nothing is drawn

    shape = stored.shape
    part = _middle(shape, shape_extent(shape))[::-1].clip(0)
    step = -(-len(part) // _THUMB)
    codes = np.rint(part[::step, ::step] / max(float(part.max()), 1e-9) * _GREYS).astype(np.uint8)
    picture = Image.fromarray(codes)
    colours = colormaps["magma" if trusted else "gray"](np.arange(256), bytes=True)
    picture.putpalette(colours[:, :3].tobytes())
    content = io.BytesIO()
    picture.save(content, "png", optimize=True)
    return f"data:image/png;base64,{base64.b64encode(content.getvalue()).decode()}"


def _scales(values: np.ndarray, top: float) -> dict[str, tuple[float | None, float | None]]:
    """Ends of the scale for each use of colours: shapes have one scale with their truth."""
    most = float(np.abs(values).max())
    return {"magma": (0.0, top), "viridis": (None, None), "signed": (-most, most)}


def _pattern(stored: StoredAnswer, window_side: float) -> Plot:
    """The pattern, in bins where it is large; NaN where nothing was measured."""
    pattern, live = stored.pattern, stored.live
    bins = -(-len(pattern) // MOST_PIXELS)
    keep = len(pattern) // bins * bins
    cells = (keep // bins, bins) * 2
    count = live[:keep, :keep].reshape(cells).sum((1, 3))
    sums = np.where(live, pattern, 0)[:keep, :keep].reshape(cells).sum((1, 3), dtype=float)
    step = 2 * np.pi / window_side
    axis = (-(len(pattern) // 2) * step + (bins - 1) / 2 * step, bins * step)
    return heat_map(
        np.where(count > 0, sums / np.maximum(count, 1), np.nan),
        title="pattern" if bins == 1 else f"pattern, means of {bins} × {bins} pixels",
        x=Axis("q_x", "1/Å", *axis),
        y=Axis("q_y", "1/Å", *axis),
        unit="intensity",
        scale="log",
        colours="inferno",
        coded=True,
    )


def _probabilities(record: Record, guess: str) -> list[Plot]:
    known = record["probabilities"]
    if not known:
        return []
    chosen = record["fibril"] if record["trusted"] and record["fibril"] in known else None
    title = f"{guess}probability of each fibril"
    return [bars(list(known), list(known.values()), title=title, y="probability", highlight=chosen)]


def _middle(values: np.ndarray, side: int) -> np.ndarray:
    first = (len(values) - side) // 2
    return values[first : first + side, first : first + side]


def _middle_axis(count: int, side: int, pixel: float) -> tuple[float, float]:
    """Centre of the first pixel of the middle of an image, and the step, in Å."""
    return ((count - side) // 2 + 0.5 - count / 2) * pixel, pixel
