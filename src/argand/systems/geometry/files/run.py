"""The verb predict as a function: images in; records, pictures and geometry files out."""

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from argand.crew import HERE, Crew, Machines, chunk_length
from argand.errors import ConfigError
from argand.io.expt import ExptImages
from argand.io.expt_content import is_experiment_list
from argand.io.image import split_selection
from argand.io.suffix import MANY_IMAGES
from argand.progress import ProgressDisplay
from argand.runs.course import Failure, worked
from argand.runs.resume import ASKED
from argand.runs.stacks import GIVE_UP, Stacks, within
from argand.systems.geometry.files.batch import BatchPredictor, Stated, expand, stack_count
from argand.systems.geometry.files.outputs import MOST_ZOOMED, RunFolder
from argand.systems.geometry.files.pooling import FrameGroups
from argand.systems.geometry.files.record import failed, stem
from argand.systems.geometry.files.work import CHUNK, Answer, ImageTask, ImageWork
from argand.systems.geometry.refine.options import PLAIN, Options
from argand.systems.geometry.refine.prediction import Prediction

ImageCrew = Crew[ImageTask, list[Answer | Failure]]


def predict_files(
    patterns: Sequence[str],
    predictor: BatchPredictor,
    stated: Stated,
    run: RunFolder,
    tell: Callable[[Failure], None],
    *,
    options: Options = PLAIN,
    pool: bool = True,
    machines: Machines = HERE,
) -> None:
    """Predict every image that the patterns name and write its outputs; failures go to `tell`.

    Images are shared among the `machines`; the answers do not depend on them. Answers of an earlier run in
    this folder with the same settings are kept.
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
    with Crew(machines, work) as crew:
        plan.answer(crew, run, tell)
    if pool:
        _pool(plan, predictor, stated, options, run, tell, machines)
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
    machines: Machines,
) -> None:
    """Predict all images of each detector position together."""
    groups = FrameGroups(stated)
    for record, prediction in plan.in_order():
        groups.add(record["position"], prediction, plan.models.get(prediction.file))
    for group, pooled in groups.pooled(predictor, options, machines):
        run.add_pooled(group, pooled)
        if isinstance(pooled, Failure):
            tell(pooled)


@dataclass
class Plan:
    """The images to predict, in their order, and the answers so far."""

    order: list[tuple[str, int | None]]
    """File and index; without an index, all images of the file."""
    models: Mapping[str, ExptImages | None]
    tasks: list[ImageTask] = field(default_factory=list)
    """What is still to be predicted."""
    asked: dict[str, str] = field(default_factory=dict)
    """What the answers for a file rest on."""
    answers: dict[tuple[str, int], Answer] = field(default_factory=dict)

    @classmethod
    def of(cls, files: Mapping[str, ExptImages | None], run: RunFolder) -> "Plan":
        """The plan for these files and selections of files, without the kept answers of an earlier run."""
        models: dict[str, ExptImages | None] = {}
        order: dict[tuple[str, int | None], None] = {}
        for named, model in files.items():
            file, wanted = split_selection(named)
            models[file] = models.get(file) or model
            order |= dict.fromkeys((file, index) for index in _indices(file, wanted))
        plan = cls(list(order), models)
        for file, model in models.items():
            plan.asked[file] = run.asked(file, model and model.geometry)
        earlier = {file: _earlier(file, asked, run) for file, asked in plan.asked.items()}
        for place, (file, index) in enumerate(order):
            done, zoomed = earlier[file], place < MOST_ZOOMED
            for found in done if index is None else {index} & done.keys():
                plan.answers[file, found] = done[found]
                run.records.append(done[found].record)
                run.note(*done[found])
            missing = [index] if index is None or index not in done else []
            if index is None and done:
                missing = [number for number in run.failed_before(file) if number not in done]
            for number in missing:
                plan.tasks.append(ImageTask(file, number, run.unused(stem(file, number or 0)), zoomed))
        return plan

    def in_order(self) -> Iterator[Answer]:
        """The answers in the order of the plan."""
        for key in sorted(self.answers, key=lambda key: self.place(*key)):
            yield self.answers[key]

    def place(self, file: str, index: int) -> tuple[int, int]:
        """Position of an image in the plan; images that are not in it come first."""
        return self._places.get(file, -1), index

    @cached_property
    def _places(self) -> dict[str, int]:
        return {file: number for number, file in enumerate(dict.fromkeys(file for file, _ in self.order))}

    def answer(self, crew: ImageCrew, run: RunFolder, tell: Callable[[Failure], None]) -> None:
        """Have the crew predict what is left; each answer is written to the output folder as it comes."""
        stacks = in_stacks(self.tasks, crew.machines)
        total = len(self.order)
        done = total - len(self.tasks)
        display = ProgressDisplay("predict geometry", "images", done / max(total, 1))
        try:
            for task, result in worked(crew, stacks, display, total, done):
                outcomes = outcomes_of(task, result)
                stacks.heard(task.file, any(isinstance(outcome, Answer) for outcome in outcomes))
                self._keep(outcomes, run, tell)
            self._keep(given_up(stacks), run, tell)
        finally:
            run.records.sort(key=lambda record: self.place(record["file"], record["index"]))

    def _keep(
        self, outcomes: Sequence[Answer | Failure], run: RunFolder, tell: Callable[[Failure], None]
    ) -> None:
        for outcome in outcomes:
            if isinstance(outcome, Failure):
                tell(outcome)
                continue
            record, prediction = outcome
            record[ASKED] = self.asked[prediction.file]
            run.note(record, prediction)
            self.answers[prediction.file, prediction.index] = outcome
        run.keep_all([failed(one) if isinstance(one, Failure) else one.record for one in outcomes])


def in_stacks(tasks: Sequence[ImageTask], machines: Machines) -> Stacks[ImageTask]:
    """The tasks for these machines; the first and last images of a stack show whether it is hopeless."""

    def length(ready: deque[ImageTask]) -> int:
        return chunk_length(len(ready), machines, CHUNK)

    of_files: dict[str, list[ImageTask]] = {}
    for task in tasks:
        of_files.setdefault(task.file, []).append(task)
    stacks: Stacks[ImageTask] = Stacks(length)
    for file, some in of_files.items():
        if len(some) > 2 * GIVE_UP:
            stacks.add(file, some[:GIVE_UP], some[GIVE_UP:-GIVE_UP], some[-GIVE_UP:])
        else:
            stacks.add(file, some)
    return stacks


def outcomes_of(task: ImageTask, result: list[Any] | Failure) -> list[Any]:
    """The outcomes of a task: a failure of its image if a process died on it."""
    return [replace(result, index=task.index)] if isinstance(result, Failure) else result


def given_up(stacks: Stacks[ImageTask]) -> list[Failure]:
    """Failures for the images that were not tried."""
    why = f"images were not tried, since the first {GIVE_UP} and the last {GIVE_UP} failed"
    return [
        Failure(file, f"{file}: {len(tasks)} {why}", tasks[0].index)
        for file, tasks in stacks.given_up.items()
    ]


def _indices(file: str, wanted: Sequence[int] | None) -> Sequence[int | None]:
    """Indices of the images of a file, if their number is known without reading it.

    Of wanted images beyond the end of the file, only the first is kept.
    """
    if wanted:
        return wanted if len(wanted) == 1 else within(wanted, stack_count(file))
    return range(stack_count(file) or 1) if MANY_IMAGES.search(file) else (None,)


def _earlier(file: str, asked: str, run: RunFolder) -> dict[int, Answer]:
    """Answers of an earlier run for a file that still hold."""
    found: dict[int, Answer] = {}
    for index, record in run.take_over(file, asked).items():
        try:
            found[index] = Answer(record, Prediction.from_dict(record))
        except ConfigError:  # written by another version, or by hand
            continue
    return found
