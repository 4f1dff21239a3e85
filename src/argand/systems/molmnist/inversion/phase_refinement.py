"""Answered shapes, gone on with by phase retrieval on the coarsest grid that holds what is worth it."""

import numpy as np
import torch
from jaxtyping import Bool, Float
from scipy.fft import next_fast_len

from argand.physics.coherent.pattern import images_of, is_counted, low_part, spectra_of, with_low_part
from argand.physics.coherent.phase_retrieval import refine_shapes
from argand.physics.coherent.poisson_likelihood import most_probable_shapes
from argand.physics.coherent.projection import Window

Q_POLISH = 2.5
"""1/Å up to which patterns are followed, by hand; beyond, the start stays. There atoms that are counted in
pixels say as much as phases do, and shapes blurred by 1 Å keep 4 % of their amplitude."""


def refined_shapes(
    patterns: Float[np.ndarray, "n slow fast"],
    live: Bool[np.ndarray, "slow fast"],
    shapes: Float[np.ndarray, "n slow fast"],
    rounds: int,
    window_side: float,
) -> Float[np.ndarray, "n slow fast"]:
    """Shapes in electrons per pixel after phase retrieval that begins with them.

    Photon counts are followed as far as they are certain; patterns without noise altogether. The window's
    side is in Å. Methods: `argand.physics.coherent.phase_retrieval` and `poisson_likelihood`.
    """
    window = Window(window_side, patterns.shape[-1])
    # Half the side in pixels of 2π / window_side.
    reach = int(np.ceil(Q_POLISH * window_side / (2 * np.pi)))
    size = min(window.size, 2 * int(next_fast_len(reach) or reach))
    first = window.size // 2 - size // 2
    cut = slice(first, first + size)
    seen, mask = torch.from_numpy(patterns[:, cut, cut]), torch.from_numpy(live[cut, cut])
    before = spectra_of(torch.from_numpy(shapes))
    start = images_of(low_part(before, size), size)
    if is_counted(seen):
        found = most_probable_shapes(seen, mask, start, rounds, window_side, window.pixel)
    else:
        found = refine_shapes(seen, mask, start, rounds, window_side, window.pixel).shape
        # What is retrieved has a scale of its own; the electrons are the answer's.
        found = found * (start.sum((1, 2)) / found.sum((1, 2)).clamp_min(1e-6))[:, None, None]
    after = spectra_of(found)
    return images_of(with_low_part(before, after), window.size).numpy()
