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

MARKS = {"truth": ("o", "tab:green"), "ResNet-18": ("x", "tab:red"), "argand": ("x", "tab:blue")}


@dataclass(frozen=True)
class RealImage:
    """A real image, answers (fast, slow) px by name, and the square that the ResNet-18 saw centres in."""

    frame: Frame
    crosses: dict[str, tuple[float, float]]
    trained_middle: float
    trained_half: float


def draw_actual_against_predicted(target: Path, results: Sequence[dict[str, Any]]) -> None:
    """Figure 9: predicted against actual centre along both axes, each network on its own set."""
    figure = Figure(figsize=(8, 8.4), layout="constrained")
    rows = np.ravel(figure.subfigures(len(results), 1))
    for part, result in zip(rows, results, strict=True):
        own = _own(result)
        actual, predicted = np.array(own["actual"]), np.array(own["predicted"])
        limit = 1.15 * float(np.abs(actual[:, :2]).max())
        panels = part.subplots(1, 2)
        for axis, name in enumerate(("fast", "slow")):
            panel = panels[axis]
            panel.plot([-limit, limit], [-limit, limit], color="grey", linewidth=1)
            panel.plot(actual[:, axis], predicted[:, axis], ".", markersize=4, alpha=0.6)
            panel.set(xlabel=f"actual {name} (px)", ylabel=f"predicted {name} (px)", aspect="equal")
            panel.set(xlim=(-limit, limit), ylim=(-limit, limit))
        errors = f"L1 {own['centre_px']:.2f} px; constant predictor {own['constant_px']:.2f} px"
        part.suptitle(f"{result['trained_on']}: {errors}", fontsize=11)
    figure.suptitle(
        "Beam centre from the middle, full-detector px\n" + "\n".join(map(_cost, results)), fontsize=9
    )
    figure.savefig(target, dpi=90)


def draw_loss_curves(target: Path, results: Sequence[dict[str, Any]], real: RealImage | None) -> None:
    """Figure 10: loss of the centre on each set, and a real image with crosses where there is one."""
    figure = Figure(figsize=(12 if real else 8, 4.2), layout="constrained")
    axes = figure.subplots(1, len(results) + bool(real))
    for panel, result in zip(axes, results, strict=False):
        constant = _own(result)["constant_px"]
        images, centre, _ = np.array(result["training"]).T
        panel.plot(images, centre, label="training", linewidth=1)
        images, centre, _ = np.array(result["validation"]).T
        style = {"marker": "o", "markersize": 3, "linewidth": 1}
        panel.plot(images, centre, label="validation (averaged weights)", **style)
        panel.axhline(constant, color="black", linestyle="--", linewidth=1, label="constant predictor")
        panel.set(xlabel="different images shown", ylabel="L1 of the centre (full-detector px)")
        panel.set(title=result["trained_on"], ylim=(0.1, 2 * constant), yscale="log")
        panel.legend(fontsize=8)
    if real:
        _draw_crosses(axes[-1], real)
    figure.suptitle("; ".join(map(_cost, results)), fontsize=9)
    figure.savefig(target, dpi=80)


def draw_tilt_curves(target: Path, results: Sequence[dict[str, Any]]) -> None:
    """Figure 11: validation loss of the tilt for each network and optimiser."""
    figure = Figure(figsize=(7.6, 4.6), layout="constrained")
    axes = figure.subplots()
    for result in results:
        images, _, tilt = np.array(result["validation"]).T
        axes.plot(images, tilt, marker="o", markersize=3, label=_cost(result))
    constant = _own(results[0])["constant_deg"]
    axes.axhline(constant, color="black", linestyle="--", linewidth=1, label="constant predictor")
    axes.set(xlabel="different images shown", ylabel="L1 of pitch and yaw (degrees)")
    axes.set(ylim=(0.01, 2 * constant), yscale="log")
    axes.legend(fontsize=8)
    figure.suptitle("Tilts within 3 degrees, standard set; validation, averaged weights", fontsize=9)
    figure.savefig(target, dpi=90)


def _own(result: dict[str, Any]) -> dict[str, Any]:
    """What a network does on the set that it was trained on."""
    return next(one for one in result["sets"] if one["set"] == result["trained_on"])


def _cost(result: dict[str, Any]) -> str:
    """A run's name, images and minutes."""
    return f"{result['run']}: {result['simulated']:,} images, {result['minutes']:.0f} min of a shared core"


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
