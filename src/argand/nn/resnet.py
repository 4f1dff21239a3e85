"""Residual networks of He, Zhang, Ren and Sun (CVPR 2016, table 1)."""

from jaxtyping import Float
from torch import Tensor, nn

from argand.errors import ConfigError
from argand.nn.block import (
    ConvBlock,
    Residual,
    ResidualBlock,
    average_pool,
    batch_norm,
    convolution,
    max_pool,
    round_channels,
)

BLOCKS_OF_DEPTH = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3), 50: (3, 4, 6, 3)}
"""Blocks in each of the four stages (He et al. 2016, table 1)."""

_BOTTLENECK_DEPTH = 50
"""Smallest depth with bottleneck blocks (He et al. 2016, table 1)."""
_EXPANSION = 4
"""Ratio of a bottleneck's output channels to its inner ones (He et al. 2016, table 1)."""


class BottleneckBlock(Residual):
    """Convolutions of kernel size 1, 3 and 1 with a shortcut; the output has four times `width` channels.

    The stride is in the middle convolution, which loses less than in the first one.
    """

    def __init__(self, in_channels: int, width: int, stride: int = 1, *, dims: int = 2) -> None:
        out_channels = _EXPANSION * width
        body = nn.Sequential(
            ConvBlock(in_channels, width, 1, dims=dims),
            ConvBlock(width, width, 3, stride, dims=dims),
            convolution(width, out_channels, 1, dims=dims),
            batch_norm(out_channels, dims),
        )
        super().__init__(body, in_channels, out_channels, stride, dims=dims)


class ResNet(nn.Module):
    """ResNet of depth 18, 34 or 50: [batch, in_channels, ...] to [batch, out_channels].

    `width` is the number of channels of the first stage (64 as published), rounded up to a multiple of 16;
    each stage has twice the channels of the one before. Raises ConfigError for any other depth.
    """

    def __init__(
        self, in_channels: int, out_channels: int, *, depth: int = 18, width: int = 64, dims: int = 2
    ) -> None:
        super().__init__()
        if depth not in BLOCKS_OF_DEPTH:
            raise ConfigError(
                f"ResNet of depth {depth}: choose one of {', '.join(map(str, BLOCKS_OF_DEPTH))}"
            )
        width = round_channels(width)
        self.stem = nn.Sequential(
            ConvBlock(in_channels, width, 7, stride=2, dims=dims), max_pool(3, 2, 1, dims=dims)
        )
        self.stages, channels = _stages(depth, width, dims)
        self.head = nn.Sequential(average_pool(1, dims=dims), nn.Flatten(), nn.Linear(channels, out_channels))
        for module in self.modules():
            if isinstance(module, nn.Conv2d | nn.Conv3d):
                # He et al. (ICCV 2015): preserves the variance of gradients through ReLUs.
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x: Float[Tensor, "batch channel *space"]) -> Float[Tensor, "batch out"]:
        """Outputs for a batch of images."""
        return self.head(self.stages(self.stem(x)))


def _stages(depth: int, width: int, dims: int) -> tuple[nn.Sequential, int]:
    """The four stages and their number of output channels."""
    stages, channels = [], width
    for number, count in enumerate(BLOCKS_OF_DEPTH[depth]):
        blocks = []
        for position in range(count):
            stride = 2 if number > 0 and position == 0 else 1
            block, leaving = _block(depth, channels, width * 2**number, stride, dims)
            blocks.append(block)
            channels = leaving
        stages.append(nn.Sequential(*blocks))
    return nn.Sequential(*stages), channels


def _block(depth: int, channels: int, width: int, stride: int, dims: int) -> tuple[Residual, int]:
    """One block of a stage and its number of output channels."""
    if depth < _BOTTLENECK_DEPTH:
        return ResidualBlock(channels, width, stride, dims=dims), width
    return BottleneckBlock(channels, width, stride, dims=dims), _EXPANSION * width
