"""The verb hard as a function: images in; their ranking, its explanation and pictures out."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from argand.errors import ConfigError
from argand.io.dataset import StoredSamples, is_stored_set
from argand.io.expt import ExptImages
from argand.progress import ProgressDisplay
from argand.runs.course import Failure
from argand.system import preset
from argand.systems.geometry.difficulty.ranking import (
    Judged,
    StillCase,
    judge_real,
    judge_simulated,
    preset_cases,
    stored_cases,
    write_report,
)
from argand.systems.geometry.files.batch import BatchPredictor, Stated, expand
from argand.systems.geometry.files.run import answers
from argand.systems.geometry.presets import PRESETS
from argand.systems.geometry.refine.options import PLAIN

PRESET_COUNT = 50
"""Images of a preset that are ranked where no count is asked for. By hand, for the time it takes."""


def rank_hard(
    sources: Sequence[str],
    predictor: BatchPredictor,
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


def _judged(cases: Iterator[StillCase], predictor: BatchPredictor, total: int) -> list[Judged]:
    """All cases judged, with a bar of how far they are."""
    judged = []
    with ProgressDisplay("judge simulated images", unit="images") as display:
        for case in cases:
            judged.append(judge_simulated(case, predictor))
            display.update(len(judged) / total, len(judged))
    return judged


def _judged_files(
    files: Mapping[str, ExptImages | None], predictor: BatchPredictor, stated: Stated
) -> Iterator[Judged | Failure]:
    for outcome in answers(files, predictor, stated, PLAIN):
        yield outcome if isinstance(outcome, Failure) else judge_real(outcome)
