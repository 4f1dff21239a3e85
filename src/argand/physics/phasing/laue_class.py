"""The Laue class of measured intensities: which equivalents agree, and which were already merged."""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float, Int

from argand.physics.crystal.symmetry import Group, half_sphere, index_key, inverse_d_squared
from argand.physics.phasing.space_group_candidates import LaueClass, laue_classes
from argand.typing import Matrix3, Miller

_LARGEST_R = 0.12
"""Largest R_int of agreeing equivalents if no lower class is known. Set by hand: usual for fair data."""
_LARGEST_RATIO, _ALLOWANCE = 2.0, 0.02
"""Largest ratio of R_int of a class to that of its subclasses, and to that expected from the errors, for its
equivalents to agree; and an allowance added to the first. Set by hand."""
_NEVER = 0.4
"""R_int beyond which nothing agrees.

Set by hand: below the average of 0.5 for unrelated acentric intensities (Wilson's statistics).
"""
_FEW_PAIRS = 0.1
"""Ratio of found to expected equivalents below which the data were merged in a class."""
_FEWEST_PAIRS = 8
"""Fewest pairs of equivalents for a meaningful R_int. Set by hand."""


@dataclass(frozen=True)
class LaueTest:
    """A Laue class tested on the data: R_int of equivalents other than Friedel mates, and number of sets.

    `expected` is R_int from the errors alone; `merged` means that the data contain each set of equivalents
    once; `agrees` that the class is possible. R_int is None without equivalents.
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
    """Tests of all Laue classes allowed by the metric on measured intensities, smallest first."""
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
    """The largest class that agrees; among equal ones that with the best agreement."""

    def preference(test: LaueTest) -> tuple[int, float]:
        # Data merged in a class lack its equivalents completely: this counts as R_int 0.
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
    """One class; `known` is R_int of the classes that already agree."""
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
    # |x - mean of n| for normal errors is σ √(2/π) √((n-1)/n) on average.
    error = sigma * np.sqrt(2 / np.pi * (1 - 1 / count[which]))
    expected = float(error[several].sum() / norm)
    usual = _LARGEST_R if known is None else _LARGEST_RATIO * known + _ALLOWANCE
    agrees = r_int < min(max(usual, _LARGEST_RATIO * expected), _NEVER)
    return LaueTest(laue, r_int, expected, pairs, merged, agrees)


def _expected_pairs(hkl: Miller, group: Group, orthogonalisation: Matrix3) -> float:
    """Expected number of sets with two or more measured equivalents if reflections are missing by chance.

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
