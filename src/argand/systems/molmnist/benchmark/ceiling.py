"""What is left of a shape when nothing but its phases is told: a ceiling of every phase retrieval."""

import numpy as np
import torch
from jaxtyping import Bool, Float
from scipy.special import gammaincc

from argand.physics.coherent.exposure import Detector, Exposure, expected_shares
from argand.physics.coherent.pattern import images_of, is_counted, spectra_of
from argand.physics.coherent.phase_retrieval import response
from argand.physics.coherent.projection import Window
from argand.systems.molmnist.benchmark.conditions import Trials

FAINTEST = 1e-4
"""Photons in a pixel, the least that a ring is taken to have in the mean, so that it has some; by hand, far
less than one photon in a ring."""
_LOST = 1e-250
"""Share of a gamma distribution below which its tail is an exponential; by hand, above the least of a
float64."""

Patterns = Float[np.ndarray, "n slow fast"]


def true_phases(trials: Trials) -> Patterns:
    """The measured amplitudes with the true shape's phases, which no phase retrieval can know better.

    The background of the detector is known. From photon counts comes the mean amplitude that they leave when
    intensities of a ring are exponentially distributed (French & Wilson, Acta Cryst. A34, 517, 1978): raw
    roots of counts would be farther from the truth. Where nothing is measured, the true amplitudes serve.
    """
    shapes = []
    for row in range(len(trials)):
        pattern, live = trials.patterns[row].astype(float), trials.live[row]
        behind = background(pattern, live, float(trials.pose["background"][row]), trials.window)
        seen = torch.from_numpy(amplitudes(pattern, live, behind)).float()
        measured = seen.isfinite()
        true = spectra_of(torch.from_numpy(trials.shapes[row])[None])[0]
        weight = response(trials.window) if trials.form_factors else torch.ones(1, 1)
        seen = seen.nan_to_num(0.0) / weight
        scale = (seen * true.abs() * measured).sum() / (seen.square() * measured).sum().clamp_min(1e-30)
        mixed = torch.where(measured, torch.polar(scale * seen, true.angle()), true)
        shapes.append(images_of(mixed[None], trials.window.size)[0].numpy())
    return np.stack(shapes)


def background(
    pattern: Float[np.ndarray, "slow fast"], live: Bool[np.ndarray, "slow fast"], share: float, window: Window
) -> Float[np.ndarray, "slow fast"]:
    """Photons (or shares) of the background in each pixel, whose share of all is known."""
    alone = Exposure(1.0, 1.0, 0.0, live)
    return share * float(pattern.sum()) * expected_shares(np.ones_like(pattern), alone, Detector(), window)


def amplitudes(
    pattern: Float[np.ndarray, "slow fast"],
    live: Bool[np.ndarray, "slow fast"],
    behind: Float[np.ndarray, "slow fast"],
) -> Float[np.ndarray, "slow half"]:
    """Mean amplitudes that a pattern leaves, q = 0 at index 0; NaN where neither of two mates is measured."""
    size = len(pattern)
    number, seen = _half_sum(np.where(live, pattern, 0.0)), _half_sum(live.astype(float))
    around = _half_sum(np.where(live, behind, 0.0)) / np.maximum(seen, 1)
    mean = number / np.maximum(seen, 1) - around
    if not is_counted(torch.from_numpy(pattern)):
        return np.where(seen > 0, np.sqrt(np.maximum(mean, 0)), np.nan)
    along = np.fft.fftfreq(size, 1 / size)
    ring = np.rint(np.hypot(along[:, None], np.arange(size // 2 + 1)[None])).astype(int)
    count = np.bincount(ring.ravel(), seen.ravel())
    level = np.bincount(ring.ravel(), (seen * mean).ravel()) / np.maximum(count, 1)
    rate = seen + 1 / np.maximum(level, FAINTEST)[ring]
    mean, variance = _above(number, rate, around)
    # The mean of a root, to the second order; 0.875 for 0.886 where no photon came.
    ratio = np.minimum(variance / np.maximum(mean, 1e-30) ** 2, 1.0)
    return np.where(seen > 0, np.sqrt(np.maximum(mean, 0)) * (1 - ratio / 8), np.nan)


def _above(
    number: Float[np.ndarray, "slow half"],
    rate: Float[np.ndarray, "slow half"],
    around: Float[np.ndarray, "slow half"],
) -> tuple[Float[np.ndarray, "slow half"], Float[np.ndarray, "slow half"]]:
    """Mean and variance of what lies above `around` of a gamma distribution of so many counts."""
    least = rate * around
    tail = gammaincc(number + 1, least)
    safe = np.maximum(tail, _LOST)
    mean = (number + 1) / rate * gammaincc(number + 2, least) / safe
    square = (number + 1) * (number + 2) / rate**2 * gammaincc(number + 3, least) / safe
    # Far below the background the distribution is an exponential.
    fall = 1 / np.maximum(rate - number / np.maximum(around, 1e-30), 1e-30)
    far = tail < _LOST
    return np.where(far, fall, mean - around), np.where(far, fall**2, square - mean**2)


def _half_sum(pattern: Float[np.ndarray, "slow fast"]) -> Float[np.ndarray, "slow half"]:
    """Sums of I(q) and I(-q), q = 0 at index 0."""
    size = len(pattern)
    full = np.fft.ifftshift(pattern)
    back = -np.arange(size) % size
    return (full + full[back][:, back])[:, : size // 2 + 1]
