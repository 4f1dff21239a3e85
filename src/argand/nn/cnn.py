"""The plain convolutional network used as a baseline."""

from collections.abc import Sequence
from itertools import pairwise

from jaxtyping import Float
from torch import Tensor, nn

from argand.nn.block import ConvBlock, average_pool, max_pool, round_channels


class BaselineCNN(nn.Module):
    """Convolution, batch normalisation, ReLU and max pooling for each of `widths`, then a linear head.

    [batch, in_channels, ...] to [batch, out_channels]. The head sees averages over a grid of `grid` cells
    along each axis, which preserves positions at any image size. Widths are rounded up to multiples of 16.
    Defaults were chosen by hand.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        widths: Sequence[int] = (32, 64, 128, 256),
        grid: int = 8,
        dims: int = 2,
    ) -> None:
        super().__init__()
        channels = [in_channels, *(round_channels(width) for width in widths)]
        stages = [
            nn.Sequential(ConvBlock(before, after, dims=dims), max_pool(2, dims=dims))
            for before, after in pairwise(channels)
        ]
        self.stages = nn.Sequential(*stages)
        self.head = nn.Sequential(
            average_pool(grid, dims=dims), nn.Flatten(), nn.Linear(channels[-1] * grid**dims, out_channels)
        )

    def forward(self, x: Float[Tensor, "batch channel *space"]) -> Float[Tensor, "batch out"]:
        """Outputs for a batch of images."""
        return self.head(self.stages(x))
