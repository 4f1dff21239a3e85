"""The molmnist system: its configuration, and how it simulates, trains and scores."""

from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from argand.errors import ConfigError
from argand.physics.twist import DEG_PER_NM
from argand.systems.molmnist.fibril import FIBRILS, LENGTH, build_fibril, chain_sites
from argand.systems.molmnist.frames import FrameEnsemble
from argand.systems.molmnist.modes import ModeEnsemble, ensemble
from argand.systems.molmnist.network import PublishedNetwork
from argand.systems.molmnist.simulate import Imaging, Scene, measure, turned

Sample = dict[str, np.ndarray]
SOURCES = ("modes", "md")
SPLITS = ("train", "val", "test")


@dataclass(frozen=True)
class Molmnist:
    """Shapes of cellulose fibrils from their coherent diffraction along the axis.

    Sample number i is a variant of fibril i mod 10. Fibrils of which `trajectories` names a run of
    molecular dynamics take their variants from its frames, the others from their elastic network.
    """

    imaging: Imaging = field(default_factory=Imaging)
    fibrils: tuple[str, ...] = FIBRILS
    length: float = LENGTH
    trajectories: tuple[str, ...] = ()
    widths: tuple[int, ...] = (8, 16, 32, 64)
    learning_rate: float = 1e-3

    def __post_init__(self) -> None:
        if not self.fibrils:
            raise ConfigError("a set needs a fibril; name one or more")
        for name in self.fibrils:
            chain_sites(name)

    def simulate(self, index: int, seed: int) -> Sample:
        """Pair number `index`: shape in electrons per pixel, pattern, and what they were made with."""
        number, place = divmod(index, len(self.fibrils))
        name = self.fibrils[place]
        source, scene = self._source(name), _scene(name, self.length)
        random = np.random.default_rng([seed, index])
        angle = float(random.uniform(0, 2 * np.pi)) if self.imaging.rotate else 0.0
        variant = source.draw(number, random)
        cart = turned(variant.cart, angle) if angle else variant.cart
        shape = scene.shape(cart, self.imaging.window)
        pattern = measure(scene.intensity(cart, shape, self.imaging), self.imaging, random)
        return {
            "shape": shape.astype(np.uint16),
            "pattern": pattern.astype(np.float32),
            "fibril": np.array(FIBRILS.index(name), np.uint8),
            "variant": np.array(number, np.uint32),
            "split": np.array(source.split(number), np.uint8),
            "source": np.array(SOURCES.index(variant.source), np.uint8),
            "twist_deg_per_nm": np.array(DEG_PER_NM * variant.twist, np.float32),
            "rotation_deg": np.array(np.degrees(angle), np.float32),
            "energy_kt": np.array(variant.energy_kt, np.float32),
        }

    def _source(self, name: str) -> "ModeEnsemble | FrameEnsemble":
        """Where the variants of a fibril come from."""
        frames = _frames(self.trajectories, self.length).get(name)
        return frames or ensemble(name, self.length)

    def prepare(self) -> None:
        """Compute what all variants share, so that worker processes find it in the cache."""
        for name in self.fibrils:
            self._source(name)

    def inputs(self, sample: Sample) -> Sample:
        """Root of the pattern over its highest value, shape over its highest; float32 [1, slow, fast]."""
        pattern, shape = np.sqrt(sample["pattern"]), sample["shape"].astype(np.float32)
        return {
            "pattern": (pattern / pattern.max())[None].astype(np.float32),
            "shape": (shape / shape.max())[None],
        }

    def network(self) -> nn.Module:
        """A network with fresh weights."""
        return PublishedNetwork(self.widths)

    def loss(
        self, network: nn.Module, batch: dict[str, Tensor], generator: torch.Generator | None = None
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Mean squared error of the shape, and its ratio to that of predicting nothing."""
        off = (network(batch["pattern"]).float() - batch["shape"]).square()
        return off.mean(), {"relative_error": (off.sum() / batch["shape"].square().sum()).detach()}

    def optimiser(self, network: nn.Module) -> tuple[torch.optim.Optimizer, Any]:
        """Adam at a constant rate."""
        return torch.optim.Adam(network.parameters(), lr=self.learning_rate), None

    def decode(self, output: Tensor) -> Tensor:
        """Shapes [batch, slow, fast] in shares of their highest pixel."""
        return output.detach().float()[:, 0].clamp(min=0)

    def score(self, prediction: Sample, truth: Sample) -> dict[str, float]:
        """Relative squared error of the shape; zero for the ideal output."""
        off = prediction["shape"] - truth["shape"]
        return {"relative_error": float((off**2).sum() / (truth["shape"] ** 2).sum())}


@cache
def _scene(name: str, length: float) -> Scene:
    return Scene(build_fibril(name, length))


@cache
def _frames(folders: tuple[str, ...], length: float) -> dict[str, FrameEnsemble]:
    """Frames of each run, by fibril; ConfigError for two runs of one, or another length."""
    found: dict[str, FrameEnsemble] = {}
    for folder in folders:
        one = FrameEnsemble(Path(folder), length)
        if one.fibril.name in found:
            raise ConfigError(f"{folder}: a second run of {one.fibril.name}; name one for each fibril")
        found[one.fibril.name] = one
    return found
