"""What iterations are given of a pattern: amplitudes of a soft object, and what a detector makes of it."""

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
"""Å, standard deviation of the Gaussian that makes what is retrieved positive and weighs noise at high q.

By hand: half a pixel of the usual window of 200 Å in 200 pixels; not measured alone.
"""

Shapes = Float[Tensor, "n slow fast"]


@dataclass(frozen=True)
class Retrieved:
    """Shapes on an arbitrary scale, how far they are from the patterns, and how far phases are to be trusted.

    R = Σ ||F| - k|F measured|| / Σ k|F measured| over live pixels; k makes the squared differences least.
    `transfer` is that of the starts, None where nothing was started at random.
    """

    shape: Shapes
    residual: Float[Tensor, " n"]
    transfer: PhaseTransfer | None = None


def gaussian(window: Window, sigma: float) -> Float[Tensor, "slow half"]:
    """Transform of a Gaussian of this standard deviation in Å, over a half spectrum."""
    along, across = reciprocal_axes(window)
    return torch.exp(-(sigma**2) * (along**2 + across**2) / 2)


def response(window: Window, pixel: float | None = None) -> Float[Tensor, "slow half"]:
    """Amplitude of the atoms of cellulose over that of their electrons counted in pixels, 1 at q = 0.

    Pixels of this side in Å, by default the window's.
    """
    along, across = (axis.numpy().astype(float) for axis in reciprocal_axes(window))
    factor = shared_factor(np.hypot(along, across))
    turn = (pixel or window.pixel) / (2 * np.pi)
    return torch.from_numpy(factor / np.sinc(along * turn) / np.sinc(across * turn)).float()


class MeasuredMagnitudes:
    """Patterns as iterations need them; densities are shapes made soft, their middle at index 0.

    `pixel` is that of `response`, `softness` the standard deviation of the Gaussian in Å. Photon counts are
    told by their being whole numbers.
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
        """Shapes made soft, on the scale of the amplitudes."""
        spectrum = spectra_of(shapes)
        found = torch.where(self.exact.measured, spectrum.abs() * self.soft, 0.0)
        scale = (found * self.exact.amplitude).sum((1, 2)) / found.square().sum((1, 2)).clamp_min(1e-30)
        return self.image(spectrum * self.soft) * scale[:, None, None]

    def answer(self, density: Shapes) -> Retrieved:
        """The shapes of densities and their R, 0 for a pattern of nothing."""
        spectrum = torch.fft.rfft2(density)
        shape = torch.fft.fftshift(self.image(spectrum / self.soft), dim=(1, 2))
        found = torch.where(self.exact.measured, spectrum.abs() / self.weight, 0.0)
        # A column of the half spectrum stands for its mates too, but that of q = 0, which holds both.
        mates = torch.full((found.shape[-1],), 2.0)
        mates[0] = 1.0
        scale = (mates * found * self._amplitude).sum((1, 2))
        scale = (scale / (mates * self._amplitude.square()).sum((1, 2)).clamp_min(1e-30))[:, None, None]
        off = (mates * (found - scale * self._amplitude).abs()).sum((1, 2))
        return Retrieved(shape, off / (mates * scale * self._amplitude).sum((1, 2)).clamp_min(1e-30))

    def image(self, spectrum: Tensor) -> Shapes:
        """The image of a half spectrum, its middle at index 0."""
        return torch.fft.irfft2(spectrum, s=(self.window.size,) * 2)
