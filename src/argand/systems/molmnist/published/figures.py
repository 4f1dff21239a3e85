"""Figures 1, 2 and 3 (left) of Zhang et al., arXiv 1911.07644, again, and a page of bundles."""

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import LogNorm, Normalize, PowerNorm
from matplotlib.figure import Figure
from PIL import Image as PictureFile
from scipy import ndimage

from argand.io.atomic import make_folder, written
from argand.physics.coherent.projection import Picture, Window
from argand.systems.molmnist.benchmark.pairs import Pairs
from argand.systems.molmnist.ensemble.log_sums import LOG_SUMS, log_sums
from argand.systems.molmnist.fibril.bundle import OUTLINES
from argand.systems.molmnist.fibril.fibril import FIBRILS

_SHOWN_Q = 2.0
"""1/Å to which patterns are shown, by hand: beyond lies what single atoms scatter."""
_BLUR = 1.0
"""Å by which differences of shapes are blurred: as where shapes are scored (docs/theory/molmnist.md)."""
_DECADES = 6
"""Of intensity that are shown, by hand, for the eye."""
_EXAMPLES = 5
"""Bundles of each outline on their page, by hand."""
_COLOURS = 64
"""Of a picture: as many as the eye tells apart on these scales, by hand."""


def draw_figures(folder: Path, pairs: Pairs) -> list[Path]:
    """Write figures of a data set as PNG; their paths.

    Three for a set of fibrils, and a page of examples for one of bundles.
    """
    make_folder(folder)
    if "outline" in pairs.names:
        jobs = {"molmnist-hard.png": ((11, 6.1), lambda figure: draw_bundles(figure, pairs))}
    else:
        extremes = _extremes(pairs)
        jobs = {
            "molmnist-1.png": ((15, 5.4), lambda figure: draw_pairs(figure, pairs, extremes, "shape")),
            "molmnist-2.png": ((15, 5.4), lambda figure: draw_pairs(figure, pairs, extremes, "pattern")),
            "molmnist-3.png": ((8, 6.5), lambda figure: draw_log_sums(figure, pairs)),
        }
    paths = []
    for name, (size, draw) in jobs.items():
        figure = Figure(figsize=size, layout="constrained")
        draw(figure)
        _save(figure, folder / name)
        paths.append(folder / name)
    return paths


def _save(figure: Figure, path: Path) -> None:
    """Write a figure as PNG of few colours, which is a quarter as large."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    picture = PictureFile.fromarray(np.asarray(canvas.buffer_rgba())[..., :3].copy())
    small = picture.quantize(_COLOURS, PictureFile.Quantize.MAXCOVERAGE, dither=PictureFile.Dither.NONE)
    with written(path) as temporary:
        small.save(temporary, format="PNG", optimize=True)


def _extremes(pairs: Pairs) -> dict[str, tuple[int, int]]:
    """Rows of the least and the most twisted pair of each fibril that is there."""
    kind, twist = pairs.arrays("fibril"), pairs.arrays("twist_deg_per_nm")
    found = {}
    for number, name in enumerate(FIBRILS):
        rows = np.flatnonzero(kind == number)
        if len(rows):
            found[name] = int(rows[twist[rows].argmin()]), int(rows[twist[rows].argmax()])
    return found


def turned_back(image: Picture, degrees: float, middle: float) -> Picture:
    """An image [y, x] turned about pixel [middle, middle] by `degrees`, from y towards x.

    So a fibril that was turned by as many from x towards y lies as in the crystal. 0 where it has no pixels.
    """
    if not degrees:
        return image
    cos, sin = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    matrix = np.array([[cos, sin], [-sin, cos]])
    here = np.array([middle, middle])
    offset: Any = here - matrix @ here  # its stub takes one number alone
    return ndimage.affine_transform(image, matrix, offset, order=1)


def draw_pairs(figure: Figure, pairs: Pairs, extremes: dict[str, tuple[int, int]], what: str) -> None:
    """Figures 1 and 2: shape or pattern of each fibril, turned back, and most less least twisted.

    Least twisted above, most in the middle; below, their difference: of shapes blurred by 1 Å, of the decimal
    logarithm of patterns.
    """
    panels = figure.subplots(3, len(extremes), squeeze=False)
    window = pairs.system.imaging.window
    for column, (name, rows) in enumerate(extremes.items()):
        images = []
        for row, axes in zip(rows, panels[:2, column], strict=True):
            sample = pairs[row]
            images.append(_upright(sample[what][0].numpy(), float(sample["rotation_deg"]), what, window))
            axes.set_title(f"{name}\n{float(sample['twist_deg_per_nm']):.2f}°/nm", fontsize=8)
        reach = _reach(images, what, window)
        for image, axes in zip(images, panels[:2, column], strict=True):
            norm = PowerNorm(0.5) if what == "shape" else Normalize(image.max() - _DECADES, image.max())
            _show(axes, _cut(image, reach, what), norm, what, window)
        if what == "shape":
            images = [ndimage.gaussian_filter(image, _BLUR / window.pixel) for image in images]
        off = _cut(images[1] - images[0], reach, what)
        most = float(np.abs(off).max()) if what == "shape" else 2.0
        _show(panels[2, column], off, Normalize(-most, most), what, window, "RdBu_r")
    unit = "electrons per pixel" if what == "shape" else f"intensity, {_DECADES} decades"
    figure.suptitle(
        f"Least (above) and most twisted of {len(pairs)}, turned back, and most less least: {unit}",
        fontsize=10,
    )


def _upright(image: Picture, degrees: float, what: str, window: Window) -> Picture:
    """A shape, or the decimal logarithm of a pattern, turned back."""
    image = image.astype(float)
    if what == "shape":
        return turned_back(image, degrees, (window.size - 1) / 2)
    image = np.log10(np.maximum(image, 1e-9 * image.max()))
    return turned_back(image, degrees, window.size // 2)


def _reach(images: list[Picture], what: str, window: Window) -> int:
    """Pixels from the middle that are shown: all of a shape, or a pattern to `_SHOWN_Q`."""
    if what == "pattern":
        return min(int(_SHOWN_Q * window.side / (2 * np.pi)), window.size // 2)
    away = np.abs(np.arange(window.size) - (window.size - 1) / 2)
    there = np.maximum(*images) > 0
    return int(max(away[there.any(0)].max(), away[there.any(1)].max())) + 2


def _cut(image: Picture, reach: int, what: str) -> np.ndarray:
    """The middle of an image: that of a shape is between pixels, that of a pattern in one."""
    middle = len(image) // 2
    return image[max(middle - reach, 0) : middle + reach + (what == "pattern")][
        :, max(middle - reach, 0) : middle + reach + (what == "pattern")
    ]


def _show(
    axes: Axes, image: Picture, norm: Normalize, what: str, window: Window, colours: str = "magma"
) -> None:
    """One image with its scale bar."""
    axes.imshow(image, origin="lower", cmap=colours, norm=norm)
    axes.set(xticks=[], yticks=[])
    step, unit = (window.pixel / 10, "nm") if what == "shape" else (2 * np.pi / window.side, "1/Å")
    lengths = [0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0]
    # At most two fifths of the side, by hand, so that its number has room.
    told = max([one for one in lengths if one / step <= 0.4 * len(image)] or lengths[:1])
    colour, start, edge = ("black" if colours == "RdBu_r" else "white"), 0.05 * len(image), 0.06 * len(image)
    axes.plot([start, start + told / step], [edge, edge], color=colour, linewidth=2, solid_capstyle="butt")
    axes.text(start, 1.6 * edge, f"{told:g} {unit}", color=colour, fontsize=7, va="bottom")
    axes.set(xlim=(-0.5, len(image) - 0.5), ylim=(-0.5, len(image) - 0.5))


def draw_log_sums(figure: Figure, pairs: Pairs) -> None:
    """Figure 3, left: each pair by its intensity at low and at high q."""
    sums = log_sums(pairs.arrays("pattern"), pairs.system.imaging.window)
    kind = pairs.arrays("fibril")
    axes = figure.subplots()
    for number, name in enumerate(FIBRILS):
        rows = kind == number
        if rows.any():
            axes.scatter(*sums[rows].T, s=6, color=f"C{number}", label=name, linewidths=0)
    axes.set(xlabel="low q", ylabel="high q")
    axes.legend(fontsize=8, markerscale=2)
    axes.set_title(LOG_SUMS, fontsize=8)


def draw_bundles(figure: Figure, pairs: Pairs) -> None:
    """Pairs of each outline, few photons to the left and many to the right: shape above its pattern.

    As they were measured, not turned back, so that counts and gaps stay what they are; grey is not measured.
    """
    kind, photons = pairs.arrays("outline"), pairs.arrays("photons")
    there = [number for number in range(len(OUTLINES)) if (kind == number).any()]
    parts = figure.subfigures(2, -(-len(there) // 2), squeeze=False)
    for part, number in zip(parts.T.ravel(), there, strict=False):
        rows = np.flatnonzero(kind == number)
        rows = rows[photons[rows].argsort()]
        chosen = rows[np.linspace(0, len(rows) - 1, min(_EXAMPLES, len(rows))).astype(int)]
        part.suptitle(OUTLINES[number], fontsize=10)
        for column, row in zip(part.subplots(2, len(chosen), squeeze=False).T, chosen, strict=True):
            _draw_bundle(column, pairs, int(row))
    figure.suptitle(f"Of {len(pairs)} pairs: shapes, and patterns by their photons", fontsize=10)


def _draw_bundle(axes: np.ndarray, pairs: Pairs, row: int) -> None:
    """Shape above, pattern below."""
    sample, window = pairs[row], pairs.system.imaging.window
    shape, pattern = (sample[name][0].numpy() for name in ("shape", "pattern"))
    _show(
        axes[0],
        _cut(shape, _reach([shape, shape], "shape", window), "shape"),
        PowerNorm(0.5),
        "shape",
        window,
    )
    axes[0].set_title(
        f"{int(sample['chains'])} chains, {float(sample['twist_deg_per_nm']):+.1f}°/nm\n"
        f"{float(sample['length']) / 10:.0f} nm, tilt {float(sample['tilt_deg']):.1f}°",
        fontsize=7,
    )
    reach = _reach([], "pattern", window)
    seen = np.where(sample["live"][0].numpy(), pattern, np.nan)
    norm = LogNorm(0.3, max(float(pattern.max()), 3.0), clip=True)
    axes[1].set_facecolor("grey")
    # A pixel without a count is as dark as the scale goes.
    _show(axes[1], _cut(np.where(seen == 0, 0.3, seen), reach, "pattern"), norm, "pattern", window)
    axes[1].set_title(f"{float(sample['photons']):.2g} photons", fontsize=7)
