"""The tasks of both sets, scored alike for every model and for the baselines."""

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import cast

import numpy as np
from rich.table import Table

from argand.errors import InputError
from argand.physics.coherent.phase_retrieval import REFINEMENT_ROUNDS
from argand.systems.molmnist.benchmark.baselines import AGREED, BASELINES, class_mean
from argand.systems.molmnist.benchmark.conditions import Condition, Trials, unseen_pairs
from argand.systems.molmnist.benchmark.figures import (
    TASKS,
    Row,
    TaskName,
    Values,
    figures_of,
    shape_scores,
    tasks_of,
)
from argand.systems.molmnist.benchmark.model import Model, ModelAnswer, ask, by_mask
from argand.systems.molmnist.benchmark.training import TRAINING, Training, learn
from argand.systems.molmnist.fibril.fibril import FIBRILS
from argand.systems.molmnist.inversion.phase_refinement import refined_shapes
from argand.systems.molmnist.predict import load

BATCH = 50
"""Patterns that a model is given at a time; part of the contract with models (docs/molmnist.md), by hand."""


def evaluate_tasks(
    models: dict[str, Model],
    conditions: Sequence[Condition],
    tasks: Sequence[TaskName] = tuple(TASKS),
    *,
    count: int = 100,
    baselines: bool = False,
    training: int = TRAINING,
    tick: Callable[[], None] = lambda: None,
) -> list[Row]:
    """One row for each condition, model and task that the set has and the model answers; see `figures_of`.

    Baselines, and the class mean that shapes are compared with, learn from `training` pairs; with 0 there are
    neither. InputError for a model that fails or answers none of the tasks. Times are those of the processor.
    """
    rows: list[Row] = []
    for condition in conditions:
        trials = unseen_pairs(condition, count)
        has = tasks_of(trials)
        asked: list[TaskName] = [task for task in tasks if task in has]
        answers = {name: _asked(model, trials) for name, model in models.items()}
        shapes = "inversion" in asked and any("shape" in answer for answer, _ in answers.values())
        learned = learn(condition, training, tick) if training and (baselines or shapes) else None
        board = _Board(condition.name, trials, asked, learned)
        for name, (answer, spent) in answers.items():
            found = board.rows(name, answer, spent)
            if not found:
                wanted = ", ".join(TASKS[task].answer for task in asked)
                raise InputError(f"{name} answers nothing that is asked here: {wanted or 'nothing'}")
            rows += found
        if baselines and learned is not None:
            for name, answer, spent in baseline_answers(trials, learned, asked):
                extra = {AGREED: float(np.median(answer[AGREED]))} if AGREED in answer else {}
                rows += [row | {"floor": True} | extra for row in board.rows(name, answer, spent)]
    return rows


class _Board:
    """What all answers to the trials of one condition are scored by."""

    def __init__(
        self, condition: str, trials: Trials, tasks: Sequence[TaskName], training: Training | None
    ) -> None:
        self.condition, self.trials, self.tasks = condition, trials, tasks
        self.class_mean: Values | None = None
        if training is not None and "inversion" in tasks:
            self.class_mean = shape_scores(class_mean(trials, training)["shape"], trials)["psnr_db"]

    def rows(self, model: str, answer: ModelAnswer, spent: float) -> list[Row]:
        """A row for each task that is answered."""
        common = {"condition": self.condition, "model": model, "count": len(self.trials)}
        time_each = {"cpu_ms_per_pattern": 1000 * spent / len(self.trials)}
        return [
            {
                **common,
                "task": task,
                **figures_of(task, answer[TASKS[task].answer], self.trials, self.class_mean),
                **time_each,
            }
            for task in self.tasks
            if TASKS[task].answer in answer
        ]


def baseline_answers(
    trials: Trials, training: Training, tasks: Sequence[TaskName]
) -> Iterator[tuple[str, ModelAnswer, float]]:
    """Name, answer and processor seconds of each baseline that answers one of the tasks."""
    wanted = {TASKS[task].answer for task in tasks}
    for name, baseline in BASELINES.items():
        if wanted & set(baseline.kinds):
            began = time.process_time()
            answer = baseline.answer(trials, training)
            yield name, answer, time.process_time() - began


def _asked(model: Model, trials: Trials) -> tuple[ModelAnswer, float]:
    """A model's answers to all trials, and the processor seconds that it took after a first call."""
    parts, spent = [], 0.0
    # What a first call sets up (threads, caches) is not the time of a pattern.
    ask(model, trials.patterns[:1].copy(), trials.live[:1].copy(), trials.window.side)
    for first in range(0, len(trials), BATCH):
        some = slice(first, first + BATCH)
        began = time.process_time()
        parts.append(ask(model, trials.patterns[some].copy(), trials.live[some].copy(), trials.window.side))
        spent += time.process_time() - began
    keys = set(parts[0]).intersection(*parts)
    return {key: np.concatenate([part[key] for part in parts]) for key in keys}, spent


def leaderboard(rows: Sequence[Row]) -> list[Table]:
    """A table for each task, conditions in turn."""
    tables = []
    for name, task in TASKS.items():
        chosen = [row for row in rows if row["task"] == name]
        if not chosen:
            continue
        table = Table(title=name, title_justify="left", box=None, header_style="dim", padding=(0, 2, 0, 0))
        for heading in ("condition", "model", "patterns"):
            table.add_column(heading)
        for heading in (*(heading for _, heading, _ in task.columns), "CPU ms/pattern"):
            table.add_column(heading, justify="right")
        for row in chosen:
            figures = ["-" if row[key] is None else f"{row[key]:{form}}" for key, _, form in task.columns]
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
        shape, fibril = np.empty_like(patterns), np.empty(len(patterns), int)
        for rows, mask in by_mask(live):
            shape[rows], fibril[rows] = predictor.network_shapes(patterns[rows], mask, window_side)
        return {"shape": shape, "fibril": fibril}

    def fitted(patterns: np.ndarray, live: np.ndarray, window_side: float) -> ModelAnswer:
        shape, fibril = np.empty_like(patterns), np.empty(len(patterns), int)
        twist = np.empty(len(patterns))
        for rows, mask in by_mask(live):
            answers = predictor.predict_many(patterns[rows], mask, window_side)
            shape[rows] = np.stack([one.shape for one in answers])
            fibril[rows] = [FIBRILS.index(one.fibril) for one in answers]
            twist[rows] = [one.twist_deg_per_nm for one in answers]
        return {"shape": shape, "fibril": fibril, "twist_deg_per_nm": twist}

    def polished(patterns: np.ndarray, live: np.ndarray, window_side: float) -> ModelAnswer:
        shape = fitted(patterns, live, window_side)["shape"]
        for rows, mask in by_mask(live):
            shape[rows] = refined_shapes(patterns[rows], mask, shape[rows], rounds, window_side)
        return {"shape": shape}

    return {"network": alone, "network + fit": fitted, f"network + fit + {rounds} rounds": polished}


def task_names(name: str) -> list[TaskName]:
    """The task of this name, or all of them."""
    return [cast(TaskName, name)] if name != "all" else list(TASKS)
