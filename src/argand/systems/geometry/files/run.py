"""The verb predict as a function: images in; records, pictures and geometry files out."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from argand.io.expt import ExptImages
from argand.progress import ProgressDisplay
from argand.systems.geometry.files.batch import (
    Answer,
    Failure,
    Groups,
    Predictor,
    Stated,
    answer_file,
    count_frames,
    expand,
)
from argand.systems.geometry.files.outputs import RunFolder
from argand.systems.geometry.network import EvidenceKind


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
    for outcome in answers(files, predictor, stated, evidence):
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


def answers(
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
