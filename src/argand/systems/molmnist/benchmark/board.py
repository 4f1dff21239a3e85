"""The figures of all models and baselines on the test pairs of each condition."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from argand.crew import HERE, Machines
from argand.errors import InputError
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
from argand.systems.molmnist.benchmark.model import Model, ModelAnswer
from argand.systems.molmnist.benchmark.model_runs import ask_all
from argand.systems.molmnist.benchmark.phase import shown_phase
from argand.systems.molmnist.benchmark.training import TRAINING, Training, learn


def evaluate_tasks(
    models: Mapping[str, Model],
    conditions: Sequence[Condition],
    tasks: Sequence[TaskName] = tuple(TASKS),
    *,
    count: int = 100,
    baselines: bool = False,
    training: int = TRAINING,
    machines: Machines = HERE,
    quiet: bool = False,
) -> list[Row]:
    """One row for each condition, model and task that the set has and the model answers; see `figures_of`.

    Baselines, and the class mean that shapes are compared with, learn from `training` pairs; with 0 both are
    left out. Models and pairs are shared out among the machines, baselines are not; figures do not depend on
    them, except for the times, which are processor times. Progress is shown unless `quiet`. InputError for a
    model that fails, or where none answers any of the tasks.
    """
    measured = _Measured(models, tasks, count, baselines, training, machines, quiet)
    return [row for condition in conditions for row in measured.rows(condition)]


@dataclass(frozen=True)
class _Measured:
    """What is measured under every condition."""

    models: Mapping[str, Model]
    tasks: Sequence[TaskName]
    count: int
    baselines: bool
    training: int
    machines: Machines
    quiet: bool

    def rows(self, condition: Condition) -> list[Row]:
        """The rows of one condition; InputError as `evaluate_tasks`."""
        with shown_phase(f"{condition.name}: test pairs", "pairs", self.count, self.quiet) as tick:
            trials = unseen_pairs(condition, self.count, tick)
        has = tasks_of(trials)
        asked: list[TaskName] = [task for task in self.tasks if task in has]
        total = len(self.models) * len(trials)
        with shown_phase(f"{condition.name}: models", "patterns", total, self.quiet) as tick:
            answers = ask_all(self.models, trials, self.machines, tick)
        shapes = "inversion" in asked and any("shape" in answer for answer, _ in answers.values())
        learned = self._learned(condition) if self.training and (self.baselines or shapes) else None
        board = _Board(condition.name, trials, asked, learned)
        found = [row for name, (answer, spent) in answers.items() for row in board.rows(name, answer, spent)]
        if self.models and not found:
            wanted = ", ".join(TASKS[task].answer for task in asked) or "no task"
            names = ", ".join(self.models)
            raise InputError(f"{names}: no answer to any of the tasks of this set, which ask for {wanted}")
        return found + (self._baselines(board, learned) if self.baselines and learned else [])

    def _learned(self, condition: Condition) -> Training:
        title = f"{condition.name}: training pairs"
        with shown_phase(title, "pairs", self.training, self.quiet) as tick:
            return learn(condition, self.training, tick, self.machines)

    def _baselines(self, board: "_Board", learned: Training) -> list[Row]:
        """Rows of all baselines; `floor` is the older name of the key `baseline`."""
        wanted = {TASKS[task].answer for task in board.tasks}
        chosen = {name: one for name, one in BASELINES.items() if wanted & set(one.kinds)}
        rows: list[Row] = []
        with shown_phase(f"{board.condition}: baselines", "baselines", len(chosen), self.quiet) as tick:
            for name, baseline in chosen.items():
                began = time.process_time()
                answer = baseline.answer(board.trials, learned)
                spent = time.process_time() - began
                extra = {AGREED: float(np.median(answer[AGREED]))} if AGREED in answer else {}
                about = {"baseline": True, "floor": True, **extra}
                rows += [row | about for row in board.rows(name, answer, spent)]
                tick(1, name)
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
