"""What baselines know of training pairs: shapes turned back, their patterns, classes, and features."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from argand.crew import HERE, Crew, Died, Machines, in_chunks
from argand.errors import ArgandError
from argand.physics.coherent.exposure import Exposure, expected_shares
from argand.physics.coherent.phase_retrieval import response
from argand.physics.coherent.projection import Window
from argand.systems.molmnist.benchmark.azimuthal_match import KnownPatterns, shifted
from argand.systems.molmnist.benchmark.conditions import Condition, columns, live_of, pose_of, truth_of
from argand.systems.molmnist.benchmark.phase import Tick, unheard
from argand.systems.molmnist.benchmark.ridge import Features, pattern_features
from argand.systems.molmnist.inversion.polar import Polar
from argand.systems.molmnist.simulate import Imaging, measure
from argand.systems.molmnist.system import Molmnist, Sample

TRAINING = 2000
"""Training pairs that baselines learn from: of 16,000 that a set has, by hand, for a learning of a minute.
With 500 the class mean of `standard` reaches 34.0 dB on 40 validation pairs, told or found."""
CHAIN_BINS, LEAST_CHAINS, MOST_CHAINS = 8, 4, 100
"""Classes of the number of chains, alike on a logarithmic scale, and the range that they share: that of
`hard`. By hand; on 60 of its validation pairs the class mean, told, reaches 18.5, 18.5 and 18.3 dB with 8, 12
and 16 classes, found 18.9, 19.1 and 19.2: with more the pairs of a class become too few."""
TURN_BIN = 30.0
"""Degrees of turn that are one class. By hand; on the same pairs 15, 30 and 60 give 18.1, 18.5 and 18.7 dB
told, 19.1, 18.9 and 18.9 found."""
_AT_ONCE = 100
"""Shapes that are handled at a time; for memory alone."""
_CHUNK = 16
"""Most pairs that a process is given at a time. By hand: they take about a second."""

Truth = dict[str, Float[np.ndarray, " n"]]
Shapes = Float[Tensor, "n slow fast"]


@dataclass(frozen=True, eq=False)
class Training:
    """Training pairs: shapes turned back by their rotation, each of the sum 1, and what is true of them.

    `expected` are the patterns, in polar coordinates and turned back too, that a detector of the condition
    sees of them without noise; `features` are of the patterns as the condition measures them.
    """

    window: Window
    shapes: Shapes
    truth: Truth
    electrons: Float[np.ndarray, " n"]
    expected: Float[Tensor, "n radius azimuth"]
    features: Features

    @cached_property
    def pairs(self) -> KnownPatterns:
        """Each pair's pattern."""
        return KnownPatterns(self.expected, Polar())

    @cached_property
    def classes(self) -> "Classes":
        """Pairs that are alike, as one."""
        keys = class_keys(self.truth)
        known, member = np.unique(keys, axis=0, return_inverse=True)
        member = torch.from_numpy(member.reshape(-1))
        return Classes(
            known,
            _means(self.shapes, member, len(known)),
            KnownPatterns(_means(self.expected, member, len(known)), Polar()),
            {name: _means_of(name, values, member.numpy()) for name, values in self.truth.items()},
        )


@dataclass(frozen=True, eq=False)
class Classes:
    """Means of the pairs of each class: shapes, patterns and what is true of them."""

    keys: Int[np.ndarray, "class word"]
    shapes: Shapes
    patterns: KnownPatterns
    truth: Truth

    def nearest(self, truth: Truth) -> Int[np.ndarray, " n"]:
        """The class of each pair, or the one that has the least other words where it is empty."""
        away = np.abs(class_keys(truth)[:, None] - self.keys[None])
        # The first word is a kind: another kind is farther than any number.
        return (away * np.array([1000, 1, 1][: away.shape[2]])).sum(2).argmin(1)


def class_keys(truth: Truth) -> Int[np.ndarray, "n word"]:
    """Words that tell classes apart: fibril or kind; or outline, number of chains and turn, in bins."""
    if "outline" in truth:
        share = np.log(truth["chains"] / LEAST_CHAINS) / np.log(MOST_CHAINS / LEAST_CHAINS)
        chains = np.clip(share * CHAIN_BINS, 0, CHAIN_BINS - 1)
        return np.stack([truth["outline"], chains, truth["turn_deg"] / TURN_BIN], 1).astype(int)
    return truth["fibril" if "fibril" in truth else "kind"][:, None].astype(int)


@dataclass(frozen=True)
class PairWork:
    """What a process needs to take training pairs by their numbers; called, it is ready to."""

    condition: Condition

    def __call__(self) -> "Callable[[Sequence[int]], Iterator[Pair]]":
        """What gives each pair's shape, what is true of it, its pose, and its pattern's features."""
        polar, source = Polar(), self.condition.source()
        return lambda numbers: (self._pair(source(number), polar) for number in numbers)

    def _pair(self, sample: Sample, polar: Polar) -> "Pair":
        system = self.condition.system
        seen, live = sample["pattern"][None], live_of(sample, system)[None]
        features = pattern_features(seen, live, system.imaging.window, polar)
        return sample["shape"].astype(np.float32), truth_of(sample), pose_of(sample), features


Pair = tuple[np.ndarray, dict[str, float], dict[str, float], Features]


def learn(
    condition: Condition,
    count: int = TRAINING,
    tick: Tick = unheard,
    machines: Machines = HERE,
) -> Training:
    """Take training pairs as the condition measures them; `tick` is called after each.

    They are shared out among the machines. Raises ArgandError for one that a process has died of.
    """
    system, window = condition.system, condition.system.imaging.window
    numbers, polar = condition.numbers("train", count), Polar()
    found: dict[int, Pair] = {}
    with Crew(machines, PairWork(condition)) as crew:
        for number, pair in crew.results(in_chunks(numbers, machines, _CHUNK)):
            if isinstance(pair, Died):
                raise ArgandError(f"training pair {number}: {pair.text}")
            found[number] = pair
            tick(1, "")
    shapes, truth, pose, features = zip(*(found[number] for number in numbers), strict=True)
    turns = torch.from_numpy(np.radians(columns(pose)["rotation_deg"])).float()
    whole = torch.from_numpy(np.stack(shapes))
    electrons = whole.sum((1, 2))
    whole /= electrons[:, None, None]
    expected = shifted(polar_patterns(expected_patterns(whole, system), window, polar), -turns)
    for first in range(0, len(whole), _AT_ONCE):
        some = slice(first, first + _AT_ONCE)
        whole[some] = turned_each(whole[some], -turns[some])
    return Training(window, whole, columns(truth), electrons.numpy(), expected, Features.joined(features))


def turned_each(shapes: Shapes, turns: Float[Tensor, " n"]) -> Shapes:
    """Images [slow, fast], each turned from fast towards slow by its angle in radians about the middle."""
    cos, sin = turns.cos(), turns.sin()
    zero = torch.zeros_like(cos)
    affine = torch.stack([torch.stack([cos, sin, zero], 1), torch.stack([-sin, cos, zero], 1)], 1)
    grid = F.affine_grid(affine, [len(shapes), 1, *shapes.shape[1:]], align_corners=False)
    return F.grid_sample(shapes[:, None], grid, mode="bicubic", align_corners=False)[:, 0]


def expected_patterns(shapes: Shapes, system: Molmnist) -> Float[Tensor, "n slow fast"]:
    """Patterns of shapes without noise or gaps, with the mean blur and background of the detector."""
    imaging, size = system.imaging, system.imaging.window.size
    factor = torch.ones(size, size)
    if imaging.projection == "form-factors":
        axis = torch.arange(size)
        factor = response(imaging.window)[:, torch.minimum(axis, size - axis)].square()
    seen = torch.empty_like(shapes)
    for row, shape in enumerate(shapes):
        intensity = torch.fft.fftshift(torch.fft.fft2(shape).abs().square() * factor).double().numpy()
        seen[row] = torch.from_numpy(_seen(intensity, system)).float()
    return seen


def _seen(intensity: Float[np.ndarray, "slow fast"], system: Molmnist) -> Float[np.ndarray, "slow fast"]:
    """An intensity through an average exposure."""
    imaging = system.imaging
    detector = system.detector
    if detector is None:
        return measure(intensity, _noiseless(imaging), np.random.default_rng(0))
    background = float(np.sqrt(detector.background[0] * detector.background[1]))
    exposure = Exposure(1.0, background, float(np.mean(detector.blur_px)), imaging.window.q > 0)
    return expected_shares(intensity, exposure, detector, imaging.window)


def _noiseless(imaging: Imaging) -> Imaging:
    return replace(imaging, photons=None, beam_stop=0.0)


def polar_patterns(
    patterns: Float[Tensor, "n slow fast"], window: Window, polar: Polar
) -> Float[Tensor, "n radius azimuth"]:
    """Patterns without gaps in polar coordinates, but for q = 0."""
    live = torch.from_numpy(window.q > 0).float()
    step = 2 * np.pi / window.side
    parts = [
        polar(some[:, None], live.expand(len(some), 1, -1, -1), step)[:, 0]
        for some in patterns.split(_AT_ONCE)
    ]
    return torch.cat(parts)


def _means(values: Tensor, member: Int[Tensor, " n"], count: int) -> Tensor:
    """Mean of the values of each class."""
    total = torch.zeros(count, *values.shape[1:]).index_add_(0, member, values)
    return total / torch.bincount(member, minlength=count)[:, None, None]


def _means_of(name: str, values: np.ndarray, member: np.ndarray) -> np.ndarray:
    """Mean of a truth over each class, on a logarithmic scale for numbers of chains."""
    known = np.log(values) if name == "chains" else values
    mean = np.bincount(member, known) / np.bincount(member)
    return np.exp(mean) if name == "chains" else mean
