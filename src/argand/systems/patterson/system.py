"""The patterson system: its configuration, and how it simulates, trains and scores."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from argand.errors import ConfigError
from argand.learn.schedule import warm_cosine
from argand.physics.sphere.patterson import Map, intensities_of
from argand.systems.patterson.loss import density_loss
from argand.systems.patterson.maps.superposition import (
    PairFrame,
    features,
    pick_vectors,
    plain_features,
    target,
    unfold,
)
from argand.systems.patterson.network import (
    FOURIER_MODES,
    FourierNetwork,
    PaperNetwork,
    SuperpositionNetwork,
)
from argand.systems.patterson.simulate import AtomSet, simulate_batch

Sample = dict[str, np.ndarray]


@dataclass(frozen=True)
class Patterson:
    """Atoms from the Patterson map of a few equal ones.

    `network_name` is `superposition` for ours, which sees the map superposed on itself by one of its own
    `candidates` most promising vectors; `paper` for the published network and `fourier` for Fourier layers,
    both of which see the map itself and learn the published target. `widths` and `blocks` are those of our
    U-Net.

    Widths, blocks, candidates and the rate are by hand; the shipped weights were trained with these defaults.
    """

    atoms: AtomSet = field(default_factory=AtomSet)
    network_name: Literal["superposition", "paper", "fourier"] = "superposition"
    widths: tuple[int, ...] = (32, 64, 64)
    blocks: int = 2
    frame: PairFrame = field(default_factory=PairFrame)
    candidates: int = 10
    learning_rate: float = 1.5e-3
    schedule: Literal["cosine", "constant"] = "cosine"
    renewal: tuple[int, int] | None = None
    """Training maps, and epochs after which they are made anew, as published; None: every map is new."""

    def simulate(self, index: int, seed: int) -> Sample:
        """Map number `index`: true positions (voxels), published target, map with its origin at index 0.

        `positions` [atoms, 3], `density` and `patterson` [box, box, box]; `choice` from 0 to 1 picks the
        vector.
        """
        batch = simulate_batch(self.atoms, [self._stored(index)], seed)
        return {
            "positions": batch.positions[0].numpy(),
            "density": batch.density[0].numpy(),
            "patterson": batch.patterson[0].numpy(),
            "choice": batch.choice[0].numpy(),
        }

    def _stored(self, index: int) -> int:
        """Number of the map that training sample `index` is, where maps are used in several epochs."""
        if self.renewal is None:
            return index
        maps, epochs = self.renewal
        generation, within = divmod(index, maps * epochs)
        return generation * maps + within % maps

    def inputs(self, sample: Sample) -> Sample:
        """What the network trains on, with its target, float32."""
        one = {name: torch.from_numpy(np.asarray(value))[None] for name, value in sample.items()}
        return self._inputs(one)[0]

    def many_inputs(self, indices: range, seed: int) -> list[Sample]:
        """The same for several maps at once."""
        batch = simulate_batch(self.atoms, [self._stored(index) for index in indices], seed)
        return self._inputs(vars(batch))

    def _inputs(self, batch: Mapping[str, Tensor]) -> list[Sample]:
        """Features and targets of simulated maps, one dict for each."""
        patterson = batch["patterson"]
        if self.network_name == "superposition":
            vectors = pick_vectors(patterson, self.candidates, self.atoms.radius)
            choice = (batch["choice"] * self.candidates).long()
            vector = vectors[torch.arange(len(vectors)), choice]
            seen = features(intensities_of(patterson), vector, self.atoms.radius, self.frame)
            wanted = target(batch["positions"].float(), vector, self.frame)
        else:
            seen, wanted = self.seen(patterson), batch["density"][:, None]
        pairs = zip(seen.numpy(), wanted.numpy(), strict=True)
        return [{"features": one, "target": other} for one, other in pairs]

    def seen(self, patterson: Map) -> Float[Tensor, "batch 1 box box box"]:
        """What a network on the plain map sees, the origin in the middle; scaled as for that network."""
        if self.network_name == "fourier":
            return plain_features(patterson, self.atoms.radius)
        return torch.fft.fftshift(patterson, dim=(1, 2, 3))[:, None] / self.atoms.atoms

    def network(self) -> nn.Module:
        """A network with fresh weights; ConfigError where the box is too small for Fourier layers."""
        if self.network_name == "paper":
            return PaperNetwork()
        if self.network_name == "fourier":
            if self.atoms.box < 4 * FOURIER_MODES or self.atoms.box % 2:
                raise ConfigError(f"Fourier layers need an even box of {4 * FOURIER_MODES} voxels or more")
            return FourierNetwork()
        return SuperpositionNetwork(self.widths, self.blocks)

    def loss(
        self, network: nn.Module, batch: dict[str, Tensor], generator: torch.Generator | None = None
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Mean squared error of the density, and its ratio to that of predicting nothing."""
        return density_loss(network(batch["features"]).float(), batch["target"])

    def optimiser(self, network: nn.Module) -> tuple[torch.optim.Optimizer, Any]:
        """Adam; at a constant rate, as published, or with a warm-up and a cosine."""
        optimiser = torch.optim.Adam(network.parameters(), lr=self.learning_rate)
        return optimiser, warm_cosine if self.schedule == "cosine" else None

    def decode(self, output: Tensor) -> Tensor:
        """Density [batch, size, size, size] about the frame's origin (ours) or of the box."""
        density = output.detach().float()[:, 0]
        return unfold(density) if self.network_name == "superposition" else density
