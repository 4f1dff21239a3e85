"""The response of a detector to photons: point spread, gain, read-out noise, overload."""

import numpy as np
from jaxtyping import Float
from scipy import ndimage

from argand.physics.still.panel import Panel


def read_out(
    rng: np.random.Generator,
    photons: Float[np.ndarray, "slow fast"],
    panel: Panel,
    point_spread_px: float,
    gain: float,
    pedestal: float,
    read_noise: float,
) -> Float[np.ndarray, "slow fast"]:
    """Turn photons into the counts in the file.

    A counting detector keeps them up to its overload. An integrating one (CCD) blurs them by
    `point_spread_px` (standard deviation), multiplies by `gain` (counts per photon), adds read-out
    noise and a pedestal, and stores integers.
    """
    if panel.counting:
        return np.minimum(photons, panel.saturation)
    # Set by hand: a twentieth of a pixel has no visible effect.
    blurred = ndimage.gaussian_filter(photons, point_spread_px) if point_spread_px > 0.05 else photons
    counts = gain * blurred + pedestal + read_noise * rng.standard_normal(photons.shape, np.float32)
    return np.clip(np.rint(counts), 0, panel.saturation)
