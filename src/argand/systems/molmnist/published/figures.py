"""Figures 1, 2 and 3 (left) of Zhang et al., arXiv 1911.07644, again."""

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm, PowerNorm
from matplotlib.figure import Figure

from argand.io.atomic import written
from argand.systems.molmnist.benchmark.dataset import Pairs
from argand.systems.molmnist.ensemble.log_sums import LOG_SUMS, log_sums
from argand.systems.molmnist.fibril.fibril import FIBRILS


def draw_figures(folder: Path, pairs: Pairs) -> list[Path]:
    """Write the three figures as PNG from a data set; their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    extremes = _extremes(pairs)
    jobs = {
        "molmnist-1.png": lambda figure: draw_pairs(figure, pairs, extremes, "shape"),
        "molmnist-2.png": lambda figure: draw_pairs(figure, pairs, extremes, "pattern"),
        "molmnist-3.png": lambda figure: draw_log_sums(figure, pairs),
    }
    paths = []
    for name, draw in jobs.items():
        figure = Figure(figsize=(8, 6.5) if name.endswith("3.png") else (15, 3.8), layout="constrained")
        draw(figure)
        with written(folder / name) as temporary:
            figure.savefig(temporary, dpi=100, format="png")
        paths.append(folder / name)
    return paths


def _extremes(pairs: Pairs) -> dict[str, tuple[int, int]]:
    """Rows of the least and the most twisted pair of each fibril that is there."""
    kind, twist = pairs.arrays("fibril"), pairs.arrays("twist_deg_per_nm")
    found = {}
    for number, name in enumerate(FIBRILS):
        rows = np.flatnonzero(kind == number)
        if len(rows):
            found[name] = int(rows[twist[rows].argmin()]), int(rows[twist[rows].argmax()])
    return found


def draw_pairs(figure: Figure, pairs: Pairs, extremes: dict[str, tuple[int, int]], what: str) -> None:
    """Figures 1 and 2: shape or pattern of each fibril, least twisted above and most below."""
    panels = figure.subplots(2, len(extremes), squeeze=False)
    for column, (name, rows) in enumerate(extremes.items()):
        for row, axes in zip(rows, panels[:, column], strict=True):
            sample = pairs[row]
            _show(axes, sample[what][0].numpy(), what)
            axes.set_title(f"{name}\n{float(sample['twist_deg_per_nm']):.2f}°/nm", fontsize=8)
    side, size = pairs.system.imaging.window.side, pairs.system.imaging.window.size
    unit = (
        f"electrons per pixel, {side / 2:g} Å a side"
        if what == "shape"
        else f"intensity, to q = {np.pi * size / side:.2f} 1/Å"
    )
    figure.suptitle(f"Least (above) and most twisted of {len(pairs)}: {unit}", fontsize=10)


def _show(axes: Axes, image: np.ndarray, what: str) -> None:
    """One image; a pattern on a logarithmic scale, a shape in the middle of its window."""
    # Scales by hand, for the eye: roots of shapes, seven decades of patterns.
    norm = PowerNorm(0.5)
    if what == "pattern":
        top = float(image.max())
        norm, image = LogNorm(1e-7 * top, top, clip=True), np.maximum(image, 1e-9 * top)
    else:
        edge = len(image) // 4
        image = image[edge : len(image) - edge, edge : len(image) - edge]
    axes.imshow(image, origin="lower", cmap="magma", norm=norm)
    axes.set(xticks=[], yticks=[])


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
