"""The most probable shape for a photon-counting pattern, given a shape correct up to single atoms.

The predicted shape is the prior's mean; single atoms add a variance of `GRAIN` electrons per electron of the
shape, less at low q, where small displacements do not show. The maximum of the posterior is found by
Gauss-Newton steps on the amplitudes, each solved by conjugate gradients, in batches. Where counts carry
little information, the predicted shape is kept.
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from argand.physics.coherent.pattern import Patterns, friedel_mean, images_of, reciprocal_axes, spectra_of
from argand.physics.coherent.phase_retrieval import gaussian, response
from argand.physics.coherent.projection import Window

GRAIN, DISPLACEMENT = 5.0, 0.7
"""Residual variance of the amplitude per electron of a prediction: GRAIN (1 - exp(-DISPLACEMENT q²)), q in
1/Å.

Measured on validation draws without noise: 1 at 0.5 / Å, 3 at 1.1 / Å, 4 to 5 above 1.8 / Å for all fibrils.
To be remeasured with new weights; no command is kept for it.
"""
MODEL_ERROR, MODEL_POWER = 0.28, 1.4
"""Variance of |F| per electron between the pattern and a true shape, MODEL_ERROR q^MODEL_POWER.

Atoms are binned in whole pixels and all scatter equally here. Measured on the same draws; no command is kept
for it.
"""
_LEAST_ERROR = 0.02
"""Added to that variance, so that it is not 0 at q = 0, where one pixel would then dominate.

Set by hand: the variance itself at 0.15 / Å.
"""
STEPS_EACH = 5
"""Rounds of conjugate gradients in a Gauss-Newton step.

Set by hand; only the result is benchmarked (`benchmarks/molmnist_tasks.py`).
"""
_CAUTION = 4.0
"""Pixel intensity in variances below which its amplitude does not constrain the phase.

Set by hand: two standard deviations of the amplitude.
"""
_BLUR = 1.0
"""Å, blur of the electron density that gives rise to grain.

Set by hand: the blur of the shapes predicted by the network.
"""

Shapes = Float[Tensor, "n slow fast"]
Halves = Float[Tensor, "n slow half"]


def most_probable_shapes(
    counts: Patterns,
    live: Bool[Tensor, "slow fast"],
    start: Shapes,
    rounds: int,
    window_side: float = 200.0,
    pixel: float | None = None,
) -> Shapes:
    """Shapes in electrons per pixel after `rounds` rounds from `start` (electrons per pixel).

    Variances are those of counts in a pixel and its mate together, both assumed measured. `pixel` as of
    `response`.

    `counts` are integers [n, slow, fast], q = 0 in pixel [size // 2, size // 2]; `window_side` in Å.
    """
    window = Window(window_side, counts.shape[-1])
    posterior = _Posterior(counts, live, start, window, pixel)
    for first in range(0, rounds, STEPS_EACH):
        posterior.step(min(STEPS_EACH, rounds - first))
    return posterior.shape


class _Posterior:
    """Shapes `start + rough * (grain z)`, with unknown z: independent in all pixels, variance 1."""

    def __init__(
        self,
        counts: Patterns,
        live: Bool[Tensor, "slow fast"],
        start: Shapes,
        window: Window,
        pixel: float | None,
    ) -> None:
        half = friedel_mean(counts.float(), live)
        self.measured, self.counts = half.isfinite(), half.nan_to_num(0.0)
        self.size = window.size
        along, across = reciprocal_axes(window)
        q2 = along**2 + across**2
        electrons = start.sum((1, 2), keepdim=True)
        self.model_variance = (MODEL_ERROR * q2 ** (MODEL_POWER / 2) + _LEAST_ERROR) * electrons
        self.rough = (GRAIN * (1 - torch.exp(-DISPLACEMENT * q2))).sqrt()
        self.response = response(window, pixel)
        self.start = spectra_of(start)
        soft = torch.fft.irfft2(self.start * gaussian(window, _BLUR), s=(self.size, self.size))
        self.grain = soft.clamp_min(0).sqrt()
        self.z = torch.zeros_like(start)

    @property
    def spectrum(self) -> Tensor:
        """Transform of the shapes."""
        return self.start + self.rough * torch.fft.rfft2(self.grain * self.z)

    @property
    def shape(self) -> Shapes:
        """The shapes, centred."""
        return images_of(self.spectrum, self.size)

    def step(self, rounds: int) -> None:
        """Move z towards the maximum of the posterior linearised at the current z."""
        model = self.response * self.spectrum
        square = model.abs().square()
        scale = (self.counts * self.measured).sum((1, 2), keepdim=True)
        scale = scale / (square * self.measured).sum((1, 2), keepdim=True)
        # The square root of counts has variance 1/4; a pixel and its mate are averaged: 1/8, on the scale of
        # |F|².
        variance = self.model_variance + 1 / (8 * scale)
        length = (square + _CAUTION * variance).sqrt()
        # Change of amplitude that matches the intensities, d|F|² = 2 |F| d|F|, without dividing by nearly 0.
        left = (self.counts / scale - square) / (2 * length)
        weight = self.measured / variance
        slope = self.response * self.rough * model / length

        def pull(residual: Halves) -> Shapes:
            """Gradient of z from weighted residuals; a pixel and its mate are measured once."""
            image = torch.fft.irfft2(slope * (weight * residual), s=(self.size, self.size))
            return self.grain * image * (self.size**2 / 2)

        def change(move: Shapes) -> Halves:
            """Change of the amplitudes due to a change of z."""
            wave = torch.fft.rfft2(self.grain * move)
            return slope.real * wave.real + slope.imag * wave.imag

        left_over = pull(left) - self.z
        towards, size = left_over.clone(), _dot(left_over, left_over)
        for _ in range(rounds):
            turned = towards + pull(change(towards))
            far = size / _dot(towards, turned).clamp_min(1e-30)
            self.z = self.z + far * towards
            left_over = left_over - far * turned
            size, before = _dot(left_over, left_over), size
            towards = left_over + size / before.clamp_min(1e-30) * towards


def _dot(first: Shapes, second: Shapes) -> Float[Tensor, "n 1 1"]:
    return (first * second).sum((1, 2), keepdim=True)
