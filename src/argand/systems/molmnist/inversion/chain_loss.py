"""What the network for bundles learns from: its inputs and targets, photon counts, and the loss."""

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from argand.physics.coherent.projection import Window
from argand.systems.molmnist.inversion.chain_network import (
    FULL_LEVEL,
    MOST_TURNED,
    TURNS,
    ChainNetwork,
    ChainOutput,
    counted_level,
)
from argand.systems.molmnist.inversion.polar import pattern_middle, two_bins

Sample = dict[str, np.ndarray]

_PHOTONS = (1.0, 7.5)
"""Decimal logarithms of the least and most photons of a training pattern. By hand: the 10 to 10⁶ of the set
`hard`, and beyond `FULL_LEVEL` none that have noise."""
_FOUND = 0.5
"""Share of the training patterns of which the rotation that was found is taken out, and not the true one, so
that the sites are read under both. By hand."""
_JITTER = 0.02
"""Radians by which the true rotation taken out is wrong, nearly an azimuth of `Polar`. By hand."""
_WEIGHTS = {"turn": 0.5, "azimuth": 0.5, "rotation": 0.1, "outline": 0.2, "chains": 0.2}
"""Of parts of the loss beside 1 for the sites. By hand; no other weights are on record."""
_PER_CHAIN = 30.0
"""Sites over which the sites' cross-entropy is shared out: about the chains of a bundle, so that all parts of
the loss are of one size."""
_VALIDATION_SEED = 0xA1
"""Of the photons that validation patterns are counted with; any would do."""


def chain_inputs(sample: Sample, window: Window) -> Sample:
    """The middle of the expected pattern, what of it is measured, and what is to be found.

    `sites` [2, row, column] are those of the bundle and of the bundle turned by half a turn, which no pattern
    tells apart.
    """
    step = 2 * np.pi / window.side
    sites = sample["sites"].astype(np.float32)
    return {
        "pattern": pattern_middle(sample["pattern"], step)[None].astype(np.float32),
        "live": pattern_middle(sample["live"], step)[None].astype(np.float32),
        "rotation": np.radians(sample["rotation_deg"]).astype(np.float32),
        "turn": sample["turn_deg"].astype(np.float32),
        "sites": np.stack([sites, sites[::-1, ::-1]]),
        "outline": sample["outline"].astype(np.int64),
        "log_chains": np.log(sample["chains"], dtype=np.float32),
    }


def chain_loss(
    network: ChainNetwork, batch: dict[str, Tensor], window: Window, generator: torch.Generator | None
) -> tuple[Tensor, dict[str, Tensor]]:
    """Scalar to minimise, and metrics: cross-entropy of the sites over that of knowing the mean alone, error
    of the turn (the mean, in degrees), mean error of the number of chains (relative).

    Expected patterns are counted with photons of any number, anew in each step; without a generator always
    with the same ones, and the rotation that the network finds is taken out.
    """
    step = 2 * np.pi / window.side
    device = batch["pattern"].device
    source = generator or torch.Generator(device).manual_seed(_VALIDATION_SEED)
    pattern, level = _counted(batch["pattern"], source)
    truth = batch["rotation"]
    if generator is None:
        return _judged(network(pattern, batch["live"], level, step), batch, truth)
    azimuths = network.polar.azimuths
    shift = torch.randint(azimuths, truth.shape, generator=generator, device=device)
    truth = truth + shift * torch.pi / azimuths
    off = _JITTER * torch.randn(truth.shape, generator=generator, device=device)
    found = torch.rand(truth.shape, generator=generator, device=device) < _FOUND
    taken = torch.where(found, torch.nan, truth + off)
    return _judged(network(pattern, batch["live"], level, step, taken, shift), batch, truth)


def _counted(expected: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Photon counts of expected patterns, and their level; some without noise."""
    share = torch.rand((len(expected), 1, 1, 1), generator=generator, device=expected.device)
    power = _PHOTONS[0] + (_PHOTONS[1] - _PHOTONS[0]) * share
    mean = expected / expected.sum((2, 3), keepdim=True) * 10**power
    counted = torch.where(power > FULL_LEVEL, mean, torch.poisson(mean, generator=generator))
    return counted, counted_level(counted.sum((1, 2, 3)))


def _judged(
    output: ChainOutput, batch: dict[str, Tensor], rotation: Tensor
) -> tuple[Tensor, dict[str, Tensor]]:
    azimuth = F.cross_entropy(
        output.azimuth_logits.float(), two_bins(rotation / torch.pi, output.azimuth_logits.shape[1])
    )
    # Twice the angle: rotations half a turn apart are one.
    away = 1 - torch.cos(2 * (output.rotation - rotation))
    # Von Mises density of twice the rotation.
    angle = (output.sharpness * away + torch.log(torch.special.i0e(output.sharpness))).mean()
    sites = _site_entropy(output.site_logits.float(), batch["sites"])
    place = batch["turn"] / MOST_TURNED * TURNS - 0.5
    logits = output.turn_logits.float()
    turn = F.cross_entropy(logits, two_bins(place.clamp(0, TURNS - 1.001) / TURNS, TURNS))
    outline = F.cross_entropy(output.outline_logits.float(), batch["outline"])
    mean, spread = output.log_chains.float().unbind(1)
    spread = spread.clamp(-5, 1)
    off = mean - batch["log_chains"]
    chains = ((off / spread.exp()).square() / 2 + spread).mean()
    parts = {"turn": turn, "azimuth": azimuth, "rotation": angle, "outline": outline, "chains": chains}
    total = sites.mean() / _PER_CHAIN + sum(_WEIGHTS[name] * part for name, part in parts.items())
    centre = (torch.arange(TURNS, device=logits.device) + 0.5) * MOST_TURNED / TURNS
    found = (logits.softmax(1) * centre).sum(1)
    return total, {
        "site_entropy": sites.detach().mean() / _PER_CHAIN,
        "turn_deg": (found - batch["turn"]).abs().mean().detach(),
        "chains_off": off.abs().mean().detach(),
        "rotation_deg": torch.rad2deg(torch.asin((away.detach() / 2).clamp(0, 1).sqrt())).mean(),
        "outline_wrong": (output.outline_logits.argmax(1) != batch["outline"]).float().mean(),
    }


def _site_entropy(logits: Tensor, sites: Tensor) -> Any:
    """Cross-entropy [batch] summed over the sites, of the nearer of the two maps."""
    both = logits[:, None].expand_as(sites)
    return F.binary_cross_entropy_with_logits(both, sites, reduction="none").sum((2, 3)).amin(1)
