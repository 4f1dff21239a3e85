"""From what a user names (files, our own data sets, the sample) to patterns, with the truth where known."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from argand.errors import InputError
from argand.io.cxi import Optics
from argand.io.dataset import is_stored_set
from argand.io.formats import reader_errors
from argand.io.image import load_mask, split_selection
from argand.io.pattern import INNER, Pattern, count_patterns, read_patterns
from argand.io.selection import selected
from argand.physics.coherent.projection import Radiation
from argand.systems.molmnist.benchmark.dataset import load
from argand.systems.molmnist.benchmark.pairs import Pairs, open_pairs
from argand.systems.molmnist.fibril.bundle import OUTLINES
from argand.systems.molmnist.fibril.fibril import FIBRILS
from argand.systems.molmnist.inversion.prediction import ASSUMED, WINDOW_SIDE, WindowOrigin
from argand.systems.molmnist.inversion.truth import PatternTruth
from argand.systems.molmnist.system import Molmnist
from argand.typing import Image, Mask

SAMPLE = "sample"
_STRETCHED, _READ_TO = 0.01, 1.6
"""Share by which the window's q may be too large without a note, at the largest q that the network reads, in
1/Å. By hand: windows that are wrong by 2 % are still answered (benchmarks/molmnist_trust.py)."""


@dataclass(frozen=True)
class PatternCase:
    """One pattern to answer: number `index` of a file, of a window of `window_side` Å.

    `window_from` says who states that, `optics` what the file says it follows from. `length` in Å where the
    object's is known, by which the turn between its ends is a twist.
    """

    file: str
    index: int
    intensity: Image
    live: Mask
    window_side: float = WINDOW_SIDE
    window_from: WindowOrigin = "assumed"
    radiation: Radiation = "xray"
    truth: PatternTruth | None = None
    optics: Optics | None = None
    length: float | None = None

    @property
    def notes(self) -> tuple[str, ...]:
        """What an answer rests on: an assumed window, or one at angles that are not small."""
        if self.window_from == "assumed":
            return (ASSUMED,)
        reach = min(np.pi * len(self.intensity) / self.window_side, _READ_TO)
        off = 0.0 if self.optics is None else self.optics.shortfall(reach)
        if off <= _STRETCHED:
            return ()
        return (
            "the file's window, wavelength x distance / pixel, holds for small angles alone: "
            f"q = {reach:.2g} / Å is {100 * off:.1f} % too large",
        )


def is_sample(name: str) -> bool:
    """Whether a name means the sample that is shipped, or some of it (`sample#0-9`)."""
    return split_selection(name)[0] == SAMPLE and not Path(SAMPLE).exists()


def stack_of(name: str) -> tuple[str, str, Sequence[int] | None]:
    """The file of a name, as its records have it, the path within it, and the numbers selected, if any."""
    inner = INNER.match(name)
    if inner is None:
        file, wanted = split_selection(name)
        return file, "", wanted
    return inner[1], inner[2], split_selection(f"{inner[1]}{inner[3] or ''}")[1]


def count_cases(name: str) -> int:
    """How many patterns a name without a selection stands for; raises as `read_cases`."""
    if is_sample(name):
        return len(load(SAMPLE))
    return len(_stored_pairs(name)) if is_stored_set(Path(name)) else count_patterns(name)


def read_cases(
    name: str, mask: Path | None = None, window_side: float | None = None, length: float | None = None
) -> Iterator[PatternCase]:
    """The patterns of one file, data set or sample, one by one; `#3` or `#0-9` behind it selects some.

    Their window is of `window_side` Å where that is stated, else as the file says, else an assumed one;
    `length` in Å is that of their objects.
    Raises InputError, which names the file, for what holds no patterns, for a mask of another shape, and for
    a window in the file that cannot be meant, unless one is stated.
    """
    for case in _cases(name, mask, window_side):
        stated: dict[str, Any] = {}
        if window_side is not None:
            stated = {"window_side": window_side, "window_from": "stated"}
        if length is not None:
            stated["length"] = length
        yield replace(case, **stated)


def _cases(name: str, mask: Path | None, window_side: float | None) -> Iterator[PatternCase]:
    file, wanted = split_selection(name)
    if is_sample(name):
        yield from _masked(_pairs_cases(file, load(SAMPLE), wanted), mask)
    elif is_stored_set(Path(file)):
        yield from _masked(_pairs_cases(file, _stored_pairs(file), wanted), mask)
    else:
        for one in read_patterns(name, mask, window=window_side is None):
            yield _case(one)


def _stored_pairs(file: str) -> Pairs:
    """The pairs of a data set file; InputError where what it says of itself or links to cannot be meant."""
    with reader_errors(file):
        pairs = open_pairs(Path(file))
        pairs.source.stored.require_whole()
        return pairs


def _case(one: Pattern) -> PatternCase:
    """A pattern of a file with the window that the file states, or the assumed one."""
    window: dict[str, Any] = {}
    if one.window_side is not None:
        window = {"window_side": one.window_side, "window_from": "file"}
    return PatternCase(one.file, one.index, one.intensity, one.live, optics=one.optics, **window)


def _pairs_cases(file: str, pairs: Pairs, wanted: range | None) -> Iterator[PatternCase]:
    for index in selected(file, wanted, len(pairs), "pattern"):
        with reader_errors(file):
            case = pair_case(file, index, pairs.source[int(pairs.rows[index])], pairs.system)
        yield case


def pair_case(file: str, index: int, row: Mapping[str, Any], system: Molmnist) -> PatternCase:
    """A pair of a data set as a case; `row` has its arrays [slow, fast] and numbers by name."""
    imaging = system.imaging
    truth = PatternTruth(row["shape"].astype(np.float32), _known(row, system.kinds))
    return PatternCase(
        *(file, index, row["pattern"], row.get("live", imaging.live), imaging.window.side, "file"),
        *(imaging.radiation, truth),
        length=float(row["length"]) if "length" in row else system.length,
    )


def _known(row: Mapping[str, Any], kinds: tuple[str, ...]) -> dict[str, Any]:
    """What a pair says of its object, in plain values."""
    told: dict[str, Any] = {"rotation_deg": float(row["rotation_deg"]) % 180.0}
    if "fibril" in row:
        twist = abs(float(row["twist_deg_per_nm"]))
        return told | {"fibril": FIBRILS[int(row["fibril"])], "twist_deg_per_nm": twist}
    if "kind" in row:
        return told | {"fibril": kinds[int(row["kind"])]}
    if "chains" in row:
        outline = OUTLINES[int(row["outline"])]
        told |= {"chains": int(row["chains"]), "outline": outline, "turn_deg": float(row["turn_deg"])}
    return told


def _masked(cases: Iterator[PatternCase], mask: Path | None) -> Iterator[PatternCase]:
    allowed = None if mask is None else load_mask(mask)
    for case in cases:
        if allowed is not None and allowed.shape != case.live.shape:
            shapes = [" x ".join(map(str, one.shape)) for one in (allowed, case.live)]
            raise InputError(f"{case.file}: {mask} has {shapes[0]} pixels, the pattern {shapes[1]}")
        yield case if allowed is None else replace(case, live=case.live & allowed)
