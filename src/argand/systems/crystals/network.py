"""The published networks: an encoder-decoder with a latent of 300 numbers, and an attention U-Net.

Hoffmann et al. (arXiv 1909.00949): a variational encoder-decoder of density boxes of 30³ voxels, and a
segmenter of 64 to 1,024 channels that names each voxel's element, of 95 classes with the empty one. Attention
gates follow Oktay et al. (arXiv 1804.03999).
"""

from itertools import pairwise

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from argand.errors import ConfigError
from argand.nn.block import ConvBlock, convolution

LATENT, CLASSES, VOXELS = 300, 95, 30
"""Numbers of the latent, classes of a voxel (0: empty), voxels along a side: as published (arXiv
1909.00949)."""
SEGMENTER_WIDTHS = (64, 128, 256, 512, 1024)
"""Channels of the levels; the first and the last are published, doubling between them is the U-Net's way."""
AUTOENCODER_WIDTHS = (16, 32, 64, 128)
"""Channels of the levels: ours, by hand, so that the box ends at 2³ voxels. Not the published encoder, whose
public code has five levels to 256 channels."""
_FIRST_LOG_VARIANCE, _SLOPE = -4.0, 0.1
"""Where the latents' variance begins (a deviation of 0.14), and the slope of leaky units below zero. By
hand."""

Volume = Float[Tensor, "batch channel x y z"]
Vectors = Float[Tensor, "batch latent"]


class DensityAutoencoder(nn.Module):
    """Density boxes [batch, 1, n, n, n] to Gaussian latents, and latents to boxes.

    Every level halves the box, rounding up; `widths` are the levels' channels. Nothing is normalised over the
    batch, whose boxes differ in mean density as much as atoms do from what is between them. Densities in
    e/Å³. ConfigError for no level.
    """

    def __init__(
        self, widths: tuple[int, ...] = AUTOENCODER_WIDTHS, latent: int = LATENT, voxels: int = VOXELS
    ) -> None:
        if not widths:
            raise ConfigError("an encoder needs the width of one level or more")
        super().__init__()
        self.sizes = [voxels]
        for _ in widths:
            self.sizes.append((self.sizes[-1] + 1) // 2)
        channels = (1, *widths)
        self.down = nn.Sequential(*(_plain(a, b, stride=2) for a, b in pairwise(channels)))
        flat = widths[-1] * self.sizes[-1] ** 3
        self.mean, self.log_variance = nn.Linear(flat, latent), nn.Linear(flat, latent)
        self.widen = nn.Linear(latent, flat)
        back = (*widths[::-1], widths[0])
        self.up = nn.ModuleList(_plain(a, b) for a, b in pairwise(back))
        self.head = nn.Conv3d(widths[0], 1, 3, padding=1)
        for part in (*self.down.modules(), *self.up.modules(), self.mean, self.widen):
            if isinstance(part, nn.Conv3d | nn.Linear):
                nn.init.kaiming_normal_(part.weight, _SLOPE)
                nn.init.zeros_(part.get_parameter("bias"))
        # Noise of variance 1 would drown the mean at first.
        nn.init.constant_(self.log_variance.bias, _FIRST_LOG_VARIANCE)

    def encode(self, density: Volume) -> tuple[Vectors, Vectors]:
        """Mean and logarithm of the variance of each box's latent, [batch, latent] both."""
        deep = self.down(density).flatten(1)
        return self.mean(deep), self.log_variance(deep)

    def decode(self, latent: Vectors) -> Volume:
        """The box of a latent, [batch, 1, n, n, n] in e/Å³; a density is nowhere below zero."""
        size = self.sizes[-1]
        x = F.leaky_relu(self.widen(latent), _SLOPE).view(len(latent), -1, size, size, size)
        for level, size in zip(self.up, self.sizes[-2::-1], strict=True):
            x = level(F.interpolate(x, size=(size,) * 3, mode="nearest"))
        return F.softplus(self.head(x))

    def forward(
        self, density: Volume, generator: torch.Generator | None = None
    ) -> tuple[Volume, Vectors, Vectors]:
        """The decoded box, mean and log variance; without a generator the mean itself is decoded."""
        mean, log_variance = self.encode(density)
        latent = mean
        if generator is not None:
            noise = torch.randn(mean.shape, generator=generator, device=mean.device)
            latent = mean + noise * torch.exp(0.5 * log_variance)
        return self.decode(latent), mean, log_variance


class AttentionGate(nn.Module):
    """What came down, weighted from 0 to 1 at every voxel by what comes up (Oktay et al., 1804.03999)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.both = nn.Conv3d(2 * channels, channels // 2, 1)
        self.weight = nn.Conv3d(channels // 2, 1, 1)

    def forward(self, kept: Volume, coming: Volume) -> Volume:
        """Both [batch, channel, x, y, z] of one shape; the answer too."""
        joint = F.relu(self.both(torch.cat([kept, coming], dim=1)))
        return kept * torch.sigmoid(self.weight(joint))


class AttentionSegmenter(nn.Module):
    """Density boxes [batch, 1, n, n, n] to scores of each voxel's class [batch, classes, n, n, n].

    ConfigError for no level.
    """

    def __init__(self, widths: tuple[int, ...] = SEGMENTER_WIDTHS, classes: int = CLASSES) -> None:
        if not widths:
            raise ConfigError("a segmenter needs the width of one level or more")
        super().__init__()
        channels = (1, *widths)
        self.down = nn.ModuleList(_double(a, b) for a, b in pairwise(channels))
        pairs = list(pairwise(widths))
        self.narrow = nn.ModuleList(nn.Conv3d(b, a, 1) for a, b in pairs)
        self.gates = nn.ModuleList(AttentionGate(a) for a, _ in pairs)
        self.up = nn.ModuleList(_double(2 * a, a) for a, _ in pairs)
        self.head = nn.Conv3d(widths[0], classes, 1)

    def forward(self, density: Volume) -> Float[Tensor, "batch class x y z"]:
        """Scores before the softmax; class 0 is empty, the others are atomic numbers."""
        return self.head(self.features(density))

    def scores_of(self, features: Float[Tensor, "voxel channel"]) -> Float[Tensor, "voxel class"]:
        """The same for some voxels alone."""
        return F.linear(features, self.head.weight.flatten(1), self.head.bias)

    def features(self, density: Volume) -> Float[Tensor, "batch width x y z"]:
        """What the scores of each voxel are made of."""
        kept, x = [], density
        for number, level in enumerate(self.down):
            x = level(x if number == 0 else F.max_pool3d(x, 2, ceil_mode=True))
            kept.append(x)
        kept.pop()
        for narrow, gate, up in zip(
            reversed(self.narrow), reversed(self.gates), reversed(self.up), strict=True
        ):
            before = kept.pop()
            x = F.interpolate(narrow(x), size=before.shape[2:], mode="nearest")
            x = up(torch.cat([gate(before, x), x], dim=1))
        return x


def _plain(in_channels: int, out_channels: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        convolution(in_channels, out_channels, 3, stride, dims=3, bias=True), nn.LeakyReLU(_SLOPE)
    )


def _double(in_channels: int, out_channels: int) -> nn.Sequential:
    return nn.Sequential(
        ConvBlock(in_channels, out_channels, dims=3), ConvBlock(out_channels, out_channels, dims=3)
    )


class PublishedNetworks(nn.Module):
    """Encoder-decoder and segmenter, which learn one after the other."""

    def __init__(self, autoencoder: DensityAutoencoder, segmenter: AttentionSegmenter) -> None:
        super().__init__()
        self.autoencoder, self.segmenter = autoencoder, segmenter

    def forward(self, density: Volume) -> tuple[Volume, Float[Tensor, "batch class x y z"]]:
        """Decoded boxes, and the scores of their voxels."""
        decoded, _, _ = self.autoencoder(density)
        return decoded, self.segmenter(decoded)
