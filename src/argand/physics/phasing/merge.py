"""Merging equivalent reflections, with completeness and consistency."""

from dataclasses import dataclass

import gemmi
import numpy as np
from jaxtyping import Float

from argand.physics.crystal.symmetry import Group, half_sphere, index_key
from argand.typing import Matrix3, Miller


@dataclass(frozen=True)
class Merged:
    """Unique reflections of the Laue group (Friedel mates merged), without systematic absences.

    `r_int` is Σ|I - mean| / Σ I over reflections with equivalents, None if there are none; `absent` counts
    measured systematic absences, `absent_strength` is their mean I/σ. `r_meas` is R_int with each set of n
    equivalents weighted by √(n / (n - 1)), `cc_half` the expected correlation of the means of random halves;
    both are None without equivalents, and `cc_half` also if only one reflection has any.
    """

    hkl: Miller
    intensity: Float[np.ndarray, " n"]
    sigma: Float[np.ndarray, " n"]
    r_int: float | None
    absent: int
    absent_strength: float
    r_meas: float | None = None
    cc_half: float | None = None


def merge(
    hkl: Miller, intensity: Float[np.ndarray, " n"], sigma: Float[np.ndarray, " n"], group: Group
) -> Merged:
    """Means of equivalents weighted by 1/σ²; sigma is the larger of the propagated one and that of the
    scatter.

    `hkl` [n, 3] with `intensity` and `sigma` [n] on one scale, as measured; Friedel mates are equivalent.
    """
    forbidden = group.absent(hkl)
    strength = intensity / np.maximum(sigma, 1e-9)
    absent_strength = float(strength[forbidden].mean()) if forbidden.any() else 0.0
    hkl, intensity, sigma = hkl[~forbidden], intensity[~forbidden], sigma[~forbidden]
    positive = sigma[sigma > 0]
    # Set by hand, not measured: sigmas are at least a tenth of the median, or without any a hundredth of the
    # mean intensity, so that no single reflection dominates.
    floor = 0.1 * float(np.median(positive)) if len(positive) else 0.01 * float(np.abs(intensity).mean())
    sigma = np.maximum(sigma, floor)
    unique = group.representative(hkl)
    _, first, which = np.unique(index_key(unique), return_index=True, return_inverse=True)
    weight = 1 / sigma**2
    total = np.bincount(which, weight)
    mean = np.bincount(which, weight * intensity) / total
    count = np.bincount(which)
    off = np.abs(intensity - mean[which])
    several = count[which] > 1
    # Standard error of the mean of n values: √(Σ off² / (n (n - 1))).
    scatter = np.sqrt(np.bincount(which, off**2) / np.maximum(count * (count - 1), 1))
    norm = float(np.abs(intensity[several]).sum())
    r_int = float(off[several].sum()) / norm if norm > 0 else None
    error = np.maximum(1 / np.sqrt(total), scatter)
    further = _agreement(unique, intensity, sigma) if several.any() else (None, None)
    return Merged(unique[first], mean, error, r_int, int(forbidden.sum()), absent_strength, *further)


def _agreement(
    unique: Miller, intensity: Float[np.ndarray, " n"], sigma: Float[np.ndarray, " n"]
) -> tuple[float | None, float | None]:
    """R_meas (Diederichs & Karplus, Nat. Struct. Biol. 4, 269, 1997) and CC1/2 by gemmi, over equal indices.

    CC1/2 without drawing halves: Assmann, Brehm & Diederichs, J. Appl. Cryst. 49, 1021, 2016. With equal
    indices no symmetry remains, and the cell does not matter.
    """
    data = gemmi.Intensities()
    cell, group = gemmi.UnitCell(1, 1, 1, 90, 90, 90), gemmi.SpaceGroup("P 1")
    data.set_data(cell, group, unique.astype(np.int32), intensity, sigma)
    data.prepare_for_merging(gemmi.DataType.Mean)
    # "X" counts only sets of several, as R_int does, with weights 1/σ².
    stats = data.calculate_merging_stats(None, use_weights="X")[0]
    r_meas, cc_half = (
        float(value) if np.isfinite(value) else None for value in (stats.r_meas(), stats.cc_half())
    )
    return r_meas, cc_half


def completeness(hkl: Miller, group: Group, orthogonalisation: Matrix3, d_min: float) -> float:
    """Fraction of the unique reflections with d >= d_min (Å) in `hkl`, which must be unique and allowed."""
    possible = half_sphere(orthogonalisation, d_min)
    possible = possible[~group.absent(possible)]
    count = len(np.unique(index_key(group.representative(possible))))
    return len(hkl) / max(count, 1)
