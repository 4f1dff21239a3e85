"""The centre of inversion of a diffraction pattern: Friedel's law, I(q) = I(-q), locates q = 0."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float
from scipy import fft, ndimage

_LEAST_SHARE, _LEAST_BRIGHT = 0.25, 0.5
"""Least share of the measured pixels with mates, and of the intensity with mates in the frame, masked or not,
for a centre to be considered.

Set by hand, not measured: a centre near a corner pairs few pixels, which correlate by chance, and one without
mates for the bright middle is not informative. Masked mates count: a gap beside q = 0 hides the mates of the
brightest pixels at the true centre.
"""
_LEAST_MATED = 0.05
"""Least share of the intensity with measured mates. Set by hand: 0, 0.05 and 0.15 found equally many centres
of validation patterns behind gaps (93 %; half the intensity 88 %)."""
_ERODED = 2
"""Pixels beside a masked one affected by interpolation: the reach of a cubic spline's four points."""


@dataclass(frozen=True)
class Inversion:
    """The best centre of inversion of a pattern.

    `centre_px` is (fast, slow), 0-based, integer = pixel edge, so the middle of a pixel is at +0.5 and a
    centre between two pixels is an integer. `correlation` is Pearson's of the amplitudes of mates there,
    `in_place` that for q = 0 in pixel [n // 2, n // 2], where a share `hidden` of the intensity has masked
    mates.
    """

    centre_px: tuple[float, float]
    correlation: float
    in_place: float
    hidden: float


def inversion_centre(
    intensity: Float[np.ndarray, "slow fast"], live: Bool[np.ndarray, "slow fast"]
) -> Inversion:
    """The centre of inversion to half a pixel, by the pattern's correlation with its own inversion.

    Pearson's coefficient over the pairs of live pixels, for all centres at once by FFT (masked correlation:
    Padfield, IEEE Trans. Image Process. 21, 2706, 2012).

    `intensity` on any scale, negative values are set to 0; `live` marks the measured pixels.
    """
    shape = [fft.next_fast_len(2 * size - 1, real=True) for size in live.shape]
    amplitude = np.where(live, np.sqrt(np.clip(intensity, 0, None)), 0.0)
    # Scaled to order one, so that the limits below concern rounding of the transforms, not units.
    amplitude = amplitude / max(amplitude.max(), 1e-30)
    frame, ones, first, second = (
        np.asarray(fft.rfft2(part, shape))
        for part in (np.ones(live.shape), live.astype(float), amplitude, amplitude**2)
    )
    pairs, sums, squares, products, framed = (
        np.asarray(fft.irfft2(part, shape))
        for part in (ones * ones, first * ones, second * ones, first * first, second * frame)
    )
    # More than a single pair, for which a correlation is meaningless; below, 1e-9 is 0 up to rounding.
    enough = pairs > max(_LEAST_SHARE * live.sum(), 1.5)
    bright = float((amplitude**2).sum())
    enough &= (framed >= _LEAST_BRIGHT * bright) & (squares >= max(_LEAST_MATED * bright, 1e-9))
    # Mates share the same sum and sum of squares, so that one variance serves for both.
    pairs = np.where(enough, pairs, 1.0)
    variance = squares - sums**2 / pairs
    enough &= variance > 1e-9 * squares.max(initial=0.0)
    correlation = np.where(enough, (products - sums**2 / pairs) / np.where(enough, variance, 1.0), -1.0)
    # The sum of two mates' indices is twice the index of the centre.
    slow, fast = np.unravel_index(int(correlation.argmax()), correlation.shape)
    middle = tuple(2 * (size // 2) for size in live.shape)
    return Inversion(
        (float(fast) / 2 + 0.5, float(slow) / 2 + 0.5),
        float(correlation.max()),
        float(correlation[middle]),
        float(1 - squares[middle] / max(framed[middle], 1e-30)),
    )


def recentred(
    intensity: Float[np.ndarray, "slow fast"],
    live: Bool[np.ndarray, "slow fast"],
    centre_px: tuple[float, float],
) -> tuple[Float[np.ndarray, "side side"], Bool[np.ndarray, "side side"]]:
    """The largest square with this centre (fast, slow) in its middle pixel, and its live pixels.

    A centre between two pixels is moved onto a pixel by cubic interpolation, and pixels near masked ones are
    masked too.
    """
    place = np.array(centre_px[::-1]) - 0.5
    whole = np.floor(place).astype(int)
    between = place - whole
    if between.any():
        filled = np.where(live, intensity, 0.0).astype(float)
        intensity = ndimage.shift(filled, -between, order=3, mode="nearest").clip(0).astype(np.float32)
        reach = [2 * _ERODED + 1 if part else 1 for part in between]
        live = ndimage.minimum_filter(live.astype(np.uint8), reach, mode="nearest").astype(bool)
    room = np.minimum(whole, np.array(live.shape) - 1 - whole - (between > 0))
    reach = max(int(room.min()), 0)
    cut = tuple(slice(int(middle) - reach, int(middle) + reach + 1) for middle in whole)
    return intensity[cut], live[cut]
