"""Realistic powder patterns: rings uneven by texture, grains and absorption.

The rings of `Diffuse` have uniform intensity. Those of a real powder do not: crystallites have preferred
orientations (texture), are few (grains), and absorption differs between the sides.
"""

from dataclasses import dataclass, replace

import numpy as np

from argand.physics.noise import count_photons
from argand.physics.still import scattering
from argand.physics.still.readout import read_out
from argand.physics.still.still import Rays, Still, expected_background, stop_transmission, trace

AZIMUTHS = 1440
"""Steps of a quarter of a degree in which a ring's brightness is tabulated. Set by hand: finer than the spot
of any grain."""


@dataclass(frozen=True)
class Unevenness:
    """Unevenness of the rings of a powder.

    `texture` is the standard deviation of the logarithm of a ring's smooth brightness, `grains` the number of
    crystallites per ring (0: a smooth ring), `grain_deg` their width along the ring, `wander` the variation
    of the ring's position, in its standard deviations; `absorption` the logarithm of the ratio of the
    brightest to the darkest side of the pattern.
    """

    texture: float = 0.0
    grains: int = 0
    grain_deg: float = 1.0
    wander: float = 0.0
    absorption: float = 0.0


def expose_powder(
    still: Still, uneven: Unevenness, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Expose a still with uneven rings: counts and live share [slow, fast], float32.

    Spots, leaks, hot and dead pixels of the still are left out.
    """
    rays = trace(still.geometry, still.shape)
    expected = expected_background(replace(still, diffuse=replace(still.diffuse, rings=())), rays)
    azimuth = np.arctan2(rays.y, rays.x)
    expected = expected + _rings(still, uneven, rays, azimuth, rng)
    towards = np.float32(rng.uniform(0, 2 * np.pi))
    expected = expected * np.exp(np.float32(uneven.absorption / 2) * (np.cos(azimuth - towards) - 1))
    if still.stop is not None:
        expected = expected * stop_transmission(still.stop, rays)
    live = still.panel.live_fraction(still.binning)
    counts = count_photons(rng, expected * live)
    counts = read_out(
        rng, counts, still.panel, still.point_spread_px, still.gain, still.pedestal, still.read_noise
    )
    live = np.where(counts >= still.panel.saturation, np.float32(0), live)
    return np.where(live > 0, counts, 0).astype(np.float32), live


def _rings(
    still: Still, uneven: Unevenness, rays: Rays, azimuth: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Expected photons per pixel of the rings."""
    area = still.geometry.pixel_size_mm[0] * still.geometry.pixel_size_mm[1]
    two_theta = np.arctan(rays.tan_two_theta)
    s = scattering.s_from_two_theta(two_theta.ravel(), still.geometry.wavelength).reshape(two_theta.shape)
    step = ((azimuth + np.pi) * (AZIMUTHS / (2 * np.pi))).astype(np.int32) % AZIMUTHS
    total = np.zeros_like(s)
    for centre, width, level in still.diffuse.rings:
        brightness = _brightness(uneven, rng)
        place = centre + width * uneven.wander * _smooth_noise(rng, 40)
        # Beyond six standard deviations the profile is negligible.
        near = np.abs(s - centre) < (6.0 + 3.0 * uneven.wander) * width
        where = step[near]
        total[near] += level * brightness[where] * np.exp(-0.5 * ((s[near] - place[where]) / width) ** 2)
    factor = scattering.polarisation(two_theta, azimuth, still.polarisation) * np.cos(two_theta) ** 3
    return (total * factor * area).astype(np.float32)


def _brightness(uneven: Unevenness, rng: np.random.Generator) -> np.ndarray:
    """Relative brightness of one ring at AZIMUTHS, with mean about one."""
    # Texture has the symmetry of the scattering vector: a ring looks the same on opposite sides, nearly.
    smooth = np.exp(uneven.texture * (_smooth_noise(rng, 6) - uneven.texture / 2))
    if not uneven.grains:
        return smooth
    spots = np.zeros(AZIMUTHS)
    where = rng.integers(0, AZIMUTHS, uneven.grains)
    np.add.at(spots, where, rng.exponential(1.0, uneven.grains))
    return smooth * _blurred(spots, uneven.grain_deg * AZIMUTHS / 360) * AZIMUTHS / uneven.grains


def _blurred(values: np.ndarray, sigma: float) -> np.ndarray:
    """Circular convolution with a Gaussian of standard deviation `sigma` in steps."""
    frequency = np.fft.rfftfreq(len(values))
    gauss = np.exp(-2.0 * (np.pi * frequency * sigma) ** 2)
    return np.maximum(np.fft.irfft(np.fft.rfft(values) * gauss, len(values)), 0.0)


def _smooth_noise(rng: np.random.Generator, harmonics: int) -> np.ndarray:
    """Noise of unit variance at AZIMUTHS of this many harmonics, 1 included."""
    turn = np.arange(AZIMUTHS) * (2 * np.pi / AZIMUTHS)
    order = np.arange(1, harmonics + 1)
    phase = order[:, None] * turn[None, :]
    strength = rng.normal(size=(2, harmonics)) / np.sqrt(harmonics)
    return strength[0] @ np.cos(phase) + strength[1] @ np.sin(phase)
