"""Networks from a pattern to a shape."""

from itertools import pairwise

from jaxtyping import Float
from torch import Tensor, nn


class PublishedNetwork(nn.Module):
    """Convolutional encoder and mirrored decoder (Zhang et al., arXiv 1911.07644).

    3x3 filters, batch norm and ReLU; 8, 16, 32 and 64 of them, each level at half the resolution of the one
    before. Sides must be divisible by 2 for every level but the first.
    """

    def __init__(self, widths: tuple[int, ...] = (8, 16, 32, 64)) -> None:
        super().__init__()
        down = [_block(1, widths[0])]
        for before, after in pairwise(widths):
            down += [nn.MaxPool2d(2), _block(before, after)]
        up: list[nn.Module] = []
        for before, after in pairwise(widths[::-1]):
            up += [nn.Upsample(scale_factor=2), _block(before, after)]
        self.layers = nn.Sequential(*down, *up, nn.Conv2d(widths[0], 1, 3, padding=1))

    def forward(self, pattern: Float[Tensor, "batch 1 slow fast"]) -> Float[Tensor, "batch 1 slow fast"]:
        """Shapes of the patterns."""
        return self.layers(pattern)


def _block(before: int, after: int) -> nn.Module:
    return nn.Sequential(nn.Conv2d(before, after, 3, padding=1), nn.BatchNorm2d(after), nn.ReLU(inplace=True))
