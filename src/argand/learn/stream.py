"""Streams of freshly simulated samples: nothing is stored, and each sample is determined by its number.

Training uses the samples of `seed` in order of their number. The content of batch number `step` depends only
on the step (and, with replay, on the number of workers), so that a resumed run sees exactly the same samples
as an uninterrupted one. Validation uses the numbers 0, 1, ... of the seed `seed + VALIDATION_OFFSET`.
"""

import multiprocessing
import os
import signal
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import count

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset, IterableDataset, get_worker_info

from argand.errors import ConfigError
from argand.lanes import end_with
from argand.system import Batch, Sample, System, inputs_of

VALIDATION_OFFSET = 1_000_003
"""Added to a run's seed for its validation samples, so that they are never trained on.

By hand: a prime larger than any seed that users type, and different from that of benchmarks (2,000,003).
"""


@dataclass(frozen=True)
class StreamPlan:
    """Which samples a training run sees, and which process simulates them.

    `batch_size` is the number of samples per step in one process (`rank` of `world`); `replay` is the number
    of batches in which each simulated sample is used.

    Raises ConfigError if `replay` does not divide `batch_size`.
    """

    batch_size: int
    seed: int
    workers: int = 0
    replay: int = 1
    rank: int = 0
    world: int = 1

    def __post_init__(self) -> None:
        if self.batch_size % self.replay:
            raise ConfigError(f"batch size {self.batch_size} is not a multiple of replay {self.replay}")

    @property
    def fresh(self) -> int:
        """Number of new samples per batch."""
        return self.batch_size // self.replay

    def chunks(self, step: int) -> range:
        """Numbers of the chunks of `fresh` samples that make up batch `step`, oldest first.

        Batches of one worker are `workers` apart, so chunks advance by as much from one of its batches to the
        next, and each chunk is used in `replay` of them.
        """
        stride = max(1, self.workers) * self.world
        first = step * self.world + self.rank
        return range(first, first + stride * self.replay, stride)


class SampleStream(IterableDataset):
    """Infinite stream of training batches from batch number `start` on."""

    def __init__(self, system: System, plan: StreamPlan, start: int = 0) -> None:
        self.system, self.plan, self.start = system, plan, start

    def __iter__(self) -> Iterator[Batch]:
        """Batches of the calling worker: number `start` plus its index, then every `workers`-th."""
        worker = get_worker_info()
        first, stride = (worker.id, worker.num_workers) if worker else (0, 1)
        plan = replace(self.plan, workers=stride)
        chunks: deque[tuple[int, list[Sample]]] = deque(maxlen=plan.replay)
        for step in count(self.start + first, stride):
            made = {number for number, _ in chunks}
            chunks.extend((number, self._chunk(number)) for number in plan.chunks(step) if number not in made)
            yield collate([sample for _, samples in chunks for sample in samples])

    def _chunk(self, number: int) -> list[Sample]:
        """Network inputs of one chunk of samples."""
        first = number * self.plan.fresh
        indices = range(first, first + self.plan.fresh)
        return inputs_of(self.system, indices, self.plan.seed)


class ValidationSamples(Dataset):
    """The fixed validation samples of a seed, in batches; the last batch may be smaller."""

    def __init__(self, system: System, size: int, batch_size: int, seed: int) -> None:
        self.system, self.seed = system, seed + VALIDATION_OFFSET
        self.batches = [range(size)[first : first + batch_size] for first in range(0, size, batch_size)]

    def __len__(self) -> int:
        """Number of batches."""
        return len(self.batches)

    def __getitem__(self, number: int) -> Batch:
        """Batch `number`."""
        return collate(inputs_of(self.system, self.batches[number], self.seed))


def collate(samples: list[Sample]) -> Batch:
    """Stack samples into one batch of tensors."""
    return {name: torch.from_numpy(np.stack([sample[name] for sample in samples])) for name in samples[0]}


def training_loader(system: System, plan: StreamPlan, start: int = 0, pin_memory: bool = False) -> DataLoader:
    """Loader of batches `start`, `start + 1`, ... in order, simulated in `plan.workers` processes."""
    stream = SampleStream(system, plan, start)
    return DataLoader(
        stream,
        batch_size=None,
        num_workers=plan.workers,
        pin_memory=pin_memory,
        worker_init_fn=quiet_worker if plan.workers else None,
    )


def validation_batches(system: System, plan: StreamPlan, size: int) -> list[Batch]:
    """This process's share of the `size` validation samples, simulated once and kept in memory."""
    # Small enough that each process has a batch.
    batch_size = max(1, min(plan.batch_size, size // plan.world))
    samples = ValidationSamples(system, size, batch_size, plan.seed)
    share = range(len(samples))[plan.rank :: plan.world]
    loader = DataLoader(
        samples,
        batch_size=None,
        sampler=list(share),
        num_workers=min(plan.workers, len(share)),
        worker_init_fn=quiet_worker if plan.workers else None,
    )
    # Copies, since tensors from a worker hold a file descriptor and shared memory.
    return [{name: tensor.clone() for name, tensor in batch.items()} for batch in loader]


def first_batches(system: System, plan: StreamPlan, size: int) -> list[Batch]:
    """This process's share of the first batches with at least `size` samples, without replay."""
    steps = -(-size // (plan.batch_size * plan.world))
    starts = [(step * plan.world + plan.rank) * plan.batch_size for step in range(steps)]
    return [collate(inputs_of(system, range(first, first + plan.batch_size), plan.seed)) for first in starts]


def quiet_worker(_: int) -> None:
    """Ignore interrupts, which the training process handles, run at lower priority, and end with it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    os.nice(1)
    parent = multiprocessing.parent_process()
    end_with(parent.pid if parent else None)
