"""The molmnist system: its configuration, and how it simulates, trains and scores."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from functools import cache, partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from argand.errors import ConfigError
from argand.learn.schedule import warm_cosine
from argand.physics.coherent.composition import CELLULOSE
from argand.physics.coherent.exposure import Detector
from argand.physics.coherent.projection import histogram
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
from argand.systems.molmnist.inversion.shape_basis import (
    DRAWS,
    ShapeBasis,
    middle,
    mode_count,
    side_of,
    stored_shapes,
)
from argand.systems.molmnist.loss import inversion_inputs, inversion_loss
from argand.systems.molmnist.network import InversionNetwork, PublishedNetwork
from argand.systems.molmnist.simulate import Imaging, Scene, measure, turned
from argand.systems.molmnist.structures.source import Structures, molecule_of
from argand.systems.molmnist.structures.views import (
    Streams,
    polar_reach,
    shape_counts,
    shape_sides,
    simulate_structure,
    training_shapes,
)

Sample = dict[str, np.ndarray]
SOURCES = ("modes", "md")
SPLITS = ("train", "val", "test")
TRAINING_STREAM, SPLIT_STREAM = 1, 2
"""Words of the seed: of training samples, and of the first split of a set of bundles or molecules, whose
pairs of each split are drawn from random numbers of their own. Any would do, but they must stay."""
SHAPES_SEED = 0x5A
"""Of the variants from which shapes are analysed; any number that no training run is likely to have."""


_STREAMS = Streams(TRAINING_STREAM, SPLIT_STREAM)


@dataclass(frozen=True)
class Molmnist:
    """Shapes of cellulose fibrils from their coherent diffraction along the axis.

    Sample number i is a variant of fibril i mod 10; with `training_only` the variants are those of the
    training split alone, drawn from random numbers of their own, so that no training sample has anything in
    common with a pair of a set. Fibrils of which `trajectories` names a run of molecular dynamics take their
    variants from its frames, the others from their elastic network.

    With `bundles` the samples are bundles of any outline instead, in any pose, with `structures` molecules
    from files; `detector` is what either are measured with. `network_name` is `modes` for ours of the ten
    fibrils and of molecules, `chains` for ours of bundles and `published` for the encoder-decoder of the
    paper; `widths` are those of each.

    Defaults: widths as published (Zhang et al., arXiv 1911.07644); `polar`, radii and azimuths, as of
    `Polar`; the learning rate is Adam's usual one. ConfigError for no fibril, an unknown one, or a window
    that a molecule does not fit into.
    """

    imaging: Imaging = field(default_factory=Imaging)
    fibrils: tuple[str, ...] = FIBRILS
    length: float = LENGTH
    trajectories: tuple[str, ...] = ()
    training_only: bool = False
    bundles: Bundles | None = None
    structures: Structures | None = None
    detector: Detector | None = None
    network_name: Literal["modes", "published", "chains"] = "published"
    widths: tuple[int, ...] = (8, 16, 32, 64)
    polar: tuple[int, int] = (48, 128)
    learning_rate: float = 1e-3

    def __post_init__(self) -> None:
        if self.structures is not None:
            if self.bundles is not None or self.network_name == "chains":
                raise ConfigError(
                    "the network 'chains' is for bundles of cellulose only; use 'modes' for molecules"
                )
            self.structures.require_window(self.imaging.window.side)
        if not self.fibrils:
            raise ConfigError("a set needs a fibril; give one or more")
        for name in self.fibrils:
            if name not in FIBRILS:
                known = ", ".join(FIBRILS)
                raise ConfigError(f"unknown fibril '{name}'{near_match(name, FIBRILS)}; choose from {known}")

    @property
    def kinds(self) -> tuple[str, ...]:
        """Names of the classes: of the molecules, or of the fibrils."""
        return self.fibrils if self.structures is None else self.structures.names

    def composition(self, kind: int) -> Mapping[str, int]:
        """Atoms of class `kind` by element, up to a factor."""
        return CELLULOSE if self.structures is None else dict(self.structures.files[kind].composition)

    def kind_of(self, sample: Sample) -> int:
        """Number among `kinds` of what a sample shows."""
        if self.structures is not None:
            return int(sample["kind"])
        return self.fibrils.index(FIBRILS[int(sample["fibril"])])

    def simulate(self, index: int, seed: int) -> Sample:
        """Pair number `index`: shape in electrons per pixel, pattern, and what they were made with."""
        if self.structures is not None:
            return simulate_structure(
                self.structures, self.imaging, self.detector, self.training_only, _STREAMS, index, seed
            )
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
        for file in self.structures.files if self.structures else ():
            molecule_of(file)
        for name in () if self.bundles or self.structures else self.fibrils:
            self._source(name)

    def training_shapes(self, number: int) -> Iterator[tuple[np.ndarray, float]]:
        """Shapes of class `number` of the training split, not turned, and twists in degrees/nm.

        In electrons per pixel, as large as the class's directions; molecules have no twist, and 0.
        """
        side, window = self._sides[number], self.imaging.window
        if self.structures is not None:
            yield from ((middle(one, side), 0.0) for one in training_shapes(self.structures, number, window))
            return
        name = self.fibrils[number]
        source, weight = self._source(name), _scene(name, self.length).weight
        random = np.random.default_rng([SHAPES_SEED, FIBRILS.index(name)])
        for draw in range(DRAWS):
            variant = source.draw(training_number(source, draw), random)
            shape = histogram(variant.cart, weight, window)
            yield middle(shape, side), DEG_PER_NM * variant.twist

    @property
    def _sides(self) -> tuple[int, ...]:
        """Pixels along the shapes of each class."""
        pixel = self.imaging.window.pixel
        if self.structures is not None:
            return shape_sides(self.structures, pixel)
        return tuple(side_of(build_fibril(name, self.length), pixel) for name in self.fibrils)

    @property
    def mode_counts(self) -> tuple[int, ...]:
        """Directions kept of the shapes of each class."""
        if self.structures is not None:
            return shape_counts(self.structures)
        return tuple(mode_count(build_fibril(name, self.length).chains) for name in self.fibrils)

    def source_key(self, name: str) -> str:
        """What variants of a class depend on besides the configuration."""
        if self.structures is not None:
            return ""
        source = self._source(name)
        return str(source.parameters) if isinstance(source, ModeEnsemble) else ""

    def inputs(self, sample: Sample) -> Sample:
        """What the network trains on, float32: roots of pattern and shape, or see `inversion_inputs`."""
        if self.network_name == "chains":
            return chain_inputs(sample, self.imaging.window)
        if self.network_name == "modes":
            kind = self.kind_of(sample)
            shapes, most = class_shapes(self, self.kinds[kind]), max(self.mode_counts)
            return inversion_inputs(sample, self.imaging, kind, shapes, most)
        pattern, shape = np.sqrt(sample["pattern"]), sample["shape"].astype(np.float32)
        return {
            "pattern": (pattern / pattern.max())[None].astype(np.float32),
            "shape": (shape / shape.max())[None],
        }

    def network(self) -> nn.Module:
        """A network with fresh weights; ours with the shapes of the classes, found first where not cached."""
        if self.network_name == "published":
            return PublishedNetwork(self.widths)
        if self.network_name == "chains":
            return ChainNetwork(self.widths, Polar(*self.polar))
        network = self.blank_network()
        for number, name in enumerate(self.kinds):
            network.keep_shapes(number, class_shapes(self, name))
        return network

    def blank_network(self) -> InversionNetwork:
        """Ours without shapes, for weights that have them."""
        polar = Polar(*self.polar)
        if self.structures is not None:
            polar = Polar(*self.polar, polar_reach(self.imaging.window, self.polar[0]))
        return InversionNetwork(self._sides, self.mode_counts, self.widths, polar)

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
    return Scene(build_fibril(name, length).elements)


@cache
def _frames(folders: tuple[str, ...], length: float) -> dict[str, FrameEnsemble]:
    """Frames of each run, by fibril; ConfigError for two runs of one, or another length."""
    found: dict[str, FrameEnsemble] = {}
    for folder in folders:
        one = FrameEnsemble(Path(folder), length)
        if one.fibril.name in found:
            raise ConfigError(f"{folder}: a second run of {one.fibril.name}; give one for each fibril")
        found[one.fibril.name] = one
    return found


@cache
def class_shapes(system: Molmnist, name: str) -> ShapeBasis:
    """Mean and directions of the shapes of a fibril or molecule, from its training split alone; cached."""
    number = system.kinds.index(name)
    key = {"system": asdict(system), "source": system.source_key(name), "class": name, "draws": DRAWS}
    shapes = partial(system.training_shapes, number)
    return stored_shapes(key, name, system.imaging.window.pixel, system.mode_counts[number], shapes)
