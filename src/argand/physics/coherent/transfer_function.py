"""How far phases can be trusted: the phase-retrieval transfer function of several random starts.

A pattern tells neither an object's place nor which way round it is, so each start's object, or its image
turned by 180 degrees, is first moved onto the best one by fractions of a pixel.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Complex, Float
from torch import Tensor

from argand.physics.coherent.pattern import (
    Waves,
    reciprocal_axes,
    ring_numbers,
    ring_sums,
)
from argand.physics.coherent.projection import Window

TRUSTED = float(torch.exp(torch.tensor(-1.0)))
"""Value of the transfer function down to which phases are believed: 1/e, as is usual.

Seibert et al., Nature 470, 78 (2011).
"""
ALIGNMENT_BLUR = 1.0
"""Å, standard deviation of the Gaussian over which objects are compared when they are moved onto each other.

By hand, that of the scores: where starts differ at high q they must not decide.
"""
_STEPS = 3
"""Refinements of a shift. By hand: from half a pixel away, each leaves less than a tenth of it."""

Starts = Complex[Tensor, "start n slow half"]


@dataclass(frozen=True)
class PhaseTransfer:
    """The transfer function by ring, NaN where a ring has no measured pixel.

    `q` in 1/Å; `resolution` is 2π/q in Å of the first ring below 1/e, or of the last one.
    """

    q: Float[Tensor, " ring"]
    value: Float[Tensor, "n ring"]
    resolution: Float[Tensor, " n"]


def phase_transfer(spectra: Starts, measured: Bool[Tensor, "n slow half"], window: Window) -> PhaseTransfer:
    """|Mean over starts of exp(i phase)|, averaged over the measured pixels of each ring, of aligned starts.

    It is 1 where all starts agree, and that of a random walk, about √(π/4) / √starts, where none do.
    Chapman et al., J. Opt. Soc. Am. A 23, 1179 (2006), there as the mean of the transforms over the measured
    amplitude, which is the same for starts that all have it.
    """
    rings = ring_numbers(window)
    agreement = torch.polar(torch.ones_like(spectra.abs()), spectra.angle()).mean(0).abs()
    seen = ring_sums(measured.float(), rings)
    value = ring_sums(agreement * measured, rings) / torch.where(seen > 0, seen, torch.nan)
    q = torch.arange(value.shape[1]) * (2 * torch.pi / window.side)
    below = value < TRUSTED
    last = torch.where(seen > 0, q, 0.0).amax(1)
    first = torch.where(below.any(1), q[below.int().argmax(1)], last)
    return PhaseTransfer(q, value, 2 * torch.pi / first.clamp_min(1e-9))


def aligned(spectra: Waves, reference: Waves, window: Window) -> Waves:
    """Spectra of objects moved, and turned by 180 degrees where that is nearer, onto those of a reference."""
    along, across = reciprocal_axes(window)
    taper = torch.exp(-(ALIGNMENT_BLUR**2) * (along**2 + across**2))
    # The conjugate of a real image's spectrum is that of the image turned by 180 degrees.
    moved = [_moved_onto(one, reference * taper, window) for one in (spectra, spectra.conj())]
    nearness = [(one * reference.conj() * taper).real.sum((1, 2)) for one in moved]
    return torch.where((nearness[0] >= nearness[1])[:, None, None], moved[0], moved[1])


def _moved_onto(spectra: Waves, reference: Waves, window: Window) -> Waves:
    """The spectra at the shift of their highest correlation with the reference, which Newton steps refine."""
    size = window.size
    cross = reference * spectra.conj()
    peak = torch.fft.irfft2(cross, s=(size, size)).flatten(1).argmax(1)
    shift = torch.stack([peak // size, peak % size], 1) * window.pixel
    q = [axis.expand(cross.shape[1:]).flatten() for axis in reciprocal_axes(window)]
    for _ in range(_STEPS):
        turn = shift[:, :1] * q[0] + shift[:, 1:] * q[1]
        value = cross.flatten(1) * torch.polar(torch.ones_like(turn), turn)
        # Weights in place of cosines, which are alike near the peak, keep the curvature positive.
        slope = -torch.stack([(value.imag * one).sum(1) for one in q], 1)
        curve = [[(value.abs() * one * other).sum(1) for other in q] for one in q]
        matrix = torch.stack([torch.stack(row, 1) for row in curve], 1)
        step = torch.linalg.lstsq(matrix, slope[..., None]).solution[..., 0]
        shift = shift + step.nan_to_num(0.0).clamp(-window.pixel / 2, window.pixel / 2)
    turn = shift[:, :1] * q[0] + shift[:, 1:] * q[1]
    return spectra * torch.polar(torch.ones_like(turn), -turn).view(cross.shape)
