"""Contact sheets: many images on one picture, with true and predicted centres."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from argand.io.atomic import valid_text
from argand.page.pixels import shrink
from argand.system import System
from argand.systems.geometry.files.overlay import (
    ALARM_COLOUR,
    FOUND_COLOUR,
    GUESS_COLOUR,
    HEADER_COLOUR,
    mark,
    save_figure,
    show_image,
)
from argand.typing import Image, Mask

TILE_PX = 300
"""Longest side of a tile in px. By hand: about the width of a column of the sheet at its dpi."""
MOST_SAMPLES = 24
"""Most images on a sheet of a simulated set. By hand: six rows of four."""


@dataclass(frozen=True)
class Tile:
    """One image of a sheet: `small` is binned, `size` the (fast, slow) extent in px of the centres."""

    small: np.ndarray
    size: tuple[float, float]
    title: str
    truth_px: tuple[float, float] | None = None
    found_px: tuple[float, float] | None = None
    alarm: bool = False


def make_tile(
    image: Image,
    mask: Mask,
    title: str,
    truth_px: tuple[float, float] | None = None,
    found_px: tuple[float, float] | None = None,
    alarm: bool = False,
) -> Tile:
    """A tile of an image [slow, fast]; only a binned copy is kept.

    `mask` is True where a pixel is usable; centres are (fast, slow) px of the image.
    """
    small, step = shrink(image, mask, TILE_PX)
    size = (float(small.shape[1] * step), float(small.shape[0] * step))
    return Tile(small.astype(np.float32), size, title, truth_px, found_px, alarm)


def draw_sheet(path: Path, tiles: Sequence[Tile], title: str, columns: int = 4) -> None:
    """Write the tiles as a PNG: truth as an orange cross, prediction as a cyan plus, grey if not trusted."""
    columns = min(columns, len(tiles))
    rows = -(-len(tiles) // columns)
    figure = Figure(figsize=(3.3 * columns, 3.6 * rows + 0.8), layout="constrained", facecolor="white")
    figure.suptitle(title, fontsize=14, weight="bold")
    grid = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes, tile in zip(grid, tiles, strict=False):
        show_image(axes, tile.small, (0, tile.size[0], tile.size[1], 0))
        mark(axes, tile.truth_px, "x", HEADER_COLOUR, 11)
        mark(axes, tile.found_px, "+", GUESS_COLOUR if tile.alarm else FOUND_COLOUR, 14)
        axes.set(xlim=(0, tile.size[0]), ylim=(tile.size[1], 0))
        colour = ALARM_COLOUR if tile.alarm else "black"
        axes.set_title(valid_text(tile.title), fontsize=10, color=colour, parse_math=False)
    for axes in grid[len(tiles) :]:
        axes.set_axis_off()
    save_figure(path, figure, dpi=110)


def draw_samples(path: Path, system: System, name: str, count: int, seed: int) -> None:
    """Write the first images of a simulated set as a PNG, at most MOST_SAMPLES of them."""
    tiles = []
    for index in range(min(count, MOST_SAMPLES)):
        sample = system.simulate(index, seed)
        slow, fast = sample["shape"].astype(int)
        image, live = sample["image"][:slow, :fast], sample["live"][:slow, :fast] > 0.5
        centre = sample["beam_centre_px"]
        title = f"{index}: {float(sample['distance_mm']):.0f} mm, {int(sample['spots'])} spots"
        tiles.append(make_tile(image, live, title, (float(centre[0]), float(centre[1]))))
    draw_sheet(path, tiles, f"{name}, seed {seed} (× beam centre)")
