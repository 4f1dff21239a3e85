"""From what a user names (files, our own data sets, the sample) to patterns, with the truth where known."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from argand.errors import InputError
from argand.io.dataset import is_stored_set
from argand.io.image import load_mask, split_selection
from argand.io.pattern import read_patterns
from argand.physics.coherent.projection import Radiation
from argand.systems.molmnist.benchmark.dataset import Pairs, load, open_pairs
from argand.typing import Image, Mask

SAMPLE = "sample"
WINDOW_SIDE = 200.0
"""Å, where neither file nor user states another: the side of the standard set's window."""


@dataclass(frozen=True)
class PatternTruth:
    """What a simulated pattern was made of: shape in electrons per pixel, fibril, twist and rotation."""

    shape: Image
    fibril: str
    twist_deg_per_nm: float
    rotation_deg: float


@dataclass(frozen=True)
class PatternCase:
    """One pattern to answer: number `index` of a file, of a window of `window_side` Å."""

    file: str
    index: int
    intensity: Image
    live: Mask
    window_side: float = WINDOW_SIDE
    radiation: Radiation = "xray"
    truth: PatternTruth | None = None


def is_sample(name: str) -> bool:
    """Whether a name means the sample that is shipped, or some of it (`sample#0-9`)."""
    return split_selection(name)[0] == SAMPLE and not Path(SAMPLE).exists()


def read_cases(name: str, mask: Path | None = None) -> Iterator[PatternCase]:
    """The patterns of one file, data set or sample, one by one; `#3` or `#0-9` behind it selects some.

    Raises InputError, which names the file, for what holds no patterns and for a mask of another shape.
    """
    file, wanted = split_selection(name)
    if is_sample(name):
        yield from _masked(_pairs_cases(file, load(SAMPLE), wanted), mask)
    elif is_stored_set(Path(file)):
        yield from _masked(_pairs_cases(file, open_pairs(Path(file)), wanted), mask)
    else:
        for one in read_patterns(name, mask):
            yield PatternCase(one.file, one.index, one.intensity, one.live)


def _pairs_cases(file: str, pairs: Pairs, wanted: list[int] | None) -> Iterator[PatternCase]:
    imaging = pairs.system.imaging
    for index in range(len(pairs)) if wanted is None else wanted:
        if not 0 <= index < len(pairs):
            raise InputError(f"{file}: has no pattern {index}; its {len(pairs)} count from 0")
        row: dict[str, Any] = pairs.source[int(pairs.rows[index])]
        truth = PatternTruth(
            row["shape"].astype(np.float32),
            pairs.system.kinds[pairs.system.kind_of(row)],
            float(row.get("twist_deg_per_nm", np.nan)),
            float(row["rotation_deg"]),
        )
        live = row.get("live", imaging.live)
        yield PatternCase(file, index, row["pattern"], live, imaging.window.side, imaging.radiation, truth)


def _masked(cases: Iterator[PatternCase], mask: Path | None) -> Iterator[PatternCase]:
    allowed = None if mask is None else load_mask(mask)
    for case in cases:
        if allowed is not None and allowed.shape != case.live.shape:
            raise InputError(f"{case.file}: {mask} has {allowed.shape} pixels, the pattern {case.live.shape}")
        yield case if allowed is None else replace(case, live=case.live & allowed)
