"""A small system in the shape of the real ones: the slope and intercept of a noisy line."""

import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from argand.errors import InputError
from argand.system import Batch, Sample, Schedule

POINTS = 16


@dataclass(frozen=True)
class ToySystem:
    """Fit a straight line through 16 points; the labels are its slope and intercept.

    A `plain` one has no dropout, running statistics or random scaling: the loss of a batch is then the mean
    over its samples.
    """

    noise: float = 0.1
    width: int = 16
    plain: bool = False
    learning_rate: float = 1e-2

    def simulate(self, index: int, seed: int) -> Sample:
        """Sample `index`: `points` [16] and `line` [2]."""
        random = np.random.default_rng((seed, index))
        line = random.uniform(-1, 1, 2)
        points = np.polyval(line, np.linspace(-1, 1, POINTS)) + random.normal(0, self.noise, POINTS)
        return {"points": points, "line": line, "index": np.array(index)}

    def inputs(self, sample: Sample) -> Sample:
        """The sample in single precision."""
        arrays = {name: sample[name].astype(np.float32) for name in ("points", "line")}
        return {**arrays, "index": sample["index"]}

    def network(self) -> nn.Module:
        """Two layers with what makes resuming hard: dropout and running statistics."""
        hard = [] if self.plain else [nn.BatchNorm1d(self.width), nn.Dropout(0.1)]
        return nn.Sequential(nn.Linear(POINTS, self.width), *hard, nn.ReLU(), nn.Linear(self.width, 2))

    def loss(
        self, network: nn.Module, batch: Batch, generator: torch.Generator | None = None
    ) -> tuple[Tensor, Batch]:
        """Squared error after a random scaling in training, which needs the generator."""
        scale = torch.ones(())
        if network.training and not self.plain:
            scale += 0.1 * torch.rand((), generator=generator)
        error = network(batch["points"] * scale).float() - batch["line"] * scale
        name = "training_error" if network.training else "error"
        return error.square().mean(), {name: error.abs().mean().detach()}

    def optimiser(self, network: nn.Module) -> tuple[torch.optim.Optimizer, Schedule | None]:
        """AdamW with a falling rate."""
        return torch.optim.AdamW(
            network.parameters(), self.learning_rate
        ), lambda progress: 1 - 0.9 * progress


SYSTEM = ToySystem
PRESETS = {"tiny": ToySystem()}


@dataclass(frozen=True)
class BrokenToySystem(ToySystem):
    """A toy whose sample 5 cannot be made."""

    def simulate(self, index: int, seed: int) -> Sample:
        """Sample `index`, except 5."""
        if index == 5:
            raise InputError("sample 5 is broken")
        return super().simulate(index, seed)


@dataclass(frozen=True)
class GatedToySystem(ToySystem):
    """A toy that is surely in the middle of its work when it is stopped.

    It makes no sample of the numbers `gated` before `folder` has a file `open`; until then a file
    `waiting-<number>` tells that it is wanted.
    """

    folder: str = ""
    gated: tuple[int, ...] = ()

    def simulate(self, index: int, seed: int) -> Sample:
        """Sample `index`, when it may be made."""
        if index in self.gated:
            Path(self.folder, f"waiting-{index}").touch()
            while not Path(self.folder, "open").exists():
                time.sleep(0.01)
        return super().simulate(index, seed)


@dataclass(frozen=True)
class NormedToySystem(ToySystem):
    """A plain toy with batch normalisation: the loss of a sample depends on all others of its batch."""

    plain: bool = True

    def network(self) -> nn.Module:
        """Two layers with a normalisation between."""
        # No bias: the normalisation takes it away, and Adam would make steps of what rounding leaves of it.
        layers = [nn.Linear(POINTS, self.width, bias=False), nn.BatchNorm1d(self.width), nn.ReLU()]
        return nn.Sequential(*layers, nn.Linear(self.width, 2))


HANG_S = 600
"""Seconds after which what a test waits for will never happen; only a defect waits as long."""


def wait_for(files: Sequence[Path], process: subprocess.Popen) -> None:
    """Wait until the files are there, which the process makes; it must not end before."""
    end = time.monotonic() + HANG_S
    while not all(file.exists() for file in files):
        assert process.poll() is None, "it has ended before"
        assert time.monotonic() < end, "it hangs"
        time.sleep(0.01)
