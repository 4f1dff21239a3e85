"""The two long verbs, predict and hard, as functions that the command line calls."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from argand.errors import ConfigError
from argand.io.dataset import StoredSamples, is_stored_set
from argand.io.expt import ExptImages
from argand.progress import ProgressDisplay
from argand.system import preset
from argand.systems.geometry.batch import (
    Answer,
    Failure,
    Groups,
    Predictor,
    Stated,
    answer_file,
    count_frames,
    expand,
)
from argand.systems.geometry.hard import (
    Case,
    Judged,
    judge,
    judge_real,
    preset_cases,
    stored_cases,
    write_report,
)
from argand.systems.geometry.network import EvidenceKind
from argand.systems.geometry.outputs import RunFolder
from argand.systems.geometry.presets import PRESETS

PRESET_COUNT = 50


def predict_files(
    patterns: Sequence[str],
    predictor: Predictor,
    stated: Stated,
    run: RunFolder,
    tell: Callable[[Failure], None],
    *,
    evidence: EvidenceKind = "both",
    pool: bool = True,
) -> None:
    """Answer for every image that the patterns name and write what belongs to it; failures go to `tell`."""
    files, failures = expand(patterns)
    groups = Groups(stated.mask)
    for failure in failures:
        tell(failure)
        run.add(failure)
    for outcome in _answers(files, predictor, stated, evidence):
        run.add(outcome)
        if isinstance(outcome, Failure):
            tell(outcome)
        elif pool:
            groups.add(outcome)
    for group, pooled in groups.pooled(predictor):
        run.add_pooled(group, pooled)
        if isinstance(pooled, Failure):
            tell(pooled)
    for pattern in patterns:
        if pattern.endswith(".expt") and pattern not in {failure.file for failure in failures}:
            run.correct(pattern)


def _answers(
    files: Mapping[str, ExptImages | None], predictor: Predictor, stated: Stated, evidence: EvidenceKind
) -> Iterator[Answer | Failure]:
    """Answers for all files with a bar of how far they are."""
    sizes = [count_frames(file) for file in files]
    answered = 0
    with ProgressDisplay("predict geometry", unit="images") as display:
        for number, (file, model) in enumerate(files.items()):
            outcomes = answer_file(file, predictor, stated, evidence, model)
            for place, outcome in enumerate(outcomes, start=1):
                yield outcome
                answered += 1
                reached = sum(sizes[:number]) + min(place, sizes[number])
                display.update(reached / sum(sizes), answered, Path(file).name)


def rank_hard(
    sources: Sequence[str],
    predictor: Predictor,
    stated: Stated,
    out: Path,
    *,
    count: int | None = None,
    seed: int = 1,
) -> tuple[dict[str, Any], list[Failure]]:
    """Rank the images of a preset, a simulated set or files, and write what was found to `out`.

    Returns the report and the files that failed. Raises ConfigError when nothing was answered.
    """
    name = sources[0]
    if len(sources) == 1 and name in PRESETS:
        wanted = count or PRESET_COUNT
        cases = preset_cases(preset(name, PRESETS), name, wanted, seed)
        return write_report(out, _judged(cases, predictor, wanted), "error", name), []
    if len(sources) == 1 and is_stored_set(Path(name)):
        with StoredSamples(Path(name)) as stored:
            wanted = min(count or len(stored), len(stored))
            cases = stored_cases(stored, wanted)
            return write_report(out, _judged(cases, predictor, wanted), "error", name), []
    if not Path(name).exists() and "/" not in name and "." not in name and "*" not in name:
        known = ", ".join(PRESETS)
        raise ConfigError(f"'{name}' is neither a file nor a preset; presets are {known}")
    files, failures = expand(sources)
    outcomes = list(_judged_files(files, predictor, stated))
    failures += [outcome for outcome in outcomes if isinstance(outcome, Failure)]
    judged = [outcome for outcome in outcomes if isinstance(outcome, Judged)]
    return write_report(out, judged, "sigma", " ".join(sources)), failures


def _judged(cases: Iterator[Case], predictor: Predictor, total: int) -> list[Judged]:
    """All cases judged, with a bar of how far they are."""
    judged = []
    with ProgressDisplay("judge simulated images", unit="images") as display:
        for case in cases:
            judged.append(judge(case, predictor))
            display.update(len(judged) / total, len(judged))
    return judged


def _judged_files(
    files: Mapping[str, ExptImages | None], predictor: Predictor, stated: Stated
) -> Iterator[Judged | Failure]:
    for outcome in _answers(files, predictor, stated, "both"):
        yield outcome if isinstance(outcome, Failure) else judge_real(outcome)
