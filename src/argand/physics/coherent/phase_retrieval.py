"""Shapes from patterns by classical phase retrieval, and refinement of shapes predicted by a network.

Hybrid input-output, then error reduction, in batches. Patterns are as measured: any scale, q = 0 in pixel
[size // 2, size // 2]; integers are taken to be photon counts. Shapes are in electrons per pixel up to a
scale: the mean form factor of cellulose and the pixel's sinc are divided out.
"""

import numpy as np
import torch
from jaxtyping import Bool, Complex, Float
from scipy.fft import next_fast_len
from torch import Tensor

from argand.errors import InputError
from argand.physics.coherent.amplitude import MeasuredMagnitudes, Retrieved, gaussian, response
from argand.physics.coherent.pattern import (
    Live,
    Patterns,
    autocorrelation_support,
    dilated,
    images_of,
    low_part,
    spectra_of,
    with_low_part,
)
from argand.physics.coherent.projection import Window
from argand.physics.coherent.transfer_function import aligned, phase_transfer
from argand.physics.sphere.phase_iteration import error_reduction, hybrid_input_output

__all__ = [
    "MeasuredMagnitudes",
    "Retrieved",
    "gaussian",
    "outline",
    "refine_shapes",
    "response",
    "retrieve",
]

ROUNDS, SETTLING, STARTS = 1000, 40, 8
"""Rounds with feedback and without, and random starts, of `retrieve`: what fits into 2 s of one core.

On 10 validation pairs without noise, 250, 500, 1,000 and 2,500 rounds from one start within the true outline
gave 29.2, 30.1, 31.2 and 32.8 dB, the best of three starts 29.8, 30.4, 32.5 and 34.9. At 10⁴ photons 100 to
3,000 rounds end within 0.1 dB. Fewer than seven starts cannot distinguish random phases from reliable ones.
"""
Q_FOLLOWED = 2.5
"""1/Å up to which `retrieve` follows a pattern, set by hand: there a blur of 1 Å reduces the amplitude to 4
%."""
RETRIEVED_SOFTNESS = 0.7
"""Like SOFTNESS in Å, for `retrieve`.

The best of 0.5, 0.7 and 1.0 after 2,000 rounds from one start within the true outline, on 10 validation pairs
without noise (31.9, 33.0 and 31.6 dB); at 10⁴ photons they differ by 0.1 dB.
"""
REFINEMENT_ROUNDS, FEEDBACK = 50, 0.8
"""Rounds from a given start, and the fraction of them with feedback.

Set by hand; the result is benchmarked beside that of the network alone (`benchmarks/molmnist_tasks.py`).
"""
STAGE, WRAP_ROUNDS = 20, 160
"""Rounds between updates of the support, and rounds until the last update.

Shrink wrap (Marchesini, PRB 68, 140101, 2003); the interval is that of the paper.
"""
WRAP_BLURS, WRAP_LEAST = (3.0, 1.5), 0.5
"""Blur in Å at the first and the last update; least size of a support relative to the previous one.

Set by hand, like the paper's blur of 3 pixels that shrinks to 1.5; the share is a safeguard, not measured
separately.
"""
WRAP_SHARE, WRAP_SHARE_COUNTED = 0.08, 0.15
"""Fraction of the highest pixel above which the object lies, without and with noise.

Set by hand, below the paper's 0.2; only the overall retrieval is benchmarked
(`benchmarks/molmnist_tasks.py`).
"""
WIDENING = 1.5
"""Å around the last support, which cuts into the object's edge.

On 7 validation pairs and 600 rounds, without it, with 1.5 Å, and with 3 Å: 30.7, 34.7 and 34.4 dB without
noise, 27.7 and 29.6 dB (3 Å not measured) at 10⁶ photons.
"""
MARGIN = 3.0
"""Å around the initial outline from the autocorrelation.

Set by hand. The initial support is 0.9 to 1.6 times as large as the true shape; with 6 Å retrieval falls from
28.7 to 24.8 dB at 10⁶ photons (10 validation pairs, 400 rounds of 3 and of 2 starts).
"""
TOLD_SHARE = 0.3
"""Value of a given outline, blurred and on the grid of the iterations, above which the object may lie.

Set by hand: below one half, so that rounding to that grid does not cut into the object.
"""
START_BLUR, START_SHARE, START_MARGIN = 1.0, 0.05, 1.0
"""Extent of a start: blur in Å, fraction of its highest pixel, margin in Å.

Set by hand; only the overall refinement is benchmarked (`benchmarks/molmnist_tasks.py`).
"""

Shapes = Float[Tensor, "n slow fast"]
Supports = Bool[Tensor, "n slow fast"]
LowSupports = Bool[Tensor, "n low_slow low_fast"]


def retrieve(
    patterns: Patterns,
    live: Live,
    window_side: float = 200.0,
    support: Supports | None = None,
    *,
    starts: int = STARTS,
    rounds: int = ROUNDS,
    settling: int = SETTLING,
    seed: int = 0,
) -> Retrieved:
    """Shapes from several random starts, and the transfer function of their phases; `window_side` in Å.

    Noise-free patterns give the start with the lowest R, photon counts the mean of all starts. `live` marks
    the measured pixels, [slow, fast] or for each pattern. The support starts from half of the
    autocorrelation, which may cut into shapes, is shrink-wrapped ever more tightly, and is widened by
    `WIDENING`. A given `support` only narrows the initial one: iterations that started as wide as the
    outline, or stayed within it, stagnated farther away. Nothing is retrieved beyond q = `Q_FOLLOWED`, and no
    background is subtracted.

    Raises InputError for fewer than one start. Hybrid input-output: Fienup, Appl. Opt. 21, 2758, 1982.
    """
    if starts < 1:
        raise InputError("phase retrieval needs at least one start")
    measured = _followed(patterns, live, window_side)
    outset = _outset(measured, support)
    found = []
    for number in range(starts):
        generator = torch.Generator().manual_seed(seed + number)
        density, within = wrapped(measured, measured.exact.start(generator), outset, min(rounds, WRAP_ROUNDS))
        within = _grown(within, round(WIDENING / measured.window.pixel))
        density = hybrid_input_output(measured.lenient, density, within, max(rounds - WRAP_ROUNDS, 0))
        found.append(error_reduction(measured.lenient, density, within, settling))
    spectra = _side_by_side(measured, torch.stack(found))
    best = measured.answer(measured.image(spectra.mean(0) if measured.counted else spectra[0]))
    whole = torch.zeros_like(spectra_of(patterns.float()))
    shape = images_of(with_low_part(whole, spectra_of(best.shape)), patterns.shape[-1])
    return Retrieved(shape, best.residual, phase_transfer(spectra, measured.exact.measured, measured.window))


def refine_shapes(
    patterns: Patterns,
    live: Bool[Tensor, "slow fast"],
    start: Shapes,
    rounds: int = REFINEMENT_ROUNDS,
    window_side: float = 200.0,
    pixel: float | None = None,
) -> Retrieved:
    """Shapes after `rounds` (1 or more) iterations from given ones of any scale, within their outlines.

    For noise-free patterns, which it fits fully; for counts see `most_probable_shapes`. `pixel` as in
    `response`, `window_side` in Å.
    """
    measured = MeasuredMagnitudes(patterns, live, window_side, pixel)
    within = torch.fft.ifftshift(outline(start, measured.window), dim=(1, 2))
    density = measured.density(start)
    # The last round is without feedback, which would leave density outside or negative.
    feedback = min(round(rounds * FEEDBACK), rounds - 1)
    density = hybrid_input_output(measured.exact, density, within, feedback)
    # `error_reduction` makes one projection more than its number of rounds.
    return measured.answer(error_reduction(measured.exact, density, within, rounds - feedback - 1))


def outline(shapes: Shapes, window: Window) -> Supports:
    """Supports of shapes that may be slightly wrong.

    `shapes` [n, slow, fast], centred; limits set by hand (`START_BLUR` and the like).
    """
    size = window.size
    soft = torch.fft.irfft2(torch.fft.rfft2(shapes) * gaussian(window, START_BLUR), s=(size, size))
    inside = soft > START_SHARE * soft.amax((1, 2), keepdim=True)
    return dilated(inside, round(START_MARGIN / window.pixel))


def wrapped(
    measured: MeasuredMagnitudes, density: Shapes, within: Supports, rounds: int
) -> tuple[Shapes, Supports]:
    """Densities after rounds with adaptive supports, and the supports."""
    stages = max(rounds // STAGE, 1)
    share = WRAP_SHARE_COUNTED if measured.counted else WRAP_SHARE
    for blur in np.linspace(*WRAP_BLURS, stages):
        density = hybrid_input_output(measured.lenient, density, within, rounds // stages)
        inside = torch.where(within, measured.lenient(density), 0.0).clamp_min_(0.0)
        soft = measured.image(torch.fft.rfft2(inside) * gaussian(measured.window, float(blur)))
        tighter = soft > share * soft.amax((1, 2), keepdim=True)
        # A single spike of a diverging start must not become the whole support.
        sound = tighter.sum((1, 2)) >= WRAP_LEAST * within.sum((1, 2))
        within = torch.where(sound[:, None, None], tighter, within)
    return density, within


def _followed(patterns: Patterns, live: Live, window_side: float) -> MeasuredMagnitudes:
    """Patterns up to `Q_FOLLOWED`."""
    window = Window(window_side, patterns.shape[-1])
    # Half the side in pixels of 2π / window_side.
    reach = int(np.ceil(Q_FOLLOWED * window_side / (2 * np.pi)))
    size = min(window.size, 2 * int(next_fast_len(reach) or reach))
    first = window.size // 2 - size // 2
    cut = slice(first, first + size)
    return MeasuredMagnitudes(
        patterns[:, cut, cut],
        live[..., cut, cut],
        window_side,
        window.pixel,
        softness=RETRIEVED_SOFTNESS,
    )


def _outset(measured: MeasuredMagnitudes, support: Supports | None) -> LowSupports:
    """Initial support on the grid of the iterations."""
    margin = round(MARGIN / measured.window.pixel)
    outset, _ = autocorrelation_support(measured.half, measured.window, margin)
    if support is None:
        return outset
    size = measured.window.size
    told = measured.image(low_part(spectra_of(support.float()), size) * measured.soft)
    return outset & (told * (size / support.shape[-1]) ** 2 > TOLD_SHARE)


def _side_by_side(
    measured: MeasuredMagnitudes, found: Float[Tensor, "start n slow fast"]
) -> Complex[Tensor, "start n slow half"]:
    """Spectra of the starts, the lowest R first, all aligned to that one."""
    order = torch.stack([measured.answer(density).residual for density in found]).argsort(0)
    spectra = torch.fft.rfft2(found)
    spectra = spectra.gather(0, order[..., None, None].expand_as(spectra))
    return torch.stack([spectra[0], *(aligned(one, spectra[0], measured.window) for one in spectra[1:])])


def _grown(within: Supports, pixels: int) -> Supports:
    """Supports about index 0, dilated by `pixels`."""
    return torch.fft.ifftshift(dilated(torch.fft.fftshift(within, dim=(1, 2)), pixels), dim=(1, 2))
