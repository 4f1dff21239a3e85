"""The verb predict as a function: patterns in; records, shapes, pictures and a page out."""

from collections.abc import Callable, Sequence

from argand.crew import HERE, Crew, Machines
from argand.io.pattern import expand_patterns
from argand.progress import ProgressDisplay
from argand.runs.course import Failure, attempted, worked
from argand.runs.record import Record
from argand.systems.molmnist.files.inputs import is_sample
from argand.systems.molmnist.files.outputs import RunFolder, failed
from argand.systems.molmnist.files.plan import Plan
from argand.systems.molmnist.files.work import Asked, PatternWork
from argand.systems.molmnist.predictors.pattern_predictor import PatternPredictor


def predict_files(
    names: Sequence[str],
    predictor: PatternPredictor,
    asked: Asked,
    folder: RunFolder,
    tell: Callable[[Failure], None],
    machines: Machines = HERE,
) -> list[Record]:
    """Answer every pattern; what has no answer is told, has a record with `failed`, and stops no other.

    Patterns are shared out among the `machines`; neither records nor files depend on them.
    """
    files, failures = _expanded(names)
    folder.settings["asked"] = asked
    with folder:
        plan = Plan.of(files, folder, predictor.together)
        for failure in failures:
            tell(failure)
            folder.keep(failed(failure))
        display = ProgressDisplay("predict fibrils", "patterns", plan.done / max(plan.total, 1))
        try:
            with Crew(machines, PatternWork(predictor, asked, folder.outputs)) as crew:
                for task, result in worked(crew, plan.stacks, display, plan.total, plan.done):
                    for failure in plan.heard(task, result):
                        tell(failure)
            for failure in plan.given_up():
                tell(failure)
        finally:
            plan.finish()
    return folder.records


def _expanded(names: Sequence[str]) -> tuple[list[str], list[Failure]]:
    """Files and samples of the names, and the names of neither."""
    files: list[str] = []
    failures = []
    for name in names:
        find = lambda name=name: [name] if is_sample(name) else expand_patterns([name])  # noqa: E731
        for found in attempted(name, find):
            failures.append(found) if isinstance(found, Failure) else files.append(found)
    return files, failures
