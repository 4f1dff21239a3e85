"""The Laue class of measured intensities: which equivalents agree, and which were merged before."""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float, Int

from argand.physics.crystal.symmetry import Group, half_sphere, index_key, inverse_d_squared
from argand.physics.phasing.space_group_candidates import LaueClass, laue_classes
from argand.typing import Matrix3, Miller

_LARGEST_R = 0.12
"""R_int up to which equivalents agree where nothing smaller is known. By hand: usual of fair data."""
_LARGEST_RATIO, _ALLOWANCE = 2.0, 0.02
"""R_int of a class over that of the classes within it, and over what the errors of intensities let expect, up
to which its equivalents agree; and what may be added to the first. By hand."""
_NEVER = 0.4
"""R_int beyond which nothing agrees.

By hand: below the 0.5 that unrelated acentric intensities have on average (Wilson's statistics).
"""
_FEW_PAIRS = 0.1
"""Share of the equivalents that chance lets expect, below which the data were merged in a class."""
_FEWEST_PAIRS = 8
"""Pairs of equivalents below which R_int says nothing. By hand."""


@dataclass(frozen=True)
class LaueTest:
    """A Laue class against the data: R_int of its equivalents beyond Friedel's, and how many sets of such.

    `expected` is R_int that the errors alone would give; `merged` says that the data hold each set of
    equivalents once; `agrees` that the class is possible. R_int is None without equivalents.
    """

    laue: LaueClass
    r_int: float | None
    expected: float | None
    pairs: int
    merged: bool
    agrees: bool


def laue_tests(
    hkl: Miller,
    intensity: Float[np.ndarray, " n"],
    sigma: Float[np.ndarray, " n"],
    orthogonalisation: Matrix3,
    centring: str,
) -> list[LaueTest]:
    """All Laue classes that the metric allows against intensities as measured, smallest first."""
    classes = laue_classes(orthogonalisation, centring)
    baseline, hkl, intensity, sigma = _friedel_merged(hkl, intensity, sigma)
    tests: list[LaueTest] = []
    for one in classes:
        within = [test for test in tests if test.laue.key < one.key]
        known = [test.r_int for test in within if test.agrees and test.r_int is not None]
        known += [] if baseline is None else [baseline]
        test = _tested(one, hkl, intensity, sigma, orthogonalisation, centring, max(known, default=None))
        tests.append(test if all(other.agrees for other in within) else replace(test, agrees=False))
    return tests


def chosen_class(tests: list[LaueTest]) -> LaueTest:
    """The largest class that agrees; of equal ones the one whose equivalents agree best."""

    def preference(test: LaueTest) -> tuple[int, float]:
        # Data that were merged in a class say so by its complete absence of equivalents: as good as 0.
        return -test.laue.order, 0.0 if test.r_int is None else test.r_int

    return min((test for test in tests if test.agrees), key=preference)


def _friedel_merged(
    hkl: Miller, intensity: Float[np.ndarray, " n"], sigma: Float[np.ndarray, " n"]
) -> tuple[float | None, Int[np.ndarray, "m 3"], Float[np.ndarray, " m"], Float[np.ndarray, " m"]]:
    """R_int of repeated measurements and Friedel mates, or None; their means and errors."""
    half = np.where((index_key(hkl) < index_key(-hkl))[:, None], -hkl, hkl)
    _, first, which, count = np.unique(
        index_key(half), return_index=True, return_inverse=True, return_counts=True
    )
    sigma = np.maximum(sigma, 0.1 * np.median(sigma))
    weight = 1 / sigma**2
    total = np.bincount(which, weight)
    mean = np.bincount(which, weight * intensity) / total
    scatter = np.bincount(which, (intensity - mean[which]) ** 2)
    error = np.maximum(1 / np.sqrt(total), np.sqrt(scatter / np.maximum(count * (count - 1), 1)))
    several = count[which] > 1
    norm = float(np.abs(intensity[several]).sum())
    enough = (count > 1).sum() >= _FEWEST_PAIRS and norm > 0
    baseline = float(np.abs(intensity - mean[which])[several].sum()) / norm if enough else None
    return baseline, half[first], mean, error


def _tested(
    laue: LaueClass,
    hkl: Miller,
    intensity: Float[np.ndarray, " n"],
    sigma: Float[np.ndarray, " n"],
    orthogonalisation: Matrix3,
    centring: str,
    known: float | None,
) -> LaueTest:
    """One class; `known` is R_int of what agrees already."""
    if laue.order == 2:
        return LaueTest(laue, None, None, 0, True, True)
    group = laue.group(centring)
    which = np.unique(index_key(group.representative(hkl)), return_inverse=True)[1]
    count = np.bincount(which)
    several = count[which] > 1
    pairs = int((count > 1).sum())
    merged = pairs < max(_FEW_PAIRS * _expected_pairs(hkl, group, orthogonalisation), 1)
    if pairs < _FEWEST_PAIRS:
        return LaueTest(laue, None, None, pairs, merged, merged)
    mean = np.bincount(which, intensity) / count
    norm = np.abs(intensity[several]).sum()
    r_int = float(np.abs(intensity - mean[which])[several].sum() / norm)
    # |x - mean of n| of normal errors is σ √(2/π) √((n-1)/n) on average.
    error = sigma * np.sqrt(2 / np.pi * (1 - 1 / count[which]))
    expected = float(error[several].sum() / norm)
    usual = _LARGEST_R if known is None else _LARGEST_RATIO * known + _ALLOWANCE
    agrees = r_int < min(max(usual, _LARGEST_RATIO * expected), _NEVER)
    return LaueTest(laue, r_int, expected, pairs, merged, agrees)


def _expected_pairs(hkl: Miller, group: Group, orthogonalisation: Matrix3) -> float:
    """Sets of equivalents with two measured members or more, were reflections missing by chance.

    `hkl` are one of each Friedel pair.
    """
    d_min = float(1 / np.sqrt(inverse_d_squared(hkl, orthogonalisation).max()))
    possible = half_sphere(orthogonalisation, d_min)
    possible = possible[~group.absent(possible)]
    size = group.order / len(group.centrings) / 2
    # Those with l = 0 are listed with both signs.
    count = ((possible[:, 2] > 0).sum() + len(possible)) / 2
    share = min(len(hkl) / max(count, 1), 1.0)
    alone = size * share * (1 - share) ** (size - 1)
    return float(count / size * max(1 - (1 - share) ** size - alone, 0.0))
