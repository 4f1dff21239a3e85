"""Training of the published networks in sequence: encoder-decoder, then segmenter on its densities."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from argand.errors import ConfigError
from argand.learn.budget import seconds_from
from argand.learn.checkpoint import FILE_NAME
from argand.learn.record import BEST_NAME
from argand.systems.crystals.stock import stock_of
from argand.systems.crystals.system import Crystals

STAGES = ("density", "species")
DENSITY_SHARE = 0.4
"""Of the time for the encoder-decoder, whose densities the segmenter depends on."""

Run = Callable[..., None]


def train_in_sequence(
    system: Crystals, out: Path, run: Run, *, max_time: str, resume: bool, **settings: Any
) -> Path:
    """Train both in the folders `density` and `species` of `out`; the last one's weights hold both.

    `run(system, folder, what, **settings)` trains one. Raises ConfigError for a system without networks.
    """
    if system.model == "fourier":
        raise ConfigError("the latents of `best` are computed, not learnt; train `paper` or `paper-small`")
    stock_of(system.source)
    seconds = seconds_from(max_time)
    shares = {"density": DENSITY_SHARE, "species": 1 - DENSITY_SHARE}
    start = ""
    for stage in STAGES:
        folder = out / stage
        one = replace(system, stage=stage, start=start)
        again = resume and (folder / FILE_NAME).exists()
        run(one, folder, "boxes", max_time=shares[stage] * seconds, resume=again, **settings)
        start = str(folder / BEST_NAME)
    final = out / BEST_NAME
    shutil.copyfile(start, final)
    return final
