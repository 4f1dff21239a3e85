"""The molmnist system: its configuration, and how it simulates, trains and scores."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from functools import cache, partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from argand.errors import ConfigError
from argand.learn.schedule import warm_cosine
from argand.physics.coherent.exposure import Detector
from argand.physics.fibre.twist import DEG_PER_NM
from argand.system import near_match
from argand.systems.molmnist.ensemble.bundle_sample import simulate_bundle
from argand.systems.molmnist.ensemble.elastic_ensemble import ModeEnsemble, ensemble
from argand.systems.molmnist.ensemble.md_ensemble import FrameEnsemble
from argand.systems.molmnist.fibril.bundle import Bundles
from argand.systems.molmnist.fibril.fibril import FIBRILS, LENGTH, build_fibril
from argand.systems.molmnist.inversion.chain_loss import chain_inputs, chain_loss
from argand.systems.molmnist.inversion.chain_network import ChainNetwork
from argand.systems.molmnist.inversion.polar import Polar
from argand.systems.molmnist.inversion.shape_basis import ShapeBasis, mode_count, side_of, stored_shapes
from argand.systems.molmnist.loss import inversion_inputs, inversion_loss
from argand.systems.molmnist.network import InversionNetwork, PublishedNetwork
from argand.systems.molmnist.simulate import Imaging, Scene, measure, turned

Sample = dict[str, np.ndarray]
SOURCES = ("modes", "md")
SPLITS = ("train", "val", "test")
TRAINING_STREAM, SPLIT_STREAM = 1, 2
"""Words of the seed: of training samples, and of the first split of a set of bundles, whose pairs of each
split are drawn from random numbers of their own. Any would do, but they must stay."""
SHAPES_SEED = 0x5A
"""Of the variants from which shapes are analysed; any number that no training run is likely to have."""


@dataclass(frozen=True)
class Molmnist:
    """Shapes of cellulose fibrils from their coherent diffraction along the axis.

    Sample number i is a variant of fibril i mod 10; with `training_only` the variants are those of the
    training split alone, drawn from random numbers of their own, so that no training sample has anything in
    common with a pair of a set. Fibrils of which `trajectories` names a run of molecular dynamics take their
    variants from its frames, the others from their elastic network.

    With `bundles` the samples are bundles of any outline instead, in any pose, and `detector` is what they
    are measured with. `network_name` is `modes` for ours of the ten fibrils, `chains` for ours of bundles and
    `published` for the encoder-decoder of the paper; `widths` are those of each.

    Defaults: widths as published (Zhang et al., arXiv 1911.07644); `polar`, radii and azimuths, as of
    `Polar`; the learning rate is Adam's usual one. ConfigError for no fibril, or an unknown one.
    """

    imaging: Imaging = field(default_factory=Imaging)
    fibrils: tuple[str, ...] = FIBRILS
    length: float = LENGTH
    trajectories: tuple[str, ...] = ()
    training_only: bool = False
    bundles: Bundles | None = None
    detector: Detector | None = None
    network_name: Literal["modes", "published", "chains"] = "published"
    widths: tuple[int, ...] = (8, 16, 32, 64)
    polar: tuple[int, int] = (48, 128)
    learning_rate: float = 1e-3

    def __post_init__(self) -> None:
        if not self.fibrils:
            raise ConfigError("a set needs a fibril; name one or more")
        for name in self.fibrils:
            if name not in FIBRILS:
                known = ", ".join(FIBRILS)
                raise ConfigError(
                    f"no fibril of a set is called '{name}'{near_match(name, FIBRILS)}; {known}"
                )

    def simulate(self, index: int, seed: int) -> Sample:
        """Pair number `index`: shape in electrons per pixel, pattern, and what they were made with."""
        if self.bundles is not None:
            return self._bundle(self.bundles, index, seed)
        number, place = divmod(index, len(self.fibrils))
        name = self.fibrils[place]
        source, scene = self._source(name), _scene(name, self.length)
        number = training_number(source, number) if self.training_only else number
        random = np.random.default_rng(
            [seed, TRAINING_STREAM, index] if self.training_only else [seed, index]
        )
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

    def _bundle(self, plan: Bundles, index: int, seed: int) -> Sample:
        """A bundle of the split of this index: of ten in turn eight train, one validates, one tests."""
        split = 0 if self.training_only else max(index % 10 - 7, 0)
        stream = TRAINING_STREAM if self.training_only else SPLIT_STREAM + split
        random = np.random.default_rng([seed, stream, index])
        return simulate_bundle(plan, self.detector or Detector(), self.imaging, split, random)

    def _source(self, name: str) -> "ModeEnsemble | FrameEnsemble":
        """Where the variants of a fibril come from; frames of a run are preferred."""
        frames = _frames(self.trajectories, self.length).get(name)
        return frames or ensemble(name, self.length)

    def prepare(self) -> None:
        """Compute what all variants share, so that worker processes find it in the cache."""
        for name in () if self.bundles else self.fibrils:
            self._source(name)

    def training_variants(self, name: str, count: int) -> Iterator[tuple[np.ndarray, float]]:
        """Atoms (Å, not turned) and twist in degrees/nm of variants of one fibril's training split."""
        source, random = self._source(name), np.random.default_rng([SHAPES_SEED, FIBRILS.index(name)])
        for number in range(count):
            variant = source.draw(training_number(source, number), random)
            yield variant.cart, DEG_PER_NM * variant.twist

    def source_key(self, name: str) -> str:
        """What variants of a fibril depend on besides the configuration."""
        source = self._source(name)
        return str(source.parameters) if isinstance(source, ModeEnsemble) else ""

    def inputs(self, sample: Sample) -> Sample:
        """What the network trains on, float32: roots of pattern and shape, or see `inversion_inputs`."""
        if self.network_name == "chains":
            return chain_inputs(sample, self.imaging.window)
        if self.network_name == "modes":
            name = FIBRILS[int(sample["fibril"])]
            return inversion_inputs(sample, self.imaging, self.fibrils.index(name), fibril_shapes(self, name))
        pattern, shape = np.sqrt(sample["pattern"]), sample["shape"].astype(np.float32)
        return {
            "pattern": (pattern / pattern.max())[None].astype(np.float32),
            "shape": (shape / shape.max())[None],
        }

    def network(self) -> nn.Module:
        """A network with fresh weights; ours with the shapes of the fibrils, found first where not cached."""
        if self.network_name == "published":
            return PublishedNetwork(self.widths)
        if self.network_name == "chains":
            return ChainNetwork(self.widths, Polar(*self.polar))
        network = self.blank_network()
        for number, name in enumerate(self.fibrils):
            network.keep_shapes(number, fibril_shapes(self, name))
        return network

    def blank_network(self) -> InversionNetwork:
        """Ours without shapes, for weights that have them."""
        built = [build_fibril(name, self.length) for name in self.fibrils]
        sides = tuple(side_of(fibril, self.imaging.window.pixel) for fibril in built)
        counts = tuple(mode_count(fibril.chains) for fibril in built)
        return InversionNetwork(sides, counts, self.widths, Polar(*self.polar))

    def loss(
        self, network: nn.Module, batch: dict[str, Tensor], generator: torch.Generator | None = None
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Scalar to minimise and metrics; the first is a relative squared error of the shape."""
        if isinstance(network, ChainNetwork):
            return chain_loss(network, batch, self.imaging.window, generator)
        if isinstance(network, InversionNetwork):
            return inversion_loss(network, batch, self.imaging.window, generator)
        off = (network(batch["pattern"]).float() - batch["shape"]).square()
        return off.mean(), {"relative_error": (off.sum() / batch["shape"].square().sum()).detach()}

    def optimiser(self, network: nn.Module) -> tuple[torch.optim.Optimizer, Any]:
        """Adam; at a constant rate for the published network, with a warm-up and a cosine for ours."""
        optimiser = torch.optim.Adam(network.parameters(), lr=self.learning_rate)
        return optimiser, None if self.network_name == "published" else warm_cosine


def training_number(source: "ModeEnsemble | FrameEnsemble", number: int) -> int:
    """Number of the variant that is number `number` of the training split."""
    chosen = _training_numbers(source)
    turns, place = divmod(number, len(chosen))
    return turns * source.period + chosen[place]


@cache
def _training_numbers(source: "ModeEnsemble | FrameEnsemble") -> list[int]:
    return [number for number in range(source.period) if source.split(number) == 0]


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


@cache
def fibril_shapes(system: Molmnist, name: str) -> ShapeBasis:
    """Mean and directions of a fibril's shapes, from training variants alone; cached."""
    key = {"system": asdict(system), "source": system.source_key(name)}
    variants = partial(system.training_variants, name)
    return stored_shapes(key, build_fibril(name, system.length), system.imaging.window, variants)
