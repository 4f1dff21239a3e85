"""The published network, and ours, which sees superpositions."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from argand.nn.unet import UNet, depth_to_space, space_to_depth
from argand.systems.patterson.superpose import CHANNELS

PAPER_CHANNELS = 20


class PaperNetwork(nn.Sequential):
    """The network of Hurwitz (arXiv 2003.13767) as printed: 1,202,821 weights.

    [batch, 1, box, box, box] to the same: two convolutions of 5³, max-pooling, eight of 7³, up-sampling, two
    of 5³, the last with tanh, all others with ReLU; no batch normalisation, the size is kept.
    """

    def __init__(self, channels: int = PAPER_CHANNELS) -> None:
        layers: list[nn.Module] = [*_layer(1, channels, 5), *_layer(channels, channels, 5), nn.MaxPool3d(2)]
        for _ in range(8):
            layers += _layer(channels, channels, 7)
        layers += [nn.Upsample(scale_factor=2), *_layer(channels, channels, 5)]
        layers += [*_layer(channels, 1, 5)[:1], nn.Tanh()]
        super().__init__(*layers)
        for module in self.modules():
            if isinstance(module, nn.Conv3d):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
                nn.init.zeros_(module.bias)  # pyright: ignore[reportArgumentType]


def _layer(in_channels: int, out_channels: int, kernel: int) -> list[nn.Module]:
    return [nn.Conv3d(in_channels, out_channels, kernel, padding="same"), nn.ReLU()]


class SuperpositionNetwork(nn.Module):
    """Features of half a superposition to half the density of atoms and inversion images.

    Works on cubes of 2x2x2 voxels as channels, where convolutions are most efficient, and on frames of any
    size whose sides are divisible by 2 to the power of the number of levels.
    """

    def __init__(self, widths: tuple[int, ...], blocks: int) -> None:
        super().__init__()
        self.body = UNet(8 * CHANNELS, 8, widths, blocks, dims=3)

    def forward(
        self, features: Float[Tensor, "batch channel depth size size"]
    ) -> Float[Tensor, "batch 1 half size size"]:
        """`features` as `superpose.features` makes them; the margin is cut off the answer."""
        deep = space_to_depth(features).contiguous(memory_format=torch.channels_last_3d)
        return depth_to_space(self.body(deep))[:, :, : features.shape[-1] // 2]
