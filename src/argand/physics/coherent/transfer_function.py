"""Reliability of phases: the phase-retrieval transfer function of several random starts.

A pattern determines neither an object's position nor its orientation up to 180 degrees, so each start's
object, or its image rotated by 180 degrees, is first aligned to the best one with subpixel accuracy.
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
"""Least value of the transfer function for reliable phases: the usual 1/e.

Seibert et al., Nature 470, 78 (2011).
"""
ALIGNMENT_BLUR = 1.0
"""Standard deviation in Å of the Gaussian blur for comparing objects during alignment.

Set by hand, as in the scores: differences at high q must not dominate.
"""
_STEPS = 3
"""Refinements of a shift. Set by hand: from half a pixel away, each reduces the error more than tenfold."""

Starts = Complex[Tensor, "start n slow half"]


@dataclass(frozen=True)
class PhaseTransfer:
    """The transfer function by ring, NaN for a ring without measured pixels.

    `q` in 1/Å; `resolution` is 2π/q in Å of the first ring below 1/e, or of the last ring.
    """

    q: Float[Tensor, " ring"]
    value: Float[Tensor, "n ring"]
    resolution: Float[Tensor, " n"]


def phase_transfer(spectra: Starts, measured: Bool[Tensor, "n slow half"], window: Window) -> PhaseTransfer:
    """|Mean over starts of exp(i phase)|, averaged over the measured pixels of each ring, of aligned starts.

    It is 1 where all starts agree, and that of a random walk, about √(π/4) / √starts, where they are
    unrelated. Chapman et al., J. Opt. Soc. Am. A 23, 1179 (2006), there as the mean transform divided by the
    measured amplitude, which is equivalent if all starts have that amplitude.
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
    """Spectra of objects shifted, and rotated by 180 degrees if that fits better, onto those of a
    reference."""
    along, across = reciprocal_axes(window)
    taper = torch.exp(-(ALIGNMENT_BLUR**2) * (along**2 + across**2))
    # The conjugate of a real image's spectrum is that of the image rotated by 180 degrees.
    moved = [_moved_onto(one, reference * taper, window) for one in (spectra, spectra.conj())]
    nearness = [(one * reference.conj() * taper).real.sum((1, 2)) for one in moved]
    return torch.where((nearness[0] >= nearness[1])[:, None, None], moved[0], moved[1])


def _moved_onto(spectra: Waves, reference: Waves, window: Window) -> Waves:
    """The spectra at the shift of highest correlation with the reference, refined by Newton steps."""
    size = window.size
    cross = reference * spectra.conj()
    peak = torch.fft.irfft2(cross, s=(size, size)).flatten(1).argmax(1)
    shift = torch.stack([peak // size, peak % size], 1) * window.pixel
    q = [axis.expand(cross.shape[1:]).flatten() for axis in reciprocal_axes(window)]
    for _ in range(_STEPS):
        turn = shift[:, :1] * q[0] + shift[:, 1:] * q[1]
        value = cross.flatten(1) * torch.polar(torch.ones_like(turn), turn)
        # Weights instead of cosines, equal near the peak, keep the curvature positive.
        slope = -torch.stack([(value.imag * one).sum(1) for one in q], 1)
        curve = [[(value.abs() * one * other).sum(1) for other in q] for one in q]
        matrix = torch.stack([torch.stack(row, 1) for row in curve], 1)
        step = torch.linalg.lstsq(matrix, slope[..., None]).solution[..., 0]
        shift = shift + step.nan_to_num(0.0).clamp(-window.pixel / 2, window.pixel / 2)
    turn = shift[:, :1] * q[0] + shift[:, 1:] * q[1]
    return spectra * torch.polar(torch.ones_like(turn), -turn).view(cross.shape)
