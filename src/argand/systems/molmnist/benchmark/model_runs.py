"""Models run on patterns, in one process or in several."""

import pickle
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from argand.crew import HERE, Crew, Died, Machines
from argand.errors import ArgandError, ConfigError
from argand.systems.molmnist.benchmark.conditions import Trials
from argand.systems.molmnist.benchmark.model import Model, ModelAnswer, ask
from argand.systems.molmnist.benchmark.phase import Tick, unheard

BATCH = 50
"""Most patterns that a model is given at a time; part of the contract with models
(docs/theory/molmnist.md), by hand."""


@dataclass(frozen=True, eq=False)
class ModelTask:
    """Some patterns, from number `first` of the trials on, for one model."""

    model: str
    first: int
    patterns: np.ndarray
    live: np.ndarray
    window_side: float


@dataclass(frozen=True)
class ModelWork:
    """What a process needs to run models; called, it is ready to."""

    models: Mapping[str, Model]

    def __call__(self) -> "Callable[[Sequence[ModelTask]], Iterator[tuple[ModelAnswer, float]]]":
        """What gives the answer to each task and the processor seconds that it took."""
        met: set[str] = set()

        def answer(task: ModelTask) -> tuple[ModelAnswer, float]:
            model = self.models[task.model]
            if task.model not in met:
                # What a first call sets up (threads, caches) is not the time of a pattern.
                ask(model, task.patterns[:1].copy(), task.live[:1].copy(), task.window_side)
                met.add(task.model)
            began = time.process_time()
            found = ask(model, task.patterns.copy(), task.live.copy(), task.window_side)
            return found, time.process_time() - began

        return lambda tasks: map(answer, tasks)


def ask_all(
    models: Mapping[str, Model], trials: Trials, machines: Machines = HERE, tick: Tick = unheard
) -> dict[str, tuple[ModelAnswer, float]]:
    """Each model's answers to all trials, and the processor seconds that it took after a first call.

    A model gets BATCH patterns at a time, or fewer if it has an attribute `together`, whatever the machines.
    Raises InputError for a model that fails, ConfigError for one that cannot be sent to other processes,
    ArgandError for one that processes die of.
    """
    if machines != HERE:
        _check(models)
    tasks = [task for name in models for task in _tasks(name, models[name], trials)]
    found: dict[tuple[str, int], tuple[ModelAnswer, float]] = {}
    with Crew(machines, ModelWork(models)) as crew:
        for task, result in crew.results([task] for task in tasks):
            if isinstance(result, Died):
                raise ArgandError(f"{task.model}: {result.text}")
            found[task.model, task.first] = result
            tick(len(task.patterns), task.model)
    return {
        name: _joined([found[task.model, task.first] for task in tasks if task.model == name])
        for name in models
    }


def _tasks(name: str, model: Model, trials: Trials) -> Iterator[ModelTask]:
    together = min(BATCH, getattr(model, "together", BATCH))
    for first in range(0, len(trials), together):
        some = slice(first, first + together)
        yield ModelTask(name, first, trials.patterns[some], trials.live[some], trials.window.side)


def _joined(parts: Sequence[tuple[ModelAnswer, float]]) -> tuple[ModelAnswer, float]:
    """Answers to batches as one, of what all of them have."""
    answers = [answer for answer, _ in parts]
    keys = set(answers[0]).intersection(*answers)
    whole = {key: np.concatenate([answer[key] for answer in answers]) for key in keys}
    return whole, sum(spent for _, spent in parts)


def _check(models: Mapping[str, Model]) -> None:
    for name, model in models.items():
        try:
            pickle.dumps(model)
        except Exception as error:
            cure = "give a function of a module, or --processes 1"
            raise ConfigError(f"{name} cannot be sent to other processes ({error}); {cure}") from error
