"""The crystals system: its configuration, and how the published networks are simulated for and trained."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np
import torch
from torch import Tensor

from argand.errors import ConfigError
from argand.io.weights import load_weights, restore
from argand.learn.schedule import warm_cosine
from argand.physics.crystal.linear_code import LinearCode
from argand.physics.crystal.voxel_box import Box
from argand.systems.crystals.database.dataset import load_structures
from argand.systems.crystals.density.refiner import DensityRefiner
from argand.systems.crystals.latent.representation import Representation
from argand.systems.crystals.loss import density_loss, joint_loss, refiner_loss, species_loss
from argand.systems.crystals.network import (
    AUTOENCODER_WIDTHS,
    LATENT,
    SEGMENTER_WIDTHS,
    AttentionSegmenter,
    DensityAutoencoder,
    PublishedAutoencoder,
    PublishedNetworks,
)
from argand.systems.crystals.simulate import draw

Sample = dict[str, np.ndarray]


@dataclass(frozen=True)
class Crystals:
    """Crystal structures as vectors, and back.

    `model` is `fourier` for ours, whose vectors are computed as `representation` says and need no training;
    `linear` for the closed-form code of a box of 10 Å, which needs none either; `refined` for that code with
    a network behind it (`refiner_width` channels, so many blocks); or `published` for the encoder-decoder
    and segmenter of Hoffmann et al. Networks learn from boxes of the structures of `source` (a file, a
    folder, or `prototypes`). `stage` says what learns: both networks at once with the published loss
    (`joint`), or one after the other; `start` names weights to begin from, as the segmenter must where it
    learns alone on decoded densities. `dense` is the width of the published encoder's dense layer; 0 takes
    our small encoder-decoder without one.

    Of the defaults, `repeating` follows from three published origins to one single cell. `kl_weight`, of the
    divergence over the number of voxels where the encoder-decoder learns alone, is by hand, and so are the
    rate and the sizes of the refiner.
    """

    model: Literal["fourier", "linear", "refined", "published"] = "fourier"
    representation: Representation = field(default_factory=Representation)
    source: str = ""
    box: Box = field(default_factory=Box)
    repeating: float = 0.75
    latent: int = LATENT
    encoder_widths: tuple[int, ...] = AUTOENCODER_WIDTHS
    dense: int = 0
    segmenter_widths: tuple[int, ...] = SEGMENTER_WIDTHS
    refiner_width: int = 32
    refiner_blocks: int = 3
    stage: Literal["joint", "density", "species"] = "density"
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

    def network(self) -> PublishedNetworks | DensityRefiner:
        """The networks, fresh or from `start`; ConfigError for models that have none."""
        if self.model in ("fourier", "linear"):
            raise ConfigError(
                "the latents of `best` and `linear` are computed, not learnt; train `refined`, or `paper`"
            )
        if self.model == "refined":
            return DensityRefiner(LinearCode(self.box, self.latent), self.refiner_width, self.refiner_blocks)
        sizes = (self.encoder_widths, self.latent, self.box.voxels)
        encoder = PublishedAutoencoder(*sizes, self.dense) if self.dense else DensityAutoencoder(*sizes)
        networks = PublishedNetworks(encoder, AttentionSegmenter(self.segmenter_widths))
        if self.start:
            state, _ = load_weights(Path(self.start))
            restore(networks, state, Path(self.start))
        return networks

    def loss(
        self,
        network: PublishedNetworks | DensityRefiner,
        batch: dict[str, Tensor],
        generator: torch.Generator | None = None,
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Of densities, of labels on decoded densities, or of both, as model and stage are."""
        density, labels = batch["density"], batch["labels"]
        generator = generator if network.training else None
        if isinstance(network, DensityRefiner):
            maps, mean = network(density, generator)
            whole = cast(Any, tuple(one.float() for one in maps))
            return refiner_loss(whole, density, labels, mean.float(), network.log_variance.expand_as(mean))
        if self.stage == "species":
            # What the segmenter learns on is settled, running statistics included.
            network.autoencoder.eval()
            with torch.no_grad():
                decoded, _, _ = network.autoencoder(density)
            return species_loss(network.segmenter, decoded, labels, generator)
        decoded, mean, log_variance = network.autoencoder(density, generator)
        given = decoded.float(), density, mean.float(), log_variance.float()
        if self.stage == "joint":
            return joint_loss(*given, network.segmenter, labels, generator)
        return density_loss(*given, self.kl_weight)

    def optimiser(self, network: PublishedNetworks | DensityRefiner) -> tuple[torch.optim.Optimizer, Any]:
        """Adam on the network whose stage it is, with a warm-up and a cosine."""
        learning: torch.nn.Module = network
        if isinstance(network, PublishedNetworks) and self.stage != "joint":
            learning = network.autoencoder if self.stage == "density" else network.segmenter
        return torch.optim.Adam(learning.parameters(), lr=self.learning_rate), warm_cosine

    def decode(self, output: Tensor) -> np.ndarray:
        """Decoded densities [batch, n, n, n] in e/Å³."""
        return output.detach().float()[:, 0].cpu().numpy()
