"""The work on images that processes share: read, predict, write the outputs."""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from time import perf_counter
from typing import Any, NamedTuple

from argand.io.expt import ExptImages
from argand.io.image import Frame, read_frames
from argand.runs.course import Failure
from argand.runs.folder import unique_name
from argand.runs.record import Record
from argand.runs.stacks import GIVE_UP, read_each
from argand.systems.geometry.files.batch import (
    BatchPredictor,
    FrameAnswer,
    Stated,
    answer_frame,
    stack_count,
)
from argand.systems.geometry.files.outputs import Outputs
from argand.systems.geometry.refine.options import PLAIN, Options
from argand.systems.geometry.refine.prediction import Prediction

CHUNK = 8
"""Most images that a process gets at a time. By hand: a stack is opened once for them."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class ImageTask:
    """One image of a file, or all images if their number is not known before it is read (`index` None).

    `name` is the stem of the outputs; from the second image of a file on, the number is added.
    """

    file: str
    index: int | None
    name: str
    pixels: bool = True
    """Whether all its pixels are written for the page (of a file with all its images: of the first)."""

    def __str__(self) -> str:
        return self.file


class Answer(NamedTuple):
    """The record of an answer with written outputs, and the prediction itself."""

    record: Record
    prediction: Prediction


@dataclass(frozen=True)
class ImageWork:
    """What a process needs for its tasks."""

    predictor: BatchPredictor
    stated: Stated = field(default_factory=Stated)
    options: Options = PLAIN
    outputs: Outputs = field(default_factory=Outputs)
    models: Mapping[str, ExptImages | None] = field(default_factory=dict)
    """Current models of files that have one."""
    names: frozenset[str] = frozenset()
    """Names of all tasks, which further images of a file may not have."""

    def __call__(self) -> "Callable[[Sequence[ImageTask]], Iterator[list[Any | Failure]]]":
        """The function that gives a list of answers for each task; an error is the failure of one image."""
        return self.answers

    def answers(self, tasks: Sequence[ImageTask]) -> "Iterator[list[Any | Failure]]":
        """The answers for each task, in order."""
        for (file, whole), group in groupby(tasks, key=lambda task: (task.file, task.index is None)):
            if whole:
                yield from (list(self._whole(task)) for task in group)
            else:
                yield from self._some(file, list(group))

    def product(self, task: ImageTask, answer: FrameAnswer) -> Any:
        """The result of an answer that is sent back, without the frame."""
        pixels = task.pixels and (task.index is not None or not answer.frame.index)
        record = self.outputs.write(self._name(task, answer.frame), answer, pixels)
        # The spots are drawn, and would only fill the memory of the process that collects the answers.
        return Answer(record, replace(answer.prediction, found=None))

    def _some(self, file: str, tasks: list[ImageTask]) -> "Iterator[list[Any | Failure]]":
        frames = self._frames(file, [task.index for task in tasks if task.index is not None])
        for task in tasks:
            yield [self._outcome(task, frames, task.index)]

    def _whole(self, task: ImageTask) -> "Iterator[Any | Failure]":
        """An outcome for each image of a file, until GIVE_UP in a row have failed."""
        frames = self._frames(task.file, None)
        failures = index = 0
        while failures < GIVE_UP and (outcome := self._outcome(task, frames, index)) is not None:
            yield outcome
            failures = failures + 1 if isinstance(outcome, Failure) else 0
            index += 1

    def _outcome(
        self, task: ImageTask, frames: "Iterator[Frame | Exception]", index: int | None
    ) -> Any | Failure | None:
        """The outcome of the next frame, image number `index` of its file; None after the last."""
        began = perf_counter()
        try:
            frame = next(frames, None)
            if isinstance(frame, Exception):
                raise frame
            if frame is None:
                return None
            return self.product(task, answer_frame(frame, self.predictor, self.options, began))
        except Exception as error:
            logger.debug("%s", task.file, exc_info=True)
            return Failure.of(task.file, error, index)

    def _frames(self, file: str, indices: Sequence[int] | None) -> "Iterator[Frame | Exception]":
        """The frames of a file, or the error of its reader in place of one."""

        def read(wanted: Sequence[int] | None) -> Iterator[Frame]:
            return read_frames(file, model=self.models.get(file), **vars(self.stated), indices=wanted)

        return read_each(read, indices, lambda: stack_count(file))

    def _name(self, task: ImageTask, frame: Frame) -> str:
        if task.index is not None or not frame.index:
            return task.name
        return unique_name(f"{task.name}_{frame.index:06d}", set(self.names))
