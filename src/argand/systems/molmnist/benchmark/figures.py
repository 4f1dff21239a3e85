"""What answers are worth in each task, in figures."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from jaxtyping import Float

from argand.systems.molmnist.benchmark.conditions import Trials
from argand.systems.molmnist.benchmark.scores import TrueShapes
from argand.systems.molmnist.fibril.bundle import OUTLINES
from argand.systems.molmnist.fibril.fibril import FIBRILS

SCORED = 16
"""Shapes that are scored at a time; for memory alone, the scores are the same."""
LEAST = 5
"""Trials of a fibril from which the deviation of its twist is believed. By hand: of 60 patterns each fibril
has six."""

TaskName = Literal["inversion", "classification", "regression", "chains", "outline", "turn", "kind"]
Row = dict[str, Any]
Values = Float[np.ndarray, " n"]


@dataclass(frozen=True)
class Task:
    """The answer that a task asks for, and the columns of its table: figure, heading and form of each."""

    answer: str
    columns: tuple[tuple[str, str, str], ...]


TASKS: dict[TaskName, Task] = {
    "inversion": Task(
        "shape",
        (
            ("beyond_class_mean_db", "beyond class mean/dB", "+.1f"),
            ("psnr_db", "PSNR/dB", ".1f"),
            ("ssim", "SSIM", ".3f"),
            ("pearson", "Pearson", ".3f"),
            ("resolution_a", "resolution/Å", ".1f"),
        ),
    ),
    "classification": Task("fibril", (("accuracy", "accuracy", ".1%"),)),
    "regression": Task(
        "twist_deg_per_nm",
        (("mae_deg_per_nm", "mean error/(°/nm)", ".3f"), ("r2_within_fibrils", "R² within", ".2f")),
    ),
    "chains": Task(
        "chains",
        (
            ("mae_chains", "mean error/chains", ".2f"),
            ("relative_error", "relative error", ".1%"),
            ("exact", "exact", ".1%"),
        ),
    ),
    "outline": Task("outline", (("accuracy", "accuracy", ".1%"),)),
    "turn": Task("turn_deg", (("mae_deg", "mean error/°", ".1f"), ("r2", "R²", ".2f"))),
    "kind": Task("kind", (("accuracy", "accuracy", ".1%"),)),
}


def tasks_of(trials: Trials) -> list[TaskName]:
    """Tasks whose truth these pairs have."""
    return [name for name, task in TASKS.items() if task.answer in ("shape", *trials.truth)]


def figures_of(task: TaskName, answer: np.ndarray, trials: Trials, class_mean: Values | None = None) -> Row:
    """The figures of a task, and the same for each fibril or outline.

    Inversion: means over patterns of the scores of `TrueShapes`, the resolution's median beside its mean, and
    `beyond_class_mean_db` over the PSNR of `class_mean`, None without it. Angles and twists are compared
    without their sign, which is the hand's. R² of the twist is about the true mean of each fibril in units of
    its deviation, so that telling the fibril alone gives 0; that of the turn is about the mean of all.
    """
    if task == "inversion":
        return _inversion(answer, trials, class_mean)
    truth = trials.truth[TASKS[task].answer]
    if task in ("classification", "outline", "kind"):
        right = answer == truth
        return {"accuracy": float(right.mean()), **_by_kind("", right, trials)}
    off = np.abs(np.abs(answer) - truth)
    if task == "regression":
        r2 = {"r2_within_fibrils": r2_within(np.abs(answer), trials)}
        return {"mae_deg_per_nm": float(off.mean()), **r2, **_by_kind("", off, trials)}
    if task == "turn":
        variance = float(truth.var())
        r2 = 1 - float((off**2).mean()) / variance if variance > 0 else None
        return {"mae_deg": float(off.mean()), "r2": r2, **_by_kind("", off, trials)}
    exact = float((np.rint(answer) == truth).mean())
    relative = float((off / truth).mean())
    mean = float(off.mean())
    return {"mae_chains": mean, "relative_error": relative, "exact": exact, **_by_kind("", off, trials)}


def shape_scores(shapes: Float[np.ndarray, "n slow fast"], trials: Trials) -> dict[str, Values]:
    """Scores of each shape; see `TrueShapes`."""
    parts = []
    for first in range(0, len(trials), SCORED):
        some = slice(first, first + SCORED)
        truth = TrueShapes(torch.from_numpy(trials.shapes[some]), trials.window)
        parts.append(truth.scores(torch.from_numpy(shapes[some])))
    return {key: np.concatenate([part[key].numpy() for part in parts]) for key in parts[0]}


def _inversion(answer: np.ndarray, trials: Trials, class_mean: Values | None) -> Row:
    scores = shape_scores(answer, trials)
    if class_mean is not None:
        # Both are over the same peak and pixels, so that their ratio is that of the errors.
        scores["beyond_class_mean_db"] = scores["psnr_db"] - class_mean
    means: Row = {key: float(values.mean()) for key, values in scores.items()}
    means["mean_resolution_a"] = means["resolution_a"]
    means["resolution_a"] = float(np.median(scores["resolution_a"]))
    means.setdefault("beyond_class_mean_db", None)
    kinds: dict[str, Row] = {}
    for key, values in scores.items():
        for name, each in _by_kind(key, values, trials).items():
            kinds.setdefault(name, {}).update(each)
    return {**means, **kinds}


def _by_kind(key: str, values: np.ndarray, trials: Trials) -> Row:
    """Mean of each fibril or outline that is there, beneath the key where one is given."""
    for kind, names in (("fibril", FIBRILS), ("outline", OUTLINES)):
        if kind in trials.truth:
            numbers = trials.truth[kind].astype(int)
            each = {names[one]: float(values[numbers == one].mean()) for one in np.unique(numbers)}
            return {f"by_{kind}": {key: each} if key else each}
    return {}


def r2_within(answer: Values, trials: Trials) -> float | None:
    """1 - Σ (error / σ)² / Σ (deviation / σ)² over each fibril's trials; None with too few to tell."""
    lost, spread = 0.0, 0.0
    kinds = trials.truth["fibril"]
    for kind in np.unique(kinds):
        rows = kinds == kind
        truth = trials.truth["twist_deg_per_nm"][rows].astype(float)
        variance = truth.var()
        if len(truth) >= LEAST and variance > 0:
            lost += float(((answer[rows] - truth) ** 2).sum() / variance)
            spread += len(truth)
    return 1 - lost / spread if spread else None
