"""The two sums by which patterns are told apart in the paper: intensity at low and at high q."""

import numpy as np

from argand.physics.coherent.projection import Window

SPLIT_Q = 1.0
"""1/Å, by hand: below it lies what the outline scatters, above it how chains are packed, (1-10) being at
1.05."""
HIGHEST_Q = 2.5
"""1/Å, by hand: amplitudes were compared with sums over atoms so far (benchmarks/molmnist_forward.py: within
3 %)."""
LOG_SUMS = (
    f"low: log10 of the sum of the intensity over 0 < q < {SPLIT_Q:g} 1/Å; "
    f"high: {SPLIT_Q:g} <= q < {HIGHEST_Q:g} 1/Å (q = 4π sin θ / λ)"
)
"""What the two axes of figure 3 are here; the paper does not say."""


def log_sums(pattern: np.ndarray, window: Window) -> np.ndarray:
    """Logarithms [n, 2] of the sums of intensities [n, slow, fast] at low and at high q, as in LOG_SUMS."""
    low = (window.q > 0) & (window.q < SPLIT_Q)
    high = (window.q >= SPLIT_Q) & (window.q < HIGHEST_Q)
    return np.log10(np.stack([pattern[:, part].sum(1, dtype=float) for part in (low, high)], 1))
