"""Learning-rate schedules."""

import numpy as np


def warm_cosine(progress: float) -> float:
    """Learning-rate factor: linear warm-up in the first 2 %, then half a cosine down to 1 %.

    `progress` goes from 0 to 1 (Loshchilov & Hutter, ICLR 2017, without restarts). Both values are by hand.
    """
    if progress < 0.02:
        return max(progress / 0.02, 0.02)
    return 0.01 + 0.99 * 0.5 * (1 + float(np.cos(np.pi * (progress - 0.02) / 0.98)))
