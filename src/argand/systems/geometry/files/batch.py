"""The images of files and the answers for them; a bad file is told and passed over."""

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol, runtime_checkable

from argand.errors import ArgandError
from argand.io.expt import ExptImages
from argand.io.image import Frame, inputs_with_models, read_frames, split_selection
from argand.io.suffix import MANY_IMAGES
from argand.runs.course import UNEXPECTED, Failure, attempted
from argand.systems.geometry.refine.options import PLAIN, Options
from argand.systems.geometry.refine.prediction import Prediction
from argand.typing import Mask

ERRORS = (ArgandError, OSError, *UNEXPECTED)
"""What makes a file fail; any other error ends the run."""


@runtime_checkable
class BatchPredictor(Protocol):
    """What answers for frames."""

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
    """What the user states in place of the headers: Å, mm, (fast, slow) mm, True = usable, degrees.

    `geometry` is a file that says where the detector's panels stand.
    """

    wavelength: float | None = None
    distance_mm: float | None = None
    pixel_size_mm: tuple[float, float] | None = None
    mask: Mask | None = None
    two_theta_deg: float | None = None
    geometry: Path | None = None


@dataclass(frozen=True)
class FrameAnswer:
    """A frame and what was predicted for it."""

    frame: Frame
    prediction: Prediction


def expand(patterns: Iterable[str]) -> tuple[dict[str, ExptImages | None], list[Failure]]:
    """Image files that the patterns name, each with its current model if it has one, and bad patterns."""
    files: dict[str, ExptImages | None] = {}
    failures = []
    for pattern in patterns:
        try:
            found = inputs_with_models([pattern])
        except ArgandError as error:
            failures.append(Failure.of(pattern, error))
            continue
        files |= {file: files.get(file) or model for file, model in found.items()}
    return files, failures


def count_frames(file: str) -> int:
    """How many images a file holds, as far as that is known without reading them; 1 when it is not."""
    path, wanted = split_selection(file)
    if wanted is not None:
        return len(wanted)
    if not MANY_IMAGES.search(path.split("#")[0]):
        return 1
    from argand.io.formats import open_stack

    try:
        stack = open_stack(path)
    except ArgandError:
        return 1
    stack.close()
    return stack.count


def answer_file(
    file: str,
    predictor: BatchPredictor,
    stated: Stated,
    options: Options = PLAIN,
    model: ExptImages | None = None,
) -> Iterator[FrameAnswer | Failure]:
    """An answer for each image of a file, as `answer_frames`; a failure ends the file."""
    return attempted(file, lambda: answer_frames(file, predictor, stated, options, model), ERRORS)


def answer_frames(
    file: str,
    predictor: BatchPredictor,
    stated: Stated,
    options: Options = PLAIN,
    model: ExptImages | None = None,
) -> Iterator[FrameAnswer]:
    """An answer for each image of a file, reading included in its seconds; raises ERRORS.

    The current `model` of the file's images stands in place of their headers.
    """
    began = time.perf_counter()
    for frame in read_frames(file, model=model, **vars(stated)):
        yield answer_frame(frame, predictor, options, began)
        began = time.perf_counter()


def answer_frame(frame: Frame, predictor: BatchPredictor, options: Options, began: float) -> FrameAnswer:
    """The answer for a frame; its seconds count from `began`, when its reading began (`perf_counter`)."""
    prediction = predictor.predict_frame(frame, options)
    return FrameAnswer(frame, replace(prediction, seconds=time.perf_counter() - began))
