"""The pictures that `geometry_published.py` makes of its runs."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from argand.io.image import Frame
from argand.learn.log import read_log

MARKS = {"truth": ("o", "tab:green"), "ResNet-18": ("x", "tab:red"), "argand": ("x", "tab:blue")}


@dataclass(frozen=True)
class RealImage:
    """A real image, answers (fast, slow) px by name, and the square that the ResNet-18 saw centres in."""

    frame: Frame
    crosses: dict[str, tuple[float, float]]
    trained_middle: float
    trained_half: float


def draw_actual_against_predicted(target: Path, results: Sequence[dict[str, Any]], note: str) -> None:
    """Figure 9: predicted against actual centre along both axes, for each of the sets."""
    figure = Figure(figsize=(8, 8.4), layout="constrained")
    rows = np.ravel(figure.subfigures(len(results), 1))
    for part, result in zip(rows, results, strict=True):
        actual, predicted = np.array(result["actual"]), np.array(result["predicted"])
        limit = 1.15 * float(np.abs(actual).max())
        panels = part.subplots(1, 2)
        for axis, name in enumerate(("fast", "slow")):
            panel = panels[axis]
            panel.plot([-limit, limit], [-limit, limit], color="grey", linewidth=1)
            panel.plot(actual[:, axis], predicted[:, axis], ".", markersize=4, alpha=0.6)
            panel.set(xlabel=f"actual {name} (px)", ylabel=f"predicted {name} (px)", aspect="equal")
            panel.set(xlim=(-limit, limit), ylim=(-limit, limit))
        title = (
            f"{result['preset']}: L1 {result['l1']:.2f} px; constant predictor {result['constant_l1']:.2f} px"
        )
        part.suptitle(title, fontsize=11)
    figure.suptitle(f"Beam centre from the middle, full-detector px; ResNet-18, SGD\n{note}", fontsize=9)
    figure.savefig(target, dpi=90)


def draw_loss_curves(
    target: Path,
    runs: Path,
    results: Sequence[dict[str, Any]],
    unit_px: float,
    real: RealImage | None,
    note: str,
) -> None:
    """Figure 10: loss of centre training on each set, and a real image with crosses where there is one.

    `runs` holds the runs' folders; `unit_px` is a unit of the loss in full-detector px.
    """
    figure = Figure(figsize=(12 if real else 8, 4.2), layout="constrained")
    axes = figure.subplots(1, len(results) + bool(real))
    for panel, result in zip(axes, results, strict=False):
        constant, folder = result["constant_l1"], runs / result["run"]
        _draw_curve(panel, folder, "train", unit_px, label="training", linewidth=1)
        label = "validation (averaged weights)"
        _draw_curve(panel, folder, "val", unit_px, label=label, marker="o", markersize=3, linewidth=1)
        panel.axhline(constant, color="black", linestyle="--", linewidth=1, label="constant predictor")
        panel.set(xlabel="different images shown", ylabel="L1 of the centre (full-detector px)")
        panel.set(title=result["preset"], ylim=(0, 2 * constant))
        panel.legend(fontsize=8)
    if real:
        _draw_crosses(axes[-1], real)
    figure.suptitle(f"ResNet-18, SGD; {note}", fontsize=9)
    figure.savefig(target, dpi=80)


def draw_tilt_curves(
    target: Path, runs: Sequence[tuple[str, float, Path]], constant: float, note: str
) -> None:
    """Figure 11: validation loss of tilt training for each network and learning rate."""
    figure = Figure(figsize=(7.6, 4.6), layout="constrained")
    axes = figure.subplots()
    networks = sorted({network for network, _, _ in runs})
    fastest = max(rate for _, rate, _ in runs)
    for network, rate, folder in runs:
        style = "-" if rate == fastest else ":"
        colour, label = f"C{networks.index(network)}", f"{network}, rate {rate:g}"
        _draw_curve(
            axes, folder, "val", 1.0, label=label, color=colour, linestyle=style, marker="o", markersize=3
        )
    axes.axhline(constant, color="black", linestyle="--", linewidth=1, label="constant predictor")
    axes.set(xlabel="different images shown", ylabel="L1 of pitch and yaw (degrees)", ylim=(0, 2 * constant))
    axes.legend(fontsize=8, ncols=2)
    figure.suptitle(f"Tilts within 3 degrees, standard set, SGD; validation\n{note}", fontsize=9)
    figure.savefig(target, dpi=90)


def _draw_curve(axes: Axes, folder: Path, part: str, scale: float, **style: Any) -> None:
    """One metric of one run against the images seen."""
    points = [(r["samples"], scale * r[part]["l1"]) for r in read_log(folder / "log.jsonl") if part in r]
    axes.plot(*np.array(points).T, **style)


def _draw_crosses(axes: Axes, real: RealImage) -> None:
    """The middle of a real image with a mark for each answer, and the square of the training."""
    frame, half = real.frame, real.trained_half
    low = real.trained_middle - half
    points = np.array([*real.crosses.values(), (low, low)])
    shown_half = 1.1 * float(np.abs(points - points[0]).max()) + 10
    fast, slow = points[0]
    shown = np.where(frame.mask, frame.data, 0) + 1.0
    axes.imshow(shown, cmap="Greys", norm=LogNorm(1, 200), extent=(0, frame.shape[1], frame.shape[0], 0))
    for name, (x, y) in real.crosses.items():
        mark, colour = MARKS[name]
        style = {"markersize": 12, "markeredgewidth": 2, "fillstyle": "none", "linestyle": "none"}
        axes.plot(x, y, mark, color=colour, label=name, **style)
    square = Rectangle((low, low), 2 * half, 2 * half, fill=False, linestyle="--", edgecolor="tab:red")
    square.set_label("centres in training")
    axes.add_patch(square)
    axes.set(xlim=(fast - shown_half, fast + shown_half), ylim=(slow + shown_half, slow - shown_half))
    axes.set(title=f"real: {Path(frame.path).name}", xlabel="fast (px)", ylabel="slow (px)")
    axes.legend(loc="lower left", fontsize=8)
