"""What every predictor offers: answers to patterns of one kind, and shapes refined by phase retrieval."""

from abc import ABC, abstractmethod
from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Shaped
from torch import nn

from argand.physics.coherent.projection import Radiation, Window
from argand.systems.molmnist.inversion.phase_refinement import refined_shapes
from argand.systems.molmnist.inversion.prediction import WINDOW_SIDE, Prediction
from argand.systems.molmnist.inversion.shape_fit import MeasuredPattern, residual


class PatternPredictor(ABC):
    """Answers patterns; `radiation` is that of the measurement, `together` the number answered at a time."""

    network: nn.Module
    radiation: Radiation
    together: int

    @abstractmethod
    def measured_by(self, radiation: Radiation) -> "PatternPredictor":
        """The same for patterns of another radiation."""

    @abstractmethod
    def predict_many(
        self,
        patterns: Shaped[np.ndarray, "..."],
        live: Shaped[np.ndarray, "..."] | None = None,
        window_side: float = WINDOW_SIDE,
    ) -> list[Prediction]:
        """Answers to patterns [n, slow, fast] of one window (side in Å), q = 0 in pixel [n // 2, n // 2]."""

    @torch.inference_mode()
    def polished(self, answer: Prediction, rounds: int) -> Prediction:
        """An answer whose shape is refined by rounds of phase retrieval; its notes state the residual."""
        live, window = answer.live, Window(answer.window_side, len(answer.pattern))
        shape = refined_shapes(answer.pattern[None], live, answer.shape[None], rounds, window.side)[0]
        measured = MeasuredPattern(answer.pattern, live, window, window.pixel, self.radiation)
        left = residual(measured, measured.waves(torch.from_numpy(shape)[None], 0.0)[0])
        # Phase retrieval fits any pattern, so the verdict stays that on the answer before.
        note = f"shape refined by {rounds} rounds of phase retrieval to a residual of {left:.3f}"
        return replace(answer, shape=shape, notes=(*answer.notes, note))
