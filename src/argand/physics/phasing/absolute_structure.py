"""Anomalous scattering: which of two hands a crystal has, from its Friedel pairs by Flack's parameter."""

from collections.abc import Mapping
from dataclasses import dataclass

import gemmi
import numpy as np
from jaxtyping import Complex, Float

from argand.physics.crystal.atom import Atoms, form_factors
from argand.physics.crystal.symmetry import Group, index_key, inverse_d_squared
from argand.typing import Matrix3, Miller

_STRONG = 3.0
"""Standard deviations that the mean of a pair must have. By hand: quotients of weaker pairs are noise, and
choosing by the mean of both favours no hand."""
_OUTLYING = 4.0
"""Robust standard deviations beyond which a pair is left out. By hand: hardly one of normal errors is there;
a few wrongly measured mates would else decide."""
_ROUNDS = 5
"""Rounds of leaving outliers out, at most; by hand, as the second or third mostly changes nothing."""
_FEWEST = 10
"""Pairs below which nothing is said. By hand: a scatter is not known of fewer."""
_CLEAR = 3.0
"""Uncertainties by which x must differ from 1/2 to name a hand: one chance in 700 with normal errors."""
_SURE = 0.1
"""Uncertainty up to which x names a hand (Flack & Bernardinelli, J. Appl. Cryst. 33, 1143, 2000, for
compounds of one hand; 0.04 where nothing is known)."""
_BEYOND = 0.2
"""x that is below 0 or above 1 by more than this and the uncertainties above belongs to no crystal, but to a
wrong wavelength or wrong elements. By hand."""
_TWIN = 0.2
"""x from which on, and up to one less this, both hands seem to be there. By hand."""


@dataclass(frozen=True)
class FriedelPairs:
    """Mean F² of reflections `hkl` and of their mates -h, with standard deviations, on any one scale."""

    hkl: Miller
    plus: Float[np.ndarray, " n"]
    plus_sigma: Float[np.ndarray, " n"]
    minus: Float[np.ndarray, " n"]
    minus_sigma: Float[np.ndarray, " n"]

    def __len__(self) -> int:
        return len(self.hkl)


@dataclass(frozen=True)
class Flack:
    """Flack's x of a model, its standard uncertainty, and the number of Friedel pairs it comes from.

    x is the share of the crystal that has the hand opposite to the model's: 0 right, 1 wrong, between them a
    twin by inversion.
    """

    x: float
    uncertainty: float
    pairs: int

    @property
    def is_clear(self) -> bool:
        """Whether the data prefer one of the hands, by an x that a crystal can have."""
        off = abs(self.x - 0.5)
        if self.uncertainty > _SURE:
            return False
        return _CLEAR * self.uncertainty < off < 0.5 + _BEYOND + _CLEAR * self.uncertainty

    @property
    def is_wrong_hand(self) -> bool:
        """Whether the model is to be inverted."""
        return self.is_clear and self.x > 0.5

    @property
    def is_twin(self) -> bool:
        """Whether both hands are there in comparable parts, beyond doubt."""
        low, high = _TWIN + _CLEAR * self.uncertainty, 1 - _TWIN - _CLEAR * self.uncertainty
        return low < self.x < high

    @property
    def inverted(self) -> "Flack":
        """What the same data say of the inverted model: all calculated quotients change their sign."""
        return Flack(1 - self.x, self.uncertainty, self.pairs)


def dispersion(elements: tuple[str, ...], wavelength: float) -> dict[str, complex]:
    """f' + i f'' of each element in electrons at a wavelength in Å (Cromer & Liberman 1981, via gemmi).

    Zero for hydrogen and helium, which the tables lack.
    """
    energy = gemmi.hc / wavelength
    numbers = {element: gemmi.Element(element).atomic_number for element in set(elements)}
    return {element: complex(*gemmi.cromer_liberman(z, energy)) for element, z in numbers.items()}


def anomalous_structure_factors(
    atoms: Atoms, hkl: Miller, group: Group, orthogonalisation: Matrix3, corrections: Mapping[str, complex]
) -> Complex[np.ndarray, " n"]:
    """F(h) = Σ occ (f + f' + i f'') exp(-8π² U sin²θ/λ²) exp(2πi h·x), in electrons, of X-rays.

    [n] complex for `hkl` [n, 3]; `corrections` are those of `dispersion`. F(h) and F(-h) differ in size where
    f'' does between atoms (International Tables B 2.4).
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
    """Pairs of h and -h, each the mean of its equivalents in the point group, which does not join the two.

    `hkl` [n, 3] with F² and its sigma [n], as measured. Centric reflections, whose mate is an equivalent,
    have no difference and are left out, as are those that the group forbids, and those without a mate.
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
    """Weighted means and sigmas, infinite where nothing was measured, of each of `count` sets."""
    total, several = np.bincount(which, weight, count), np.bincount(which, minlength=count)
    mean = np.bincount(which, weight * value, count) / np.maximum(total, 1e-30)
    off = np.bincount(which, (value - mean[which]) ** 2, count)
    # Standard error of the mean of n values, where it is larger than their sigmas tell.
    scatter = np.sqrt(off / np.maximum(several * (several - 1), 1))
    inside = np.sqrt(1 / np.where(total > 0, total, 1.0))
    return mean, np.where(total > 0, np.maximum(inside, scatter), np.inf)


def flack(pairs: FriedelPairs, plus: Float[np.ndarray, " n"], minus: Float[np.ndarray, " n"]) -> Flack | None:
    """Flack's x from the quotients Q = (I+ - I-) / (I+ + I-): Q_obs = (1 - 2x) Q_calc by least squares.

    `plus` and `minus` are F² of the model for h and -h, on any scale. Parsons, Flack & Wagner, Acta Cryst.
    B69, 249 (2013), eq. 1 and 2. Weights are those of the intensities' sigmas; pairs far off the line are
    left out, and the uncertainty grows where the rest scatter more than their sigmas say. None where too few
    pairs are strong, or the model has no differences.
    """
    total = pairs.plus + pairs.minus
    error = np.hypot(pairs.plus_sigma, pairs.minus_sigma)
    kept = np.flatnonzero((total > _STRONG * error) & (plus + minus > 0))
    total = total[kept]
    observed = (pairs.plus - pairs.minus)[kept] / total
    # dQ/dI+ = 2 I- / (I+ + I-)², dQ/dI- = -2 I+ / (I+ + I-)².
    sigma = 2 * np.hypot(pairs.minus * pairs.plus_sigma, pairs.plus * pairs.minus_sigma)[kept] / total**2
    # By hand: no quotient is known better than to a hundredth of the median; none outweighs all others.
    sigma = np.maximum(sigma, 1e-2 * np.median(sigma) if len(sigma) else 0.0)
    calculated = ((plus - minus) / (plus + minus))[kept] if len(kept) else np.zeros(0)
    if len(kept) < _FEWEST or np.abs(calculated).max() < 1e-9 or not (sigma > 0).all():
        return None
    return _line(observed / sigma, calculated / sigma)


def _line(observed: Float[np.ndarray, " n"], calculated: Float[np.ndarray, " n"]) -> Flack:
    """x of a line through the origin, all divided by the sigmas."""
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
    """`flack` of a model; `wavelength` in Å. None where pairs or the model's anomalous scattering lack."""
    corrections = dispersion(atoms.elements, wavelength)
    plus, minus = (
        np.abs(anomalous_structure_factors(atoms, hkl, group, orthogonalisation, corrections)) ** 2
        for hkl in (pairs.hkl, -pairs.hkl)
    )
    return flack(pairs, plus, minus)
