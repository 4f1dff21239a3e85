"""Reflections written as SHELX HKLF 4."""

from pathlib import Path

import numpy as np
from jaxtyping import Float

from argand.io.atomic import write_lines
from argand.typing import Miller

_LARGEST, _LOWEST = 99999.99, -9999.99
"""What eight columns with two decimals hold."""
_ENOUGH = 1000.0
"""Largest F² from which on two decimals are precise enough. By hand: weak reflections of such data, a
thousandth of the largest, are still told from zero."""


def hklf4_scale(intensity: Float[np.ndarray, " n"], sigma: Float[np.ndarray, " n"]) -> float:
    """Factor on F² and sigma that lets them fit the columns of HKLF 4; 1 where they do as they are."""
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
    """Indices, F² and sigma times `scale` in the columns 3I4, 2F8.2, closed by a line of zeros.

    A sigma below 0.01, which SHELXL would take for none, is written as 0.01. Form: SHELXL's manual, HKLF.
    """
    lines = []
    for (h, k, el), value, error in zip(hkl.tolist(), intensity * scale, sigma * scale, strict=True):
        lines.append(f"{h:4d}{k:4d}{el:4d}{value:8.2f}{max(error, 0.01):8.2f}")
    write_lines(path, [*lines, f"{0:4d}{0:4d}{0:4d}{0:8.2f}{0:8.2f}"])
