"""The verb predict as a function: images in; records, pictures and geometry files out."""

from collections.abc import Callable, Iterator, Mapping, Sequence

from argand.io.expt import ExptImages
from argand.io.expt_content import is_experiment_list
from argand.progress import ProgressDisplay
from argand.runs.course import Failure, answered
from argand.systems.geometry.files.batch import (
    ERRORS,
    BatchPredictor,
    FrameAnswer,
    FrameGroups,
    Stated,
    answer_frames,
    count_frames,
    expand,
)
from argand.systems.geometry.files.outputs import RunFolder
from argand.systems.geometry.refine.options import PLAIN, Options


def predict_files(
    patterns: Sequence[str],
    predictor: BatchPredictor,
    stated: Stated,
    run: RunFolder,
    tell: Callable[[Failure], None],
    *,
    options: Options = PLAIN,
    pool: bool = True,
) -> None:
    """Answer for every image that the patterns name and write what belongs to it; failures go to `tell`."""
    files, failures = expand(patterns)
    groups = FrameGroups(stated.mask, stated.geometry)
    for failure in failures:
        tell(failure)
        run.add(failure)
    for outcome in answers(files, predictor, stated, options, tell):
        run.add(outcome)
        if pool and isinstance(outcome, FrameAnswer):
            groups.add(outcome)
    for group, pooled in groups.pooled(predictor, options):
        run.add_pooled(group, pooled)
        if isinstance(pooled, Failure):
            tell(pooled)
    for pattern in patterns:
        if is_experiment_list(pattern) and pattern not in {failure.file for failure in failures}:
            run.correct(pattern)


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
