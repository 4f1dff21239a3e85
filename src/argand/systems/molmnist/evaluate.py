"""The three tasks, scored alike for every model and for the baselines."""

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from rich.table import Table

from argand.physics.coherent.phase_retrieval import REFINEMENT_ROUNDS
from argand.systems.molmnist.benchmark.baselines import ANSWERS, BASELINES, TRAINING, Training, learn
from argand.systems.molmnist.benchmark.conditions import Trials, condition, unseen_pairs
from argand.systems.molmnist.benchmark.model import Model, ModelAnswer, ask
from argand.systems.molmnist.benchmark.scores import TrueShapes
from argand.systems.molmnist.fibril.fibril import FIBRILS
from argand.systems.molmnist.inversion.phase_refinement import refined_shapes
from argand.systems.molmnist.predict import load
from argand.systems.molmnist.system import Molmnist

BATCH = 50
"""Patterns that a model is given at a time; part of the contract with models (docs/molmnist.md), by hand."""
SCORED = 16
"""Shapes that are scored at a time; for memory alone, the scores are the same."""
LEAST = 5
"""Trials of a fibril from which the deviation of its twist is believed. By hand: of 60 patterns each fibril
has six."""

Task = Literal["inversion", "classification", "regression"]
TASKS: dict[Task, str] = {
    "inversion": "shape",
    "classification": "fibril",
    "regression": "twist_deg_per_nm",
}
"""Each task and the answer that it asks for."""

Row = dict[str, Any]


def evaluate_tasks(
    models: dict[str, Model],
    conditions: Sequence[str],
    tasks: Sequence[Task] = tuple(TASKS),
    *,
    count: int = 100,
    baselines: bool = False,
    training: int = TRAINING,
    tick: Callable[[], None] = lambda: None,
) -> list[Row]:
    """One row for each condition, model and task that it answers; figures as of `figures_of`.

    ConfigError for an unknown condition, InputError for a model that fails. Times are those of the processor.
    """
    rows: list[Row] = []
    for name in conditions:
        system = condition(name)
        rows += evaluate_condition(system, models, tasks, count, training if baselines else 0, name, tick)
    return rows


def evaluate_condition(
    system: Molmnist,
    models: dict[str, Model],
    tasks: Sequence[Task],
    count: int,
    training: int,
    name: str,
    tick: Callable[[], None] = lambda: None,
) -> list[Row]:
    """Rows of the models on one condition, then of the baselines if they may learn from `training` pairs."""
    trials = unseen_pairs(system, count)
    rows: list[Row] = []
    for model_name, model in models.items():
        answer, spent = _asked(model, trials)
        rows += _rows(name, model_name, answer, spent, trials, tasks)
    if training:
        for baseline, answer, spent in baseline_answers(trials, learn(system, training, tick), tasks):
            rows += [row | {"floor": True} for row in _rows(name, baseline, answer, spent, trials, tasks)]
    return rows


def baseline_answers(
    trials: Trials, training: Training, tasks: Sequence[Task]
) -> Iterator[tuple[str, ModelAnswer, float]]:
    """Name, answer and processor seconds of each baseline that answers one of the tasks."""
    wanted = {TASKS[task] for task in tasks}
    for name, baseline in BASELINES.items():
        if wanted & set(ANSWERS[name]):
            began = time.process_time()
            answer = baseline(trials, training)
            yield name, answer, time.process_time() - began


def _asked(model: Model, trials: Trials) -> tuple[ModelAnswer, float]:
    """A model's answers to all trials, and the processor seconds that it took after a first call."""
    parts, spent = [], 0.0
    # What a first call sets up (threads, caches) is not the time of a pattern.
    ask(model, trials.patterns[:1].copy(), trials.live.copy(), trials.window.side)
    for first in range(0, len(trials), BATCH):
        began = time.process_time()
        patterns = trials.patterns[first : first + BATCH].copy()
        parts.append(ask(model, patterns, trials.live.copy(), trials.window.side))
        spent += time.process_time() - began
    keys = set(parts[0]).intersection(*parts)
    return {key: np.concatenate([part[key] for part in parts]) for key in keys}, spent


def _rows(
    condition_name: str, model: str, answer: ModelAnswer, spent: float, trials: Trials, tasks: Sequence[Task]
) -> list[Row]:
    common = {"condition": condition_name, "model": model, "count": len(trials)}
    time_each = {"cpu_ms_per_pattern": 1000 * spent / len(trials)}
    return [
        {**common, "task": task, **figures_of(task, answer[TASKS[task]], trials), **time_each}
        for task in tasks
        if TASKS[task] in answer
    ]


def figures_of(task: Task, answer: np.ndarray, trials: Trials) -> Row:
    """Inversion: means of the scores. Classification: share that is right. Regression: mean error, R².

    With the same by fibril. R² is that of the twist about the true mean of each fibril, in units of its
    deviation: telling the fibril alone gives 0.
    """
    if task == "inversion":
        return _inversion(answer, trials)
    if task == "classification":
        right = answer == trials.fibril
        return {"accuracy": float(right.mean()), "by_fibril": _by_fibril(right, trials)}
    off = np.abs(answer - trials.twist_deg_per_nm)
    return {
        "mae_deg_per_nm": float(off.mean()),
        "r2_within_fibrils": r2_within(answer, trials),
        "by_fibril": _by_fibril(off, trials),
    }


def _inversion(answer: np.ndarray, trials: Trials) -> Row:
    parts = []
    for first in range(0, len(trials), SCORED):
        some = slice(first, first + SCORED)
        truth = TrueShapes(torch.from_numpy(trials.shapes[some]), trials.window)
        parts.append(truth.scores(torch.from_numpy(answer[some])))
    scores = {key: np.concatenate([part[key].numpy() for part in parts]) for key in parts[0]}
    means = {key: float(values.mean()) for key, values in scores.items()}
    return {**means, "by_fibril": {key: _by_fibril(values, trials) for key, values in scores.items()}}


def _by_fibril(values: np.ndarray, trials: Trials) -> dict[str, float]:
    """Mean of each fibril that is there."""
    kinds = sorted(set(trials.fibril.tolist()))
    return {FIBRILS[kind]: float(values[trials.fibril == kind].mean()) for kind in kinds}


def r2_within(answer: np.ndarray, trials: Trials) -> float | None:
    """1 - Σ (error / σ)² / Σ (deviation / σ)² over each fibril's trials; None with too few to tell."""
    lost, spread = 0.0, 0.0
    for kind in set(trials.fibril.tolist()):
        rows = trials.fibril == kind
        truth = trials.twist_deg_per_nm[rows].astype(float)
        variance = truth.var()
        if len(truth) >= LEAST and variance > 0:
            lost += float(((answer[rows] - truth) ** 2).sum() / variance)
            spread += len(truth)
    return 1 - lost / spread if spread else None


COLUMNS: dict[Task, dict[str, tuple[str, str]]] = {
    "inversion": {"psnr_db": ("PSNR/dB", ".1f"), "ssim": ("SSIM", ".3f"), "pearson": ("Pearson", ".3f")},
    "classification": {"accuracy": ("accuracy", ".1%")},
    "regression": {"mae_deg_per_nm": ("mean error/(°/nm)", ".3f"), "r2_within_fibrils": ("R² within", ".2f")},
}


def leaderboard(rows: Sequence[Row]) -> list[Table]:
    """A table for each task, conditions in turn."""
    tables = []
    for task, columns in COLUMNS.items():
        chosen = [row for row in rows if row["task"] == task]
        if not chosen:
            continue
        table = Table(title=task, title_justify="left", box=None, header_style="dim", padding=(0, 2, 0, 0))
        for heading in ("condition", "model", "patterns"):
            table.add_column(heading)
        for heading in (*(title for title, _ in columns.values()), "CPU ms/pattern"):
            table.add_column(heading, justify="right")
        for row in chosen:
            figures = [
                "-" if row[key] is None else f"{row[key]:{form}}" for key, (_, form) in columns.items()
            ]
            ms = f"{row['cpu_ms_per_pattern']:.2f}"
            table.add_row(row["condition"], row["model"], str(row["count"]), *figures, ms)
        tables.append(table)
    return tables


def shipped_models(weights: Path | None, rounds: int = REFINEMENT_ROUNDS) -> dict[str, Model]:
    """The network that comes with argand, or one from other weights: alone, with the fit, and polished.

    InputError for weights that cannot be read or are of another network.
    """
    predictor = load(weights)

    def alone(patterns: np.ndarray, live: np.ndarray, window_side: float) -> ModelAnswer:
        shape, fibril = predictor.network_shapes(patterns, live, window_side)
        return {"shape": shape, "fibril": fibril}

    def fitted(patterns: np.ndarray, live: np.ndarray, window_side: float) -> ModelAnswer:
        answers = predictor.predict_many(patterns, live, window_side)
        return {
            "shape": np.stack([one.shape for one in answers]),
            "fibril": np.array([FIBRILS.index(one.fibril) for one in answers]),
            "twist_deg_per_nm": np.array([one.twist_deg_per_nm for one in answers]),
        }

    def polished(patterns: np.ndarray, live: np.ndarray, window_side: float) -> ModelAnswer:
        start = fitted(patterns, live, window_side)["shape"]
        return {"shape": refined_shapes(patterns, live, start, rounds, window_side)}

    return {"network": alone, "network + fit": fitted, f"network + fit + {rounds} rounds": polished}
