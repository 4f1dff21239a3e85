"""Shapes from patterns by classical phase retrieval, and better shapes from those that a network answers.

Hybrid input-output, then error reduction, in batches. Patterns are those of the detector: any scale, q = 0
in pixel [size // 2, size // 2]; whole numbers are taken for photon counts. Shapes come out in electrons
per pixel but for their scale: the mean form factor of cellulose and the pixel's sinc are divided out.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from argand.errors import InputError
from argand.physics.coherent.composition import shared_factor
from argand.physics.coherent.pattern import (
    CountedMagnitudes,
    Half,
    Patterns,
    autocorrelation_support,
    dilated,
    friedel_mean,
    is_counted,
    reciprocal_axes,
    spectra_of,
)
from argand.physics.coherent.projection import Window
from argand.physics.sphere.phase_iteration import Magnitudes, error_reduction, hybrid_input_output

ROUNDS, SETTLING, STARTS = 160, 40, 3
"""Rounds with feedback and without, and random starts, of `retrieve`.

By hand; the result is measured as a baseline of the leaderboard (`benchmarks/molmnist_tasks.py`).
"""
REFINEMENT_ROUNDS, FEEDBACK = 50, 0.8
"""Rounds from a given start, and the share of them with feedback.

By hand; the result is measured beside that of the network alone (`benchmarks/molmnist_tasks.py`).
"""
SOFTNESS = 0.5
"""Å, standard deviation of the Gaussian that makes what is retrieved positive and weighs noise at high q.

By hand: half a pixel of the usual window of 200 Å in 200 pixels; not measured alone.
"""
STAGE = 20
"""Rounds between two looks at how far the object reaches (shrink wrap, Marchesini, PRB 68, 140101, 2003).

The interval is that of the paper.
"""
WRAP_BLURS, WRAP_LEAST = (3.0, 1.5), 0.5
"""Å at the first and the last look; share of a support that the next one has at least.

By hand, like the paper's blur of 3 pixels that shrinks to 1.5; the share is a guard, not measured alone.
"""
WRAP_SHARE, WRAP_SHARE_COUNTED = 0.08, 0.15
"""Share of the highest pixel above which the object is, without noise and with it.

By hand, below the paper's 0.2; only the retrieval as a whole is measured (`benchmarks/molmnist_tasks.py`).
"""
MARGIN = 3.0
"""Å around the outline that the autocorrelation gives.

By hand, not measured: more than what blur and level take from an outline.
"""
START_BLUR, START_SHARE, START_MARGIN = 1.0, 0.05, 1.0
"""How far a start reaches: Å, share of its highest pixel, Å around.

By hand; only polishing as a whole is measured (`benchmarks/molmnist_tasks.py`).
"""

Shapes = Float[Tensor, "n slow fast"]
Supports = Bool[Tensor, "n slow fast"]


@dataclass(frozen=True)
class Retrieved:
    """Shapes on an arbitrary scale, and how far they are from the patterns.

    R = Σ ||F| - k|F measured|| / Σ k|F measured| over live pixels; k makes the squared differences least.
    """

    shape: Shapes
    residual: Float[Tensor, " n"]


def retrieve(
    patterns: Patterns,
    live: Bool[Tensor, "slow fast"],
    window_side: float = 200.0,
    support: Supports | None = None,
    *,
    starts: int = STARTS,
    rounds: int = ROUNDS,
    settling: int = SETTLING,
    seed: int = 0,
) -> Retrieved:
    """The best by R of several random starts; `window_side` in Å.

    Without a support, shapes begin within half of the autocorrelation and are wrapped ever more tightly;
    where the autocorrelation fills the window, they stay within a disc.

    Raises InputError where no start is asked for. Hybrid input-output: Fienup, Appl. Opt. 21, 2758, 1982.
    """
    measured = MeasuredMagnitudes(patterns, live, window_side)
    best: Retrieved | None = None
    for number in range(starts):
        generator = torch.Generator().manual_seed(seed + number)
        density = measured.exact.start(generator)
        if support is None:
            density, within = measured.wrapped(density, rounds)
        else:
            within = torch.fft.ifftshift(support, dim=(1, 2))
            density = hybrid_input_output(measured.lenient, density, within, rounds)
        found = measured.answer(error_reduction(measured.exact, density, within, settling))
        best = found if best is None else _better(best, found)
    if best is None:
        raise InputError("phase retrieval needs one start or more")
    return best


def refine_shapes(
    patterns: Patterns,
    live: Bool[Tensor, "slow fast"],
    start: Shapes,
    rounds: int = REFINEMENT_ROUNDS,
    window_side: float = 200.0,
    pixel: float | None = None,
) -> Retrieved:
    """Shapes that `rounds` of iteration make of given ones of any scale, within the outlines of those.

    For patterns without noise, which it follows to the last; for counts see `most_probable_shapes`.
    `pixel` as of `response`, `window_side` in Å.
    """
    measured = MeasuredMagnitudes(patterns, live, window_side, pixel)
    within = torch.fft.ifftshift(outline(start, measured.window), dim=(1, 2))
    density = measured.density(start)
    feedback = round(rounds * FEEDBACK)
    density = hybrid_input_output(measured.exact, density, within, feedback)
    # `error_reduction` makes one projection more than it is asked for.
    return measured.answer(error_reduction(measured.exact, density, within, rounds - feedback - 1))


def outline(shapes: Shapes, window: Window) -> Supports:
    """Where shapes are that may be somewhat wrong.

    `shapes` [n, slow, fast], their middle in the middle; limits by hand (`START_BLUR` and its like).
    """
    size = window.size
    soft = torch.fft.irfft2(torch.fft.rfft2(shapes) * gaussian(window, START_BLUR), s=(size, size))
    inside = soft > START_SHARE * soft.amax((1, 2), keepdim=True)
    return dilated(inside, round(START_MARGIN / window.pixel))


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
    """Patterns as iterations need them; densities are shapes made soft, their middle at index 0."""

    def __init__(
        self,
        patterns: Patterns,
        live: Bool[Tensor, "slow fast"],
        window_side: float,
        pixel: float | None = None,
    ) -> None:
        patterns = patterns.float()
        self.window = Window(window_side, patterns.shape[-1])
        self.half: Half = friedel_mean(patterns, live)
        self.soft = gaussian(self.window, SOFTNESS)
        self.weight = self.soft / response(self.window, pixel)
        self.exact = Magnitudes(self.half * self.weight.square())
        self.counted = is_counted(patterns)
        self.lenient = CountedMagnitudes(self.half, self.weight) if self.counted else self.exact
        self._amplitude = self.exact.amplitude / self.weight

    def density(self, shapes: Shapes) -> Shapes:
        """Shapes made soft, on the scale of the amplitudes."""
        spectrum = spectra_of(shapes)
        found = torch.where(self.exact.measured, spectrum.abs() * self.soft, 0.0)
        scale = (found * self.exact.amplitude).sum((1, 2)) / found.square().sum((1, 2)).clamp_min(1e-30)
        return self._image(spectrum * self.soft) * scale[:, None, None]

    def answer(self, density: Shapes) -> Retrieved:
        """The shapes of densities and their R."""
        spectrum = torch.fft.rfft2(density)
        shape = torch.fft.fftshift(self._image(spectrum / self.soft), dim=(1, 2))
        found = torch.where(self.exact.measured, spectrum.abs() / self.weight, 0.0)
        # A column of the half spectrum stands for its mates too, but that of q = 0, which holds both.
        mates = torch.full((found.shape[-1],), 2.0)
        mates[0] = 1.0
        scale = (mates * found * self._amplitude).sum((1, 2))
        scale = (scale / (mates * self._amplitude.square()).sum((1, 2)))[:, None, None]
        off = (mates * (found - scale * self._amplitude).abs()).sum((1, 2))
        return Retrieved(shape, off / (mates * scale * self._amplitude).sum((1, 2)).clamp_min(1e-30))

    @cached_property
    def _outset(self) -> tuple[Supports, Bool[Tensor, " n"]]:
        """Supports from the autocorrelation, and whether they may be wrapped more tightly."""
        return autocorrelation_support(self.half, self.window, round(MARGIN / self.window.pixel))

    def wrapped(self, density: Shapes, rounds: int) -> tuple[Shapes, Supports]:
        """Densities after so many rounds in which their supports follow them, and the supports."""
        within, known = self._outset
        stages, share = max(rounds // STAGE, 1), WRAP_SHARE_COUNTED if self.counted else WRAP_SHARE
        for blur in np.linspace(*WRAP_BLURS, stages):
            density = hybrid_input_output(self.lenient, density, within, rounds // stages)
            inside = torch.where(within, self.lenient(density), 0.0).clamp_min_(0.0)
            soft = self._image(torch.fft.rfft2(inside) * gaussian(self.window, float(blur)))
            tighter = soft > share * soft.amax((1, 2), keepdim=True)
            # A single spike of a start that goes astray must not become the whole support.
            sound = tighter.sum((1, 2)) >= WRAP_LEAST * within.sum((1, 2))
            within = torch.where((known & sound)[:, None, None], tighter, within)
        return density, within

    def _image(self, spectrum: Tensor) -> Shapes:
        return torch.fft.irfft2(spectrum, s=(self.window.size,) * 2)


def _better(first: Retrieved, second: Retrieved) -> Retrieved:
    """Of each shape the one with the lower R."""
    better = first.residual <= second.residual
    return Retrieved(
        torch.where(better[:, None, None], first.shape, second.shape),
        torch.where(better, first.residual, second.residual),
    )
