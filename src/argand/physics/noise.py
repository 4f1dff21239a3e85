"""Photon statistics."""

import numpy as np
from jaxtyping import Float


def count_photons(
    rng: np.random.Generator, expected: Float[np.ndarray, "slow fast"]
) -> Float[np.ndarray, "slow fast"]:
    """Poisson counts of the expected ones (float32). Above 1000 the normal limit is used: it is faster."""
    # By hand: at 1000 counts the skewness of the distribution is 1/√1000, 3 %.
    counts = rng.poisson(np.minimum(expected, 1000.0)).astype(np.float32)
    bright = expected > 1000.0
    if bright.any():
        mean = expected[bright]
        counts[bright] = np.rint(mean + np.sqrt(mean) * rng.standard_normal(mean.size))
    return counts
