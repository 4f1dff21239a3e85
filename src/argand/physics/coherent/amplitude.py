"""Input of the iterations: amplitudes of a softened object, and the detector's effect on them."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from argand.physics.coherent.composition import shared_factor
from argand.physics.coherent.pattern import (
    CountedMagnitudes,
    Half,
    Live,
    Patterns,
    friedel_mean,
    is_counted,
    reciprocal_axes,
    spectra_of,
)
from argand.physics.coherent.projection import Window
from argand.physics.coherent.transfer_function import PhaseTransfer
from argand.physics.sphere.phase_iteration import Magnitudes

SOFTNESS = 0.5
"""Standard deviation in Å of the Gaussian that keeps retrieved densities positive and damps noise at high q.

Set by hand: half a pixel of the usual window of 200 Å in 200 pixels; not measured separately.
"""

Shapes = Float[Tensor, "n slow fast"]


@dataclass(frozen=True)
class Retrieved:
    """Shapes on an arbitrary scale, their misfit to the patterns, and the reliability of the phases.

    R = Σ ||F| - k|F measured|| / Σ k|F measured| over live pixels; k minimises the squared differences.
    `transfer` is the transfer function of the starts, None without random starts.
    """

    shape: Shapes
    residual: Float[Tensor, " n"]
    transfer: PhaseTransfer | None = None


def gaussian(window: Window, sigma: float) -> Float[Tensor, "slow half"]:
    """Transform of a Gaussian of this standard deviation in Å, over a half spectrum."""
    along, across = reciprocal_axes(window)
    return torch.exp(-(sigma**2) * (along**2 + across**2) / 2)


def response(window: Window, pixel: float | None = None) -> Float[Tensor, "slow half"]:
    """Ratio of the amplitude of cellulose atoms to that of their electrons binned in pixels, 1 at q = 0.

    `pixel` is the side of a pixel in Å, by default the window's.
    """
    along, across = (axis.numpy().astype(float) for axis in reciprocal_axes(window))
    factor = shared_factor(np.hypot(along, across))
    turn = (pixel or window.pixel) / (2 * np.pi)
    return torch.from_numpy(factor / np.sinc(along * turn) / np.sinc(across * turn)).float()


class MeasuredMagnitudes:
    """Patterns as used by the iterations; densities are softened shapes with their centre at index 0.

    `pixel` is as in `response`, `softness` the standard deviation of the Gaussian in Å. Integer patterns are
    taken to be photon counts.
    """

    def __init__(
        self,
        patterns: Patterns,
        live: Live,
        window_side: float,
        pixel: float | None = None,
        *,
        softness: float = SOFTNESS,
    ) -> None:
        patterns = patterns.float()
        self.window = Window(window_side, patterns.shape[-1])
        self.counted = is_counted(patterns)
        self.half: Half = friedel_mean(patterns, live)
        self.soft = gaussian(self.window, softness)
        self.weight = self.soft / response(self.window, pixel)
        self.exact = Magnitudes(self.half * self.weight.square())
        self.lenient = CountedMagnitudes(self.half, self.weight) if self.counted else self.exact
        self._amplitude = self.exact.amplitude / self.weight

    def density(self, shapes: Shapes) -> Shapes:
        """Softened shapes, on the scale of the amplitudes."""
        spectrum = spectra_of(shapes)
        found = torch.where(self.exact.measured, spectrum.abs() * self.soft, 0.0)
        scale = (found * self.exact.amplitude).sum((1, 2)) / found.square().sum((1, 2)).clamp_min(1e-30)
        return self.image(spectrum * self.soft) * scale[:, None, None]

    def answer(self, density: Shapes) -> Retrieved:
        """The shapes of densities and their R, 0 for an empty pattern."""
        spectrum = torch.fft.rfft2(density)
        shape = torch.fft.fftshift(self.image(spectrum / self.soft), dim=(1, 2))
        found = torch.where(self.exact.measured, spectrum.abs() / self.weight, 0.0)
        # A column of the half spectrum also represents its mates, except that of q = 0, which contains both.
        mates = torch.full((found.shape[-1],), 2.0)
        mates[0] = 1.0
        scale = (mates * found * self._amplitude).sum((1, 2))
        scale = (scale / (mates * self._amplitude.square()).sum((1, 2)).clamp_min(1e-30))[:, None, None]
        off = (mates * (found - scale * self._amplitude).abs()).sum((1, 2))
        return Retrieved(shape, off / (mates * scale * self._amplitude).sum((1, 2)).clamp_min(1e-30))

    def image(self, spectrum: Tensor) -> Shapes:
        """The image of a half spectrum, with its centre at index 0."""
        return torch.fft.irfft2(spectrum, s=(self.window.size,) * 2)
