"""The work on images that is shared out among processes: read, answer, write what belongs to the answer."""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from time import perf_counter
from typing import NamedTuple

from argand.io.expt import ExptImages
from argand.io.image import Frame, read_frames
from argand.runs.course import Failure
from argand.runs.folder import unique_name
from argand.runs.record import Record
from argand.systems.geometry.files.batch import ERRORS, BatchPredictor, Stated, answer_frame
from argand.systems.geometry.files.outputs import Outputs
from argand.systems.geometry.refine.options import PLAIN, Options
from argand.systems.geometry.refine.prediction import Prediction
from argand.workers import Died

CHUNK = 8
"""Most images that a process is given at a time. By hand: a stack is opened once for them."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class ImageTask:
    """One image of a file, or all of a file whose number is not known before it is read (`index` None).

    `name` is what the outputs are called; of images beyond the first of a file, their number is added.
    """

    file: str
    index: int | None
    name: str


class Answer(NamedTuple):
    """The record of an answer whose outputs are written, and the prediction itself."""

    record: Record
    prediction: Prediction


def death(task: ImageTask, died: Died) -> Failure:
    """What is said of an image on which processes died."""
    text = f"{task.file}: the process that reads it ended twice (exit code {died.exitcode}): out of memory?"
    return Failure(task.file, text, task.index)


def in_chunks(tasks: Sequence[ImageTask], processes: int) -> Iterator[Sequence[ImageTask]]:
    """The tasks in pieces for so many processes, smaller ones at the end, so that all end together."""
    at = 0
    while at < len(tasks):
        # A quarter, by hand, of what each process has still to expect.
        length = max(1, min(CHUNK, (len(tasks) - at) // (4 * processes)))
        yield tasks[at : at + length]
        at += length


@dataclass(frozen=True)
class ImageWork:
    """What a process needs for its tasks; called, it is ready to answer."""

    predictor: BatchPredictor
    stated: Stated = field(default_factory=Stated)
    options: Options = PLAIN
    outputs: Outputs = field(default_factory=Outputs)
    models: Mapping[str, ExptImages | None] = field(default_factory=dict)
    """Current models of files that have one."""
    names: frozenset[str] = frozenset()
    """Names of all tasks, of which no further image of a file may have one."""

    def __call__(self) -> "Callable[[Sequence[ImageTask]], Iterator[list[Answer | Failure]]]":
        """What gives a list of answers for each task; a failure ends its file within these tasks."""
        return self.answers

    def answers(self, tasks: Sequence[ImageTask]) -> "Iterator[list[Answer | Failure]]":
        """The answers for each task, in their order."""
        for file, group in groupby(tasks, key=lambda task: task.file):
            yield from self._of_file(file, list(group))

    def _of_file(self, file: str, tasks: list[ImageTask]) -> "Iterator[list[Answer | Failure]]":
        known = [task.index for task in tasks if task.index is not None]
        frames = read_frames(file, model=self.models.get(file), **vars(self.stated), indices=known or None)
        ended = False
        for task in tasks:
            found = [] if ended else list(self._of_task(task, frames))
            ended = ended or any(isinstance(outcome, Failure) for outcome in found)
            yield found

    def _of_task(self, task: ImageTask, frames: Iterator[Frame]) -> "Iterator[Answer | Failure]":
        began = perf_counter()
        try:
            while (frame := next(frames, None)) is not None:
                answer = answer_frame(frame, self.predictor, self.options, began)
                yield Answer(self.outputs.write(self._name(task, frame), answer), answer.prediction)
                if task.index is not None:
                    return
                began = perf_counter()
        except ERRORS as error:
            logger.debug("%s", task.file, exc_info=True)
            yield Failure.of(task.file, error, task.index)

    def _name(self, task: ImageTask, frame: Frame) -> str:
        if task.index is not None or not frame.index:
            return task.name
        return unique_name(f"{task.name}_{frame.index:06d}", set(self.names))
