"""Many files, one answer each: bad files are told and passed over, frames of one geometry are pooled."""

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np

from argand.errors import ArgandError
from argand.io.expt import ExptImages
from argand.io.image import Frame, inputs_with_models, read_frames, split_selection
from argand.io.suffix import MANY_IMAGES
from argand.runs.course import UNEXPECTED, Failure, attempted
from argand.systems.geometry.refine.options import PLAIN, Options
from argand.systems.geometry.refine.prediction import Prediction
from argand.typing import Mask

KEPT_BYTES = 400_000_000
"""Bytes of pixels that are kept for pooling; frames beyond wait on disk, so that memory does not grow with
their number. By hand: about a dozen frames of a 6M detector in 32 bits with their masks."""

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
    started = time.perf_counter()
    for frame in read_frames(file, model=model, **vars(stated)):
        prediction = predictor.predict_frame(frame, options)
        now = time.perf_counter()
        yield FrameAnswer(frame, replace(prediction, seconds=now - started))
        started = time.perf_counter()


@dataclass
class FrameStore(Sequence[Frame]):
    """Frames to be pooled: the pixels of the first ones in memory, others read again on demand.

    `mask` and `geometry` are what the user gave to read the frames with.
    """

    mask: Mask | None = None
    geometry: Path | None = None
    frames: list[Frame] = field(default_factory=list)
    kept_bytes: int = 0

    def add(self, frame: Frame) -> None:
        """Append a frame."""
        size = frame.data.nbytes + frame.mask.nbytes
        fits = self.kept_bytes + size <= KEPT_BYTES
        self.kept_bytes += size if fits else 0
        self.frames.append(frame if fits else _without_pixels(frame))

    def __len__(self) -> int:
        return len(self.frames)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return [self[number] for number in range(*index.indices(len(self)))]
        kept = self.frames[index]
        if kept.data.size:
            return kept
        name = f"{kept.path}#{kept.index}"
        again = next(read_frames(name, mask=self.mask, geometry=self.geometry or kept.panels))
        return replace(kept, data=again.data, mask=again.mask)


def _without_pixels(frame: Frame) -> Frame:
    return replace(frame, data=np.empty((0, 0), frame.data.dtype), mask=np.empty((0, 0), bool))


@dataclass
class FrameGroup:
    """Frames whose headers state one geometry, and their answers."""

    frames: FrameStore
    predictions: list[Prediction] = field(default_factory=list)

    def add(self, answer: FrameAnswer) -> None:
        """Append an answer."""
        self.frames.add(answer.frame)
        self.predictions.append(answer.prediction)

    @property
    def files(self) -> list[str]:
        """Files of the frames, each once."""
        return list(dict.fromkeys(prediction.file for prediction in self.predictions))


class FrameGroups:
    """Answers sorted by geometry as they come; `mask` and `geometry` are what their frames are read with."""

    def __init__(self, mask: Mask | None = None, geometry: Path | None = None) -> None:
        self.mask, self.geometry = mask, geometry
        self._groups: dict[tuple[Any, ...], FrameGroup] = {}

    def add(self, answer: FrameAnswer) -> None:
        """Sort an answer to those of its geometry."""
        key = geometry_key(answer.frame)
        self._groups.setdefault(key, FrameGroup(FrameStore(self.mask, self.geometry))).add(answer)

    def pooled(
        self, predictor: BatchPredictor, options: Options = PLAIN
    ) -> Iterator[tuple[FrameGroup, Prediction | Failure]]:
        """One answer for each group of two frames or more; a Failure where they cannot be pooled."""
        for group in self._groups.values():
            if len(group.predictions) < 2:
                continue
            try:
                yield group, predictor.pool(group.frames, group.predictions, options)
            except ArgandError as error:
                yield group, Failure("pooled", f"pooled: {error}")


def geometry_key(frame: Frame) -> tuple[Any, ...]:
    """What frames of one detector position have in common, as their headers state it.

    Rounded (by hand) to 10 nm of pixel size, 0.01 mm, 0.0001 Å, 0.01° and 0.1 px: finer than a move of the
    detector that matters, coarser than what headers of one position differ by in their last digit.
    """

    def rounded(value: Any, digits: int) -> Any:
        values = value if isinstance(value, tuple) else (value,)
        return tuple(None if v is None else round(float(v), digits) for v in values)

    return (
        frame.shape,
        rounded(frame.pixel_size_mm, 5),
        rounded(frame.distance_mm, 2),
        rounded(frame.wavelength, 4),
        rounded(frame.two_theta_deg, 2),
        rounded(frame.header_beam_centre_px, 1),
        frame.panels and len(frame.panels.panels),
    )
