"""Linear code and a small network behind it: what the code leaves out of a box, and sharp maps of its atoms.

The encoder is closed form (`argand.physics.crystal.linear_code`), so the latent of a box is the code.
Decoding adds to the linear density what a residual network (He et al., arXiv 1512.03385) has learnt to be
missing, and says of each voxel whether it is in an atom's ball, and the code of the atom's element. It works
on blocks of 2³ voxels as channels (Shi et al., arXiv 1609.05158): 15³ places of 32 channels are several
times as fast on a processor as 30³ of 8, and hold more."""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from argand.errors import ConfigError
from argand.physics.crystal.linear_code import LinearCode
from argand.systems.crystals.network import Vectors, Volume, drawn

CODE_DIMS = 4
"""Numbers of an element's code, as in our own latents (`latent.element_codes`)."""
_BLOCK = 2
"""Voxels along the side of a block."""
_UNIT = 0.0635
"""e/Å³; the peak of one electron's Gaussian of 1 Å, (2 pi)^(-3/2)."""
_FIRST_LOG_VARIANCE = -9.2
"""Of the latent: a deviation of 1 %, which its numbers are to survive. By hand."""

Maps = tuple[Volume, Volume, Float[Tensor, "batch code x y z"]]
"""Density in e/Å³, score that a voxel is in a ball (before the sigmoid), and codes of elements."""


class DensityRefiner(nn.Module):
    """Boxes [batch, 1, n, n, n] in e/Å³ to codes, and codes to `Maps`; `blocks` residual blocks of `width`.

    ConfigError for boxes of an odd number of voxels, and for no block.
    """

    basis: Tensor
    scale: Tensor
    offset: Tensor
    indices: Tensor

    def __init__(self, code: LinearCode, width: int, blocks: int) -> None:
        if code.box.voxels % _BLOCK or blocks < 1 or width < 1:
            raise ConfigError("refined boxes need an even number of voxels, and a block or more of channels")
        super().__init__()
        for name in ("basis", "scale", "offset"):
            value = torch.from_numpy(getattr(code, name).copy()).float()
            self.register_buffer(name, value, persistent=False)
        self.register_buffer("indices", torch.from_numpy(code.indices.copy()), persistent=False)
        self.log_variance = nn.Parameter(torch.full((code.numbers,), _FIRST_LOG_VARIANCE))
        cell = _BLOCK**3
        self.first = nn.Conv3d(2 * cell, width, 3, padding=1)
        self.blocks = nn.ModuleList(
            nn.Sequential(
                nn.LeakyReLU(0.1),
                nn.Conv3d(width, width, 3, padding=1),
                nn.LeakyReLU(0.1),
                nn.Conv3d(width, width, 3, padding=1),
            )
            for _ in range(blocks)
        )
        self.last = nn.Conv3d(width, (2 + CODE_DIMS) * cell, 3, padding=1)
        # Begins as the linear code: nothing is added to it.
        for part in (*(list(block.children())[3] for block in self.blocks), self.last):
            for value in part.parameters():
                nn.init.zeros_(value)

    def encode(self, density: Volume) -> Vectors:
        """Codes of boxes."""
        b = self.basis
        products = torch.einsum("nxyz,xi,yj,zk->nijk", density[:, 0], b, b, b)
        return (products[:, self.indices[0], self.indices[1], self.indices[2]] - self.offset) / self.scale

    def linear(self, code: Vectors) -> Volume:
        """The densities of codes, without the network."""
        b = self.basis
        products = code.new_zeros(len(code), *(b.shape[1],) * 3)
        products[:, self.indices[0], self.indices[1], self.indices[2]] = code * self.scale + self.offset
        return torch.einsum("nijk,xi,yj,zk->nxyz", products, b, b, b)[:, None]

    def maps(self, code: Vectors) -> Maps:
        """Density, occupation and element codes of every voxel."""
        linear = self.linear(code)
        # By hand: a light atom beside a heavy one is seen in the logarithm, heavy ones in the density.
        seen = torch.cat([linear / (20 * _UNIT), torch.log1p(linear.clamp(min=0) / _UNIT) / 3], 1)
        x = self.first(_folded(seen))
        for block in self.blocks:
            x = x + block(x)
        out = _unfolded(self.last(F.leaky_relu(x, 0.1)))
        return linear + _UNIT * out[:, :1], out[:, 1:2], out[:, 2:]

    def forward(self, density: Volume, generator: torch.Generator | None = None) -> tuple[Maps, Vectors]:
        """Maps of boxes through their codes, which are drawn with a generator; and the codes."""
        mean = self.encode(density)
        return self.maps(drawn(mean, self.log_variance.expand_as(mean), generator)), mean


def _folded(volume: Float[Tensor, "batch channel x y z"]) -> Float[Tensor, "batch block i j k"]:
    """Blocks of 2³ voxels as channels."""
    n, c, size = volume.shape[0], volume.shape[1], volume.shape[2] // _BLOCK
    cut = volume.reshape(n, c, size, _BLOCK, size, _BLOCK, size, _BLOCK)
    return cut.permute(0, 1, 3, 5, 7, 2, 4, 6).reshape(n, c * _BLOCK**3, size, size, size)


def _unfolded(blocks: Float[Tensor, "batch block i j k"]) -> Float[Tensor, "batch channel x y z"]:
    """The voxels of blocks; the inverse of `_folded`."""
    n, c, size = blocks.shape[0], blocks.shape[1] // _BLOCK**3, blocks.shape[2]
    cut = blocks.reshape(n, c, _BLOCK, _BLOCK, _BLOCK, size, size, size)
    return cut.permute(0, 1, 5, 2, 6, 3, 7, 4).reshape(n, c, *(size * _BLOCK,) * 3)
