"""The accuracy test as published, on maps that no network has seen, in stages and beside other methods.

`read` are atoms as the network's density and the separation give them, not refined; `refined` the final
answers. Distances in voxels, better hand, pairs that are each other's nearest.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from argand.crew import HERE, Crew, Machines, in_chunks
from argand.progress import ProgressDisplay
from argand.runs.course import Failure, worked
from argand.runs.one_by_one import OneByOne
from argand.system import preset
from argand.systems.patterson.maps.atom_matching import Match, match_atoms
from argand.systems.patterson.maps.map_refinement import MapRefinement
from argand.systems.patterson.maps.phase_iteration import STAGES, iterate
from argand.systems.patterson.maps.prediction import FoundBy, Solutions
from argand.systems.patterson.predict import BATCH, Predictor
from argand.systems.patterson.presets import PRESETS
from argand.systems.patterson.simulate import AtomSet, simulate_batch

EVALUATION_SEED = 2_000_003
"""Neither the seed of a training run (small numbers by custom) nor that of its validation, which is
`VALIDATION_OFFSET` (1,000,003) higher. Figures in the README are those of this seed."""
STAGES_SHOWN = ("read", "refined")
Solver = Callable[[Tensor, int], Solutions]


@dataclass(frozen=True)
class BatchAnswer:
    """What a solver made of some maps, and what is true of it; seconds by the clock and of all cores.

    Arrays, as tensors share memory with the process that they are sent to.
    """

    matched: Bool[np.ndarray, "batch atom"]
    distance: Float[np.ndarray, "batch atom"]
    solved: Bool[np.ndarray, " batch"]
    attempts: Int[np.ndarray, " batch"]
    path: list[FoundBy]
    seconds: float
    busy: float


@dataclass(frozen=True)
class BatchTask:
    """Maps of a simulated set, and which of a predictor's stages is asked about them."""

    stage: str
    indices: range

    def __str__(self) -> str:
        return f"{self.stage}, maps {self.indices.start} to {self.indices.stop - 1}"


def evaluate_preset(
    name: str,
    count: int,
    seed: int = EVALUATION_SEED,
    *,
    predictor: Predictor,
    machines: Machines = HERE,
    **changes: Any,
) -> dict[str, Any]:
    """Figures of `read` and `refined` over maps of a preset's atoms, some settings of them changed.

    `failed` names batches of maps that have no answer, for an error that nobody thought of, and are in no
    figure. Raises ConfigError for a preset that there is none of, or settings that cannot be, RuntimeError
    where a stage has no answer at all.
    """
    settings = replace(preset(name, PRESETS).atoms, **changes)
    tasks = [BatchTask(stage, indices) for stage in STAGES_SHOWN for indices in _parts(count)]
    found: dict[str, dict[int, BatchAnswer]] = {stage: {} for stage in STAGES_SHOWN}
    failed = []
    display = ProgressDisplay(f"evaluate {name}", "batches")
    with Crew(machines, OneByOne(partial(_answered, settings, seed, predictor))) as crew:
        for task, answer in worked(crew, in_chunks(tasks, machines, 1), display, len(tasks)):
            if isinstance(answer, Failure):
                failed.append(answer.message)
            else:
                found[task.stage][task.indices.start] = answer
    if not all(found.values()):
        raise RuntimeError(f"no map has an answer; {failed[0]}")
    figures = {
        stage: figures_of([batches[first] for first in sorted(batches)]) for stage, batches in found.items()
    }
    return {
        "preset": name,
        "count": count,
        "seed": seed,
        "changes": changes,
        **figures,
        "failed": sorted(failed),
    }


def _answered(settings: AtomSet, seed: int, predictor: Predictor, task: BatchTask) -> BatchAnswer:
    solver = predictor.read if task.stage == "read" else predictor.solve
    return answer_batch(settings, task.indices, seed, solver)


def measure(settings: AtomSet, count: int, seed: int, solver: Solver) -> dict[str, Any]:
    """The figures of a solver over maps 0 to count - 1, as `figures_of`."""
    return figures_of([answer_batch(settings, indices, seed, solver) for indices in _parts(count)])


def answer_batch(settings: AtomSet, indices: range, seed: int, solver: Solver) -> BatchAnswer:
    """What a solver makes of some simulated maps at once."""
    batch = simulate_batch(settings, indices, seed)
    began, idle = time.perf_counter(), time.process_time()
    answer = solver(batch.patterson, settings.atoms)
    spent = time.perf_counter() - began, time.process_time() - idle
    match = match_atoms(answer.positions, batch.positions.float())
    matched, distance = match.matched.numpy(), match.distance.numpy()
    return BatchAnswer(matched, distance, answer.solved.numpy(), answer.attempts.numpy(), answer.path, *spent)


def figures_of(answers: Sequence[BatchAnswer]) -> dict[str, Any]:
    """Atoms matched, mean distance, maps solved and verified, paths, milliseconds a map, and of all cores."""
    whole = lambda key: torch.from_numpy(np.concatenate([getattr(one, key) for one in answers]))  # noqa: E731
    match, solved = Match(whole("matched"), whole("distance")), whole("solved")
    count = len(solved)
    return {
        **match.figures(),
        "verified": float(solved.float().mean()),
        "wrongly_verified": int((solved & ~match.solved).sum()),
        "wrongly_doubted": int((~solved & match.solved).sum()),
        "paths": dict(Counter(path for one in answers for path in one.path)),
        "attempts": float(whole("attempts").float().mean()),
        "ms_per_map": 1000 * sum(one.seconds for one in answers) / count,
        "cpu_ms_per_map": 1000 * sum(one.busy for one in answers) / count,
        "histogram": histogram(match),
    }


def iteration_alone(settings: AtomSet, flipping: bool = False, stages: Sequence[int] = STAGES) -> Solver:
    """Dual-space iteration without the network, by hybrid input-output or by charge flipping."""

    def solve(patterson: Tensor, atoms: int) -> Solutions:
        refinement = MapRefinement(patterson, settings.radius, atoms)
        found = Solutions.none(len(patterson), atoms, patterson.device)
        with torch.inference_mode():
            iterate(patterson, refinement, found, settings, flipping=flipping, stages=stages)
        return found

    return solve


def batches(settings: AtomSet, count: int, seed: int) -> Iterator[Any]:
    """The maps 0 to count - 1 in batches."""
    return (simulate_batch(settings, indices, seed) for indices in _parts(count))


def _parts(count: int) -> Iterator[range]:
    """Numbers 0 to count - 1 in batches."""
    return (range(first, min(first + BATCH, count)) for first in range(0, count, BATCH))


def histogram(match: Match, bins: int = 40, farthest: float = 1.0) -> dict[str, list[float]]:
    """How many matched atoms are how far off, in voxels up to `farthest`; the last bin holds all beyond."""
    edges = np.linspace(0, farthest, bins + 1)
    distance = match.distance[match.matched].numpy().clip(0, farthest)
    return {"edges": edges.tolist(), "counts": np.histogram(distance, edges)[0].tolist()}
