"""The verb hard as a function: images in; ranking, explanation and pictures out."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from argand.crew import HERE, Crew, Machines, in_chunks
from argand.errors import ConfigError
from argand.io.dataset import is_stored_set
from argand.progress import ProgressDisplay
from argand.runs.course import Failure, worked
from argand.system import near_match
from argand.systems.geometry.difficulty.judging import CaseWork, JudgeWork
from argand.systems.geometry.difficulty.ranking import (
    Judged,
    preset_case,
    stored_case,
    stored_count,
    write_report,
)
from argand.systems.geometry.files.batch import BatchPredictor, Stated, expand
from argand.systems.geometry.files.outputs import RunFolder
from argand.systems.geometry.files.run import Plan, given_up, in_stacks, outcomes_of
from argand.systems.geometry.presets import PRESETS

PRESET_COUNT = 50
"""Images of a preset that are ranked by default. By hand, for the time it takes."""


def rank_hard(
    sources: Sequence[str],
    predictor: BatchPredictor,
    stated: Stated,
    out: Path,
    *,
    count: int | None = None,
    seed: int = 1,
    machines: Machines = HERE,
) -> tuple[dict[str, Any], list[Failure]]:
    """Rank the images of a preset, a simulated set or files, and write the report to `out`.

    Returns the report and the files that failed. Raises ConfigError if no image has an answer.
    """
    name = sources[0]
    if len(sources) == 1 and (name in PRESETS or is_stored_set(Path(name))):
        wanted, case = (count or PRESET_COUNT), partial(preset_case, name, seed)
        if name not in PRESETS:
            stored = stored_count(Path(name))
            wanted, case = min(count or stored, stored), partial(stored_case, Path(name))
        judged, failures = _judged(CaseWork(case, predictor), wanted, machines)
        return write_report(out, judged, "error", name), failures
    if not Path(name).exists() and "/" not in name and "." not in name and "*" not in name:
        known = ", ".join(PRESETS)
        hint = near_match(name, PRESETS)
        raise ConfigError(f"'{name}' is neither a file nor a preset{hint}; presets are {known}")
    judged, failures = _judged_files(sources, JudgeWork(predictor, stated), machines)
    return write_report(out, judged, "sigma", " ".join(sources)), failures


def _judged(work: CaseWork, total: int, machines: Machines) -> tuple[list[Judged], list[Failure]]:
    """All cases judged, in their order, with a progress bar."""
    found: dict[int, Judged | Failure] = {}
    display = ProgressDisplay("judge simulated images", unit="images")
    with Crew(machines, work) as crew:
        found |= worked(crew, in_chunks(range(total), machines, 1), display, total)
    return _sorted([found[index] for index in range(total)])


def _judged_files(
    sources: Sequence[str], work: JudgeWork, machines: Machines
) -> tuple[list[Judged], list[Failure]]:
    """All images of files judged, in their order."""
    files, failures = expand(sources)
    plan = Plan.of(files, RunFolder(None))
    work = replace(work, models=plan.models)
    stacks = in_stacks(plan.tasks, machines)
    found: dict[str, list[Judged | Failure]] = {}
    display = ProgressDisplay("predict geometry", unit="images")
    with Crew(machines, work) as crew:
        for task, result in worked(crew, stacks, display, len(plan.tasks)):
            found[task.name] = outcomes_of(task, result)
            stacks.heard(task.file, any(isinstance(one, Judged) for one in found[task.name]))
    outcomes = [outcome for task in plan.tasks for outcome in found.get(task.name, [])]
    judged, failed = _sorted(outcomes)
    return judged, [*failures, *failed, *given_up(stacks)]


def _sorted(outcomes: Sequence[Judged | Failure]) -> tuple[list[Judged], list[Failure]]:
    judged = [outcome for outcome in outcomes if isinstance(outcome, Judged)]
    return judged, [outcome for outcome in outcomes if isinstance(outcome, Failure)]
