"""What our network learns from: its inputs and targets, the detector's noise, and the loss."""

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from scipy import ndimage
from torch import Tensor

from argand.physics.coherent.projection import Window
from argand.systems.molmnist.inversion.polar import pattern_middle, two_bins
from argand.systems.molmnist.inversion.shape_basis import ShapeBasis, blur, middle, mode_count
from argand.systems.molmnist.network import InversionNetwork, InversionOutput
from argand.systems.molmnist.simulate import Imaging

Sample = dict[str, np.ndarray]

MOST_MODES = mode_count(4)
"""Those of the smallest fibril, 2x2."""
_NOISELESS, _OPEN, _NARROW = 0.35, 0.5, 0.2
"""Shares of the training patterns without noise, of those without a beam stop, and of narrow windows. By
hand."""
_PHOTONS = (2.0, 7.0)
"""Decimal logarithms of the least and most photons of a training pattern. By hand: 10⁴ and 10⁶ of
`benchmark.conditions` lie inside: what is scored is within what is trained on."""
_BEAM_STOP = (0.03, 0.14)
"""1/Å, one to four and a half pixels of the standard window. By hand, about the benchmark's 0.06."""
_GAPLESS = 0.5
"""Share of the training patterns of a detector without gaps; the others have one band along each axis. By
hand."""
_GAP_WIDTH, _GAP_PLACE = (0.03, 0.25), 0.35
"""1/Å: width of a gap, one to eight pixels of the standard window, and how far from q = 0 its middle is at
most. By hand: gaps between the modules of a detector, of which half cover q = 0 where they are wide."""
_JITTER = 0.012
"""Radians (0.7°) by which the rotation taken out in training is wrong, as that found will be. By hand, half
an azimuth of `Polar`."""
_WEIGHTS = {"fibril": 1.0, "azimuth": 0.5, "rotation": 0.1}
"""Of parts of the loss beside 1 for the shape. By hand; no other weights are on record."""


def inversion_inputs(
    sample: Sample, imaging: Imaging, fibril: int, shapes: ShapeBasis, most: int = MOST_MODES
) -> Sample:
    """The middle of the pattern, what of it is measured, and what is to be found.

    `coefficients` [2, most] of the shape and of the shape turned by half a turn, which no pattern tells
    apart, and `weight` [most], the share of each direction in the variance of the fibril's shapes.
    """
    window = imaging.window
    step = 2 * np.pi / window.side
    rotation = float(np.radians(sample["rotation_deg"]))
    aligned = _turned_back(sample["shape"].astype(float), rotation, len(shapes.mean), shapes.pixel)
    found = shapes.coefficients(np.stack([aligned, aligned[::-1, ::-1]]))
    size = shapes.squares / max(shapes.squares.sum(), 1e-30)
    fill = most - len(size)
    return {
        "pattern": pattern_middle(sample["pattern"], step)[None].astype(np.float32),
        "live": pattern_middle(sample.get("live", imaging.live), step)[None].astype(np.float32),
        "fibril": np.array(fibril, np.int64),
        "rotation": np.array(rotation, np.float32),
        "coefficients": np.pad(found, ((0, 0), (0, fill))).astype(np.float32),
        "weight": np.pad(size, (0, fill)).astype(np.float32),
    }


def _turned_back(
    shape: Float[np.ndarray, "slow fast"], rotation: float, side: int, pixel: float
) -> Float[np.ndarray, "side side"]:
    """A shape blurred as for scoring, at rotation 0."""
    seen = blur(middle(shape, side)[None], 1.0 / pixel)[0]
    cos, sin = np.cos(rotation), np.sin(rotation)
    turn = np.array([[cos, sin], [-sin, cos]])
    centre = np.full(2, (side - 1) / 2)
    offset: Any = centre - turn @ centre
    return ndimage.affine_transform(seen, turn, offset, order=3)


def inversion_loss(
    network: InversionNetwork,
    batch: dict[str, Tensor],
    window: Window,
    generator: torch.Generator | None,
) -> tuple[Tensor, dict[str, Tensor]]:
    """Scalar to minimise, and metrics: share of the shapes' variance
    that is left, fibrils wrong, error of the rotation (the mean, in degrees).

    With a generator patterns are measured with noise, beam stops and in narrow windows, at other rotations;
    without one as they are, with the rotation that the network finds.
    """
    step = 2 * np.pi / window.side
    pattern, live, truth = batch["pattern"], batch["live"], batch["rotation"]
    if generator is None:
        return _judged(network(pattern, live, step), batch, truth)
    pattern, live = _measured(pattern, live, step, generator)
    # For a whole batch at once: images of one batch have one size.
    if torch.rand((), generator=generator, device=pattern.device) < _NARROW:
        # Every second pixel, q = 0 among them: what a window half as wide sees.
        first = pattern.shape[-1] // 2 % 2
        pattern, live, step = pattern[..., first::2, first::2], live[..., first::2, first::2], 2 * step
    azimuths = network.polar.azimuths
    shift = torch.randint(azimuths, truth.shape, generator=generator, device=truth.device)
    truth = truth + shift * torch.pi / azimuths
    off = _JITTER * torch.randn(truth.shape, generator=generator, device=truth.device)
    return _judged(network(pattern, live, step, truth + off, shift), batch, truth)


def _measured(
    pattern: Tensor, live: Tensor, step: float, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Patterns counted by a detector with beam stop and gaps; some without noise, stop or gaps."""

    def uniform(low: float, high: float) -> Tensor:
        share = torch.rand((len(pattern), 1, 1, 1), generator=generator, device=pattern.device)
        return low + (high - low) * share

    size = pattern.shape[-1]
    axis = step * (torch.arange(size, device=pattern.device) - size // 2)
    stop = torch.where(uniform(0, 1) < _OPEN, 0.0, uniform(*_BEAM_STOP))
    live = live * (torch.hypot(axis[:, None], axis) >= stop)
    whole = uniform(0, 1) < _GAPLESS
    for across in (axis[:, None], axis[None]):
        beside = (across - uniform(-_GAP_PLACE, _GAP_PLACE)).abs() >= uniform(*_GAP_WIDTH) / 2
        live = live * (beside | whole)
    photons = 10 ** uniform(*_PHOTONS)
    expected = pattern * live
    expected = expected * (photons / expected.sum((2, 3), keepdim=True))
    counted = torch.poisson(expected, generator=generator)
    return torch.where(uniform(0, 1) < _NOISELESS, pattern * live, counted), live


def _judged(
    output: InversionOutput, batch: dict[str, Tensor], rotation: Tensor
) -> tuple[Tensor, dict[str, Tensor]]:
    fibril = batch["fibril"]
    rows = torch.arange(len(fibril), device=fibril.device)
    kind = F.cross_entropy(output.fibril_logits.float(), fibril)
    azimuth = F.cross_entropy(
        output.azimuth_logits.float(), two_bins(rotation / torch.pi, output.azimuth_logits.shape[1])
    )
    # Twice the angle: rotations half a turn apart are one.
    away = 1 - torch.cos(2 * (output.rotation - rotation))
    sharp = output.sharpness
    # Von Mises density of twice the rotation.
    turn = (sharp * away + torch.log(torch.special.i0e(sharp))).mean()
    shape = _shape_error(output.coefficients[rows, fibril].float(), batch)
    parts = {"fibril": kind, "azimuth": azimuth, "rotation": turn}
    total = shape.mean() + sum(_WEIGHTS[name] * part for name, part in parts.items())
    wrong = (output.fibril_logits.argmax(1) != fibril).float().mean()
    return total, {
        "variance_left": shape.detach().mean(),
        "fibril_wrong": wrong,
        "rotation_deg": torch.rad2deg(torch.asin((away.detach() / 2).clamp(0, 1).sqrt())).mean(),
    }


def _shape_error(coefficients: Tensor, batch: dict[str, Tensor]) -> Float[Tensor, " batch"]:
    """Share of the variance of a fibril's shapes that is left, of the nearer of the two shapes."""
    wanted = batch["coefficients"][..., : coefficients.shape[-1]]
    off = (coefficients[:, None] - wanted).square() * batch["weight"][:, None, : coefficients.shape[-1]]
    return off.sum(-1).amin(1)
