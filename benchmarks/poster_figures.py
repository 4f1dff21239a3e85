"""The pictures that `poster.py` makes of its runs."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure

from argand.io.image import Frame
from argand.learn.log import read_log
from argand.systems.geometry.poster import CENTRE_UNIT

FULL_SIDE_PX = 2460
CONSTANT_PX = 8.5
"""What the middle of the detector is wrong by along an axis, for centres within 17 px of it."""
COLOURS = {"truth": "tab:green", "ResNet-18": "tab:red", "argand": "tab:blue"}


def draw_actual_against_predicted(target: Path, results: Sequence[dict[str, Any]], note: str) -> None:
    """Figure 9: predicted against actual centre along both axes, for each of the sets."""
    figure = Figure(figsize=(8, 8), layout="constrained")
    for row, result in zip(figure.subplots(len(results), 2), results, strict=True):
        actual, predicted = np.array(result["actual"]), np.array(result["predicted"])
        limit = 1.1 * float(np.abs(actual).max())
        for axis, name in enumerate(("fast", "slow")):
            row[axis].plot([-limit, limit], [-limit, limit], color="grey", linewidth=1)
            row[axis].plot(actual[:, axis], predicted[:, axis], ".", markersize=3)
            row[axis].set(xlabel=f"actual {name} (px)", ylabel=f"predicted {name} (px)", aspect="equal")
            row[axis].set(xlim=(-limit, limit), ylim=(-limit, limit))
        title = f"{result['run']}: L1 {result['l1']:.2f} px, constant predictor {result['constant_l1']:.2f}"
        row[0].set_title(title, loc="left", fontsize=9)
    figure.suptitle(f"Centre from the middle of the detector, full-detector px\n{note}", fontsize=9)
    figure.savefig(target, dpi=90)


def draw_loss_curves(
    target: Path,
    runs: Sequence[tuple[str, Path]],
    real: tuple[Frame, dict[str, tuple[float, float]]] | None,
    note: str,
) -> None:
    """Figure 10: loss of centre training on each set, and a real image with crosses where there is one."""
    figure = Figure(figsize=(12 if real else 8, 4.2), layout="constrained")
    axes = figure.subplots(1, len(runs) + bool(real))
    for panel, (name, folder) in zip(axes, runs, strict=False):
        _draw_curve(panel, folder, "train", "training", FULL_SIDE_PX * CENTRE_UNIT)
        _draw_curve(panel, folder, "val", "validation", FULL_SIDE_PX * CENTRE_UNIT)
        panel.axhline(CONSTANT_PX, color="black", linestyle="--", linewidth=1, label="constant predictor")
        panel.set(
            title=name,
            xlabel="different images shown",
            ylabel="L1 of the centre (full-detector px)",
            ylim=(0, 4 * CONSTANT_PX),
        )
        panel.legend()
    if real:
        _draw_crosses(axes[-1], *real)
    figure.suptitle(f"ResNet-18, SGD; {note}", fontsize=9)
    figure.savefig(target, dpi=90)


def draw_tilt_curves(target: Path, runs: Sequence[tuple[str, Path]], constant: float, note: str) -> None:
    """Figure 11: validation loss of tilt training for each network and learning rate."""
    figure = Figure(figsize=(7, 4.5), layout="constrained")
    axes = figure.subplots()
    for name, folder in runs:
        _draw_curve(axes, folder, "val", name, 1.0)
    axes.axhline(constant, color="black", linestyle="--", linewidth=1, label="constant predictor")
    axes.set(xlabel="different images shown", ylabel="L1 of pitch and yaw (degrees)", ylim=(0, 2 * constant))
    axes.legend(fontsize=8)
    figure.suptitle(f"Tilts within 3 degrees, standard set, SGD\n{note}", fontsize=9)
    figure.savefig(target, dpi=90)


def _draw_curve(axes: Axes, folder: Path, part: str, label: str, scale: float) -> None:
    """One metric of one run against the images seen."""
    points = [(r["samples"], scale * r[part]["l1"]) for r in read_log(folder / "log.jsonl") if part in r]
    axes.plot(*np.array(points).T, "o-" if part == "val" else "-", markersize=3, linewidth=1, label=label)


def _draw_crosses(axes: Axes, frame: Frame, crosses: dict[str, tuple[float, float]]) -> None:
    """The middle of a real image with a cross for each answer."""
    points = np.array(list(crosses.values()))
    half = 1.5 * float(np.abs(points - points[0]).max()) + 30
    fast, slow = points[0]
    shown = np.where(frame.mask, frame.data, 0) + 1.0
    axes.imshow(shown, cmap="Greys", norm=LogNorm(1, 200), extent=(0, frame.shape[1], frame.shape[0], 0))
    for name, (x, y) in crosses.items():
        axes.plot(x, y, "x", color=COLOURS[name], markersize=11, markeredgewidth=2, label=name)
    axes.set(xlim=(fast - half, fast + half), ylim=(slow + half, slow - half), title=Path(frame.path).name)
    axes.legend(loc="upper right", fontsize=8)
