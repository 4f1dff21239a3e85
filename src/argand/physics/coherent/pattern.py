"""One object in the plane and its coherent diffraction: information in a pattern before phase retrieval.

Half spectra have q = 0 at index 0, as `rfft2` orders them; NaN marks unmeasured pixels. Objects are centred
on index 0, across the border of the box.
"""

import torch
from jaxtyping import Bool, Complex, Float, Int
from torch import Tensor
from torch.nn.functional import max_pool2d

from argand.physics.coherent.projection import Window
from argand.physics.sphere.phase_iteration import Densities, Halves, Magnitudes, lowest_rows

Patterns = Float[Tensor, "n slow fast"]
Half = Float[Tensor, "n slow half"]
Objects = Float[Tensor, "n slow fast"]
Waves = Complex[Tensor, "n slow half"]
LowWaves = Complex[Tensor, "n slow1 half1"]
Live = Bool[Tensor, "*one slow fast"]
"""Measured pixels: [slow, fast] for all patterns, or [n, slow, fast]."""

RELAXATION = 4.0
"""Weight of a density's own amplitudes relative to the counts; 4 weighs them equally.

This is for noise (variance a quarter in each amplitude) as strong as the signal; with less noise it falls as
the fourth root of the ratio, the best of several trials by hand from 10⁴ to 10⁶ photons; only the final
result is benchmarked (`benchmarks/molmnist_tasks.py`).
"""
AUTOCORRELATION_BLUR = 2.0
"""Å; noise at high q does not help to determine the extent of an object.

Set by hand, not measured: below the about 5 Å between chains, above the size of an atom.
"""
SHARE, SIGNIFICANCE = 0.02, 4.0
"""Autocorrelation above this fraction of its peak and this many standard deviations belongs to the object.

Set by hand; only the retrieval that starts from it is benchmarked, in the leaderboard's baselines
(`benchmarks/molmnist_tasks.py`).
"""
GUINIER_PIXELS = 16
"""Number of measured pixels of lowest q for the Guinier fit: about one ring around a beamstop.

Set by hand, not measured: few enough to stay where ln I is linear in q², enough to average counting noise.
"""

RING_SHARE = 0.25
"""Least measured fraction of a ring for its mean to fill the rest, where the detector has a gap.

Set by hand, not measured: a band across the middle hides more only of the innermost rings.
"""


class CountedMagnitudes(Magnitudes):
    """Projection towards densities that explain photon counts without fully fitting their noise.

    The proximal map of the Poisson likelihood of the counts: a pixel's amplitude a is replaced by the minimum
    of I - n ln I + r (√I - a)² / 2, with relaxation r. `weight` is the ratio of the densities' amplitudes to
    those counted by the detector.
    """

    def __init__(self, counts: Halves, weight: Float[Tensor, "*half"]) -> None:
        super().__init__(counts)
        self.weight = weight
        # The square root of a Poisson count has variance 1/4, independent of the count.
        noise = self.measured.flatten(1).sum(1) / 4
        noise = noise / self.amplitude.square().flatten(1).sum(1).clamp_min(1e-30)
        relaxation = RELAXATION * noise.clamp(max=1) ** 0.25
        self.relaxation = relaxation.view(-1, *[1] * len(self.axes))
        # The minimum is the positive root of (2 + r) a² - r a now - 2 n = 0, solved below.
        self._bright = 8 * (2 + self.relaxation) * self.amplitude.square()

    def __call__(self, density: Densities) -> Densities:
        """The closest such density."""
        transform = torch.fft.rfftn(density, dim=self.axes)
        now = torch.view_as_real(transform).square().sum(-1).sqrt_().div_(self.weight).clamp_min_(1e-12)
        kept = self.relaxation * now
        scale = (kept + (kept.square() + self._bright).sqrt_()).div_(2 * (2 + self.relaxation)).div_(now)
        if not self.complete:
            scale = torch.where(self.measured, scale, 1.0)
        return torch.fft.irfftn(transform.mul_(scale), s=self.shape, dim=self.axes)


def is_counted(intensity: Float[Tensor, "*any"]) -> bool:
    """Whether all values are integers, as photon counts are."""
    return bool((intensity == intensity.round()).all())


def spectra_of(images: Objects) -> Complex[Tensor, "n slow half"]:
    """Half spectra of images centred on pixel [n // 2, n // 2]."""
    return torch.fft.rfft2(torch.fft.ifftshift(images, dim=(1, 2)))


def images_of(spectra: Complex[Tensor, "n slow half"], size: int) -> Float[Tensor, "n size size"]:
    """The images of half spectra, `size` pixels along a side, centred on pixel [n // 2, n // 2]."""
    return torch.fft.fftshift(torch.fft.irfft2(spectra, s=(size, size)), dim=(1, 2))


def low_part(spectrum: Waves, size: int) -> LowWaves:
    """The half spectrum of the same images on a grid of fewer pixels, `size` along a side."""
    return spectrum[:, lowest_rows(spectrum.shape[1], size)][..., : size // 2 + 1]


def with_low_part(spectrum: Waves, low: LowWaves) -> Waves:
    """A half spectrum with the values of another within its range, except for its outermost row and column.

    These represent both signs of q if the sizes are even.
    """
    size = low.shape[1]
    if size == spectrum.shape[1]:
        return low
    inner = (size - 1) // 2
    here, there = lowest_rows(spectrum.shape[1], 2 * inner + 1), lowest_rows(size, 2 * inner + 1)
    whole = spectrum.clone()
    whole[:, here, : inner + 1] = low[:, there, : inner + 1]
    return whole


def friedel_mean(patterns: Patterns, live: Live) -> Half:
    """Half spectra of patterns with q = 0 in the middle: means of the measured values among I(q) and I(-q).

    `live` marks the measured pixels, of all patterns or of each.
    """
    size = patterns.shape[-1]
    full = torch.fft.ifftshift(torch.where(live, patterns, torch.nan), dim=(1, 2))[..., : size // 2 + 1]
    back = -torch.arange(size) % size
    mates = torch.fft.ifftshift(torch.where(live, patterns, torch.nan), dim=(1, 2))[:, back][:, :, back]
    return torch.nanmean(torch.stack([full, mates[..., : size // 2 + 1]]), 0)


def reciprocal_axes(window: Window) -> tuple[Float[Tensor, "slow 1"], Float[Tensor, "1 half"]]:
    """q along both axes of a half spectrum in 1/Å."""
    slow, fast = torch.fft.fftfreq(window.size, window.pixel), torch.fft.rfftfreq(window.size, window.pixel)
    return 2 * torch.pi * slow[:, None], 2 * torch.pi * fast[None]


def ring_numbers(window: Window) -> Int[Tensor, "slow half"]:
    """Indices of the rings about q = 0, one pixel wide, of a half spectrum."""
    along, across = reciprocal_axes(window)
    return (torch.hypot(along, across) * (window.side / (2 * torch.pi))).round().long()


def ring_sums(values: Half, rings: Int[Tensor, "slow half"]) -> Float[Tensor, "n ring"]:
    """Sums over rings; a half spectrum contains one of each pixel and its mate."""
    sums = torch.zeros(len(values), int(rings.max()) + 1)
    return sums.index_add_(1, rings.flatten(), values.flatten(1))


def filled(half: Half, window: Window) -> Half:
    """Fill unmeasured pixels with the mean of their ring, or by Guinier's law where little of the ring is
    known.

    That law, ln I linear in q², continues a pattern towards q = 0. The line is fitted to the measured pixels
    of lowest q, weighted by intensity; far out it is negligible.
    """
    along, across = reciprocal_axes(window)
    q2 = along**2 + across**2
    known, rings = half.isfinite(), ring_numbers(window)
    seen = ring_sums(known.float(), rings)
    mean = ring_sums(half.nan_to_num(0.0), rings) / seen.clamp_min(1)
    enough = seen >= RING_SHARE * torch.bincount(rings.flatten())
    x, nearest = torch.where(known, q2, torch.inf).flatten(1).topk(GUINIER_PIXELS, largest=False)
    y = half.nan_to_num(0.0).flatten(1).gather(1, nearest).clamp_min(1e-30)
    weight = y / y.sum(1, keepdim=True)
    mean_x, mean_y = (weight * x).sum(1, keepdim=True), (weight * y.log()).sum(1, keepdim=True)
    slope = (weight * (x - mean_x) * (y.log() - mean_y)).sum(1)
    slope = slope / (weight * (x - mean_x) ** 2).sum(1).clamp_min(1e-30)
    line = mean_y[..., None] + slope.clamp_max(0)[:, None, None] * (q2 - mean_x[..., None])
    return torch.where(known, half, torch.where(enough[:, rings], mean[:, rings], line.exp()))


def autocorrelation(half: Half, window: Window) -> tuple[Objects, Float[Tensor, " n"]]:
    """Smoothed autocorrelation with its origin in the middle, and its significance level.

    The level is a fraction of the peak, or that of Poisson noise if all intensities are integers.
    """
    along, across = reciprocal_axes(window)
    # For an object blurred by b: the square of exp(-b² q² / 2), as for intensities.
    taper = torch.exp(-(AUTOCORRELATION_BLUR**2) * (along**2 + across**2))
    image = torch.fft.irfft2(filled(half, window) * taper, s=(window.size,) * 2)
    counts = half.nan_to_num(0.0)
    # The mean of two counts has half of their variance and represents both: 4 n / 2 where the waves agree.
    noise = 2**0.5 * (counts * taper.square()).sum((1, 2)).sqrt() / window.size**2
    # Means of a pixel and its mate are multiples of a half.
    counted = (2 * counts == (2 * counts).round()).flatten(1).all(1)
    level = torch.maximum(SHARE * image[:, 0, 0], SIGNIFICANCE * noise * counted)
    return torch.fft.fftshift(image, dim=(1, 2)), level


def autocorrelation_support(
    half: Half, window: Window, margin: int
) -> tuple[Bool[Tensor, "n slow fast"], Bool[Tensor, " n"]]:
    """Possible region of an object with a convex outline symmetric under 180 degree rotation, plus a margin.

    The autocorrelation of such an object extends exactly twice as far in every direction. If it reaches the
    window's edge, the outline is unknown (False in the second result): a disc of half the window's area is
    used, beyond which intensities no longer determine an object.
    """
    image, level = autocorrelation(half, window)
    inside = image > level[:, None, None]
    # Apart from noise, the surroundings of a finite object are constant, but not 0 if the gap is filled
    # wrongly.
    edge = torch.cat([image[:, [0, -1]].flatten(1), image[..., [0, -1]].flatten(1)], 1)
    # Set by hand: twice the level, as the highest and lowest value may both deviate by one level.
    known = edge.amax(1) - edge.amin(1) <= 2 * level
    place = torch.arange(window.size) - window.size // 2
    doubled = (2 * place + window.size // 2).clamp(0, window.size - 1)
    near = (place.abs() <= window.size // 4)[:, None] & (place.abs() <= window.size // 4)
    object_ = dilated(inside[:, doubled][:, :, doubled] & near, margin)
    disc = place[:, None] ** 2 + place**2 < window.size**2 / (2 * torch.pi)
    support = torch.where(known[:, None, None], object_, disc)
    return torch.fft.ifftshift(support, dim=(1, 2)), known


def dilated(inside: Bool[Tensor, "n slow fast"], pixels: int) -> Bool[Tensor, "n slow fast"]:
    """All pixels within `pixels` of one inside, along both axes."""
    if not pixels:
        return inside
    wide = max_pool2d(inside.float()[:, None], (2 * pixels + 1, 1), 1, (pixels, 0))
    return max_pool2d(wide, (1, 2 * pixels + 1), 1, (0, pixels))[:, 0] > 0
