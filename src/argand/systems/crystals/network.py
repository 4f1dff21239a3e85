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
AUTOENCODER_WIDTHS = (16, 32, 64, 128, 256)
"""Channels of the levels, as in the published code."""
DENSE, PADDED = 3000, 50
"""Units of the dense layer between convolutions and latent, and voxels to which a box is padded, so that five
levels end at 4³: both of the published code."""
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
        return self.decode(drawn(mean, log_variance, generator)), mean, log_variance


def drawn(mean: Vectors, log_variance: Vectors, generator: torch.Generator | None) -> Vectors:
    """Latents drawn from their distributions; without a generator their means."""
    if generator is None:
        return mean
    noise = torch.randn(mean.shape, generator=generator, device=mean.device)
    return mean + noise * torch.exp(0.5 * log_variance)


class PublishedAutoencoder(nn.Module):
    """The encoder-decoder in the sizes of the published code: 108 million weights.

    Boxes [batch, 1, n, n, n] are padded to 50³ voxels; five levels of two convolutions, all but the first
    after halving; a dense layer of 3,000, and the latent. The decoder is its mirror image. Densities in
    e/Å³. ConfigError for no level, or a box larger than what it is padded to.
    """

    def __init__(
        self,
        widths: tuple[int, ...] = AUTOENCODER_WIDTHS,
        latent: int = LATENT,
        voxels: int = VOXELS,
        dense: int = DENSE,
        padded: int = PADDED,
    ) -> None:
        if not widths or voxels > padded:
            raise ConfigError("the published encoder needs a level or more, and boxes no larger than its own")
        super().__init__()
        self.voxels, self.before = voxels, (padded - voxels) // 2
        self.after = padded - voxels - self.before
        self.sizes = [padded]
        for _ in widths[1:]:
            self.sizes.append((self.sizes[-1] + 1) // 2)
        self.down = nn.ModuleList(
            nn.Sequential(_plain(a, b), _plain(b, b)) for a, b in pairwise((1, *widths))
        )
        flat = widths[-1] * self.sizes[-1] ** 3
        self.dense = nn.Linear(flat, dense)
        self.mean, self.log_variance = nn.Linear(dense, latent), nn.Linear(dense, latent)
        self.widen, self.unfold = nn.Linear(latent, dense), nn.Linear(dense, flat)
        back = (*widths[::-1], widths[0])
        self.up = nn.ModuleList(nn.Sequential(_plain(a, a), _plain(a, b)) for a, b in pairwise(back))
        self.head = nn.Conv3d(widths[0], 1, 3, padding=1)
        nn.init.constant_(self.log_variance.bias, _FIRST_LOG_VARIANCE)

    def encode(self, density: Volume) -> tuple[Vectors, Vectors]:
        """Mean and logarithm of the variance of each box's latent, [batch, latent] both."""
        x = F.pad(density, (self.before, self.after) * 3)
        for number, level in enumerate(self.down):
            x = level(x if number == 0 else F.max_pool3d(x, 2, ceil_mode=True))
        deep = F.leaky_relu(self.dense(x.flatten(1)), _SLOPE)
        return self.mean(deep), self.log_variance(deep)

    def decode(self, latent: Vectors) -> Volume:
        """The box of a latent, [batch, 1, n, n, n] in e/Å³; a density is nowhere below zero."""
        deep = F.leaky_relu(self.widen(latent), _SLOPE)
        size = self.sizes[-1]
        x = F.leaky_relu(self.unfold(deep), _SLOPE).view(len(latent), -1, size, size, size)
        for level, size in zip(self.up, self.sizes[::-1], strict=True):
            x = level(F.interpolate(x, size=(size,) * 3, mode="nearest"))
        kept = slice(self.before, self.before + self.voxels)
        return F.softplus(self.head(x))[..., kept, kept, kept]

    def forward(
        self, density: Volume, generator: torch.Generator | None = None
    ) -> tuple[Volume, Vectors, Vectors]:
        """The decoded box, mean and log variance; without a generator the mean itself is decoded."""
        mean, log_variance = self.encode(density)
        return self.decode(drawn(mean, log_variance, generator)), mean, log_variance


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
    """Encoder-decoder and segmenter, which learn together or one after the other."""

    def __init__(
        self, autoencoder: DensityAutoencoder | PublishedAutoencoder, segmenter: AttentionSegmenter
    ) -> None:
        super().__init__()
        self.autoencoder, self.segmenter = autoencoder, segmenter

    def forward(self, density: Volume) -> tuple[Volume, Float[Tensor, "batch class x y z"]]:
        """Decoded boxes, and the scores of their voxels."""
        decoded, _, _ = self.autoencoder(density)
        return decoded, self.segmenter(decoded)
