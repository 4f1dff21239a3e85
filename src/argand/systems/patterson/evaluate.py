"""The accuracy test as published, on maps that no network has seen, in stages and beside other methods.

`read` are atoms as the network's density and the separation give them, not refined; `refined` the final
answers. Distances in voxels, better hand, pairs that are each other's nearest.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from argand.system import preset
from argand.systems.patterson.maps.atom_matching import Match, match_atoms
from argand.systems.patterson.maps.map_refinement import MapRefinement
from argand.systems.patterson.maps.phase_iteration import STAGES, iterate
from argand.systems.patterson.maps.prediction import Solutions
from argand.systems.patterson.predict import BATCH, Predictor
from argand.systems.patterson.presets import PRESETS
from argand.systems.patterson.simulate import AtomSet, simulate_batch

EVALUATION_SEED = 2_000_003
"""Neither the seed of a training run (small numbers by custom) nor that of its validation, which is
`VALIDATION_OFFSET` (1,000,003) higher. Figures in the README are those of this seed."""
Solver = Callable[[Tensor, int], Solutions]


def evaluate_preset(
    name: str, count: int, seed: int = EVALUATION_SEED, *, predictor: Predictor, **changes: Any
) -> dict[str, Any]:
    """Figures of `read` and `refined` over maps of a preset's atoms, some settings of them changed.

    Raises ConfigError for a preset that there is none of, or settings that cannot be.
    """
    settings = replace(preset(name, PRESETS).atoms, **changes)
    return {
        "preset": name,
        "count": count,
        "seed": seed,
        "changes": changes,
        "read": measure(settings, count, seed, predictor.read),
        "refined": measure(settings, count, seed, predictor.solve),
    }


def measure(settings: AtomSet, count: int, seed: int, solver: Solver) -> dict[str, Any]:
    """Atoms matched, mean distance, maps solved and verified, paths, milliseconds a map, and of all cores."""
    matches, found, seconds, busy = [], [], 0.0, 0.0
    for batch in batches(settings, count, seed):
        began, idle = time.perf_counter(), time.process_time()
        answer = solver(batch.patterson, settings.atoms)
        seconds, busy = seconds + time.perf_counter() - began, busy + time.process_time() - idle
        matches.append(match_atoms(answer.positions, batch.positions.float()))
        found.append(answer)
    match = Match(torch.cat([m.matched for m in matches]), torch.cat([m.distance for m in matches]))
    solved = torch.cat([answer.solved for answer in found])
    return {
        **match.figures(),
        "verified": float(solved.float().mean()),
        "wrongly_verified": int((solved & ~match.solved).sum()),
        "wrongly_doubted": int((~solved & match.solved).sum()),
        "paths": dict(Counter(path for answer in found for path in answer.path)),
        "tries": float(torch.cat([answer.tries for answer in found]).float().mean()),
        "ms_per_map": 1000 * seconds / count,
        "cpu_ms_per_map": 1000 * busy / count,
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
    for first in range(0, count, BATCH):
        yield simulate_batch(settings, range(first, min(first + BATCH, count)), seed)


def histogram(match: Match, bins: int = 40, farthest: float = 1.0) -> dict[str, list[float]]:
    """How many matched atoms are how far off, in voxels up to `farthest`; the last bin holds all beyond."""
    edges = np.linspace(0, farthest, bins + 1)
    distance = match.distance[match.matched].numpy().clip(0, farthest)
    return {"edges": edges.tolist(), "counts": np.histogram(distance, edges)[0].tolist()}
