"""Training of the network of occupations: structures of a pool with some of their elements hidden."""

from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from argand.io.resource import shipped_weights
from argand.learn.stream import VALIDATION_OFFSET
from argand.systems.crystals.generation.generator_training import (
    short_run_optimiser,
    trained_network,
)
from argand.systems.crystals.generation.local_environment import MOST_KINDS, masked
from argand.systems.crystals.generation.occupation_dataset import unpacked
from argand.systems.crystals.generation.occupation_network import HIDDEN, OccupationNetwork, OccupationShape

WEIGHTS = shipped_weights("crystals-occupation")
Sample = dict[str, np.ndarray]
_ALL_SHOWN = 0.25
"""Share of samples that hide nothing; the size of the cell is learned from them foremost. By hand."""
_SIZE_WEIGHT = 4.0
"""Of the error of log size beside the cross entropy. By hand: an error of 0.05 then costs 0.1 of some 2.5."""
_SIZE_UNIT = 0.05
"""Errors of log size within this count by their squares, larger ones by their size (Huber's loss). By hand, 5
% of a length."""
_JITTER = 0.02
"""Noise on distances in training, in their unit: the shape is to tell the family, not the one crystal. By
hand."""


@dataclass(frozen=True)
class Occupation:
    """Structures with hidden elements, and what they were.

    `data` is the file that `occupation_dataset.pack` wrote.

    Rate and decay are by hand; the card of the shipped weights has what they led to.
    """

    data: str = ""
    shape: OccupationShape = field(default_factory=OccupationShape)
    learning_rate: float = 2e-3
    weight_decay: float = 0.02

    def simulate(self, index: int, seed: int) -> Sample:
        """Sample `index`: a structure, drawn, with a drawn number of its kinds hidden.

        Seeds from VALIDATION_OFFSET on draw from the formulas that are held out.
        """
        arrays, learned, held_out = unpacked(Path(self.data))
        rng = np.random.default_rng([seed, index])
        rows = held_out if seed >= VALIDATION_OFFSET else learned
        row = rows[rng.integers(len(rows))]
        species, kinds = arrays["species"][row].astype(np.int64), arrays["kinds"][row]
        there = int(kinds.max()) + 1
        count = 0 if rng.random() < _ALL_SHOWN else rng.integers(1, there + 1)
        hidden = np.zeros(MOST_KINDS, bool)
        hidden[rng.permutation(there)[:count]] = True
        truth = np.full(MOST_KINDS, -1)
        truth[kinds[species > 0]] = species[species > 0] - 1
        return {
            "species": masked(species, kinds, hidden, HIDDEN),
            "kinds": kinds,
            "neighbours": arrays["neighbours"][row],
            "distance": arrays["distance"][row],
            "log_scale": arrays["log_scale"][row],
            "truth": np.where(hidden, truth, -1),
        }

    def inputs(self, sample: Sample) -> Sample:
        """The same: what is simulated is what the network trains on."""
        return sample

    def network(self) -> OccupationNetwork:
        """A network with fresh weights."""
        return OccupationNetwork(self.shape)

    def loss(
        self, network: nn.Module, batch: dict[str, Tensor], generator: torch.Generator | None = None
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Cross entropy of the hidden elements, and the error of log size, more where all are shown.

        `log_scale` is that of Å. With a generator distances get noise, as in training.
        """
        distance = batch["distance"].float()
        if generator is not None:
            noise = torch.randn(distance.shape, generator=generator, device=generator.device)
            distance = distance + _JITTER * noise.to(distance.device)
        logits, size = network(batch["species"], batch["kinds"], batch["neighbours"], distance)
        logits, truth = logits.float().flatten(0, 1), batch["truth"].flatten()
        entropy = F.cross_entropy(logits, truth, ignore_index=-1, reduction="sum") / (truth >= 0).sum()
        off = size.float() - batch["log_scale"]
        shown = (batch["truth"] < 0).all(1)
        # By hand: with elements hidden the size can be guessed only, so a fifth of the weight.
        weight = torch.where(shown, 1.0, 0.2)
        bounded = F.huber_loss(off / _SIZE_UNIT, torch.zeros_like(off), reduction="none") * _SIZE_UNIT
        loss = entropy + _SIZE_WEIGHT * (weight * bounded).sum() / weight.sum()
        right = ((logits.argmax(1) == truth) & (truth >= 0)).sum() / (truth >= 0).sum()
        size_error = (shown * off.abs()).sum() / shown.sum().clamp(min=1)
        metrics = {"loss": loss, "entropy": entropy, "right": right, "size_error": size_error}
        return loss, {name: value.detach() for name, value in metrics.items()}

    def optimiser(self, network: nn.Module) -> tuple[torch.optim.Optimizer, Any]:
        """AdamW, with a warm-up and a half cosine down to a hundredth."""
        return short_run_optimiser(network, self.learning_rate, self.weight_decay)


@cache
def load_occupation(path: Path | None = None) -> OccupationNetwork:
    """The network of the weights in `path`, by default those that ship with argand; InputError as they do."""
    return trained_network(Occupation, WEIGHTS if path is None else path)
