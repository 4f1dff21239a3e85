"""Densities from intensities by iterated projections: hybrid input-output and charge flipping, in batches.

Sources: Fienup, Appl. Opt. 21 (1982) 2758; Oszlányi and Sütő, Acta Cryst. A60 (2004) 134. Unmeasured
intensities are NaN and left free.
"""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from argand.physics.sphere.patterson import Cube, Half, Map, reflection_length

Densities = Float[Tensor, "batch *box"]
Halves = Float[Tensor, "batch *half"]
"""Intensities over the half spectrum of `rfftn`, for boxes with equal sides."""
Support = Bool[Tensor, "..."]
"""Common to the batch, or one per density."""

BETA = 0.9
"""Feedback of the hybrid input-output method.

Within the usual 0.5 to 1 of Fienup's method; set by hand, only the result is benchmarked
(`benchmarks/patterson.py`).
"""


def lowest_rows(size: int, few: int, device: torch.device | None = None) -> Int[Tensor, " few"]:
    """Rows of the `few` lowest of `size` frequencies as an FFT orders them, negative ones from the end."""
    low, high = torch.arange((few + 1) // 2), torch.arange(size - few // 2, size)
    return torch.cat([low, high]).to(device)


def coarse(half: Half, box: int) -> Float[Tensor, "batch small small part"]:
    """The reflections of a box of fewer voxels across the same length, for limited resolution.

    Densities are preserved: intensities are scaled by the sixth power of the ratio of the boxes.
    """
    old = half.shape[1]
    rows = lowest_rows(old, box, half.device)
    # F is a sum over voxels, of which there are (old / box)³ fewer; intensities are its square.
    return half[:, rows][:, :, rows][..., : box // 2 + 1] * (box / old) ** 6


def cropped(patterson: Map, box: int) -> Cube:
    """The middle of a map with all vectors shorter than half of `box`, so that nothing is lost."""
    rows = lowest_rows(patterson.shape[-1], box, patterson.device)
    return patterson[:, rows][:, :, rows][..., rows]


def cube_support(box: int, side: float, device: torch.device | None = None) -> Bool[Tensor, "box box box"]:
    """Voxels within a cube of this side about the centre."""
    inside = (torch.arange(box, device=device) + 0.5 - box / 2).abs() <= side / 2
    return inside[:, None, None] & inside[None, :, None] & inside[None, None, :]


class Magnitudes:
    """The projection onto densities, in two or three dimensions, with the measured intensities."""

    def __init__(self, half: Halves) -> None:
        self.measured = ~half.isnan()
        self.complete = bool(self.measured.all())
        self.amplitude = half.nan_to_num(0.0).clamp_min(0.0).sqrt()
        self.axes = tuple(range(1, half.ndim))
        self.shape = (half.shape[1],) * len(self.axes)

    def of(self, rows: Bool[Tensor, " batch"]) -> "Magnitudes":
        """The same for some of the densities."""
        return Magnitudes(torch.where(self.measured[rows], self.amplitude[rows].square(), torch.nan))

    def __call__(self, density: Densities) -> Densities:
        """The closest such density."""
        transform = torch.fft.rfftn(density, dim=self.axes)
        scale = torch.view_as_real(transform).square().sum(-1).clamp_min_(1e-24).rsqrt_().mul_(self.amplitude)
        if not self.complete:
            scale = torch.where(self.measured, scale, 1.0)
        return torch.fft.irfftn(transform.mul_(scale), s=self.shape, dim=self.axes)

    def start(self, generator: torch.Generator) -> Densities:
        """A density with the measured amplitudes and random phases."""
        shape = (len(self.amplitude), *self.shape)
        noise = torch.rand(shape, generator=generator, device=self.amplitude.device)
        return self(noise)


def hybrid_input_output(
    magnitudes: Magnitudes, density: Densities, support: Support, rounds: int
) -> Densities:
    """Iterations towards positive densities within a known support, to be continued or finished."""
    for _ in range(rounds):
        projected = magnitudes(density)
        density = torch.where(support & (projected >= 0), projected, density - BETA * projected)
    return density


def error_reduction(magnitudes: Magnitudes, density: Densities, support: Support, rounds: int) -> Densities:
    """The positive density within the support after rounds without feedback (error reduction)."""
    for _ in range(rounds + 1):
        density = torch.where(support, magnitudes(density).clamp_min_(0.0), 0.0)
    return density


def charge_flipping(
    magnitudes: Magnitudes, density: Densities, rounds: int, threshold: float = 1.0
) -> Densities:
    """No support: density below `threshold` standard deviations changes sign.

    To be continued, or projected once more.

    The default threshold is set by hand, within the usual 1 to 1.2; `benchmarks/patterson.py` compares the
    methods.
    """
    for _ in range(rounds):
        projected = magnitudes(density)
        limit = threshold * projected.std(magnitudes.axes, keepdim=True)
        density = torch.where(projected < limit, -projected, projected)
    return density


def only_within(half: Half, resolution: float) -> Half:
    """Intensities with those beyond a resolution (in fractions of Nyquist) marked unmeasured."""
    length: Float[Tensor, "box box half"] = reflection_length(half.shape[1], half.device)
    return torch.where(length <= resolution, half, torch.nan)
