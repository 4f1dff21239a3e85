"""From a pattern to a bundle: what the network says, the fit from there, and the shape with its errors."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from argand.physics.coherent.pattern import is_counted
from argand.physics.coherent.projection import Radiation, Window
from argand.systems.molmnist.fibril.cellulose import cellulose
from argand.systems.molmnist.inversion.chain_counts import SeenPattern
from argand.systems.molmnist.inversion.chain_fit import (
    FIRST,
    KICKS,
    FittedChains,
    fit_chains,
)
from argand.systems.molmnist.inversion.chain_model import ChainModel, ChainPose
from argand.systems.molmnist.inversion.chain_network import (
    FULL_LEVEL,
    TURNS,
    ChainNetwork,
    ChainOutput,
    counted_level,
    turn_centres,
)
from argand.systems.molmnist.inversion.polar import pattern_middle
from argand.systems.molmnist.inversion.prediction import ASSUMED_LENGTH

SAMPLES = 8
"""Draws of sites and pose from which shape and errors come. By hand: an error is then known to a quarter."""
Q_SHAPE = 2.6
"""1/Å to which shapes are drawn. By hand: a blur of 1 Å, with which they are scored, leaves 3 % there."""
TURN_FACTOR, TURN_FLOOR = 2.0, 1.5
"""How many times the fit's own standard deviation of the turn, whose sites are held, the error is, and
degrees of the error that is left with any number of photons, since sections turn at random too. From
validation patterns of `hard` at 10⁵ and 10⁴ photons."""
_QUANTILES = (0.15, 0.85)
"""Of the turn, tried beside its mean: one standard deviation to either side."""
_START = (0.5, 0.1)
"""Å, drift and bend of a start: none would leave the fit without a direction."""
_LEAST_SPREAD = 0.02
"""Radians by which the rotation is never taken for better known at the start. By hand."""


@dataclass(frozen=True)
class ChainReading:
    """What a pattern says of a bundle.

    `shape` and `shape_sd` in electrons per pixel of the window for a length of 200 Å; `sites` the chance of a
    chain at each site of `bundle.occupancy`; `chains` their number and its standard deviation; `outline` the
    chance of each of OUTLINES; `turn_deg` between the ends and its standard deviation; `rotation_deg` at half
    height; `misfit` the mean square of what is left over its expected value, and `expected` that of a right
    answer to so many counts; `background` the share of the counts that is not of the bundle.
    """

    shape: Float[np.ndarray, "slow fast"]
    shape_sd: Float[np.ndarray, "slow fast"]
    sites: Float[np.ndarray, "row column"]
    chains: tuple[float, float]
    outline: Float[np.ndarray, " outline"]
    turn_deg: tuple[float, float]
    rotation_deg: float
    misfit: float
    expected: float
    background: float


class ChainReader:
    """The network with the fit behind it."""

    def __init__(self, network: ChainNetwork, radiation: Radiation = "xray") -> None:
        self.network = network.eval()
        self.model, self.electrons = ChainModel(radiation), ChainModel(None)

    @torch.inference_mode()
    def asked(
        self, patterns: Float[np.ndarray, "n slow fast"], live: Bool[np.ndarray, "n slow fast"], side: float
    ) -> ChainOutput:
        """What the network says of patterns of a window of `side` Å."""
        step = 2 * np.pi / side
        seen = np.stack([pattern_middle(one, step) for one in np.where(live, patterns, 0)])[:, None]
        mask = np.stack([pattern_middle(one, step) for one in live])[:, None].astype(np.float32)
        given = torch.from_numpy(seen.astype(np.float32))
        counted = torch.tensor([is_counted(one) for one in given])
        level = torch.where(counted, counted_level(given.sum((1, 2, 3))), FULL_LEVEL)
        return self.network(given, torch.from_numpy(mask), level, step)

    @torch.inference_mode()
    def read(
        self,
        pattern: Float[np.ndarray, "slow fast"],
        live: Bool[np.ndarray, "slow fast"],
        side: float,
        output: ChainOutput,
        row: int,
    ) -> ChainReading:
        """The answer to one pattern, from what the network says of it in this row."""
        window = Window(side, len(pattern))
        seen = SeenPattern(pattern, live, window)
        fitted = fit_chains(seen, self.model, output.site_logits[row].float(), poses_of(output, row))
        sites, poses = drawn(fitted)
        images = bundle_images(self.electrons, sites, poses, window)
        turn = torch.rad2deg(fitted.pose.turn)[0]
        told = float(torch.rad2deg(fitted.covariance[1, 1].sqrt()))
        return ChainReading(
            images.mean(0).clip(0).astype(np.float32),
            images.std(0).astype(np.float32),
            fitted.sites.numpy(),
            (float(fitted.sites.sum()), float((fitted.sites * (1 - fitted.sites)).sum().sqrt())),
            output.outline_logits[row].float().softmax(0).numpy(),
            (float(turn), float(np.hypot(TURN_FACTOR * told, TURN_FLOOR))),
            float(torch.rad2deg(fitted.pose.rotation)[0]) % 180.0,
            fitted.misfit,
            fitted.expected,
            float(fitted.light[0].sigmoid()),
        )


def poses_of(output: ChainOutput, row: int) -> ChainPose:
    """Poses to start from: the likeliest, those beside it, then draws from what the network says."""
    chance, centres = output.turn_logits[row].float().softmax(0), torch.deg2rad(turn_centres())
    mean = float(chance @ centres)
    sums = chance.cumsum(0)
    low, high = (float(centres[min(int((sums < part).sum()), TURNS - 1)]) for part in _QUANTILES)
    rotation = float(output.rotation[row])
    # A concentration κ of twice the rotation is a standard deviation of κ^-1/2, hence half of that.
    spread = max(float(output.sharpness[row]) ** -0.5 / 2, _LEAST_SPREAD)
    tried = [(rotation, mean), (rotation, low), (rotation, high), (rotation + spread, mean)]
    tried += [(rotation - spread, mean)]
    generator = torch.Generator().manual_seed(0)
    azimuths = output.azimuth_logits[row].float().softmax(0)
    more = KICKS // 2
    places = torch.multinomial(azimuths, more, True, generator=generator).float()
    places = places + torch.rand(more, generator=generator) - 0.5
    turns = centres[torch.multinomial(chance, more, True, generator=generator)]
    tried += list(zip((places * torch.pi / len(azimuths)).tolist(), turns.tolist(), strict=True))
    assert len(tried) >= FIRST
    count = len(tried)
    return ChainPose(
        torch.tensor([one for one, _ in tried]),
        torch.tensor([two for _, two in tried]),
        torch.full((count, 2), _START[0]),
        torch.full((count, 2), _START[1]),
    )


def drawn(fitted: FittedChains) -> tuple[Float[Tensor, "n row column"], ChainPose]:
    """Draws of sites and pose as far as the fit knows them."""
    generator = torch.Generator().manual_seed(0)
    uniform = torch.rand((SAMPLES, *fitted.sites.shape), generator=generator)
    sites = (uniform < fitted.sites).float()
    # None would be nothing to see.
    sites = torch.where(sites.sum((1, 2), keepdim=True) > 0, sites, fitted.sites)
    root = torch.linalg.cholesky(fitted.covariance + 1e-9 * torch.eye(6))
    moves = torch.randn(SAMPLES, 6, generator=generator) @ root.T
    pose = fitted.pose
    return sites, ChainPose(
        pose.rotation + moves[:, 0],
        pose.turn + moves[:, 1],
        pose.drift + moves[:, 2:4],
        pose.bend + moves[:, 4:],
    )


def bundle_images(
    model: ChainModel, sites: Float[Tensor, "n row column"], poses: ChainPose, window: Window
) -> Float[np.ndarray, "n slow fast"]:
    """Electrons per pixel of bundles 200 Å long, each about its axis in the middle of the window."""
    size = window.size
    axis = 2 * np.pi * np.fft.fftfreq(size, window.pixel)
    half = axis[: size // 2 + 1] if size % 2 else np.abs(axis[: size // 2 + 1])
    y, x = np.meshgrid(axis, half, indexing="ij")
    near = np.hypot(x, y) <= Q_SHAPE
    q = torch.from_numpy(np.stack([x[near], y[near]], 1)).float()
    waves = model.waves(sites, poses, q).numpy()
    # The middle of the window is between pixels where their number is even.
    waves = waves * np.exp(1j * (q.numpy() @ np.full(2, (size - 1) / 2 * window.pixel)))
    spectra = np.zeros((len(sites), size, len(half)), complex)
    # The package's amplitude is the conjugate of numpy's transform.
    spectra[:, near] = waves.conj()
    images = np.fft.irfft2(spectra, s=(size, size))
    return images * (ASSUMED_LENGTH / cellulose().rise)
