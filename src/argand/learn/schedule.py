"""Courses of the learning rate over a run."""

import numpy as np


def warm_cosine(progress: float) -> float:
    """Learning-rate factor: up in the first 2 %, then a half cosine down to 1 %.

    Of the `progress` from 0 to 1 (Loshchilov & Hutter, ICLR 2017, without restarts). Both shares are by hand.
    """
    if progress < 0.02:
        return max(progress / 0.02, 0.02)
    return 0.01 + 0.99 * 0.5 * (1 + float(np.cos(np.pi * (progress - 0.02) / 0.98)))
