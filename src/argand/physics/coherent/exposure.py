"""Detector effects on a pattern: partial coherence, background, beamstop, gaps, and photon noise."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float
from scipy import ndimage

from argand.errors import ConfigError
from argand.physics.coherent.projection import Picture, Window
from argand.physics.noise import count_photons


@dataclass(frozen=True)
class Detector:
    """Ranges from which the conditions of each pattern are drawn uniformly.

    `photons`, expected on all measured pixels, and the fraction `background` of them not due to the object
    are drawn on logarithmic scales; half of the background is flat, half falls off as a Gaussian of
    `background_q` in 1/Å. `blur_px` is the standard deviation in pixels of the point-spread function that
    models partial coherence, `beam_stop` the q in 1/Å below which pixels are unmeasured. A share `gaps` of
    the patterns has one unmeasured band along each axis, of width `gap_width` with its middle up to
    `gap_place` from q = 0 (1/Å). With `counted` False the expected fractions are returned instead of photons.

    All set by hand: the ranges of the data set `hard`. ConfigError for empty ranges.
    """

    photons: tuple[float, float] = (10.0, 1e6)
    background: tuple[float, float] = (0.003, 0.1)
    background_q: float = 0.5
    blur_px: tuple[float, float] = (0.0, 0.7)
    beam_stop: tuple[float, float] = (0.0, 0.08)
    gaps: float = 0.7
    gap_width: tuple[float, float] = (0.03, 0.2)
    gap_place: float = 0.35
    counted: bool = True

    def __post_init__(self) -> None:
        ranges = (self.photons, self.background, self.blur_px, self.beam_stop, self.gap_width)
        if any(not 0 <= low <= high for low, high in ranges) or self.photons[0] <= 0:
            raise ConfigError("detector ranges must be 0 or more, low before high, and photons above 0")
        if not 0 < self.background[0] <= self.background[1] < 1 or not 0 <= self.gaps <= 1:
            raise ConfigError("background must be above 0 and below 1, gaps from 0 to 1")

    def draw(self, window: Window, random: np.random.Generator) -> "Exposure":
        """Conditions of one pattern; the number of random numbers used does not depend on the ranges."""
        photons = float(np.exp(random.uniform(*np.log(self.photons))))
        background = float(np.exp(random.uniform(*np.log(self.background))))
        blur = float(random.uniform(*self.blur_px))
        live = window.q >= max(float(random.uniform(*self.beam_stop)), 1e-9)
        with_gaps = random.random() < self.gaps
        places = random.uniform(-self.gap_place, self.gap_place, 2)
        widths = random.uniform(*self.gap_width, 2)
        axis = 2 * np.pi * (np.arange(window.size) - window.size // 2) / window.side
        for across, place, width in zip((axis[:, None], axis[None]), places, widths, strict=True):
            live = live & ((np.abs(across - place) >= width / 2) | (not with_gaps))
        return Exposure(photons, background, blur, live)


@dataclass(frozen=True, eq=False)
class Exposure:
    """The conditions of one pattern; `live` marks the measured pixels."""

    photons: float
    background: float
    blur_px: float
    live: Bool[np.ndarray, "slow fast"]


def expected_shares(
    intensity: Picture, exposure: Exposure, detector: Detector, window: Window
) -> Float[np.ndarray, "slow fast"]:
    """Expected fraction of all photons in each measured pixel; 0 in unmeasured pixels."""
    seen = ndimage.gaussian_filter(intensity, exposure.blur_px) if exposure.blur_px else intensity
    seen = np.where(exposure.live, seen, 0.0)
    falling = np.where(exposure.live, np.exp(-((window.q / detector.background_q) ** 2) / 2), 0.0)
    flat = exposure.live / max(int(exposure.live.sum()), 1)
    around = (flat + falling / max(float(falling.sum()), 1e-30)) / 2
    return (1 - exposure.background) * seen / seen.sum() + exposure.background * around


def expose(
    intensity: Picture,
    exposure: Exposure,
    detector: Detector,
    window: Window,
    random: np.random.Generator,
) -> Float[np.ndarray, "slow fast"]:
    """Photons counted in each pixel (float32), or expected fractions if the detector does not count."""
    shares = expected_shares(intensity, exposure, detector, window)
    if not detector.counted:
        return shares.astype(np.float32)
    return count_photons(random, exposure.photons * shares)
