"""Systematic absences as evidence for lattice and space group: mean I/σ, and a likelihood robust to
outliers."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float
from scipy.special import log_ndtr

from argand.physics.crystal.symmetry import Group, index_key
from argand.physics.phasing.space_group_candidates import CENTRINGS, centring_vectors
from argand.physics.phasing.wilson import expected_intensity
from argand.typing import Matrix3, Miller

_CONTAMINATED, _CONTAMINATION = 0.1, 0.1
"""Share of contaminated forbidden reflections, and their mean over the mean intensity.

Set by hand: multiple scattering, λ/2 and neighbours; a tenth is a high value for each.
"""
_MOST_SAID = 4.0
"""Largest log-likelihood ratio contributed by one reflection, either way.

Set by hand, against outliers.
"""
_CLEARLY_THERE = -2.0
"""Log-likelihood ratio below which a forbidden reflection is clearly observed; set by hand."""
_SEEN, _MOST_SEEN = 3.0, 0.12
"""I/σ of a reflection that is there; share of such among a centring's absences up to which it is trusted.

Set by hand: λ/2 and underestimated errors give a few, a nearly centred lattice a fifth or more.
"""
_FAINTEST_SHARE = 0.05
"""Largest mean intensity of these relative to the others. Set by hand."""
_MISSING = 0.05
"""Ratio of a centring's forbidden reflections in the data to the expected number below which they were
omitted deliberately. Set by hand: chance omits no more of them than of the others."""


@dataclass(frozen=True)
class Absences:
    """Measured reflections forbidden by a symmetry: their number, their mean I/σ, and that of all others.

    `likelihood` is the log-likelihood ratio of these intensities being absent over ordinary, `against` the
    part of it from reflections that are clearly observed.
    """

    count: int
    strength: float
    others: float
    likelihood: float = 0.0
    against: float = 0.0


def strength_of(forbidden: Bool[np.ndarray, " n"], ratio: Float[np.ndarray, " n"]) -> Absences:
    """Mean I/σ (`ratio`) of forbidden reflections and of the others; 0 if there are none."""
    absent = float(ratio[forbidden].mean()) if forbidden.any() else 0.0
    others = float(ratio[~forbidden].mean()) if not forbidden.all() else 0.0
    return Absences(int(forbidden.sum()), absent, others)


def lattice_centring(
    hkl: Miller, intensity: Float[np.ndarray, " n"], sigma: Float[np.ndarray, " n"]
) -> tuple[str, dict[str, Absences]]:
    """The centring with most translations whose forbidden reflections are absent or omitted; and all
    absences.

    If reflections forbidden by a centring are missing from otherwise complete data, they were omitted because
    of it: half or more cannot be missing by chance.
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
    """Whether reflections forbidden by a centring of `count` translations are absent or unmeasured."""
    # A share 1 - 1/count of all reflections is forbidden.
    expected = (count - 1) * (~forbidden).sum()
    if forbidden.sum() < _MISSING * expected:
        return True
    weak = intensity[forbidden].mean() < _FAINTEST_SHARE * intensity[~forbidden].mean()
    return bool(weak and (ratio[forbidden] > _SEEN).mean() < _MOST_SEEN)


def centring_absent(hkl: Miller, centring: str) -> Bool[np.ndarray, " n"]:
    """Which reflections a centring forbids: h·c is not an integer for one of its translations c."""
    turns = hkl @ centring_vectors(centring).T
    return np.asarray((np.abs(turns - np.rint(turns)) > 1e-3).any(1))


class AbsenceTest:
    """Absences of space groups in one set of unique reflections, merged without omitting any."""

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
    """Logarithm of the density of an acentric intensity, exponential with a given mean, with a normal
    error."""
    shifted = (intensity - error**2 / mean) / error
    return -np.log(mean) + 0.5 * (error / mean) ** 2 - intensity / mean + log_ndtr(shifted)


def mean_e_squared_minus_one(
    hkl: Miller, intensity: Float[np.ndarray, " n"], laue: Group, orthogonalisation: Matrix3
) -> float:
    """Mean of ||E|² - 1| over general reflections: 0.736 for acentric crystals, 0.968 for centric ones.

    Wilson statistics (Howells, Phillips & Rogers, Acta Cryst. 3, 210, 1950). Special directions of the Laue
    class are left out, since it depends on the space group which of them are centric or enhanced.
    """
    general = laue.epsilon(hkl) < 1.5
    expected = expected_intensity(hkl[general], intensity[general], laue, orthogonalisation)
    squared = np.clip(intensity[general], 0, None) / expected
    return float(np.abs(squared / squared.mean() - 1).mean())


def merged_key(hkl: Miller, laue: Group) -> np.ndarray:
    """One number for each reflection, the same for equivalents of a Laue class."""
    return index_key(laue.representative(hkl))
