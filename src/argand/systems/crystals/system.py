"""The crystals system: its configuration, and how the published networks are simulated for and trained."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from argand.errors import ConfigError
from argand.io.weights import load_weights, restore
from argand.learn.schedule import warm_cosine
from argand.physics.crystal.voxel_box import Box
from argand.systems.crystals.database.dataset import load_structures
from argand.systems.crystals.latent.representation import Representation
from argand.systems.crystals.loss import density_loss, species_loss
from argand.systems.crystals.network import (
    AUTOENCODER_WIDTHS,
    LATENT,
    SEGMENTER_WIDTHS,
    AttentionSegmenter,
    DensityAutoencoder,
    PublishedNetworks,
)
from argand.systems.crystals.simulate import draw

Sample = dict[str, np.ndarray]


@dataclass(frozen=True)
class Crystals:
    """Crystal structures as vectors, and back.

    `model` is `fourier` for ours, whose vectors are computed as `representation` says and need no training,
    or `published` for the encoder-decoder and segmenter of Hoffmann et al. These learn from boxes of the
    structures of `source` (a file, a folder, or `prototypes`), in sequence: `stage` says which one learns,
    and `start` names weights to begin from, as the segmenter must, since it learns on decoded densities.

    Of the defaults, `repeating` follows from three published origins to one single cell. `kl_weight`, of the
    divergence over the number of voxels, is by hand (the published 0.1 weighs the segmentation), and so is
    the rate.
    """

    model: Literal["fourier", "published"] = "fourier"
    representation: Representation = field(default_factory=Representation)
    source: str = ""
    box: Box = field(default_factory=Box)
    repeating: float = 0.75
    latent: int = LATENT
    encoder_widths: tuple[int, ...] = AUTOENCODER_WIDTHS
    segmenter_widths: tuple[int, ...] = SEGMENTER_WIDTHS
    stage: Literal["density", "species"] = "density"
    start: str = ""
    kl_weight: float = 0.1
    learning_rate: float = 2e-3

    def simulate(self, index: int, seed: int) -> Sample:
        """Box number `index`: density in e/Å³, labels, and the atoms in it (Å from a corner)."""
        rng = np.random.default_rng([seed, index])
        return draw(load_structures(self.source), self.box, self.repeating, rng).arrays()

    def inputs(self, sample: Sample) -> Sample:
        """Density [1, n, n, n] and labels [n, n, n]."""
        return {"density": sample["density"][None], "labels": sample["labels"]}

    def network(self) -> PublishedNetworks:
        """Both published networks, fresh or from `start`; ConfigError for the model that has none."""
        if self.model == "fourier":
            raise ConfigError("the latents of `best` are computed, not learnt; train `paper`")
        networks = PublishedNetworks(
            DensityAutoencoder(self.encoder_widths, self.latent, self.box.voxels),
            AttentionSegmenter(self.segmenter_widths),
        )
        if self.start:
            state, _ = load_weights(Path(self.start))
            restore(networks, state, Path(self.start))
        return networks

    def loss(
        self, network: PublishedNetworks, batch: dict[str, Tensor], generator: torch.Generator | None = None
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Of densities, or of labels on decoded densities, as the stage is."""
        density = batch["density"]
        generator = generator if network.training else None
        if self.stage == "density":
            decoded, mean, log_variance = network.autoencoder(density, generator)
            return density_loss(decoded.float(), density, mean.float(), log_variance.float(), self.kl_weight)
        # What the segmenter learns on is settled, running statistics included.
        network.autoencoder.eval()
        with torch.no_grad():
            decoded, _, _ = network.autoencoder(density)
        return species_loss(network.segmenter, decoded, batch["labels"], generator)

    def optimiser(self, network: PublishedNetworks) -> tuple[torch.optim.Optimizer, Any]:
        """Adam on the network whose stage it is, with a warm-up and a cosine."""
        learning = network.autoencoder if self.stage == "density" else network.segmenter
        return torch.optim.Adam(learning.parameters(), lr=self.learning_rate), warm_cosine

    def decode(self, output: Tensor) -> np.ndarray:
        """Decoded densities [batch, n, n, n] in e/Å³."""
        return output.detach().float()[:, 0].cpu().numpy()
