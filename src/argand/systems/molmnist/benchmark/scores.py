"""How good shapes are that were found from patterns, which tell neither place, hand nor scale.

Both shapes are blurred by a Gaussian of 1 Å. Of the found one and its image turned by 180 degrees (the
pattern is the same) the better is taken, at the shift, to fractions of a pixel, where it correlates best
with the true one, and on the scale that fits best by least squares. All figures are taken over the support:
where the true blurred shape is above 1 % of its highest pixel, and two pixels around. The resolution alone is
of the shapes as they are, placed alike, in the whole window.
"""

from functools import cached_property

import torch
from jaxtyping import Bool, Complex, Float
from torch import Tensor
from torch.nn.functional import max_pool2d

from argand.physics.coherent.projection import Window
from argand.physics.sphere.phase_iteration import lowest_rows
from argand.systems.molmnist.inversion.shape_basis import BLUR

SHARE, MARGIN = 0.01, 2
"""The support: share of the highest pixel, and pixels around. By hand, to leave out empty background, which
raises PSNR and SSIM of anything; part of the definition of the figures, so they are not to change."""
SSIM_SIGMA, SSIM_REACH = 1.5, 5
"""Standard deviation and half width in pixels of the window of SSIM (Wang et al., IEEE TIP 13, 600, 2004)."""
SSIM_C1, SSIM_C2 = 0.01**2, 0.03**2
"""(K1 L)² and (K2 L)² of the same paper, for images whose range L is 1."""
RESOLVED = 0.5
"""Correlation of a ring below which it is not resolved. With a truth that has no noise 1/2 is where half of
the answer's power in a ring is right (Rosenthal & Henderson, J. Mol. Biol. 333, 721, 2003); the half-bit
criterion (van Heel & Schatz, J. Struct. Biol. 151, 250, 2005) is for two halves of noisy data."""
_GRID = 2.0
"""Å between the shifts that are tried before the best one is refined; the blur leaves nothing finer: a
correlation of two shapes blurred by 1 Å has peaks of 1.4 Å standard deviation or more."""
_NEWTON = 3
"""Steps of refinement. By hand: from 1 Å away on a smooth peak three leave far less than a pixel."""

Shapes = Float[Tensor, "n slow fast"]
Scores = dict[str, Float[Tensor, " n"]]


class TrueShapes:
    """True shapes, in any unit, and how near others are to them."""

    def __init__(self, shapes: Shapes, window: Window) -> None:
        self.window, self.size = window, shapes.shape[-1]
        along = 2 * torch.pi * torch.fft.fftfreq(self.size, window.pixel)
        half = 2 * torch.pi * torch.fft.rfftfreq(self.size, window.pixel)
        self._q = along[:, None], half[None]
        self._blur = torch.exp(-((BLUR * along[:, None]) ** 2 + (BLUR * half[None]) ** 2) / 2)
        self._sharp = torch.fft.rfft2(shapes.float())
        self._spectrum = self._sharp * self._blur
        self.blurred = torch.fft.irfft2(self._spectrum, s=(self.size, self.size))
        self.peak = self.blurred.amax((1, 2))

    @cached_property
    def support(self) -> Bool[Tensor, "n slow fast"]:
        """Where shapes are compared."""
        inside = (self.blurred > SHARE * self.peak[:, None, None]).float()[:, None]
        for kernel in ((2 * MARGIN + 1, 1), (1, 2 * MARGIN + 1)):
            inside = max_pool2d(inside, kernel, 1, (kernel[0] // 2, kernel[1] // 2))
        return inside[:, 0] > 0

    def scores(self, shapes: Shapes) -> Scores:
        """Each shape's `psnr_db` (over the highest true blurred pixel), `ssim`, `pearson`, `resolution_a`."""
        sharp = self._placed(shapes)
        found = torch.fft.irfft2(sharp * self._blur, s=(self.size, self.size))
        inside = self.support
        rows, columns = (self._extent(inside, axis) for axis in (2, 1))
        crop = slice(None), rows, columns
        found, truth, inside = found[crop], self.blurred[crop], inside[crop].float()
        peak, count = self.peak[:, None, None], inside.sum((1, 2))
        scale = (found * truth * inside).sum((1, 2)) / (found.square() * inside).sum((1, 2)).clamp_min(1e-30)
        found = found * scale[:, None, None]
        error = ((found - truth).square() * inside).sum((1, 2)) / count
        return {
            "psnr_db": 10 * torch.log10(self.peak.square() / error.clamp_min(1e-20)),
            "ssim": (ssim_map(found / peak, truth / peak) * inside).sum((1, 2)) / count,
            "pearson": pearson(found, truth, inside),
            "resolution_a": resolution(ring_correlation(sharp, self._sharp), self.window),
        }

    def aligned(self, shapes: Shapes) -> Shapes:
        """The shapes, blurred, each or its image turned by 180 degrees, moved onto the true one."""
        return torch.fft.irfft2(self._placed(shapes) * self._blur, s=(self.size, self.size))

    def _placed(self, shapes: Shapes) -> Complex[Tensor, "n slow half"]:
        """Spectra of the shapes so moved, not blurred."""
        spectrum = torch.fft.rfft2(shapes.float())
        # The conjugate of a real image's spectrum is that of the image turned by 180 degrees.
        turned = spectrum.conj()
        here, there = (self._best_shift(one * self._blur) for one in (spectrum, turned))
        better = (here[1] >= there[1])[:, None]
        spectrum = torch.where(better[..., None], spectrum, turned)
        shift = torch.where(better, here[0], there[0])
        turns = shift[:, 0, None, None] * self._q[0] + shift[:, 1, None, None] * self._q[1]
        return spectrum * torch.polar(torch.ones_like(turns), -turns)

    def _best_shift(self, spectrum: Complex[Tensor, "n slow half"]) -> tuple[Tensor, Tensor]:
        """Shift [n, 2] in Å at which the correlation with the truth is highest, and that correlation."""
        few = min(self.size, 2 * round(self.window.side / _GRID / 2))
        rows = lowest_rows(self.size, few)
        q = self._q[0][rows], self._q[1][:, : few // 2 + 1]
        cross = (self._spectrum * spectrum.conj())[:, rows, : few // 2 + 1]
        coarse = torch.fft.irfft2(cross, s=(few, few), norm="forward").flatten(1).max(1)
        place = torch.stack([coarse.indices // few, coarse.indices % few], 1).float()
        place = (place + few // 2) % few - few // 2
        shift = place * (self.window.side / few)
        for _ in range(_NEWTON):
            shift = shift + _newton_step(cross, q, shift).clamp(-_GRID / 2, _GRID / 2)
        return shift, _moved(cross, q, shift)[0].sum((1, 2))

    def _extent(self, inside: Tensor, axis: int) -> slice:
        """Rows or columns of the images that any support reaches, and the reach of SSIM around."""
        used = inside.any(0).any(axis - 1).nonzero()
        return slice(max(int(used.min()) - SSIM_REACH, 0), int(used.max()) + SSIM_REACH + 1)


def _newton_step(
    cross: Complex[Tensor, "n slow half"], q: tuple[Tensor, Tensor], shift: Float[Tensor, "n 2"]
) -> Float[Tensor, "n 2"]:
    """Towards the maximum of Σ Re cross exp(i q·shift); none where that is not curved downwards."""
    real, imaginary = _moved(cross, q, shift)
    slope = torch.stack([-(imaginary * one).sum((1, 2)) for one in q], 1)
    curve = torch.stack([-(real * q[i] * q[j]).sum((1, 2)) for i, j in ((0, 0), (1, 1), (0, 1))], 1)
    determinant = curve[:, 0] * curve[:, 1] - curve[:, 2] ** 2
    step = torch.stack(
        [
            curve[:, 2] * slope[:, 1] - curve[:, 1] * slope[:, 0],
            curve[:, 2] * slope[:, 0] - curve[:, 0] * slope[:, 1],
        ],
        1,
    )
    downwards = (determinant > 0) & (curve[:, 0] < 0)
    return torch.where(downwards[:, None], step / determinant[:, None], 0.0)


def _moved(
    cross: Complex[Tensor, "n slow half"], q: tuple[Tensor, Tensor], shift: Float[Tensor, "n 2"]
) -> tuple[Tensor, Tensor]:
    """Real and imaginary parts of cross exp(i q·shift), those of the half that is not stored included."""
    turns = shift[:, 0, None, None] * q[0] + shift[:, 1, None, None] * q[1]
    value = cross * torch.polar(torch.ones_like(turns), turns)
    weight = torch.where(q[1] > 0, 2.0, 1.0)
    return value.real * weight, value.imag * weight


def ring_correlation(
    first: Complex[Tensor, "n slow half"], second: Complex[Tensor, "n slow half"]
) -> Float[Tensor, "n ring"]:
    """Correlation of the half spectra of two images over rings one pixel wide, up to half of the pixels.

    Σ Re F1 F2* / √(Σ |F1|² Σ |F2|²) (van Heel & Schatz, J. Struct. Biol. 151, 250, 2005); 0 where one of them
    has nothing.
    """
    size = first.shape[1]
    along = torch.fft.fftfreq(size, 1 / size)
    ring = torch.hypot(along[:, None], torch.arange(size // 2 + 1)[None]).round().long()
    mates = torch.full((size // 2 + 1,), 2.0)
    mates[0] = 1.0
    if size % 2 == 0:
        mates[-1] = 1.0

    def summed(values: Float[Tensor, "n slow half"]) -> Float[Tensor, "n ring"]:
        total = torch.zeros(len(values), int(ring.max()) + 1)
        return total.index_add_(1, ring.flatten(), (values * mates).flatten(1))[:, : size // 2 + 1]

    both = summed((first * second.conj()).real)
    power = summed(first.abs().square()) * summed(second.abs().square())
    return torch.where(power > 0, both / power.clamp_min(1e-30).sqrt(), 0.0)


def resolution(correlation: Float[Tensor, "n ring"], window: Window) -> Float[Tensor, " n"]:
    """Å at which the correlation of rings first falls below `RESOLVED`; two pixels where it never does.

    Between two rings by a straight line; a window's side is the coarsest that is told.
    """
    known = correlation.clone()
    # The mean of two images says nothing of how alike they are.
    known[:, 0] = 1.0
    lost = known < RESOLVED
    ever, place = lost.any(1), lost.int().argmax(1).clamp_min(1)
    above = known.gather(1, place[:, None] - 1)[:, 0]
    below = known.gather(1, place[:, None])[:, 0]
    ring = place - 1 + (above - RESOLVED) / (above - below).clamp_min(1e-6)
    ring = torch.where(ever, ring, known.shape[1] - 1.0)
    return window.side / ring.clamp_min(1.0)


def pearson(first: Shapes, second: Shapes, weight: Float[Tensor, "n slow fast"]) -> Float[Tensor, " n"]:
    """Weighted coefficient of correlation (Pearson) of each pair of images; 0 where one of them is flat."""
    total = weight.sum((1, 2), keepdim=True)
    one, two = (x - (x * weight).sum((1, 2), keepdim=True) / total for x in (first, second))
    product = (one * two * weight).sum((1, 2))
    norm = (one.square() * weight).sum((1, 2)) * (two.square() * weight).sum((1, 2))
    return product / norm.sqrt().clamp_min(1e-20)


def ssim_map(first: Shapes, second: Shapes) -> Shapes:
    """Structural similarity about each pixel of images whose range is 1, with zeros around them.

    Wang et al., IEEE Trans. Image Process. 13, 600 (2004).
    """
    together = torch.stack([first, second, first * first, second * second, first * second], 1)
    mean1, mean2, square1, square2, both = _windowed(together).unbind(1)
    variance = square1 - mean1 * mean1 + square2 - mean2 * mean2
    covariance = both - mean1 * mean2
    means = mean1 * mean1 + mean2 * mean2 + SSIM_C1
    return (2 * mean1 * mean2 + SSIM_C1) * (2 * covariance + SSIM_C2) / (means * (variance + SSIM_C2))


def _windowed(images: Float[Tensor, "n c slow fast"]) -> Float[Tensor, "n c slow fast"]:
    """Averages under the Gaussian window, as two products with banded matrices."""
    return torch.einsum("sr,ncrf->ncsf", _band(images.shape[2]), images) @ _band(images.shape[3]).T


def _band(size: int) -> Float[Tensor, "size size"]:
    away = torch.arange(size)[:, None] - torch.arange(size)[None]
    weight = torch.exp(-0.5 * (away / SSIM_SIGMA) ** 2) * (away.abs() <= SSIM_REACH)
    reach = torch.arange(-SSIM_REACH, SSIM_REACH + 1)
    return weight / torch.exp(-0.5 * (reach / SSIM_SIGMA) ** 2).sum()
