"""Photon statistics."""

import numpy as np
from jaxtyping import Float


def count_photons(
    rng: np.random.Generator, expected: Float[np.ndarray, "slow fast"]
) -> Float[np.ndarray, "slow fast"]:
    """Poisson counts for expected ones (float32). Above 1000 the faster normal limit is used."""
    # Set by hand: at 1000 counts the skewness of the distribution is 1/√1000, 3 %.
    counts = rng.poisson(np.minimum(expected, 1000.0)).astype(np.float32)
    bright = expected > 1000.0
    if bright.any():
        mean = expected[bright]
        counts[bright] = np.rint(mean + np.sqrt(mean) * rng.standard_normal(mean.size))
    return counts
