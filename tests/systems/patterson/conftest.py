"""A stand-in for the trained network: the ideal density, known because the maps are simulated."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from argand.systems.patterson.maps.superposition import PairFrame, target, unfold
from argand.systems.patterson.predict import Predictor
from argand.systems.patterson.presets import PRESETS
from argand.systems.patterson.published.ablation import Arm, Curve
from argand.systems.patterson.simulate import AtomSet, MapBatch, simulate_batch

SET = AtomSet(atoms=6, box=32, inner_box=10.0)


class IdealPredictor(Predictor):
    """Knows the true atoms of the maps of `batch`, and thus what a perfect network would answer."""

    def __init__(self, batch: MapBatch, settings: AtomSet = SET) -> None:
        system = PRESETS["best"]
        super().__init__(system, system.network())
        self.settings, self.batch = settings, batch

    def densities(self, patterson: torch.Tensor, vector: torch.Tensor, frame: PairFrame) -> torch.Tensor:
        rows = torch.cdist(patterson.flatten(1), self.batch.patterson.flatten(1)).argmin(1)
        positions = self.batch.positions[rows].float()
        return unfold(target(positions, vector, frame)[:, 0])


@pytest.fixture(autouse=True)
def one_core(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without --processes all is done in this process, however long it takes: others know no stand-ins."""
    monkeypatch.setattr("argand.crew.available_cores", lambda: 1)


@pytest.fixture(scope="session")
def maps() -> MapBatch:
    """A few simulated maps of six atoms."""
    return simulate_batch(SET, range(6), 11)


@pytest.fixture
def curve() -> Callable[[Arm], Curve]:
    """Makes the learning curve of an arm as training leaves it."""

    def make(arm: Arm) -> Curve:
        points = [[1, 1.0], [10, 0.4]]
        named = {"arm": arm.name, "network": arm.network, "variant": arm.variant}
        spent = {"weights": 1000, "steps": 10, "batch": 8, "core_minutes": 5.0, "mean_map": 0.9}
        spent["hand_unknown"] = 0.45 if arm.variant.startswith("no images") else None
        return named | spent | {"train": points, "val": points}

    return make


@pytest.fixture
def ideal(maps: MapBatch) -> IdealPredictor:
    """A predictor whose network makes no errors on these maps."""
    return IdealPredictor(maps)


@pytest.fixture
def map_files(tmp_path: Path, maps: MapBatch) -> list[Path]:
    """The first two maps as files."""
    files = [tmp_path / f"map{number}.npy" for number in range(2)]
    for file, one in zip(files, maps.patterson, strict=False):
        np.save(file, one.numpy())
    return files
