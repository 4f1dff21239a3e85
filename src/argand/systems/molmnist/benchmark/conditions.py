"""Test pairs of the tasks: those of a set under each of its conditions, or as a file has them."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import count as naturals
from itertools import islice
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float

from argand.errors import ConfigError, InputError
from argand.physics.coherent.projection import Window
from argand.system import near_match
from argand.systems.molmnist.benchmark.dataset import SEED
from argand.systems.molmnist.benchmark.pairs import open_pairs
from argand.systems.molmnist.benchmark.phase import Tick, unheard
from argand.systems.molmnist.ensemble.elastic_ensemble import ensemble
from argand.systems.molmnist.presets import PRESETS
from argand.systems.molmnist.system import SPLITS, Molmnist, Sample

BEAM_STOP = 0.06
"""1/Å; by hand, two pixels of a window of 200 Å: half of the central speckle of 6x6 or hexagonal-36, most of
9x9's."""
SMALL_WINDOW = Window(100.0, 200)
"""100 Å on 200 pixels of 0.5 Å: 1.36 times as wide as 9x9, where phase retrieval wants twice."""
NO_BACKGROUND = 1e-12
"""Share of the photons; it must not be 0, whose logarithm is taken. By hand: a billionth of the least of
`hard`, and less than any pixel's share that is not 0."""
PHOTONS = {"1e6-photons": 1e6, "1e4-photons": 1e4, "1e3-photons": 1e3, "1e2-photons": 1e2}
"""Conditions of `hard` with one number of photons: from enough for classical methods to so few that they show
little more than the size; by hand."""
AS_STORED = "as stored"
"""The one condition of a set in a file."""
_TRUTHS = (
    ("chains", "outline", "turn_deg"),
    ("fibril", "twist_deg_per_nm"),
    ("kind",),
)
"""What a sample says of a bundle, of one of the ten fibrils, or of an object of one's own."""
_POSE = ("rotation_deg", "background")


@dataclass(frozen=True)
class Condition:
    """Pairs of a set under one condition: simulated by `system`, or read from the file `stored`."""

    name: str
    system: Molmnist
    stored: Path | None = None

    def samples(self, split: str, count: int) -> Iterator[Sample]:
        """The first `count` samples of a split, or as many as a file has; InputError where it has none."""
        yield from map(self.source(), self.numbers(split, count))

    def numbers(self, split: str, count: int) -> list[int]:
        """Numbers of the same samples, as `source` takes them; InputError as `samples`."""
        if self.stored is None:
            return list(islice(split_numbers(self.system, split), count))
        pairs = open_pairs(self.stored, split)
        if not len(pairs):
            raise InputError(f"{self.stored}: the split '{split}' has no pairs; simulate more")
        return [int(row) for row in pairs.rows[:count]]

    def source(self) -> Callable[[int], Sample]:
        """What gives the sample of a number."""
        if self.stored is None:
            return lambda index: self.system.simulate(index, SEED)
        stored = open_pairs(self.stored).source
        return lambda row: stored[row]


def standard_conditions(system: Molmnist) -> dict[str, Molmnist]:
    """The pairs of `standard` under five conditions, and those of the published set."""
    changes = {
        "noise-free": {},
        "1e6-photons": {"photons": 1e6},
        "1e4-photons": {"photons": 1e4},
        "beam-stop": {"photons": 1e4, "beam_stop": BEAM_STOP},
        "small-window": {"window": SMALL_WINDOW},
        "published-set": {"projection": "histogram", "rotate": False, "normalise": False},
    }
    return {
        name: replace(system, imaging=replace(system.imaging, **change)) for name, change in changes.items()
    }


def hard_conditions(system: Molmnist) -> dict[str, Molmnist]:
    """The pairs of `hard` as drawn, at single numbers of photons, and with an ideal detector.

    A detector draws as many random numbers whatever its ranges: only the counts differ between conditions.
    """
    detector = system.detector
    if detector is None:
        raise ConfigError("the set has no detector, hence no conditions")
    clean = replace(
        detector,
        background=(NO_BACKGROUND, NO_BACKGROUND),
        blur_px=(0.0, 0.0),
        beam_stop=(0.0, 0.0),
        gaps=0.0,
        counted=False,
    )
    fixed = {name: replace(detector, photons=(dose, dose)) for name, dose in PHOTONS.items()}
    each = {"as-drawn": detector, **fixed, "clean": clean}
    return {name: replace(system, detector=one) for name, one in each.items()}


CONDITIONS = {
    "standard": standard_conditions(PRESETS["standard"]),
    "hard": hard_conditions(PRESETS["hard"]),
}
"""Of each set. `beam-stop` has 10⁴ photons too; `small-window` is 100 Å at 0.5 Å, noise-free, and gives no
support; `published-set` is aligned, |FFT|² of the electrons per pixel (Zhang et al., arXiv 1911.07644).

How many photons is by hand: at 10⁴ classical retrieval loses 6 dB of `standard`, at 10⁶ half of that
(benchmarks/molmnist_tasks.py)."""


def set_conditions(name: str, chosen: Iterable[str] = ()) -> list[Condition]:
    """Conditions of a set by its name or file, all or those of these names.

    ConfigError for a name that is none, InputError for a file that cannot be read.
    """
    if name not in CONDITIONS:
        if not Path(name).is_file():
            known = ", ".join(CONDITIONS)
            raise ConfigError(
                f"unknown set '{name}'{near_match(name, CONDITIONS)}; choose {known}, or give a file"
            )
        known = {AS_STORED: Condition(AS_STORED, open_pairs(Path(name)).system, Path(name))}
    else:
        known = {one: Condition(one, system) for one, system in CONDITIONS[name].items()}
    for one in chosen:
        if one not in known:
            raise ConfigError(
                f"unknown condition '{one}'{near_match(one, known)}; choose from {', '.join(known)}"
            )
    return [known[one] for one in chosen or known]


@dataclass(frozen=True)
class Trials:
    """Pairs of one split: what a model is given, and what it is to find.

    `live` says which pixels of each pattern are measured. `truth` has what the set knows, by the name of the
    answer: `fibril` (number in FIBRILS) and `twist_deg_per_nm` (its magnitude, as a projection does not tell
    the hand), or `chains`, `outline` (number in OUTLINES) and `turn_deg`, or the `kind` of another object.
    `pose` has what is told to some baselines: `rotation_deg` about the beam, and the share `background` of
    the photons. Without `form_factors` the patterns are transforms of the shapes themselves.
    """

    window: Window
    live: Bool[np.ndarray, "n slow fast"]
    patterns: Float[np.ndarray, "n slow fast"]
    shapes: Float[np.ndarray, "n slow fast"]
    truth: dict[str, Float[np.ndarray, " n"]]
    pose: dict[str, Float[np.ndarray, " n"]]
    form_factors: bool = True

    def __len__(self) -> int:
        return len(self.patterns)


def split_numbers(system: Molmnist, split: str) -> Iterator[int]:
    """Indices of the samples of a split, one after the other; of a set of fibrils those in turn."""
    wanted, kinds = SPLITS.index(split), len(system.fibrils)
    if system.bundles is not None:
        yield from (index for index in naturals() if max(index % 10 - 7, 0) == wanted)
    source = ensemble(system.fibrils[0], system.length)
    for draw in naturals():
        if source.split(draw) == wanted:
            yield from range(draw * kinds, (draw + 1) * kinds)


def truth_of(sample: Sample) -> dict[str, float]:
    """What a sample says of its object beside the shape."""
    for names in _TRUTHS:
        if set(names) <= set(sample):
            return {name: abs(float(sample[name])) for name in names}
    # Nothing but a shape: all are of one kind.
    return {"kind": 0.0}


def pose_of(sample: Sample) -> dict[str, float]:
    """Rotation and background of a sample, 0 where it does not say."""
    return {name: float(sample.get(name, 0.0)) for name in _POSE}


def live_of(sample: Sample, system: Molmnist) -> Bool[np.ndarray, "slow fast"]:
    """Pixels that are measured: the sample's own, or those of the system's imaging."""
    return np.asarray(sample.get("live", system.imaging.live), bool)


def columns(rows: Iterable[dict[str, float]]) -> dict[str, Float[np.ndarray, " n"]]:
    """Rows as one array a name."""
    rows = list(rows)
    return {name: np.array([row[name] for row in rows]) for name in rows[0]}


def trials_of(condition: Condition, split: str, count: int, tick: Tick = unheard) -> Trials:
    """The first pairs of a split, as the condition measures them; `tick` is called after each."""
    samples: list[Sample] = []
    for sample in condition.samples(split, count):
        samples.append(sample)
        tick(1, "")
    system = condition.system
    return Trials(
        system.imaging.window,
        np.stack([live_of(one, system) for one in samples]),
        np.stack([one["pattern"] for one in samples]).astype(np.float32),
        np.stack([one["shape"] for one in samples]).astype(np.float32),
        columns(map(truth_of, samples)),
        columns(map(pose_of, samples)),
        system.imaging.projection == "form-factors",
    )


def unseen_pairs(condition: Condition, count: int, tick: Tick = unheard) -> Trials:
    """The first pairs of the test split; `tick` is called after each."""
    return trials_of(condition, "test", count, tick)
