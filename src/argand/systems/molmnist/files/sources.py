"""From what a predictor is given in Python to patterns: arrays, files, pairs of data sets, lists of these."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from argand.errors import InputError
from argand.io.pattern import expand_patterns
from argand.physics.coherent.projection import Radiation
from argand.runs.course import Failure, attempted
from argand.systems.molmnist.benchmark.pairs import Pair, Pairs
from argand.systems.molmnist.files.inputs import PatternCase, is_sample, pair_case, read_cases
from argand.typing import Image, Mask

Source = str | Path | np.ndarray | Tensor | Mapping[str, Any]
"""One input: a file (or several patterns of it), a pattern, or a pair of a data set."""


@dataclass(frozen=True, eq=False)
class Stated:
    """What the user states of all patterns: measured pixels, mask file, window and length in Å, radiation.

    None: as the input has it.
    """

    live: Mask | None = None
    mask: Path | None = None
    window_side: float | None = None
    length: float | None = None
    radiation: Radiation | None = None


def is_list(source: Any) -> bool:
    """Whether these are several inputs."""
    if isinstance(source, np.ndarray | Tensor):
        return source.ndim == 3 and len(source) != 1
    return isinstance(source, Sequence | Pairs) and not isinstance(source, str)


def cases_of_list(sources: Any, stated: Stated) -> Iterator[PatternCase | Failure]:
    """The patterns of several inputs, in their order; an input that cannot be read is a failure."""
    for number in range(len(sources)):
        name = f"input {number}"
        source = sources[number]
        file = str(source) if isinstance(source, str | Path) else name
        yield from attempted(file, lambda source=source, name=name: cases_of(source, stated, name))


def cases_of(source: Any, stated: Stated, name: str = "") -> Iterator[PatternCase]:
    """The patterns of one input; `name` is the file of those that have none.

    Raises InputError for what has no pattern or cannot be read.
    """
    if isinstance(source, str | Path):
        cases = _file_cases(str(source), stated)
    elif isinstance(source, Mapping):
        cases = iter([_pair_case(source, stated, name)])
    elif isinstance(source, np.ndarray | Tensor):
        cases = iter([_array_case(source, stated, name)])
    else:
        kind = type(source).__name__
        raise InputError(f"no pattern in a value of type {kind}; give an array, a file, a pair, or a list")
    for case in cases:
        yield replace(case, radiation=stated.radiation or case.radiation)


def _file_cases(name: str, stated: Stated) -> Iterator[PatternCase]:
    """The patterns of a file, or of all files of a pattern of names."""
    if stated.live is not None:
        raise InputError("live goes with an array; give the file of a mask as mask=")
    for file in [name] if is_sample(name) else expand_patterns([name]):
        yield from read_cases(file, stated.mask, stated.window_side, stated.length)


def _array_case(source: Any, stated: Stated, name: str) -> PatternCase:
    """An array [slow, fast], or [1, slow, fast], of a stated or the assumed window."""
    if stated.mask is not None:
        raise InputError("mask goes with a file; give the measured pixels of an array as live=")
    pattern = _pattern_of(source)
    live = np.ones(pattern.shape, bool) if stated.live is None else _live_of(stated.live, pattern)
    window: dict[str, Any] = {}
    if stated.window_side is not None:
        window = {"window_side": stated.window_side, "window_from": "stated"}
    return PatternCase(name, 0, pattern, live, length=stated.length, **window)


def _pair_case(source: Mapping[str, Any], stated: Stated, name: str) -> PatternCase:
    """A pair of a data set; of other mappings, the arrays `pattern` and `live`."""
    if "pattern" not in source:
        raise InputError("a mapping without 'pattern' is not a pair of a data set; give one of a data set")
    row = {key: _plain(value) for key, value in source.items()}
    if not isinstance(source, Pair):
        return _array_case(row["pattern"], replace(stated, live=stated.live or row.get("live")), name)
    case = pair_case(source.file, source.index, row, source.system)
    told: dict[str, Any] = {}
    if stated.window_side is not None:
        told = {"window_side": stated.window_side, "window_from": "stated"}
    if stated.length is not None:
        told["length"] = stated.length
    if stated.live is not None:
        told["live"] = _live_of(stated.live, case.intensity)
    return replace(case, **told)


def _pattern_of(source: Any) -> Image:
    """A pattern as an array [slow, fast]; InputError for an array of another kind."""
    pattern = _plain(source)
    if pattern.ndim != 2 or pattern.dtype.kind not in "biuf":
        size = " x ".join(map(str, pattern.shape))
        raise InputError(f"a pattern is square, an array of numbers; this one is {size} of {pattern.dtype}")
    return pattern


def _live_of(live: Any, pattern: Image) -> Mask:
    """Measured pixels of a pattern; InputError where the two differ in size."""
    found = _plain(live).astype(bool)
    if found.shape != pattern.shape:
        sizes = [" x ".join(map(str, one.shape)) for one in (found, pattern)]
        raise InputError(f"the mask has {sizes[0]} pixels, the pattern {sizes[1]}")
    return found


def _plain(value: Any) -> np.ndarray:
    """An array or tensor as an array; images without a channel axis of one."""
    array = value.detach().cpu().numpy() if isinstance(value, Tensor) else np.asarray(value)
    return array[0] if array.ndim == 3 and len(array) == 1 else array
