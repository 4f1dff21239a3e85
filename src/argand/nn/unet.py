"""U-Net of residual blocks without normalisation, for images (`dims` 2) and volumes (3)."""

from itertools import pairwise

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from argand.errors import ConfigError
from argand.nn.block import convolution


class PlainResidual(nn.Module):
    """x + conv(relu(conv(relu(x)))); the last convolution is initialised to zero, so it starts as the
    identity."""

    def __init__(self, channels: int, *, dims: int = 2) -> None:
        super().__init__()
        self.first = convolution(channels, channels, 3, dims=dims, bias=True)
        self.second = convolution(channels, channels, 3, dims=dims, bias=True)
        for parameter in self.second.parameters():
            nn.init.zeros_(parameter)

    def forward(self, x: Float[Tensor, "batch channel *space"]) -> Tensor:
        """Same shape as the input."""
        return x + self.second(F.relu(self.first(F.relu(x))))


class UNet(nn.Module):
    """U-Net: [batch, in_channels, ...] to [batch, out_channels, ...], halving the size at each level.

    `widths` are the channels of the levels, `blocks` the number of residual blocks per level, on the way down
    and up. The size must be divisible by 2 for each level below the first. Raises ConfigError without a
    level. After Ronneberger, Fischer & Brox (MICCAI 2015), but skip connections are added, not concatenated.
    """

    def __init__(
        self, in_channels: int, out_channels: int, widths: tuple[int, ...], blocks: int = 2, *, dims: int = 2
    ) -> None:
        if not widths:
            raise ConfigError("a U-Net needs the width of at least one level")
        super().__init__()
        self.stem = convolution(in_channels, widths[0], 3, dims=dims, bias=True)
        self.down = nn.ModuleList(_stack(width, blocks, dims) for width in widths)
        self.up = nn.ModuleList(_stack(width, blocks, dims) for width in widths[:-1])
        pairs = list(pairwise(widths))
        self.shrink = nn.ModuleList(convolution(a, b, 3, 2, dims=dims, bias=True) for a, b in pairs)
        self.widen = nn.ModuleList(convolution(b, a, 1, dims=dims, bias=True) for a, b in pairs)
        self.head = convolution(widths[0], out_channels, 3, dims=dims, bias=True)

    def forward(self, x: Float[Tensor, "batch channel *space"]) -> Tensor:
        """Down, then up, adding the skip connection of each level."""
        x, kept = self.stem(x), []
        for level, shrink in zip(self.down, self.shrink, strict=False):
            x = level(x)
            kept.append(x)
            x = shrink(x)
        x = self.down[-1](x)
        for level, widen in zip(reversed(self.up), reversed(self.widen), strict=True):
            # Channels first: the convolution then works on the smaller map.
            x = F.interpolate(widen(x), scale_factor=2.0, mode="nearest")
            x = level(x + kept.pop())
        return self.head(F.relu(x))


def _stack(channels: int, blocks: int, dims: int) -> nn.Sequential:
    return nn.Sequential(*(PlainResidual(channels, dims=dims) for _ in range(blocks)))


def space_to_depth(x: Float[Tensor, "batch channel x y z"]) -> Float[Tensor, "batch deep i j k"]:
    """Rearrange each cube of 2x2x2 voxels into eight channels of one voxel."""
    batch, channels, *size = x.shape
    i, j, k = (n // 2 for n in size)
    cubes = x.view(batch, channels, i, 2, j, 2, k, 2)
    return cubes.permute(0, 1, 3, 5, 7, 2, 4, 6).reshape(batch, channels * 8, i, j, k)


def depth_to_space(x: Float[Tensor, "batch deep i j k"]) -> Float[Tensor, "batch channel x y z"]:
    """The inverse of `space_to_depth`."""
    batch, deep, i, j, k = x.shape
    cubes = x.reshape(batch, deep // 8, 2, 2, 2, i, j, k)
    return cubes.permute(0, 1, 5, 2, 6, 3, 7, 4).reshape(batch, deep // 8, 2 * i, 2 * j, 2 * k)
