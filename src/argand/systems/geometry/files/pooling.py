"""Answers sorted by detector position, and one answer for all images of each position."""

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Any

from argand.crew import HERE, Crew, Machines
from argand.io.expt import ExptImages
from argand.io.image import Frame, read_frames
from argand.progress import ProgressDisplay
from argand.runs.course import Failure, worked
from argand.systems.geometry.files.batch import BatchPredictor, Stated
from argand.systems.geometry.refine.options import PLAIN, Options
from argand.systems.geometry.refine.prediction import Prediction

logger = logging.getLogger(__name__)


@dataclass
class FrameStore(Sequence[Frame]):
    """Frames that are read when needed, so that memory does not grow with their number."""

    stated: Stated
    sources: list[tuple[str, int, ExptImages | None]] = field(default_factory=list)
    """File, index in it, current model."""

    def __len__(self) -> int:
        return len(self.sources)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return [self[number] for number in range(*index.indices(len(self)))]
        file, number, model = self.sources[index]
        return next(read_frames(f"{file}#{number}", model=model, **vars(self.stated)))


@dataclass
class FrameGroup:
    """Frames with the same geometry in their headers, and their answers."""

    frames: FrameStore
    predictions: list[Prediction] = field(default_factory=list)

    def __str__(self) -> str:
        return "pooled"

    @property
    def files(self) -> list[str]:
        """Files of the frames, each once."""
        return list(dict.fromkeys(prediction.file for prediction in self.predictions))


@dataclass
class FrameGroups:
    """Answers sorted by detector position; `stated` are the values that their frames were read with."""

    stated: Stated
    _groups: dict[str, FrameGroup] = field(default_factory=dict)

    def add(self, position: str, prediction: Prediction, model: ExptImages | None = None) -> None:
        """Add an answer to the group of its position, as of `position_of`."""
        group = self._groups.setdefault(position, FrameGroup(FrameStore(self.stated)))
        group.frames.sources.append((prediction.file, prediction.index, model))
        group.predictions.append(prediction)

    def pooled(
        self, predictor: BatchPredictor, options: Options = PLAIN, machines: Machines = HERE
    ) -> Iterator[tuple[FrameGroup, Prediction | Failure]]:
        """One answer for each group of at least two frames; a Failure if they cannot be pooled."""
        groups = [group for group in self._groups.values() if len(group.predictions) > 1]
        found: dict[int, Prediction | Failure] = {}
        with Crew(machines, PoolWork(predictor, options)) as crew:
            display = ProgressDisplay("pool images", "positions")
            for group, answer in worked(crew, [[group] for group in groups], display, len(groups)):
                found[id(group)] = answer
        for group in groups:
            yield group, found[id(group)]


@dataclass(frozen=True)
class PoolWork:
    """What a process needs to pool groups."""

    predictor: BatchPredictor
    options: Options

    def __call__(self) -> "Callable[[Sequence[FrameGroup]], Iterator[Prediction | Failure]]":
        """The function that gives one answer for each group."""
        return lambda groups: map(self._pooled, groups)

    def _pooled(self, group: FrameGroup) -> Prediction | Failure:
        try:
            answer = self.predictor.pool(group.frames, group.predictions, self.options)
        except Exception as error:
            logger.debug("pooled", exc_info=True)
            return Failure.of(str(group), error)
        # Notes that all of them have, such as those on their header, hold for the pooled answer too.
        shared = [set(prediction.notes) for prediction in group.predictions]
        notes = [note for note in group.predictions[0].notes if all(note in said for said in shared)]
        return replace(answer, notes=tuple(dict.fromkeys([*notes, *answer.notes])))


def position_of(frame: Frame) -> str:
    """A short name of the detector position, equal for frames whose headers state the same.

    Shape, pixel size, distance, wavelength, arm, centre and number of panels, rounded (by hand) to 10 nm of
    pixel size, 0.01 mm, 0.0001 Å, 0.01° and 0.1 px: finer than any relevant move of the detector, coarser
    than differences in the last digit of headers.
    """

    def rounded(value: Any, digits: int) -> Any:
        values = value if isinstance(value, tuple) else (value,)
        # Adding zero makes a negative zero a zero.
        return tuple(None if v is None else round(float(v), digits) + 0.0 for v in values)

    stated = (
        frame.shape,
        rounded(frame.pixel_size_mm, 5),
        rounded(frame.distance_mm, 2),
        rounded(frame.wavelength, 4),
        rounded(frame.two_theta_deg, 2),
        rounded(frame.header_beam_centre_px, 1),
        frame.panels and len(frame.panels.panels),
    )
    return sha256(repr(stated).encode()).hexdigest()[:8]
