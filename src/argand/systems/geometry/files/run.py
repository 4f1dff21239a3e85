"""The verb predict as a function: images in; records, pictures and geometry files out."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from argand.errors import ConfigError
from argand.io.expt import ExptImages
from argand.io.expt_content import is_experiment_list
from argand.io.image import split_selection
from argand.io.suffix import MANY_IMAGES
from argand.progress import ProgressDisplay
from argand.runs.course import Failure, answered
from argand.runs.resume import ASKED
from argand.systems.geometry.files.batch import (
    ERRORS,
    BatchPredictor,
    FrameAnswer,
    Stated,
    answer_frames,
    count_frames,
    expand,
)
from argand.systems.geometry.files.outputs import RunFolder
from argand.systems.geometry.files.pooling import FrameGroups
from argand.systems.geometry.files.record import failed, stem
from argand.systems.geometry.files.work import Answer, ImageTask, ImageWork, death, in_chunks
from argand.systems.geometry.refine.options import PLAIN, Options
from argand.systems.geometry.refine.prediction import Prediction
from argand.workers import Died, Workers


def predict_files(
    patterns: Sequence[str],
    predictor: BatchPredictor,
    stated: Stated,
    run: RunFolder,
    tell: Callable[[Failure], None],
    *,
    options: Options = PLAIN,
    pool: bool = True,
    processes: int = 1,
) -> None:
    """Answer for every image that the patterns name and write what belongs to it; failures go to `tell`.

    Images are shared out among `processes`; the answers do not depend on their number. What an earlier run in
    this folder has answered with the same settings is taken over.
    """
    files, failures = expand(patterns)
    run.settings |= {
        "options": options,
        "stated": stated,
        "formats": list(run.formats),
        "overlay": run.overlay,
    }
    for failure in failures:
        tell(failure)
        run.add(failure)
    plan = Plan.of(files, run)
    names = frozenset(task.name.lower() for task in plan.tasks)
    work = ImageWork(predictor, stated, options, run.outputs, plan.models, names)
    with Workers(processes, work) as workers:
        plan.answer(workers, run, tell)
    if pool:
        _pool(plan, predictor, stated, options, run, tell)
    for pattern in patterns:
        if is_experiment_list(pattern) and pattern not in {failure.file for failure in failures}:
            run.correct(pattern)


def _pool(
    plan: "Plan",
    predictor: BatchPredictor,
    stated: Stated,
    options: Options,
    run: RunFolder,
    tell: Callable[[Failure], None],
) -> None:
    """Answer for all images of one position together."""
    groups = FrameGroups(stated)
    for record, prediction in plan.in_order():
        groups.add(record["position"], prediction, plan.models.get(prediction.file))
    for group, pooled in groups.pooled(predictor, options):
        run.add_pooled(group, pooled)
        if isinstance(pooled, Failure):
            tell(pooled)


@dataclass
class Plan:
    """Which images are asked for, in which order, and what has been answered of them."""

    order: list[tuple[str, int | None]]
    """File and index; without an index, all images of the file."""
    models: Mapping[str, ExptImages | None]
    tasks: list[ImageTask] = field(default_factory=list)
    """What is still to be answered."""
    asked: dict[str, str] = field(default_factory=dict)
    """What the answers for a file rest on."""
    answers: dict[tuple[str, int], Answer] = field(default_factory=dict)

    @classmethod
    def of(cls, files: Mapping[str, ExptImages | None], run: RunFolder) -> "Plan":
        """The plan for these files and selections of files, less what an earlier run has answered."""
        models: dict[str, ExptImages | None] = {}
        order: dict[tuple[str, int | None], None] = {}
        for named, model in files.items():
            file, wanted = split_selection(named)
            models[file] = models.get(file) or model
            order |= dict.fromkeys((file, index) for index in wanted or _indices(file))
        plan = cls(list(order), models)
        for file, model in models.items():
            plan.asked[file] = run.asked(file, model and model.geometry)
        earlier = {file: _earlier(file, asked, run) for file, asked in plan.asked.items()}
        for file, index in order:
            done = earlier[file]
            for found in done if index is None else {index} & done.keys():
                plan.answers[file, found] = done[found]
                run.records.append(done[found].record)
                run.note(*done[found])
            if not (done if index is None else index in done):
                plan.tasks.append(ImageTask(file, index, run.unused(stem(file, index or 0))))
        return plan

    def in_order(self) -> Iterator[Answer]:
        """The answers in the order of the plan."""
        for key in sorted(self.answers, key=lambda key: self.place(*key)):
            yield self.answers[key]

    def place(self, file: str, index: int) -> tuple[int, int]:
        """Where an image stands in the plan; before all others what does not stand in it."""
        return self._places.get(file, -1), index

    @cached_property
    def _places(self) -> dict[str, int]:
        return {file: number for number, file in enumerate(dict.fromkeys(file for file, _ in self.order))}

    def answer(
        self,
        workers: Workers[ImageTask, list[Answer | Failure]],
        run: RunFolder,
        tell: Callable[[Failure], None],
    ) -> None:
        """Have the workers answer what is left; each answer is kept in the folder of the run as it comes."""
        ended: set[str] = set()
        pieces = in_chunks(self.tasks, workers.processes)
        # A failure ends its file.
        chunks = ([task for task in piece if task.file not in ended] for piece in pieces)
        done, all_ = len(self.order) - len(self.tasks), max(len(self.order), 1)
        display = ProgressDisplay("predict geometry", "images", done / all_)
        with display, closing(workers.results(chunks)) as results:
            for count, (task, result) in enumerate(results, start=1):
                outcomes = [death(task, result)] if isinstance(result, Died) else result
                self._keep(outcomes, run)
                for failure in (one for one in outcomes if isinstance(one, Failure)):
                    if task.file not in ended:
                        ended.add(task.file)
                        tell(failure)
                        run.keep(failed(failure))
                display.update((done + count) / all_, count, Path(task.file).name)
        run.records.sort(key=lambda record: self.place(record["file"], record["index"]))

    def _keep(self, outcomes: Sequence[Answer | Failure], run: RunFolder) -> None:
        found = [outcome for outcome in outcomes if isinstance(outcome, Answer)]
        for record, prediction in found:
            record[ASKED] = self.asked[prediction.file]
            run.note(record, prediction)
            self.answers[prediction.file, prediction.index] = Answer(record, prediction)
        run.keep_all([answer.record for answer in found])


def _indices(file: str) -> Sequence[int | None]:
    """Indices of the images of a file, where its number is known without reading it."""
    return range(count_frames(file)) if MANY_IMAGES.search(file) else (None,)


def _earlier(file: str, asked: str, run: RunFolder) -> dict[int, Answer]:
    """What an earlier run has answered of a file."""
    found: dict[int, Answer] = {}
    for index, record in run.take_over(file, asked).items():
        try:
            found[index] = Answer(record, Prediction.from_json(record))
        except ConfigError:  # written by another version, or by hand
            continue
    return found


def answers(
    files: Mapping[str, ExptImages | None],
    predictor: BatchPredictor,
    stated: Stated,
    options: Options,
    tell: Callable[[Failure], None] = lambda failure: None,
) -> Iterator[FrameAnswer | Failure]:
    """Answers for all files with a bar of how far they are."""
    display = ProgressDisplay("predict geometry", unit="images")
    frames = lambda file: answer_frames(file, predictor, stated, options, files[file])  # noqa: E731
    return answered(list(files), frames, display, errors=ERRORS, tell=tell, size=count_frames)
