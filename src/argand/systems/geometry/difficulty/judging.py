"""The work on hard images that processes share."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from argand.runs.course import Failure, attempted
from argand.systems.geometry.difficulty.ranking import Judged, StillCase, judge_real, judge_simulated
from argand.systems.geometry.files.batch import BatchPredictor, FrameAnswer
from argand.systems.geometry.files.work import ImageTask, ImageWork


@dataclass(frozen=True)
class CaseWork:
    """What a process needs to judge simulated images by number; `case` makes one."""

    case: Callable[[int], StillCase]
    predictor: BatchPredictor

    def __call__(self) -> "Callable[[Sequence[int]], Iterator[Judged | Failure]]":
        """The function that judges images."""
        return lambda indices: (self._outcome(index) for index in indices)

    def _outcome(self, index: int) -> Judged | Failure:
        (outcome,) = attempted(str(index), lambda: [judge_simulated(self.case(index), self.predictor)])
        return outcome


@dataclass(frozen=True)
class JudgeWork(ImageWork):
    """The same for images of files; nothing is written."""

    def product(self, task: ImageTask, answer: FrameAnswer) -> Judged:
        """The judged image."""
        return judge_real(answer)
