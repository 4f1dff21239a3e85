"""Normalised structure factors |E|: intensities divided by their mean at that resolution and direction."""

import numpy as np
from jaxtyping import Float

from argand.physics.crystal.symmetry import Group, inverse_d_squared
from argand.typing import Matrix3, Miller

_STEPS = 50
"""Most Newton steps; set by hand, a bound on time: the fit is convex and converges."""
_RIDGE = 1e-3
"""Ridge on the columns' weights, in units of the curvature of one reflection.

Set by hand: negligible for hundreds of reflections, enough if few leave a column undetermined.
"""
_FEWEST_FOR_ANISOTROPY = 150
"""Fewest reflections for fitting an anisotropic displacement.

Set by hand, not measured: about twenty for each of its five parameters and the three of the isotropic part.
"""


def expected_intensity(
    hkl: Miller, intensity: Float[np.ndarray, " n"], group: Group, orthogonalisation: Matrix3
) -> Float[np.ndarray, " n"]:
    """Mean intensity expected from Wilson statistics for each reflection, including its ε factor.

    The logarithm of the mean is a quadratic in 1/d² plus, for at least 150 reflections, an anisotropic
    displacement. Fitted by the likelihood of the exponential distribution of acentric intensities (Wilson,
    Acta Cryst. 2, 318, 1949), which tolerates zero and negative intensities.
    """
    epsilon = group.epsilon(hkl)
    terms = _terms(hkl, orthogonalisation)
    values = intensity / epsilon
    weights = np.zeros(terms.shape[1])
    weights[0] = np.log(max(float(values.mean()), 1e-12))
    ridge = _RIDGE * np.eye(len(weights))
    for _ in range(_STEPS):
        ratio = values / np.exp(terms @ weights)
        slope = terms.T @ (ratio - 1) - ridge @ weights * (np.arange(len(weights)) > 0)
        step = np.linalg.solve(terms.T @ terms + ridge, slope)
        # Weights are logarithms: limited to about a factor e per step, since exp overshoots far from the
        # solution.
        step *= min(1.0, 1.0 / max(np.abs(step).max(), 1e-12))
        weights += step
        if np.abs(step).max() < 1e-6:
            break
    return np.exp(terms @ weights) * epsilon


def normalised(
    hkl: Miller, intensity: Float[np.ndarray, " n"], group: Group, orthogonalisation: Matrix3
) -> Float[np.ndarray, " n"]:
    """|E| of each reflection; negative intensities give zero."""
    expected = expected_intensity(hkl, intensity, group, orthogonalisation)
    return np.sqrt(np.clip(intensity / expected, 0.0, None))


def _terms(hkl: Miller, orthogonalisation: Matrix3) -> Float[np.ndarray, "n k"]:
    """Columns of the fit, each of order one."""
    squared = inverse_d_squared(hkl, orthogonalisation)
    share = squared / squared.max()
    columns = [np.ones(len(hkl)), share, share**2]
    if len(hkl) >= _FEWEST_FOR_ANISOTROPY:
        x, y, z = (hkl @ np.linalg.inv(orthogonalisation)).T
        # Five of the six products: z² is 1/d² minus the two others.
        columns += [product / squared.max() for product in (x * x, y * y, x * y, x * z, y * z)]
    return np.column_stack(columns)
