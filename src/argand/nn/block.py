"""Building blocks of convolutional networks, for images (`dims` 2) or volumes (3)."""

from collections.abc import Sequence

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from argand.errors import ConfigError

CHANNEL_MULTIPLE = 16
"""Matrix units of CPUs and GPUs process channels in groups of this size.

By hand: 16 numbers of 32 bits fill an AVX-512 register; speeds for other sizes were not recorded.
"""

PaddingMode = str | Sequence[str]

_CONVOLUTION = {2: nn.Conv2d, 3: nn.Conv3d}
_BATCH_NORM = {2: nn.BatchNorm2d, 3: nn.BatchNorm3d}
_MAX_POOL = {2: nn.MaxPool2d, 3: nn.MaxPool3d}
_AVERAGE_POOL = {2: nn.AdaptiveAvgPool2d, 3: nn.AdaptiveAvgPool3d}
_PAD_MODES = {"zeros": "constant", "replicate": "replicate", "reflect": "reflect", "circular": "circular"}


def round_channels(channels: float) -> int:
    """Round up to a multiple of 16."""
    return max(1, -int(-channels // CHANNEL_MULTIPLE)) * CHANNEL_MULTIPLE


class CircularConv2d(nn.Conv2d):
    """2-D convolution with a separate padding mode for each axis, for periodic maps.

    `padding_mode` gives the padding of rows and of columns; the default is for polar maps [radius, azimuth]:
    the radial edges are replicated, the azimuth wraps around. Input and output [batch, channel, row, column]
    have the same size at stride 1. Raises ConfigError for an unknown mode or an even kernel.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int = 3,
        stride: int = 1,
        *,
        bias: bool = True,
        padding_mode: Sequence[str] = ("replicate", "circular"),
    ) -> None:
        if len(padding_mode) != 2 or not set(padding_mode) <= set(_PAD_MODES):
            known = ", ".join(_PAD_MODES)
            raise ConfigError(
                f"padding modes {tuple(padding_mode)}: give one of {known} for each of two axes"
            )
        _require_odd(kernel_size)
        super().__init__(in_channels, out_channels, kernel_size, stride, bias=bias)
        self.axis_modes = tuple(padding_mode)

    def forward(self, x: Float[Tensor, "batch channel row column"]) -> Tensor:
        """Pad each axis in its own mode, then convolve."""
        rows, columns = (size // 2 for size in self.kernel_size)
        row_mode, column_mode = (_PAD_MODES[mode] for mode in self.axis_modes)
        padded = F.pad(x, (columns, columns, 0, 0), mode=column_mode)
        return super().forward(F.pad(padded, (0, 0, rows, rows), mode=row_mode))


def convolution(
    in_channels: int,
    out_channels: int,
    kernel_size: int = 3,
    stride: int = 1,
    *,
    dims: int = 2,
    padding_mode: PaddingMode = "zeros",
    bias: bool = False,
) -> nn.Module:
    """Convolution that keeps the size at stride 1; `padding_mode` is one mode or one for each axis.

    Raises ConfigError for an even kernel, and for unsupported dimensions or padding.
    """
    _require_odd(kernel_size)
    kind = _by_dims(_CONVOLUTION, dims)
    if isinstance(padding_mode, str):
        return kind(
            in_channels,
            out_channels,
            kernel_size,
            stride,
            padding=kernel_size // 2,
            padding_mode=padding_mode,
            bias=bias,
        )
    if dims != 2:
        raise ConfigError(f"padding per axis is for 2 dimensions, not {dims}; give one padding mode")
    return CircularConv2d(
        in_channels, out_channels, kernel_size, stride, bias=bias, padding_mode=padding_mode
    )


def batch_norm(channels: int, dims: int = 2) -> nn.Module:
    """Batch normalisation of images or volumes.

    Ioffe & Szegedy (2015), with torch's momentum and epsilon. Raises ConfigError for other dimensions.
    """
    return _by_dims(_BATCH_NORM, dims)(channels)


def max_pool(kernel_size: int, stride: int | None = None, padding: int = 0, *, dims: int = 2) -> nn.Module:
    """Max pooling of images or volumes.

    Raises ConfigError for other numbers of dimensions.
    """
    return _by_dims(_MAX_POOL, dims)(kernel_size, stride, padding)


def average_pool(output_size: int, *, dims: int = 2) -> nn.Module:
    """Adaptive average pooling to `output_size` cells along each axis, for any input size.

    Raises ConfigError for other numbers of dimensions.
    """
    return _by_dims(_AVERAGE_POOL, dims)(output_size)


class ConvBlock(nn.Sequential):
    """Convolution, batch normalisation, ReLU: [batch, in_channels, ...] to [batch, out_channels, ...]."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int = 3,
        stride: int = 1,
        *,
        dims: int = 2,
        padding_mode: PaddingMode = "zeros",
    ) -> None:
        conv = convolution(
            in_channels, out_channels, kernel_size, stride, dims=dims, padding_mode=padding_mode
        )
        super().__init__(conv, batch_norm(out_channels, dims), nn.ReLU(inplace=True))


class Residual(nn.Module):
    """ReLU(body(x) + shortcut(x)); the shortcut is a convolution of kernel size 1 if sizes change."""

    def __init__(
        self, body: nn.Module, in_channels: int, out_channels: int, stride: int = 1, *, dims: int = 2
    ) -> None:
        super().__init__()
        self.body = body
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or in_channels != out_channels:
            project = convolution(in_channels, out_channels, 1, stride, dims=dims)
            self.shortcut = nn.Sequential(project, batch_norm(out_channels, dims))

    def forward(self, x: Float[Tensor, "batch channel *space"]) -> Tensor:
        """Add the body's output to the shortcut."""
        return F.relu(self.body(x) + self.shortcut(x))


class ResidualBlock(Residual):
    """Two convolutions of kernel size 3 with a shortcut, the block of ResNet-18 and 34 (He et al. 2016)."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        stride: int = 1,
        *,
        dims: int = 2,
        padding_mode: PaddingMode = "zeros",
    ) -> None:
        body = nn.Sequential(
            ConvBlock(in_channels, out_channels, 3, stride, dims=dims, padding_mode=padding_mode),
            convolution(out_channels, out_channels, 3, dims=dims, padding_mode=padding_mode),
            batch_norm(out_channels, dims),
        )
        super().__init__(body, in_channels, out_channels, stride, dims=dims)


def _by_dims(kinds: dict[int, type[nn.Module]], dims: int) -> type[nn.Module]:
    """The class for images or volumes; ConfigError for any other number of dimensions."""
    if dims not in kinds:
        raise ConfigError(f"{dims} dimensions: networks support 2 or 3")
    return kinds[dims]


def _require_odd(kernel_size: int) -> None:
    if kernel_size % 2 == 0:
        raise ConfigError(f"kernel size {kernel_size}: give an odd one, so that the size is kept")
