"""Training of the network of frameworks: the likelihood of the crystals of a pool."""

from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from argand.io.resource import shipped_weights
from argand.learn.stream import VALIDATION_OFFSET
from argand.systems.crystals.generation.framework_dataset import unpacked
from argand.systems.crystals.generation.framework_network import (
    FrameworkNetwork,
    FrameworkShape,
    log_likelihood,
)
from argand.systems.crystals.generation.generator_training import (
    short_run_optimiser,
    trained_network,
)

WEIGHTS = shipped_weights("crystals-frameworks")
Sample = dict[str, np.ndarray]


@dataclass(frozen=True)
class Frameworks:
    """Crystals as frameworks, drawn from the file `data` that `framework_dataset.pack` wrote.

    Rate and decay are by hand; the card of the shipped weights has what they led to.
    """

    data: str = ""
    shape: FrameworkShape = field(default_factory=FrameworkShape)
    learning_rate: float = 2e-3
    weight_decay: float = 0.05

    def simulate(self, index: int, seed: int) -> Sample:
        """Sample `index`: a crystal, drawn; seeds from VALIDATION_OFFSET on draw held out formulas."""
        arrays, learned, held_out = unpacked(Path(self.data))
        rows = held_out if seed >= VALIDATION_OFFSET else learned
        row = rows[np.random.default_rng([seed, index]).integers(len(rows))]
        return {name: values[row] for name, values in arrays.items() if name != "held_out"}

    def inputs(self, sample: Sample) -> Sample:
        """The same: what is simulated is what the network trains on."""
        return sample

    def network(self) -> FrameworkNetwork:
        """A network with fresh weights."""
        return FrameworkNetwork(self.shape)

    def loss(
        self, network: nn.Module, batch: dict[str, Tensor], generator: torch.Generator | None = None
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Mean of minus the logarithm of a crystal's likelihood, and of its parts, in nats."""
        assert isinstance(network, FrameworkNetwork)
        parts = {name: -value.mean() for name, value in log_likelihood(network, batch).items()}
        loss = torch.stack(list(parts.values())).sum()
        return loss, {name: value.detach() for name, value in {"loss": loss, **parts}.items()}

    def optimiser(self, network: nn.Module) -> tuple[torch.optim.Optimizer, Any]:
        """AdamW, with a warm-up and a half cosine down to a hundredth."""
        return short_run_optimiser(network, self.learning_rate, self.weight_decay)


@cache
def load_frameworks_network(path: Path | None = None) -> FrameworkNetwork:
    """The network of the weights in `path`, by default those that ship with argand; InputError as they do."""
    return trained_network(Frameworks, WEIGHTS if path is None else path)
