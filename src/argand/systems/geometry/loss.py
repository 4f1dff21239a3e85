"""Likelihoods for training the network, and the symmetries that augment images."""

import math

import torch
from jaxtyping import Float
from torch import Tensor

from argand.physics.still.lattice_refinement import FREEDOM
from argand.systems.geometry.network import CentreNetwork, CoarseAnswer, FineAnswer, switch_evidence

JITTER_CELLS = (0.2, 14.0)
"""Range of the standard deviation of the fine stage's start about the truth, in cells, log-uniform. By hand:
from the remaining error in the third round to that of a coarse stage with an error of a few of its pixels (4
cells)."""


def coarse_loss(answer: CoarseAnswer, centre: Float[Tensor, "batch 2"]) -> Tensor:
    """Negative log likelihood of the true centre (cells) under the mixture, mean over the batch."""
    square = ((centre[:, None] - answer.mean) ** 2).sum(-1) / answer.sigma**2
    density = answer.log_weight - 0.5 * square - 2 * answer.sigma.log() - math.log(2 * math.pi)
    # The likelihood is cut at e^-40 (by hand): one still whose centre is off the mixture must not blow up a
    # step.
    return -torch.logsumexp(density, dim=1).clamp_min(-40.0).mean()


def student_loss(error: Tensor, sigma: Tensor) -> Tensor:
    """Negative log likelihood of independent errors under Student's t of scale `sigma`, mean over all.

    The constant of the density, which depends on FREEDOM alone, is left out. All shapes are equal.
    """
    return (sigma.log() + 0.5 * (FREEDOM + 1) * torch.log1p((error / sigma) ** 2 / FREEDOM)).mean()


def fine_loss(answer: FineAnswer, shift: Tensor, tilt_deg: Tensor) -> Tensor:
    """Likelihood of the remaining shift (cells) and of the tilt (degrees), both [batch, 2].

    The tilt has half weight (by hand): the centre matters more, and most stills determine the tilt poorly.
    """
    return student_loss(answer.shift - shift, answer.shift_sigma) + 0.5 * student_loss(
        answer.tilt - tilt_deg, answer.tilt_sigma
    )


def mirror(
    cells: Tensor, points: Tensor, centre: Tensor, tilt_deg: Tensor, fast: bool, slow: bool, swap: bool
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """One of the eight symmetries of the square, applied to image and labels alike.

    The beam runs along the normal at zero tilt, so a mirrored detector is also possible:
    flipping the fast axis reverses yaw, the slow axis pitch; swapping them swaps the two slopes.
    """
    side = cells.shape[-1]
    pitch, yaw = torch.deg2rad(tilt_deg).unbind(1)
    # What the fast and the slow axis gain in z over a px: mirrors act on these two alone.
    slope = torch.stack([-torch.sin(yaw), torch.sin(pitch) * torch.cos(yaw)], dim=1)
    flips = torch.tensor([fast, slow], device=cells.device)
    axes = [axis for axis, flip in ((3, fast), (2, slow)) if flip]
    cells = cells.flip(axes) if axes else cells
    centre = torch.where(flips, side - centre, centre)
    places, strength = points[:, :, :2], points[:, :, 2:]
    places = torch.where(flips, side - places, places)
    slope = torch.where(flips, -slope, slope)
    if swap:
        cells, centre, slope = cells.transpose(2, 3), centre.flip(1), slope.flip(1)
        places = places.flip(2)
    yaw = -torch.asin(slope[:, 0])
    pitch = torch.asin(slope[:, 1] / torch.cos(yaw))
    points = torch.cat([places, strength], dim=2)
    return cells, points, centre, torch.rad2deg(torch.stack([pitch, yaw], dim=1))


def training_loss(
    network: CentreNetwork, batch: dict[str, Tensor], generator: torch.Generator | None
) -> tuple[Tensor, dict[str, Tensor]]:
    """Both stages on one batch, with a random symmetry, evidence sometimes removed, and a
    start for the fine stage with a random error. Without a generator: no randomness,
    and the fine stage starts at the coarse stage's answer, as in use.
    """
    # Channels are read one by one below: they must be contiguous.
    cells = batch["cells"].contiguous()
    points, known = batch["points"], batch["known"]
    centre, tilt = batch["centre_cells"], batch["tilt_deg"]
    if generator is None:
        coarse, place, fine = network(cells, points, known)
        error = torch.linalg.vector_norm(place - centre, dim=1)
        tilt_error = (fine.tilt - tilt).abs().mean()
        # The logarithm lets no single hopeless image decide which weights are kept.
        metrics = {
            # Below a twentieth of a cell (by hand) the lattice and the rings decide anyway.
            "log_error": torch.log(error + 0.05).mean(),
            "median_cells": error.median(),
            "tilt_deg": tilt_error,
        }
        return coarse_loss(coarse, centre) + fine_loss(fine, centre - place + fine.shift, tilt), metrics
    # Each mirror in half of the batches; spots or background taken away in a tenth each (by hand).
    draws = torch.rand(4, generator=generator, device=cells.device).tolist()
    cells, points, centre, tilt = mirror(cells, points, centre, tilt, *(d < 0.5 for d in draws[:3]))
    taken = "background" if draws[3] < 0.1 else "spots" if draws[3] > 0.9 else "both"
    cells, points = switch_evidence(cells, points, taken)
    coarse = network.coarse(cells, known)
    low, high = (math.log(v) for v in JITTER_CELLS)
    size = torch.exp(low + (high - low) * torch.rand(len(cells), 1, generator=generator, device=cells.device))
    start = centre + size * torch.randn(centre.shape, generator=generator, device=cells.device)
    fine = network.fine(cells, points, known, start)
    first, second = coarse_loss(coarse, centre), fine_loss(fine, centre - start, tilt)
    shift = torch.linalg.vector_norm(fine.shift - (centre - start), dim=1).median()
    return first + second, {
        "coarse_nll": first.detach(),
        "fine_nll": second.detach(),
        "shift_cells": shift.detach(),
    }
