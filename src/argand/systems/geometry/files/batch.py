"""The images of files and the answers for them; a bad file is reported and skipped."""

import logging
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol, runtime_checkable

from argand.io.expt import ExptImages
from argand.io.image import Frame, inputs_with_models
from argand.runs.course import Failure
from argand.systems.geometry.refine.options import PLAIN, Options
from argand.systems.geometry.refine.prediction import Prediction
from argand.typing import Mask

logger = logging.getLogger(__name__)


@runtime_checkable
class BatchPredictor(Protocol):
    """Anything that predicts frames."""

    def predict_frame(self, frame: Frame, options: Options = PLAIN) -> Prediction:
        """Answer for one frame."""
        ...

    def pool(
        self, frames: Sequence[Frame], predictions: Sequence[Prediction], options: Options = PLAIN
    ) -> Prediction:
        """Answer for several frames of one geometry."""
        ...


@dataclass(frozen=True)
class Stated:
    """Values of the user that replace those of the headers: Å, mm, (fast, slow) mm, True = usable, degrees.

    `geometry` is a file with the positions of the detector's panels.
    """

    wavelength: float | None = None
    distance_mm: float | None = None
    pixel_size_mm: tuple[float, float] | None = None
    mask: Mask | None = None
    two_theta_deg: float | None = None
    geometry: Path | None = None


@dataclass(frozen=True)
class FrameAnswer:
    """A frame and the prediction for it."""

    frame: Frame
    prediction: Prediction


def expand(patterns: Iterable[str]) -> tuple[dict[str, ExptImages | None], list[Failure]]:
    """Image files that match the patterns, each with its current model if any, and the bad patterns."""
    files: dict[str, ExptImages | None] = {}
    failures = []
    for pattern in patterns:
        try:
            found = inputs_with_models([pattern])
        except Exception as error:
            logger.debug("%s", pattern, exc_info=True)
            failures.append(Failure.of(pattern, error))
            continue
        files |= {file: files.get(file) or model for file, model in found.items()}
    return files, failures


def stack_count(path: str) -> int:
    """Number of images in a file according to its headers; 0 if it cannot be opened."""
    from argand.io.formats import open_stack

    try:
        stack = open_stack(path)
    except Exception:
        # The error is reported when the file is read.
        logger.debug("%s", path, exc_info=True)
        return 0
    stack.close()
    return stack.count


def answer_frame(frame: Frame, predictor: BatchPredictor, options: Options, began: float) -> FrameAnswer:
    """The answer for a frame; its seconds count from `began`, the start of its reading (`perf_counter`)."""
    prediction = predictor.predict_frame(frame, options)
    return FrameAnswer(frame, replace(prediction, seconds=time.perf_counter() - began))
