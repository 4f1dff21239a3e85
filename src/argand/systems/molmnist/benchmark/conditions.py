"""What the tasks are measured on: pairs of the test split of `standard`, measured in five ways."""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float, Int

from argand.errors import ConfigError
from argand.physics.coherent.projection import Window
from argand.system import near_match
from argand.systems.molmnist.ensemble.elastic_ensemble import ensemble
from argand.systems.molmnist.presets import PRESETS
from argand.systems.molmnist.system import SPLITS, Molmnist

SEED = 0
"""That of the set `standard` (`dataset.SEED`), whose first test pairs these are."""
BEAM_STOP = 0.06
"""1/Å; by hand, two pixels of a window of 200 Å: half of the central speckle of 6x6 or hexagonal-36, most of
9x9's."""
SMALL_WINDOW = Window(100.0, 200)
"""100 Å on 200 pixels of 0.5 Å: 1.36 times as wide as 9x9, where phase retrieval wants twice."""


def conditions(system: Molmnist) -> dict[str, Molmnist]:
    """The same pairs, measured in each of the ways."""
    changes = {
        "noise-free": {},
        "1e6-photons": {"photons": 1e6},
        "1e4-photons": {"photons": 1e4},
        "beam-stop": {"photons": 1e4, "beam_stop": BEAM_STOP},
        "small-window": {"window": SMALL_WINDOW},
    }
    return {
        name: replace(system, imaging=replace(system.imaging, **change)) for name, change in changes.items()
    }


CONDITIONS = conditions(PRESETS["standard"])
"""`beam-stop` has 10⁴ photons too; `small-window` is 100 Å at 0.5 Å, noise-free, and gives no support.

How many photons is by hand: at 10⁴ classical retrieval loses 6 dB, at 10⁶ half of that
(benchmarks/molmnist_tasks.py)."""


def condition(name: str) -> Molmnist:
    """The system of a condition by name; ConfigError for a name that is none."""
    if name not in CONDITIONS:
        known = ", ".join(CONDITIONS)
        raise ConfigError(f"no condition is called '{name}'{near_match(name, CONDITIONS)}; there are {known}")
    return CONDITIONS[name]


@dataclass(frozen=True)
class Trials:
    """Pairs of one split: what a model is given, and what it is to find.

    `live` says which pixels are measured, `fibril` the number in FIBRILS.
    """

    window: Window
    live: Bool[np.ndarray, "slow fast"]
    patterns: Float[np.ndarray, "n slow fast"]
    shapes: Float[np.ndarray, "n slow fast"]
    fibril: Int[np.ndarray, " n"]
    twist_deg_per_nm: Float[np.ndarray, " n"]

    def __len__(self) -> int:
        return len(self.patterns)


def pair_numbers(system: Molmnist, split: str, count: int) -> list[int]:
    """Indices of the first `count` samples of a split, of the fibrils in turn."""
    source, kinds = ensemble(system.fibrils[0], system.length), len(system.fibrils)
    found: list[int] = []
    draw = 0
    while len(found) < count:
        if source.split(draw) == SPLITS.index(split):
            found += range(draw * kinds, (draw + 1) * kinds)
        draw += 1
    return found[:count]


def simulate_pairs(system: Molmnist, numbers: list[int]) -> Trials:
    """The pairs of these indices, patterns as the system's imaging measures them."""
    samples = [system.simulate(index, SEED) for index in numbers]
    kinds = {"pattern": np.float32, "shape": np.float32, "fibril": np.int64, "twist_deg_per_nm": np.float32}
    arrays = {
        name: np.stack([sample[name] for sample in samples]).astype(kind) for name, kind in kinds.items()
    }
    return Trials(
        system.imaging.window,
        system.imaging.live,
        arrays["pattern"],
        arrays["shape"],
        arrays["fibril"],
        arrays["twist_deg_per_nm"],
    )


def unseen_pairs(system: Molmnist, count: int) -> Trials:
    """The first pairs of the test split."""
    return simulate_pairs(system, pair_numbers(system, "test", count))
