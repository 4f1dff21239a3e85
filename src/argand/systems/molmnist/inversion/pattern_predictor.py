"""What every predictor does alike: centring before the network, and polishing after the answer."""

from abc import ABC, abstractmethod
from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Shaped

from argand.physics.coherent.projection import Radiation, Window
from argand.systems.molmnist.inversion.centring import centred
from argand.systems.molmnist.inversion.phase_refinement import refined_shapes
from argand.systems.molmnist.inversion.prediction import ASSUMED, WINDOW_SIDE, Prediction, with_length
from argand.systems.molmnist.inversion.shape_fit import MeasuredPattern, residual


class PatternPredictor(ABC):
    """Answers patterns; `radiation` is what measured them, `together` how many are asked at a time."""

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

    def predict(
        self,
        pattern: Shaped[np.ndarray, "..."],
        live: Shaped[np.ndarray, "..."] | None = None,
        window_side: float | None = None,
        rounds: int = 0,
        length: float | None = None,
    ) -> Prediction:
        """The answer to one pattern [slow, fast] of a window of this side in Å; by default 200 is assumed.

        `length` in Å is that of the object, by which the turn between its ends is a twist. The pattern is
        recentred where q = 0 is not in pixel [n // 2, n // 2]. With `rounds`, the shape is polished by so
        many rounds of phase retrieval. Raises InputError for what is no pattern, or a window that has no
        answer.
        """
        values, seen, notes = centred(pattern, live)
        answer = self.predict_many(values[None], seen, window_side or WINDOW_SIDE)[0]
        if window_side is None:
            answer = replace(answer, window_from="assumed", notes=(ASSUMED, *answer.notes))
        answer = with_length(replace(answer, notes=(*notes, *answer.notes)), length)
        return self.polished(answer, rounds) if rounds else answer

    @torch.inference_mode()
    def polished(self, answer: Prediction, rounds: int) -> Prediction:
        """An answer whose shape phase retrieval has gone on with; its notes say what residual that leaves."""
        live, window = answer.live, Window(answer.window_side, len(answer.pattern))
        shape = refined_shapes(answer.pattern[None], live, answer.shape[None], rounds, window.side)[0]
        measured = MeasuredPattern(answer.pattern, live, window, window.pixel, self.radiation)
        left = residual(measured, measured.waves(torch.from_numpy(shape)[None], 0.0)[0])
        # Phase retrieval fits any pattern, so the verdict stays that on the answer it began with.
        note = f"shape polished by {rounds} rounds of phase retrieval, which leave a residual of {left:.3f}"
        return replace(answer, shape=shape, notes=(*answer.notes, note))
