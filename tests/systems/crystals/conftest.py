"""The command line of crystals, and a processor on which the same work takes the same time everywhere."""

import sys
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from argand.cli import build
from argand.physics.crystal.matching_pursuit import Pursuit
from argand.systems.crystals.latent.decoding import encode_verified

NS_PER_WAVE = 35.0
"""What one exp(2 pi i h·x) takes with all that is done with it; about as measured in 2026."""


@dataclass
class Processor:
    """Stands in for the module `time` where a search looks at it; time goes on with the waves computed."""

    seconds: float = 0.0

    def thread_time(self) -> float:
        self.seconds += 1e-9
        return self.seconds

    def timed(self, waves: Callable) -> Callable:
        """A function of indices and places that takes its time."""

        def compute(hkl: np.ndarray, frac: np.ndarray) -> np.ndarray:
            self.seconds += 1e-9 * NS_PER_WAVE * len(hkl) * len(frac)
            return waves(hkl, frac)

        return compute


@pytest.fixture(autouse=True)
def one_core(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without --processes all is done in this process, however long it takes: others know no stand-ins."""
    monkeypatch.setattr("argand.crew.available_cores", lambda: 1)


@pytest.fixture(autouse=True)
def processor(monkeypatch: pytest.MonkeyPatch) -> Processor:
    """What the searches of every test in this folder run on."""
    processor, search = Processor(), sys.modules[Pursuit.__module__]
    for name in ("waves", "single_waves", "wave_sums"):
        monkeypatch.setattr(search, name, processor.timed(getattr(search, name)))
    for module in (search, sys.modules[encode_verified.__module__]):
        monkeypatch.setattr(module, "time", processor)
    return processor


@pytest.fixture
def run() -> Callable[..., Result]:
    """Runs `argand crystals` with some arguments."""

    def call(*words: object) -> Result:
        return CliRunner().invoke(
            build({"crystals": "argand.systems.crystals"}), ["crystals", *map(str, words)]
        )

    return call
