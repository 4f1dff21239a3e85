"""Anomalous scattering: the absolute structure from Friedel pairs by Flack's parameter."""

from collections.abc import Mapping
from dataclasses import dataclass

import gemmi
import numpy as np
from jaxtyping import Complex, Float

from argand.physics.crystal.atom import Atoms, form_factors
from argand.physics.crystal.symmetry import Group, index_key, inverse_d_squared
from argand.typing import Matrix3, Miller

_STRONG = 3.0
"""Least mean intensity of a pair in standard deviations. Set by hand: quotients of weaker pairs are noise,
and selecting by the mean of both favours neither hand."""
_OUTLYING = 4.0
"""Robust standard deviations beyond which a pair is left out. Set by hand: hardly any normal error is as
large; otherwise a few wrongly measured mates would decide."""
_ROUNDS = 5
"""Most rounds of outlier rejection; set by hand, as the second or third usually changes nothing."""
_FEWEST = 10
"""Fewest pairs for a result. Set by hand: fewer do not determine a scatter."""
_CLEAR = 3.0
"""Number of uncertainties by which x must differ from 1/2 to determine the hand: one chance in 700 with
normal errors."""
_SURE = 0.1
"""Largest uncertainty of x that determines the hand (Flack & Bernardinelli, J. Appl. Cryst. 33, 1143, 2000,
for enantiopure compounds; 0.04 in general)."""
_BEYOND = 0.2
"""An x below 0 or above 1 by more than this and the uncertainties above is unphysical: the wavelength or
elements are wrong. Set by hand."""
_TWIN = 0.2
"""From this x up to one minus it, the crystal appears to be an inversion twin. Set by hand."""


@dataclass(frozen=True)
class FriedelPairs:
    """Mean F² of reflections `hkl` and of their Friedel mates -h, with standard deviations, on a common
    scale."""

    hkl: Miller
    plus: Float[np.ndarray, " n"]
    plus_sigma: Float[np.ndarray, " n"]
    minus: Float[np.ndarray, " n"]
    minus_sigma: Float[np.ndarray, " n"]

    def __len__(self) -> int:
        return len(self.hkl)


@dataclass(frozen=True)
class Flack:
    """Flack's x of a model, its standard uncertainty, and the number of Friedel pairs used.

    x is the fraction of the crystal with the opposite hand to the model: 0 correct, 1 wrong, in between an
    inversion twin.
    """

    x: float
    uncertainty: float
    pairs: int

    @property
    def is_clear(self) -> bool:
        """Whether the data determine the hand, with a physical x."""
        off = abs(self.x - 0.5)
        if self.uncertainty > _SURE:
            return False
        return _CLEAR * self.uncertainty < off < 0.5 + _BEYOND + _CLEAR * self.uncertainty

    @property
    def is_wrong_hand(self) -> bool:
        """Whether the model should be inverted."""
        return self.is_clear and self.x > 0.5

    @property
    def is_twin(self) -> bool:
        """Whether the crystal is clearly an inversion twin with comparable parts."""
        low, high = _TWIN + _CLEAR * self.uncertainty, 1 - _TWIN - _CLEAR * self.uncertainty
        return low < self.x < high

    @property
    def inverted(self) -> "Flack":
        """The result of the same data for the inverted model: all calculated quotients change sign."""
        return Flack(1 - self.x, self.uncertainty, self.pairs)


def dispersion(elements: tuple[str, ...], wavelength: float) -> dict[str, complex]:
    """f' + i f'' of each element in electrons at a wavelength in Å (Cromer & Liberman 1981, via gemmi).

    Zero for hydrogen and helium, which are missing in the tables.
    """
    energy = gemmi.hc / wavelength
    numbers = {element: gemmi.Element(element).atomic_number for element in set(elements)}
    return {element: complex(*gemmi.cromer_liberman(z, energy)) for element, z in numbers.items()}


def anomalous_structure_factors(
    atoms: Atoms, hkl: Miller, group: Group, orthogonalisation: Matrix3, corrections: Mapping[str, complex]
) -> Complex[np.ndarray, " n"]:
    """F(h) = Σ occ (f + f' + i f'') exp(-8π² U sin²θ/λ²) exp(2πi h·x), in electrons, for X-rays.

    [n] complex for `hkl` [n, 3]; `corrections` are those of `dispersion`. |F(h)| and |F(-h)| differ if f''
    differs between atoms (International Tables B 2.4).
    """
    stol_squared = inverse_d_squared(hkl, orthogonalisation) / 4
    tables = form_factors(atoms.elements, stol_squared)
    size = np.column_stack([tables[element] + corrections[element] for element in atoms.elements])
    size *= np.exp(-8 * np.pi**2 * np.outer(stol_squared, atoms.u_iso)) * atoms.occupancy
    waves = np.zeros(size.shape, complex)
    for image, turn in zip(group.equivalents(hkl), group.phases(hkl), strict=True):
        waves += np.exp(1j * (2 * np.pi * (image @ atoms.frac.T) + turn[:, None]))
    return (size * waves).sum(1)


def friedel_pairs(
    hkl: Miller, intensity: Float[np.ndarray, " n"], sigma: Float[np.ndarray, " n"], group: Group
) -> FriedelPairs:
    """Pairs of h and -h, each the mean over its equivalents in the point group, keeping the two separate.

    `hkl` [n, 3] with F² and its sigma [n], as measured. Centric reflections, which are equivalent to their
    mates, systematic absences, and reflections without a mate are left out.
    """
    kept = ~group.absent(hkl) & (sigma > 0)
    hkl, intensity, sigma = hkl[kept], intensity[kept], sigma[kept]
    images = np.einsum("ni,oij->onj", hkl, np.unique(group.rotations, axis=0))
    own, mate = index_key(images).max(0), index_key(-images).max(0)
    acentric = own != mate
    key, is_plus = np.maximum(own, mate)[acentric], (own > mate)[acentric]
    value, weight = intensity[acentric], 1 / sigma[acentric] ** 2
    unique, which = np.unique(key, return_inverse=True)
    means = [_means(value[side], weight[side], which[side], len(unique)) for side in (is_plus, ~is_plus)]
    both = np.isfinite(means[0][1]) & np.isfinite(means[1][1])
    first = np.zeros((len(unique), 3), int)
    best = index_key(images).argmax(0)
    first[which[is_plus]] = np.take_along_axis(images, best[None, :, None], 0)[0][acentric][is_plus]
    (plus, plus_sigma), (minus, minus_sigma) = means
    return FriedelPairs(first[both], plus[both], plus_sigma[both], minus[both], minus_sigma[both])


def _means(
    value: Float[np.ndarray, " n"], weight: Float[np.ndarray, " n"], which: np.ndarray, count: int
) -> tuple[Float[np.ndarray, " m"], Float[np.ndarray, " m"]]:
    """Weighted means and sigmas (infinite if unmeasured) of each of `count` sets."""
    total, several = np.bincount(which, weight, count), np.bincount(which, minlength=count)
    mean = np.bincount(which, weight * value, count) / np.maximum(total, 1e-30)
    off = np.bincount(which, (value - mean[which]) ** 2, count)
    # Standard error of the mean of n values, where it exceeds that from their sigmas.
    scatter = np.sqrt(off / np.maximum(several * (several - 1), 1))
    inside = np.sqrt(1 / np.where(total > 0, total, 1.0))
    return mean, np.where(total > 0, np.maximum(inside, scatter), np.inf)


def flack(pairs: FriedelPairs, plus: Float[np.ndarray, " n"], minus: Float[np.ndarray, " n"]) -> Flack | None:
    """Flack's x from the quotients Q = (I+ - I-) / (I+ + I-): Q_obs = (1 - 2x) Q_calc by least squares.

    `plus` and `minus` are F² of the model for h and -h, on any scale. Parsons, Flack & Wagner, Acta Cryst.
    B69, 249 (2013), eq. 1 and 2. Weights are those of the intensities' sigmas; outlying pairs are left out,
    and the uncertainty is increased if the rest scatter more than their sigmas. None if too few pairs are
    strong, or the model has no differences.
    """
    total = pairs.plus + pairs.minus
    error = np.hypot(pairs.plus_sigma, pairs.minus_sigma)
    kept = np.flatnonzero((total > _STRONG * error) & (plus + minus > 0))
    total = total[kept]
    observed = (pairs.plus - pairs.minus)[kept] / total
    # dQ/dI+ = 2 I- / (I+ + I-)², dQ/dI- = -2 I+ / (I+ + I-)².
    sigma = 2 * np.hypot(pairs.minus * pairs.plus_sigma, pairs.plus * pairs.minus_sigma)[kept] / total**2
    # Set by hand: uncertainties are at least a hundredth of the median, so that no quotient dominates.
    sigma = np.maximum(sigma, 1e-2 * np.median(sigma) if len(sigma) else 0.0)
    calculated = ((plus - minus) / (plus + minus))[kept] if len(kept) else np.zeros(0)
    if len(kept) < _FEWEST or np.abs(calculated).max() < 1e-9 or not (sigma > 0).all():
        return None
    return _line(observed / sigma, calculated / sigma)


def _line(observed: Float[np.ndarray, " n"], calculated: Float[np.ndarray, " n"]) -> Flack:
    """x from a line through the origin, all divided by the sigmas."""
    kept = np.ones(len(observed), bool)
    for _ in range(_ROUNDS):
        slope = observed[kept] @ calculated[kept] / (calculated[kept] @ calculated[kept])
        deviation = np.abs(observed - slope * calculated)
        # 1.48 times the median of |x| is the standard deviation of a normal distribution.
        near = deviation <= _OUTLYING * max(1.48 * float(np.median(deviation)), 1e-9)
        if (near == kept).all():
            break
        kept = near
    rest = observed[kept] - slope * calculated[kept]
    spread = max(1.0, float(rest @ rest) / max(int(kept.sum()) - 1, 1))
    error = float(np.sqrt(spread / (calculated[kept] @ calculated[kept])))
    return Flack(float((1 - slope) / 2), error / 2, int(kept.sum()))


def flack_of(
    atoms: Atoms, pairs: FriedelPairs, group: Group, orthogonalisation: Matrix3, wavelength: float
) -> Flack | None:
    """`flack` of a model; `wavelength` in Å. None without Friedel pairs or anomalous scattering of the
    model."""
    corrections = dispersion(atoms.elements, wavelength)
    plus, minus = (
        np.abs(anomalous_structure_factors(atoms, hkl, group, orthogonalisation, corrections)) ** 2
        for hkl in (pairs.hkl, -pairs.hkl)
    )
    return flack(pairs, plus, minus)
