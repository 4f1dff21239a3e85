"""Reflections written as SHELX HKLF 4."""

from pathlib import Path

import numpy as np
from jaxtyping import Float

from argand.io.atomic import write_lines
from argand.typing import Miller

_LARGEST, _LOWEST = 99999.99, -9999.99
"""Range of eight columns with two decimals."""
_ENOUGH = 1000.0
"""Largest F² above which two decimals are precise enough. Set by hand: weak reflections of such data, a
thousandth of the largest, are still distinguished from zero."""


def hklf4_scale(intensity: Float[np.ndarray, " n"], sigma: Float[np.ndarray, " n"]) -> float:
    """Factor on F² and sigma that makes them fit the columns of HKLF 4; 1 if they already fit."""
    largest = float(np.maximum(np.abs(intensity), sigma).max(initial=0.0))
    fits = float(intensity.min(initial=0.0)) >= _LOWEST
    if (_ENOUGH <= largest <= _LARGEST and fits) or largest == 0:
        return 1.0
    lowest = -float(intensity.min(initial=0.0))
    factor = _LARGEST / largest
    return min(factor, -_LOWEST / lowest) if lowest > 0 else factor


def write_hklf4(
    path: Path, hkl: Miller, intensity: Float[np.ndarray, " n"], sigma: Float[np.ndarray, " n"], scale: float
) -> None:
    """Indices, F² and sigma times `scale` in the columns 3I4, 2F8.2, ended by a line of zeros.

    A sigma below 0.01, which SHELXL would treat as missing, is written as 0.01. Format: SHELXL's manual,
    HKLF.
    """
    lines = []
    for (h, k, el), value, error in zip(hkl.tolist(), intensity * scale, sigma * scale, strict=True):
        lines.append(f"{h:4d}{k:4d}{el:4d}{value:8.2f}{max(error, 0.01):8.2f}")
    write_lines(path, [*lines, f"{0:4d}{0:4d}{0:4d}{0:8.2f}{0:8.2f}"])
