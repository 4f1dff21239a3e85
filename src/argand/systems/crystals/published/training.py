"""Training of networks on boxes: all at once, or encoder-decoder, then segmenter on its densities."""

import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from argand.duration import seconds_from
from argand.errors import ConfigError
from argand.io.atomic import write_lines
from argand.io.weights import load_weights, read_header, save_weights
from argand.learn.checkpoint import FILE_NAME
from argand.learn.group import group_here
from argand.learn.log import FILE_NAME as LOG_NAME
from argand.learn.log import read_log
from argand.learn.record import BEST_NAME
from argand.systems.crystals.database.dataset import load_structures
from argand.systems.crystals.system import Crystals

TOGETHER, IN_TURN = ("joint",), ("density", "species")
"""Stages of a training: all networks at once, or the encoder-decoder before the segmenter."""
DENSITY_SHARE = 0.5
"""Of the time for the encoder-decoder, whose densities the segmenter depends on. By hand, and with nothing
compared."""

Run = Callable[..., None]


def train_in_sequence(
    system: Crystals, out: Path, run: Run, *, max_time: str | float, resume: bool, **settings: Any
) -> Path:
    """Train networks in the folders of `out` that their stages are called after.

    Those that learn together have one, `joint`; else `density` and `species` follow each other, and the last
    one's weights hold both networks.

    `run(system, folder, what, **settings)` trains one. Raises ConfigError for a system without networks or
    without structures, InputError for a source that holds none.
    """
    if system.model in ("fourier", "linear"):
        raise ConfigError(
            "the vectors of `best` and `linear` are computed, not learnt; train `refined`, `paper` or "
            "`paper-small`"
        )
    load_structures(system.source)
    seconds = seconds_from(max_time)
    shares = {"joint": 1.0, "density": DENSITY_SHARE, "species": 1 - DENSITY_SHARE}
    stages = TOGETHER if system.model == "refined" or system.stage == "joint" else IN_TURN
    start = ""
    for stage in stages:
        folder = out / stage
        one = replace(system, stage=stage, start=start)
        if start:
            group_here().by_first(partial(_forget_outdated, folder, Path(start)))
        again = resume and (folder / FILE_NAME).exists()
        run(one, folder, "boxes", max_time=shares[stage] * seconds, resume=again, **settings)
        start = str(folder / BEST_NAME)
    group_here().by_first(partial(join, out, stages))
    return out / BEST_NAME


def _forget_outdated(folder: Path, start: Path) -> None:
    """Remove a run that began from weights that have changed since."""
    last = folder / FILE_NAME
    if last.exists() and last.stat().st_mtime < start.stat().st_mtime:
        shutil.rmtree(folder)


def join(out: Path, stages: Sequence[str] = IN_TURN) -> Path:
    """Write the weights of the last stage, in half precision, and the log of all stages to `out`.

    InputError for none.
    """
    state, header = load_weights(out / stages[-1] / BEST_NAME)
    both = {stage: read_header(out / stage / BEST_NAME) for stage in stages}
    # What the training began from is in these weights.
    header = {**header, "config": {**header["config"], "start": ""}}
    header["training"] = {stage: one["training"] for stage, one in both.items()}
    header["figures"] = {stage: one["figures"]["validation"] for stage, one in both.items()}
    halves = {name: one.half() if one.is_floating_point() else one for name, one in state.items()}
    lines = [
        json.dumps({"stage": stage, **record})
        for stage in stages
        for record in read_log(out / stage / LOG_NAME)
    ]
    write_lines(out / LOG_NAME, lines)
    return save_weights(out / BEST_NAME, halves, header)
