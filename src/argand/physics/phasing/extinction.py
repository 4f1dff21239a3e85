"""What absent reflections say of lattice and group: means of I/σ, and a likelihood that bears outliers."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float
from scipy.special import log_ndtr

from argand.physics.crystal.symmetry import Group, index_key
from argand.physics.phasing.space_group_candidates import CENTRINGS, centring_vectors
from argand.physics.phasing.wilson import expected_intensity
from argand.typing import Matrix3, Miller

_CONTAMINATED, _CONTAMINATION = 0.1, 0.1
"""Share of forbidden reflections that may hold something, and the mean of that over the mean intensity.

By hand: double scattering, half wavelengths and neighbours; a tenth is much of each.
"""
_MOST_SAID = 4.0
"""Logarithm of the likelihood ratio that one reflection may add at most, either way.

By hand, against outliers.
"""
_CLEARLY_THERE = -2.0
"""Logarithm of the likelihood ratio below which a forbidden reflection is clearly there; by hand."""
_SEEN, _MOST_SEEN = 3.0, 0.12
"""I/σ of a reflection that is there; share of such among a centring's absences up to which it is trusted.

By hand: half waves and too small errors show a few, a lattice that is nearly centred a fifth or more.
"""
_FAINTEST_SHARE = 0.05
"""Share of the others' mean intensity that these may have in the mean. By hand."""
_MISSING = 0.05
"""Share of a centring's absent reflections, of those that chance lets expect, below which they are left out
of the data on purpose. By hand: chance leaves out no more than the others."""


@dataclass(frozen=True)
class Absences:
    """Measured reflections that a symmetry forbids: how many, their mean I/σ, and that of all others.

    `likelihood` is the logarithm of how much better the intensities are explained by their absence than as
    usual ones, `against` the part of it of reflections that are clearly there.
    """

    count: int
    strength: float
    others: float
    likelihood: float = 0.0
    against: float = 0.0


def strength_of(forbidden: Bool[np.ndarray, " n"], ratio: Float[np.ndarray, " n"]) -> Absences:
    """Mean I/σ (`ratio`) of forbidden reflections and of the others; 0 of none."""
    absent = float(ratio[forbidden].mean()) if forbidden.any() else 0.0
    others = float(ratio[~forbidden].mean()) if not forbidden.all() else 0.0
    return Absences(int(forbidden.sum()), absent, others)


def lattice_centring(
    hkl: Miller, intensity: Float[np.ndarray, " n"], sigma: Float[np.ndarray, " n"]
) -> tuple[str, dict[str, Absences]]:
    """The centring of most translations whose reflections are absent or left out; and all absences.

    Reflections that a centring forbids and that are not in otherwise complete data were left out because of
    it: one in two or more cannot be missing by chance.
    """
    ratio = intensity / np.maximum(sigma, 1e-9 + 0.01 * np.median(sigma))
    found, best, most = {}, "P", 1
    for centring in CENTRINGS:
        forbidden = centring_absent(hkl, centring)
        found[centring] = strength_of(forbidden, ratio)
        count = len(centring_vectors(centring))
        if count > most and _is_absent(forbidden, intensity, ratio, count):
            best, most = centring, count
    return best, found


def _is_absent(
    forbidden: Bool[np.ndarray, " n"],
    intensity: Float[np.ndarray, " n"],
    ratio: Float[np.ndarray, " n"],
    count: int,
) -> bool:
    """Whether reflections that a centring of `count` translations forbids are absent or not there."""
    # Of all reflections 1 - 1/count are forbidden.
    expected = (count - 1) * (~forbidden).sum()
    if forbidden.sum() < _MISSING * expected:
        return True
    weak = intensity[forbidden].mean() < _FAINTEST_SHARE * intensity[~forbidden].mean()
    return bool(weak and (ratio[forbidden] > _SEEN).mean() < _MOST_SEEN)


def centring_absent(hkl: Miller, centring: str) -> Bool[np.ndarray, " n"]:
    """Which reflections a centring forbids: h·c is no whole number for one of its translations c."""
    turns = hkl @ centring_vectors(centring).T
    return np.asarray((np.abs(turns - np.rint(turns)) > 1e-3).any(1))


class AbsenceTest:
    """Absences of space groups in one set of unique reflections, merged without leaving any out."""

    def __init__(
        self,
        hkl: Miller,
        intensity: Float[np.ndarray, " n"],
        sigma: Float[np.ndarray, " n"],
        laue: Group,
        orthogonalisation: Matrix3,
    ) -> None:
        self.hkl = hkl
        self.ratio = intensity / np.maximum(sigma, 1e-12)
        mean = np.maximum(expected_intensity(hkl, intensity, laue, orthogonalisation), 1e-12)
        error = np.maximum(sigma, 1e-3 * mean)
        usual = _log_noisy_wilson(intensity, mean, error)
        noise = -0.5 * (intensity / error) ** 2 - np.log(error * np.sqrt(2 * np.pi))
        outlying = _log_noisy_wilson(intensity, _CONTAMINATION * mean, error)
        absent = np.logaddexp(np.log1p(-_CONTAMINATED) + noise, np.log(_CONTAMINATED) + outlying)
        self._said = np.clip(absent - usual, -_MOST_SAID, _MOST_SAID)

    def of(self, group: Group) -> Absences:
        """Absences of a group in the data's own lattice."""
        forbidden = group.absent(self.hkl)
        told = strength_of(forbidden, self.ratio)
        said = self._said[forbidden]
        against = float(said[said < _CLEARLY_THERE].sum())
        return Absences(told.count, told.strength, told.others, float(said.sum()), against)


def _log_noisy_wilson(
    intensity: Float[np.ndarray, " n"], mean: Float[np.ndarray, " n"], error: Float[np.ndarray, " n"]
) -> Float[np.ndarray, " n"]:
    """Logarithm of the density of an acentric intensity, exponential of a mean, with a normal error."""
    shifted = (intensity - error**2 / mean) / error
    return -np.log(mean) + 0.5 * (error / mean) ** 2 - intensity / mean + log_ndtr(shifted)


def mean_e_squared_minus_one(
    hkl: Miller, intensity: Float[np.ndarray, " n"], laue: Group, orthogonalisation: Matrix3
) -> float:
    """Mean of ||E|² - 1| over general reflections: 0.736 for acentric crystals, 0.968 for centric ones.

    Wilson statistics (Howells, Phillips & Rogers, Acta Cryst. 3, 210, 1950). Special directions of the Laue
    class are left out, as which of them are centric or enhanced depends on the group.
    """
    general = laue.epsilon(hkl) < 1.5
    expected = expected_intensity(hkl[general], intensity[general], laue, orthogonalisation)
    squared = np.clip(intensity[general], 0, None) / expected
    return float(np.abs(squared / squared.mean() - 1).mean())


def merged_key(hkl: Miller, laue: Group) -> np.ndarray:
    """One number for each reflection, the same for equivalents of a Laue class."""
    return index_key(laue.representative(hkl))
