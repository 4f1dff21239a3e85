"""How good shapes are that were found from patterns, which tell neither place, hand nor scale.

Both shapes are blurred by a Gaussian of 1 Å. Of the found one and its image turned by 180 degrees (the
pattern is the same) the better is taken, at the shift, to fractions of a pixel, where it correlates best
with the true one, and on the scale that fits best by least squares. All figures are taken over the support:
where the true blurred shape is above 1 % of its highest pixel, and two pixels around.
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
        self._spectrum = torch.fft.rfft2(shapes.float()) * self._blur
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
        """Of each shape: `psnr_db` (over the highest true blurred pixel), `ssim` and `pearson`."""
        found = self.aligned(shapes)
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
        }

    def aligned(self, shapes: Shapes) -> Shapes:
        """The shapes, blurred, each or its image turned by 180 degrees, moved onto the true one."""
        spectrum = torch.fft.rfft2(shapes.float()) * self._blur
        # The conjugate of a real image's spectrum is that of the image turned by 180 degrees.
        turned = spectrum.conj()
        here, there = self._best_shift(spectrum), self._best_shift(turned)
        better = (here[1] >= there[1])[:, None]
        spectrum = torch.where(better[..., None], spectrum, turned)
        shift = torch.where(better, here[0], there[0])
        turns = shift[:, 0, None, None] * self._q[0] + shift[:, 1, None, None] * self._q[1]
        moved = spectrum * torch.polar(torch.ones_like(turns), -turns)
        return torch.fft.irfft2(moved, s=(self.size, self.size))

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
