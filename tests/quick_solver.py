"""A predictor of Patterson maps that other processes can import: it takes the highest voxels for atoms."""

import os
import signal
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from argand.systems.patterson.maps.map_input import require_cube
from argand.systems.patterson.maps.prediction import Prediction, Solutions
from argand.systems.patterson.predict import Predictor


class QuickSolver(Predictor):
    """Fails at maps of `broken` voxels a side, and ends its process at those of `deadly`.

    A set of `odd` maps at once has no answer. Files in `folder` tell what was asked.
    """

    def __init__(
        self,
        broken: int = 0,
        deadly: int = 0,
        odd: int = 0,
        seconds: float = 0.0,
        folder: Path | None = None,
    ) -> None:
        self.broken, self.deadly, self.odd = broken, deadly, odd
        self.seconds, self.folder = seconds, folder

    def predict(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, patterson: np.ndarray, atoms: int | None = None, **told: Any
    ) -> Prediction:
        """Places of the highest voxels."""
        if self.folder is not None:
            (self.folder / f"asked-{time.monotonic_ns()}").touch()
        time.sleep(self.seconds)
        values = require_cube(patterson)
        if len(values) == self.deadly:
            os.kill(os.getpid(), signal.SIGKILL)
        if len(values) == self.broken:
            raise MemoryError("too large for this machine")
        rows = np.argsort(values.ravel(), kind="stable")[-(atoms or 3) :]
        places = np.stack(np.unravel_index(rows, values.shape), -1).astype(np.float32)
        return Prediction(places, True, 0.0, "network", 1, reason="as told", box=patterson.shape)

    def solve(self, patterson: Tensor, atoms: int) -> Solutions:  # pyright: ignore
        """The same of several maps."""
        if len(patterson) == self.odd:
            raise ArithmeticError("nobody thought of so many")
        found = Solutions.none(len(patterson), atoms)
        top = patterson.flatten(1).topk(atoms).indices
        side = patterson.shape[-1]
        places = torch.stack([top // side**2, top // side % side, top % side], -1).float()
        everything = torch.arange(len(patterson))
        found.take(everything, places, torch.zeros(len(patterson)), everything % 2 == 0, "network")
        return found

    read = solve  # pyright: ignore
