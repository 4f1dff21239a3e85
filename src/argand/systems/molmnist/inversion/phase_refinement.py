"""Answered shapes, gone on with by phase retrieval on the coarsest grid that holds what is worth it."""

import numpy as np
import torch
from jaxtyping import Bool, Complex, Float
from scipy.fft import next_fast_len
from torch import Tensor

from argand.physics.coherent.pattern import images_of, is_counted, spectra_of
from argand.physics.coherent.phase_retrieval import refine_shapes
from argand.physics.coherent.poisson_likelihood import most_probable_shapes
from argand.physics.coherent.projection import Window
from argand.physics.sphere.phase_iteration import lowest_rows

Q_POLISH = 2.5
"""1/Å up to which patterns are followed, by hand; beyond, the start stays. There atoms that are counted in
pixels say as much as phases do, and shapes blurred by 1 Å keep 4 % of their amplitude."""

Halves = Complex[Tensor, "n slow half"]
LowHalves = Complex[Tensor, "n slow1 half1"]


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


def low_part(spectrum: Halves, size: int) -> LowHalves:
    """The half spectrum of the same images on a grid of fewer pixels, `size` along a side."""
    return spectrum[:, lowest_rows(spectrum.shape[1], size)][..., : size // 2 + 1]


def with_low_part(spectrum: Halves, low: LowHalves) -> Halves:
    """A half spectrum with another's values where that reaches, but for its outermost row and column.

    Those stand for both signs of q where the sizes are even.
    """
    size = low.shape[1]
    if size == spectrum.shape[1]:
        return low
    inner = (size - 1) // 2
    here, there = lowest_rows(spectrum.shape[1], 2 * inner + 1), lowest_rows(size, 2 * inner + 1)
    whole = spectrum.clone()
    whole[:, here, : inner + 1] = low[:, there, : inner + 1]
    return whole
