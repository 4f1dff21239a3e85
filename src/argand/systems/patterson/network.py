"""The published network; ours, which sees superpositions; and one of Fourier layers to compare with."""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from argand.nn.unet import UNet, depth_to_space, space_to_depth
from argand.systems.patterson.maps.superposition import CHANNELS

PAPER_CHANNELS = 20
"""Channels of every layer of the published network (Hurwitz, arXiv 2003.13767)."""
FOURIER_CHANNELS, FOURIER_MODES, FOURIER_LAYERS = 16, 6, 3
"""Channels, frequencies kept of each half axis, and layers of the Fourier network. By hand, so that it has
about as many weights as the published one (1.33 million beside 1.20 million)."""


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
        # Eight voxels in each cube.
        self.body = UNet(8 * CHANNELS, 8, widths, blocks, dims=3)

    def forward(
        self, features: Float[Tensor, "batch channel depth size size"]
    ) -> Float[Tensor, "batch 1 half size size"]:
        """`features` as `superposition.features` makes them; the margin is cut off the answer."""
        deep = space_to_depth(features).contiguous(memory_format=torch.channels_last_3d)
        return depth_to_space(self.body(deep))[:, :, : features.shape[-1] // 2]


class FourierNetwork(nn.Module):
    """Fourier layers on the plain map, each of which sees all of it: 1,328,872 weights.

    [batch, 1, box, box, box] to the same. Cubes of 2x2x2 voxels become channels; each layer adds what it
    makes of the `modes` lowest frequencies of each axis to what it makes of every place alone (Li et al.,
    arXiv 2010.08895). The box is even, and at least four times `modes`.
    """

    def __init__(
        self,
        channels: int = FOURIER_CHANNELS,
        modes: int = FOURIER_MODES,
        layers: int = FOURIER_LAYERS,
    ) -> None:
        super().__init__()
        self.lift = nn.Conv3d(8, channels, 1)
        self.spectral = nn.ModuleList(SpectralConvolution(channels, modes) for _ in range(layers))
        self.local = nn.ModuleList(nn.Conv3d(channels, channels, 1) for _ in range(layers))
        self.head = nn.Sequential(nn.Conv3d(channels, 32, 1), nn.GELU(), nn.Conv3d(32, 8, 1))
        # It begins with predicting nothing, which is nearly right in most voxels.
        nn.init.zeros_(self.head[-1].weight)  # pyright: ignore[reportArgumentType]

    def forward(self, x: Float[Tensor, "batch 1 box box box"]) -> Tensor:
        """Same shape as the input."""
        x = self.lift(space_to_depth(x.contiguous()))
        for spectral, local in zip(self.spectral, self.local, strict=True):
            x = F.gelu(spectral(x) + local(x))
        return depth_to_space(self.head(x).contiguous())


class SpectralConvolution(nn.Module):
    """A matrix of channels for each of the lowest `modes` frequencies of each axis; higher ones are cut."""

    def __init__(self, channels: int, modes: int) -> None:
        super().__init__()
        self.modes = modes
        shape = (2, channels, channels, 2 * modes, 2 * modes, modes)
        self.weight = nn.Parameter(torch.randn(shape) / (2 * channels) ** 0.5)

    def forward(self, x: Float[Tensor, "batch channel size size size"]) -> Tensor:
        """Same shape; `size` is at least twice `modes`."""
        size, modes = x.shape[-1], self.modes
        low = torch.cat([torch.arange(modes), torch.arange(size - modes, size)]).to(x.device)
        half = torch.fft.rfftn(x.float(), dim=(2, 3, 4), norm="ortho")
        seen = half[:, :, low[:, None], low, :modes]
        weight = torch.complex(self.weight[0], self.weight[1])
        answer = torch.zeros_like(half)
        answer[:, :, low[:, None], low, :modes] = torch.einsum("bixyz,ioxyz->boxyz", seen, weight)
        return torch.fft.irfftn(answer, s=x.shape[2:], dim=(2, 3, 4), norm="ortho")
